package http

import (
	"context"
	"errors"
	"fmt"
	nethttp "net/http"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file is how http.call runs.

// maxHeld is how many bytes of answers a worker holds before it gives their items on.
const maxHeld = 1 << 20

// Operator asks on all workers.
func (k *call) Operator(env *nodes.Env) (nodes.Operator, error) {
	c, err := k.newClient(env, env.Node.Engine.Retry, env.Workers)
	if err != nil {
		return nil, err
	}
	o := &callOp{k: k, env: env, client: c, in: env.In("in")}
	o.needed = env.Needed("out")
	return o, nil
}

// A callOp is a running http.call.
type callOp struct {
	k      *call
	env    *nodes.Env
	client *client
	in     *types.Type
	needed []bool
}

// Process implements nodes.Operator. There is nothing left to do.
func (o *callOp) Process(context.Context, nodes.Input, nodes.Out) error { return nil }

// WholeBatches implements nodes.Gatherer.
func (o *callOp) WholeBatches() bool { return o.k.Per == perBatch }

// Close implements nodes.Closer.
func (o *callOp) Close() error {
	o.client.close()
	return nil
}

// NewWorker implements nodes.Parallel.
func (o *callOp) NewWorker(context.Context) (nodes.Worker, error) {
	w := &caller{callOp: o, body: o.k.body.maker()}
	cols := columns.New()
	if o.k.url != nil {
		w.url = len(cols.Type.Fields)
		cols.Compute(types.Field{Name: "url", Type: o.k.url.Type()}, o.k.url, o.in)
	}
	if o.k.key != nil {
		w.key = len(cols.Type.Fields)
		cols.Compute(types.Field{Name: "key", Type: o.k.key.Type()}, o.k.key, o.in)
	}
	w.headers = headerColumns(o.k.computed, cols, o.in)
	w.computer = cols.Computer()
	as := o.k.as
	if o.k.Per == perBatch {
		as = answerType{t: types.List(as.t)}
	}
	w.as, w.lists = as, holdsList(o.k.as.t)
	var err error
	if o.k.Into.Value != "" {
		w.decode, err = as.decoder()
	}
	return w, err
}

// A caller is a worker.
type caller struct {
	*callOp
	computer *columns.Computer // of what a request is made of besides its body
	url, key int               // its columns
	headers  []int
	body     *bodyMaker // nil: none
	as       answerType
	lists    bool     // there are some in an answer: those of all rows lie one behind the other
	decode   *decoder // nil: nobody wants the answer
	errs     expr.RowErrors

	// While a batch is worked on: what came of it and was not given on yet.
	parts   *record.Batch // what computer made
	rows    []int         // items with an answer
	answers *record.Batch // of type as; nil: none yet
	arena   *record.Arena
	at      []int // the row of answers for each of rows, -1: null
	status  []int
	size    int
}

// Close implements nodes.Closer, in place of that of the node: the client is not the worker's.
func (w *caller) Close() error { return nil }

// Work implements nodes.Worker.
func (w *caller) Work(ctx context.Context, in nodes.Input, out nodes.Out) (any, error) {
	b := in.Data.(*record.Batch)
	w.errs.Reset()
	w.parts = w.computer.Columns(b, &w.errs)
	w.body.begin(b, &w.errs)
	defer w.end()
	if w.k.Per == perBatch {
		return nil, w.askAll(ctx, b, out)
	}
	failed := 0 // errors of expressions that were told
	for i, n := 0, b.Len(); i < n; i++ {
		row := b.Row(i)
		var err error
		if failed < w.errs.Len() && w.rowOf(failed) == row {
			_, bad := w.errs.At(failed)
			failed++
			err = out.Bad(nodes.BadItem{Err: bad, Data: b, Row: row})
		} else {
			err = w.askOne(ctx, b, row, out)
		}
		if err == nil && w.size >= maxHeld {
			err = w.give(b, out)
		}
		if err == nil && i+1 < n && in.Interrupted() {
			n, err = in.Yield(i + 1)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, w.give(b, out)
}

func (w *caller) rowOf(failed int) int {
	row, _ := w.errs.At(failed)
	return row
}

// askOne makes the request of an item.
func (w *caller) askOne(ctx context.Context, b *record.Batch, row int, out nodes.Out) error {
	r, err := w.request(row, w.body.of(row))
	tries := 1
	if err == nil {
		var resp *response
		if resp, tries, err = w.client.ask(ctx, r); err == nil {
			err = w.take(row, resp)
		}
	}
	if err == nil {
		return nil
	}
	if ends := w.ends(ctx, err); ends != nil {
		return ends
	}
	return out.Bad(nodes.BadItem{Err: err, Data: b, Row: row, Attempts: tries})
}

// ends gives the error that ends the run, if one of a request is not that of its items.
func (w *caller) ends(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, nodes.ErrEnclosed):
		return err
	}
	return nil
}

// request is that of a row. Its texts are copies, because the client keeps them longer than
// the batch lives: in the names of its connections.
func (w *caller) request(row int, body []byte) (*request, error) {
	k := w.k
	r := &request{method: k.Method, url: k.URL.Value, body: body, again: idempotent(k.Method) || k.Idempotent || k.key != nil, unread: w.decode == nil}
	if k.url != nil {
		r.url = strings.Clone(w.parts.Cols[w.url].Str[row])
	}
	if k.key != nil || len(k.computed) > 0 {
		r.header = make(nethttp.Header, 1+len(k.computed))
	}
	if k.key != nil {
		r.header["Idempotency-Key"] = []string{strings.Clone(w.parts.Cols[w.key].Str[row])}
	}
	if body != nil {
		r.kind = k.body.kind
	}
	if len(k.Accept) > 0 {
		r.named = func(code int) bool { return slices.Contains(k.Accept, int64(code)) }
	}
	return r, w.addHeaders(r, row)
}

// take keeps the answer of an item.
func (w *caller) take(row int, resp *response) error {
	at := -1
	if w.decode != nil && !(resp.status >= 300) {
		if err := w.add(resp); err != nil {
			return err
		}
		at = w.answers.Rows - 1
	}
	w.rows, w.at, w.status = append(w.rows, row), append(w.at, at), append(w.status, resp.status)
	w.size += len(resp.body)
	return nil
}

// add decodes an answer.
func (w *caller) add(resp *response) error {
	if w.answers == nil {
		w.answers = record.New(w.as.t)
		w.arena = w.answers.Arena()
	}
	if err := w.decode.add(w.answers, w.arena, resp.body); err != nil {
		return &requestError{w.k.Method, resp.at, err}
	}
	return nil
}

// askAll makes the request of a batch.
func (w *caller) askAll(ctx context.Context, b *record.Batch, out nodes.Out) error {
	if err := nodes.BadRows(out, b, &w.errs); err != nil {
		return err
	}
	rows := columns.Without(b, &w.errs, nil)
	if len(rows) == 0 {
		return nil
	}
	body := []byte{'['}
	for i, row := range rows {
		if i > 0 {
			body = append(body, ',')
		}
		body = w.appendItem(body, int(row))
	}
	var resp *response
	tries := 1
	r, err := w.request(int(rows[0]), append(body, ']'))
	if err == nil {
		r.kind = "application/json"
		resp, tries, err = w.client.ask(ctx, r)
	}
	if err == nil && w.decode != nil {
		if err = w.add(resp); err == nil {
			if n := len(w.rangeOf()); n != len(rows) {
				err = &requestError{r.method, resp.at, &unfitError{fmt.Sprintf("it has %d values for %d items", n, len(rows))}}
			}
		}
	}
	if err != nil {
		if ends := w.ends(ctx, err); ends != nil {
			return ends
		}
		for _, row := range rows {
			if err := out.Bad(nodes.BadItem{Err: err, Data: b, Row: int(row), Attempts: tries}); err != nil {
				return err
			}
		}
		return nil
	}
	for i, row := range rows {
		w.rows, w.status = append(w.rows, int(row)), append(w.status, resp.status)
		if w.decode != nil {
			w.at = append(w.at, w.rangeOf()[i])
		} else {
			w.at = append(w.at, -1)
		}
	}
	return w.give(b, out)
}

// appendItem adds what an item sends to an array.
func (w *caller) appendItem(dst []byte, row int) []byte {
	before := len(dst)
	if w.body.plan.plain {
		return appendJSONText(dst, w.body, row)
	}
	if dst = w.body.append(dst, row); len(dst) == before {
		dst = append(dst, "null"...)
	}
	return dst
}

// rangeOf lists the rows of the answers that the last array holds.
func (w *caller) rangeOf() (rows []int) {
	from, to := w.answers.Cols[0].Range(w.answers.Rows - 1)
	for i := from; i < to; i++ {
		rows = append(rows, i)
	}
	return rows
}

// give gives on the items that have their answers.
func (w *caller) give(b *record.Batch, out nodes.Out) error {
	if len(w.rows) == 0 {
		return nil
	}
	d := b.Derive(w.k.t)
	for i, f := range w.k.out {
		switch {
		case w.needed != nil && !w.needed[i]:
		case f.from >= 0:
			d.Cols[i] = b.Cols[f.from]
		case f.from == fromStatus:
			col := d.Fresh(i)
			for j, row := range w.rows {
				col.Int[row] = int64(w.status[j])
			}
		default:
			w.fill(d, i)
		}
	}
	sel := d.SelBuf()
	for _, row := range w.rows {
		sel = append(sel, uint16(row))
	}
	d.Sel = sel
	w.forget()
	return out.Emit(0, d)
}

// fill makes the column of the answers.
func (w *caller) fill(d *record.Batch, i int) {
	col, arena, from := d.Fresh(i), d.Arena(), (*record.Column)(nil)
	if w.answers != nil {
		if from = w.as.whole(w.answers); w.k.Per == perBatch {
			from = from.Elem
		}
	}
	if !w.lists { // then what stands in rows that are not selected does not matter
		for i, row := range w.rows {
			at := w.at[i]
			if from == nil {
				at = -1
			}
			col.Append(row, from, at, arena)
		}
		col.Resize(d.Rows)
		return
	}
	next := 0
	for row := range d.Rows {
		at := -1
		if next < len(w.rows) && w.rows[next] == row {
			at = w.at[next]
			next++
		}
		if from == nil {
			at = -1
		}
		col.Append(row, from, at, arena)
	}
}

// forget lets go of the answers that were given on.
func (w *caller) forget() {
	if w.answers != nil {
		w.answers.Release()
	}
	w.answers, w.arena, w.size = nil, nil, 0
	w.rows, w.at, w.status = w.rows[:0], w.at[:0], w.status[:0]
}

// end lets go of the batch.
func (w *caller) end() {
	w.forget()
	w.body.end()
	if w.parts != nil {
		w.parts.Release()
		w.parts = nil
	}
}

// holdsList reports whether a value of a type is a list, or has one in it.
func holdsList(t *types.Type) bool {
	return t.Kind == types.KindList || slices.ContainsFunc(t.Fields, func(f types.Field) bool { return holdsList(f.Type) })
}
