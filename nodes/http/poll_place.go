package http

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	nethttp "net/http"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file has how far a http.poll is, and how it goes on.

// A place is how far a poll is: its position. What the pages of a poll say of the cursor
// counts once all of them are through: what comes behind a page that failed may be older.
type place struct {
	Cursor string          `json:"cursor,omitempty"`
	Ahead  string          `json:"ahead,omitempty"` // the cursor of the next poll, as far as the pages of this one say it
	Page   string          `json:"page,omitempty"`  // the page that comes next; "": the first one of a poll
	Pages  int             `json:"pages,omitempty"` // of this poll, so far
	Marks  map[string]mark `json:"marks,omitempty"` // of pages, by their addresses; that of the first one is ""
	Done   bool            `json:"done,omitempty"`  // there was one poll, and it is over
}

// A mark is what a page was when it was read last. One that has not changed gives nothing,
// and leads to the page that it led to: what is new may be behind it.
type mark struct {
	Tag      string `json:"tag,omitempty"`      // ETag
	Modified string `json:"modified,omitempty"` // Last-Modified
	Next     string `json:"next,omitempty"`
	Cursor   string `json:"cursor,omitempty"` // what the page said of it
}

// same reports whether an answer is the one that was marked.
func (m mark) same(h nethttp.Header) bool {
	if m.Tag != "" {
		return h.Get("ETag") == m.Tag
	}
	return m.Modified != "" && h.Get("ETag") == "" && h.Get("Last-Modified") == m.Modified
}

// maxMarks bounds how many pages are remembered, since they are in the position. Others are
// read in each poll.
const maxMarks = 100

// Seek implements nodes.Seeker.
func (o *pollOp) Seek(_ context.Context, after nodes.Position) error {
	var at place
	if err := json.Unmarshal(after, &at); err != nil {
		return fmt.Errorf("position %q is not one of http.poll", after)
	}
	o.at, o.part, o.later = at, at.Page != "", at.Page != ""
	return nil
}

// anew has the next poll begin where this one did: what it has found out does not count,
// but for the marks of pages that were given.
func (o *pollOp) anew() {
	o.at.Page, o.at.Pages, o.at.Ahead, o.later = "", 0, "", false
}

// turn goes on to the next page, or ends the poll after the last one: then the cursor moves
// on, and pages that the poll did not have are forgotten.
func (o *pollOp) turn(to, cursor string) {
	o.later = false
	if cursor != "" && o.k.cursor != nil && (o.at.Ahead == "" || !o.ordered() || !less(cursor, o.at.Ahead)) {
		o.at.Ahead = cursor
	}
	if o.at.Page = to; to != "" {
		o.at.Pages++
		return
	}
	ahead := o.at.Ahead
	o.anew()
	o.at.Done = o.k.Every == nil
	switch {
	case ahead != "" && ahead != o.at.Cursor:
		o.at.Cursor, o.at.Marks = ahead, nil // other addresses
	case !o.part:
		maps.DeleteFunc(o.at.Marks, func(page string, _ mark) bool { return page != "" && !o.seen[page] })
	}
}

// ordered reports whether of the cursors that the pages of a poll give the greatest counts,
// so that it does not matter whether the newest items come first. A text is whatever the
// server makes of it: there the last page has its way.
func (o *pollOp) ordered() bool {
	switch o.k.cursor.Type().Kind {
	case types.KindInt, types.KindFloat, types.KindDecimal, types.KindTime, types.KindDate, types.KindAny:
		return true
	}
	return false
}

// less compares two values of an ordered type, as they are written in an address. Of others,
// which only a JSON value of any type can have, none is less.
func less(a, b string) bool {
	if x, y := number(a), number(b); x != nil && y != nil {
		return x.Cmp(y) < 0
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		x, err1 := time.Parse(layout, a)
		y, err2 := time.Parse(layout, b)
		if err1 == nil && err2 == nil {
			return x.Before(y)
		}
	}
	return false
}

// number reads a number, exactly if it has no exponent; nil: it is none.
func number(text string) *big.Rat {
	if strings.Trim(text, "-.0123456789") == "" {
		if r, ok := new(big.Rat).SetString(text); ok {
			return r
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil
	}
	return new(big.Rat).SetFloat64(f)
}

// remember marks a page, if its server says what to ask by.
func (o *pollOp) remember(page string, m mark) {
	_, known := o.at.Marks[page]
	switch {
	case o.k.Every == nil || m.Tag == "" && m.Modified == "":
		delete(o.at.Marks, page)
	case known || len(o.at.Marks) < maxMarks:
		if o.at.Marks == nil {
			o.at.Marks = map[string]mark{}
		}
		o.at.Marks[page] = m
	}
}
