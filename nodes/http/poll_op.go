package http

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// A pollOp is a running http.poll.
type pollOp struct {
	k      *poll
	client *client
	needed []bool
	decode *decoder
	list   *decoder // of an answer of any type that is an array; nil: `as` says what it is

	items, next, cursor *expr.Program
	errs                expr.RowErrors

	at    place
	due   time.Time       // when the next poll begins, or one that broke off goes on; zero: at once
	seen  map[string]bool // the pages of this poll
	good  bool            // a poll has succeeded
	later bool            // this poll goes on with a page that was to be read some time ago
	part  bool            // others have read pages of this poll
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
		if o.at.Page == "" || o.later {
			if err := nodes.Sleep(ctx, time.Until(o.due)); err != nil {
				return nil, nil, err
			}
			if o.k.Every != nil {
				o.due = time.Now().Add(*o.k.Every)
			}
		}
		if o.at.Page == "" {
			o.seen, o.part = map[string]bool{}, false
		}
		p, err := o.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, nil, context.Cause(ctx)
		case err != nil && o.later && lasting(err):
			o.client.log.log.Warn("the page with which a poll was to go on cannot be had; it begins anew", "error", err.Error())
			o.anew()
			o.due = time.Time{}
		case err != nil && (o.k.Every == nil || errors.Is(err, nodes.ErrEnclosed) || !o.good && refused(err)):
			return nil, nil, err
		case err != nil && o.at.Page == "":
			o.client.log.log.Warn("a poll is left out", "error", err.Error())
		case err != nil:
			o.client.log.log.Warn("a poll breaks off; at the time of the next one it goes on with this page", "error", err.Error())
			o.later = true
		case p != nil:
			after, err := json.Marshal(o.at)
			return p, after, err
		}
	}
}

// lasting reports whether an error is of the page that was asked for, and not of a server
// that is away: an address of a page may have had its time, or be one that the server breaks
// at.
func lasting(err error) bool {
	s, ok := errors.AsType[*statusError](err)
	_, final := errors.AsType[*finalError](err)
	return final || ok && (s.status == nethttp.StatusInternalServerError || !s.passing())
}

// refused reports whether an error is an answer that is no other one later.
func refused(err error) bool {
	s, ok := errors.AsType[*statusError](err)
	return ok && !s.passing()
}

// ask asks for a page, and finds out what comes after it. It gives nil if there is nothing
// new.
func (o *pollOp) ask(ctx context.Context) (*page, error) {
	r := &request{method: nethttp.MethodGet, url: o.at.Page, page: o.at.Pages + 1, again: true, header: nethttp.Header{}}
	this := r.url
	if this == "" {
		r.url = strings.ReplaceAll(o.k.URL.Reveal(), inAddress, url.QueryEscape(o.at.Cursor))
	}
	was := o.at.Marks[this]
	// A server may compare bodies alone, and a page that was the last one can be as it was
	// and lead on by its header.
	last := o.k.Links && was.Next == ""
	if was.Tag != "" || was.Modified != "" {
		r.named = func(code int) bool { return code == nethttp.StatusNotModified }
	}
	switch {
	case last:
	case was.Tag != "":
		r.header.Set("If-None-Match", was.Tag)
	case was.Modified != "":
		r.header.Set("If-Modified-Since", was.Modified)
	}
	r.bare = !sameHost(r.url, o.k.URL.Reveal())
	resp, _, err := o.client.ask(ctx, r)
	if err != nil {
		return nil, err
	}
	o.good, o.seen[r.url] = true, true
	var p *page
	if resp.status == nethttp.StatusNotModified || last && was.same(resp.header) {
		err = o.unchanged(resp, this, was)
	} else {
		p, err = o.read(resp, this)
	}
	if err != nil {
		err = r.failed(resp.at, err)
		o.anew()
		o.at.Done = o.k.Every == nil
		delete(o.at.Marks, this)
		raw := resp.body[:min(len(resp.body), maxRaw)]
		return &page{bad: nodes.BadItem{Err: err, Raw: strings.ToValidUTF8(string(raw), "\uFFFD"), File: resp.at}}, nil
	}
	return p, nil
}

// unchanged goes on behind a page that is as it was. Its body leads to where it led; its
// header may lead on.
func (o *pollOp) unchanged(resp *response, this string, was mark) (err error) {
	next := was.Next
	if link := resp.header["Link"]; o.k.Links && len(link) > 0 {
		next = linked(link)
	}
	if was.Next, err = o.follow(next, resp.url); err != nil {
		return err
	}
	o.remember(this, was)
	o.turn(was.Next, was.Cursor)
	return nil
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
	o.remember(this, mark{resp.header.Get("ETag"), resp.header.Get("Last-Modified"), to, cursor})
	o.turn(to, cursor)
	return p, nil
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
