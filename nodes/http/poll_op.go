package http

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	nethttp "net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file is how http.poll runs.

// Operator asks in Next, because an answer says what is asked next.
func (k *poll) Operator(env *nodes.Env) (nodes.Operator, error) {
	c, err := k.newClient(env, patience(env, k.RetryFor), 1, k.URL)
	if err != nil {
		return nil, err
	}
	c.env.Node.Engine.Timeout = k.Timeout
	o := &pollOp{k: k, client: c, needed: env.Needed("out"), seen: map[string]bool{}}
	o.at.Cursor = k.Start
	if o.decode, err = k.as.decoder(); err != nil {
		return nil, err
	}
	if k.as.t.Kind == types.KindAny {
		o.list, err = answerType{t: types.List(types.Any)}.decoder()
	}
	for e, p := range map[*expr.Expr]**expr.Program{k.items: &o.items, k.next: &o.next, k.cursor: &o.cursor} {
		if e != nil {
			*p = e.Compile()
		}
	}
	return o, err
}

// A place is how far a poll is: its position.
type place struct {
	Cursor string          `json:"cursor,omitempty"`
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
}

// maxMarks bounds how many pages are remembered, since they are in the position. Others are
// read in each poll.
const maxMarks = 100

// A pollOp is a running http.poll.
type pollOp struct {
	k      *poll
	client *client
	needed []bool
	decode *decoder
	list   *decoder // of an answer of any type that is an array; nil: `as` says what it is

	items, next, cursor *expr.Program
	errs                expr.RowErrors

	at   place
	due  time.Time       // when the next poll begins; zero: at once
	seen map[string]bool // the pages of this poll
	good bool            // a poll has succeeded
}

var (
	_ nodes.Puller  = (*pollOp)(nil)
	_ nodes.Seeker  = (*pollOp)(nil)
	_ nodes.Endless = (*pollOp)(nil)
)

// An answered page, on its way to Process.
type page struct {
	data *record.Batch // of the answer's type, or of a list of any; nil: it is bad
	list bool          // data is a list of any
	bad  nodes.BadItem
}

// Release gives the page back where nobody processes it.
func (p *page) Release() {
	if p.data != nil {
		p.data.Release()
	}
}

// Endless implements nodes.Endless.
func (o *pollOp) Endless() bool { return o.k.Every != nil }

// Seek implements nodes.Seeker.
func (o *pollOp) Seek(_ context.Context, after nodes.Position) error {
	var at place
	if err := json.Unmarshal(after, &at); err != nil {
		return fmt.Errorf("position %q is not one of http.poll", after)
	}
	o.at = at
	return nil
}

// Close implements nodes.Closer.
func (o *pollOp) Close() error {
	o.client.close()
	return nil
}

// Next implements nodes.Puller: it gives the next answer that has something.
func (o *pollOp) Next(ctx context.Context) (any, nodes.Position, error) {
	for {
		if o.at.Done {
			return nil, nil, io.EOF
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, context.Cause(ctx)
		}
		if o.at.Page == "" {
			if err := nodes.Sleep(ctx, time.Until(o.due)); err != nil {
				return nil, nil, err
			}
			if o.seen = map[string]bool{}; o.k.Every != nil {
				o.due = time.Now().Add(*o.k.Every)
			}
		}
		p, err := o.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, nil, context.Cause(ctx)
		case err != nil && (o.k.Every == nil || errors.Is(err, nodes.ErrEnclosed) || !o.good && refused(err)):
			return nil, nil, err
		case err != nil:
			o.client.log.log.Warn("a poll is left out", "error", err.Error())
			o.ended()
		case p != nil:
			after, err := json.Marshal(o.at)
			return p, after, err
		}
	}
}

// refused reports whether an error is an answer that is no other one later.
func refused(err error) bool {
	s, ok := errors.AsType[*statusError](err)
	return ok && !s.passing()
}

// ended ends a poll.
func (o *pollOp) ended() {
	o.at.Page, o.at.Pages, o.at.Done = "", 0, o.k.Every == nil
}

// turn goes on to the next page, or ends the poll after the last one, and forgets the pages
// that it did not have.
func (o *pollOp) turn(to string) {
	if o.at.Page = to; to != "" {
		o.at.Pages++
		return
	}
	maps.DeleteFunc(o.at.Marks, func(page string, _ mark) bool { return page != "" && !o.seen[page] })
	o.ended()
}

// ask asks for a page, and finds out what comes after it. It gives nil if there is nothing
// new.
func (o *pollOp) ask(ctx context.Context) (*page, error) {
	r := &request{method: nethttp.MethodGet, url: o.at.Page, again: true, header: nethttp.Header{}}
	this := r.url
	if this == "" {
		r.url = strings.ReplaceAll(o.k.URL.Reveal(), inAddress, url.QueryEscape(o.at.Cursor))
	}
	was := o.at.Marks[this]
	if was.Tag != "" {
		r.header.Set("If-None-Match", was.Tag)
	} else if was.Modified != "" {
		r.header.Set("If-Modified-Since", was.Modified)
	}
	r.bare = !sameHost(r.url, o.k.URL.Reveal())
	o.seen[r.url] = true
	resp, _, err := o.client.ask(ctx, r)
	if err != nil {
		return nil, err
	}
	o.good = true
	if resp.status == nethttp.StatusNotModified {
		to, err := o.follow(was.Next, resp.url)
		if err != nil {
			return nil, err
		}
		o.turn(to)
		return nil, nil
	}
	p, err := o.read(resp, this)
	if err != nil {
		err = &requestError{r.method, resp.at, err}
		o.ended()
		delete(o.at.Marks, this)
		raw := resp.body[:min(len(resp.body), maxRaw)]
		return &page{bad: nodes.BadItem{Err: err, Raw: strings.ToValidUTF8(string(raw), "\uFFFD"), File: resp.at}}, nil
	}
	return p, nil
}

// maxRaw is how much of an answer that does not fit is reported with it.
const maxRaw = 4 << 10

func sameHost(a, b string) bool {
	x, err1 := url.Parse(a)
	y, err2 := url.Parse(b)
	return err1 == nil && err2 == nil && x.Host == y.Host && (x.Scheme == y.Scheme || x.Scheme == "https")
}

// read decodes the answer to a page and goes on to the next one.
func (o *pollOp) read(resp *response, this string) (p *page, err error) {
	b := record.New(o.k.as.t)
	defer func() {
		if err != nil {
			b.Release()
		}
	}()
	if err := o.decode.add(b, b.Arena(), resp.body); err != nil {
		return nil, err
	}
	next, err := o.text(o.next, b)
	if err != nil {
		return nil, fmt.Errorf("next: %w", err)
	}
	if o.k.Links {
		next = linked(resp.header["Link"])
	}
	cursor, err := o.text(o.cursor, b)
	if err != nil {
		return nil, fmt.Errorf("cursor: %w", err)
	}
	to, err := o.follow(next, resp.url)
	if err != nil {
		return nil, err
	}
	p = &page{data: b}
	if o.list != nil && o.items == nil && bytes.HasPrefix(bytes.TrimSpace(resp.body), []byte("[")) {
		all := record.New(types.List(types.Any))
		if err := o.list.add(all, all.Arena(), resp.body); err != nil {
			all.Release()
			return nil, err
		}
		b.Release()
		b, p = all, &page{data: all, list: true}
	}
	o.remember(this, mark{resp.header.Get("ETag"), resp.header.Get("Last-Modified"), to})
	if cursor != "" && cursor != o.at.Cursor {
		o.at.Cursor, o.at.Marks = cursor, nil // other addresses
	}
	o.turn(to)
	return p, nil
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

// follow finds the address of the next page, "" after the last one.
func (o *pollOp) follow(next string, from *url.URL) (string, error) {
	if next == "" {
		return "", nil
	}
	u, err := from.Parse(next)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("next is no address of http or https")
	case o.seen[u.String()]:
		return "", fmt.Errorf("next leads back to a page that was read: %s", o.client.shown(u))
	case o.at.Pages+1 >= o.k.MaxPages:
		return "", fmt.Errorf("there are more than %d pages; raise max_pages if that is intended", o.k.MaxPages)
	}
	return u.String(), nil
}

// linked finds the address of the next page in headers Link (RFC 8288), "" if there is none.
func linked(headers []string) string {
	for _, h := range headers {
		_, h, _ = strings.Cut(h, "<")
		for link := range strings.SplitSeq(h, "<") {
			address, parameters, ok := strings.Cut(link, ">")
			if !ok {
				continue
			}
			for p := range strings.SplitSeq(parameters, ";") {
				name, value, _ := strings.Cut(strings.Trim(p, " ,"), "=")
				if strings.EqualFold(strings.TrimSpace(name), "rel") && slices.Contains(strings.Fields(strings.Trim(value, `" `)), "next") {
					return address
				}
			}
		}
	}
	return ""
}

// text computes a value of the answer as a text, "" for null.
func (o *pollOp) text(p *expr.Program, b *record.Batch) (string, error) {
	if p == nil {
		return "", nil
	}
	e := o.k.next
	if p == o.cursor {
		e = o.k.cursor
	}
	col, arena := record.NewColumn(e.Type()), record.NewArena(0)
	defer arena.Release()
	col.Resize(b.Rows)
	o.errs.Reset()
	p.Eval(b, col, arena, &o.errs)
	if o.errs.Len() > 0 {
		_, err := o.errs.At(0)
		return "", err
	}
	if col.IsNull(0) {
		return "", nil
	}
	value := jsonl.AppendValue(nil, e.Type(), col, 0)
	var text string
	switch {
	case string(value) == "null":
		return "", nil
	case json.Unmarshal(value, &text) == nil:
		return text, nil
	}
	return string(value), nil
}

// Process implements nodes.Operator: it gives the items of a page.
func (o *pollOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	p := in.Made.(*page)
	if p.data == nil {
		return out.Bad(p.bad)
	}
	defer p.Release()
	switch {
	case o.items != nil:
		col, arena := record.NewColumn(o.k.items.Type()), record.NewArena(0)
		defer arena.Release()
		col.Resize(p.data.Rows)
		o.errs.Reset()
		o.items.Eval(p.data, col, arena, &o.errs)
		if o.errs.Len() > 0 {
			_, err := o.errs.At(0)
			return out.Bad(nodes.BadItem{Err: err, Data: p.data, Row: 0})
		}
		return o.give(col, out)
	case p.list || o.k.as.t.Kind == types.KindList:
		return o.give(p.data.Cols[0], out)
	}
	return out.Emit(0, p.data.Retain())
}

// give gives the items of the list in row 0 of a column.
func (o *pollOp) give(col *record.Column, out nodes.Out) error {
	if col.IsNull(0) {
		return nil
	}
	from, to := col.Range(0)
	for from < to {
		b := record.NewNeeded(o.k.item, o.needed)
		arena := b.Arena()
		for ; from < to && b.Rows < record.MaxRows; from++ {
			if !o.k.item.IsRecord() {
				b.Cols[0].Append(b.Rows, col.Elem, from, arena)
			}
			for i, c := range b.Cols {
				if o.k.item.IsRecord() && c != nil {
					c.Append(b.Rows, col.Elem.Fields[i], from, arena)
				}
			}
			b.Rows++
		}
		if err := out.Emit(0, b); err != nil {
			return err
		}
	}
	return nil
}
