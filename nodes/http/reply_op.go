package http

import (
	"context"
	"fmt"
	nethttp "net/http"
	"sync/atomic"

	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file is how http.reply runs.

// A replyOp is a running http.reply.
type replyOp struct {
	k       *reply
	env     *nodes.Env
	replies *replies
	release func() error
	late    atomic.Int64 // answers that nobody waited for
}

var (
	_ nodes.Parallel = (*replyOp)(nil)
	_ nodes.Starter  = (*replyOp)(nil)
)

// Open implements nodes.Starter.
func (o *replyOp) Open(ctx context.Context) (err error) {
	o.replies, o.release, err = shareReplies(ctx, o.env)
	return err
}

// Process implements nodes.Operator. There is nothing left to do.
func (o *replyOp) Process(context.Context, nodes.Input, nodes.Out) error { return nil }

// NewWorker implements nodes.Parallel.
func (o *replyOp) NewWorker(context.Context) (nodes.Worker, error) {
	return &answerer{op: o, head: o.k.head.Computer(), body: o.k.body.maker()}, nil
}

// Close implements io.Closer.
func (o *replyOp) Close() error {
	if n := o.late.Load(); n > 0 {
		o.env.Log.Warn("answers that nobody waited for: the request was answered before, its time was over, or its sender had gone", "answers", n)
	}
	if o.release == nil {
		return nil
	}
	return o.release()
}

// The first column of what an answer is made of.
const toColumn = 0

// An answerer is a worker. It does not close what all of them use.
type answerer struct {
	op   *replyOp
	head *columns.Computer
	body *bodyMaker // nil: none
	errs expr.RowErrors
}

// Work implements nodes.Worker.
func (w *answerer) Work(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
	b := in.Data.(*record.Batch)
	w.errs.Reset()
	head := w.head.Columns(b, &w.errs)
	defer head.Release()
	w.body.begin(b, &w.errs)
	defer w.body.end()
	good := b
	if w.errs.Len() > 0 {
		if err := nodes.BadRows(out, b, &w.errs); err != nil {
			return nil, err
		}
		good = b.Share()
		defer good.Release()
		good.Sel = columns.Without(b, &w.errs, good.SelBuf())
	}
	for i := range good.Len() {
		row := good.Row(i)
		a, err := w.answer(head, row)
		if err != nil {
			if err := out.Bad(nodes.BadItem{Err: err, Data: b, Row: row}); err != nil {
				return nil, err
			}
			continue
		}
		w.send(head.Cols[toColumn], row, a)
	}
	return nil, nil
}

// checkStatus says what is wrong with the status of an answer.
func checkStatus(n int64) error {
	if n < 200 || n > 599 {
		return fmt.Errorf("%d is no status of an answer: want one from 200 to 599", n)
	}
	return nil
}

// answer makes the answer of an item.
func (w *answerer) answer(head *record.Batch, row int) (answer, error) {
	a := answer{status: nethttp.StatusOK, header: nethttp.Header{}}
	if w.op.k.status >= 0 {
		n := head.Cols[w.op.k.status].Int[row]
		if err := checkStatus(n); err != nil {
			return a, err
		}
		a.status = int(n)
	}
	if w.body != nil {
		a.body = w.body.of(row)
		a.header["Content-Type"] = []string{w.body.plan.kind}
	}
	for name, values := range w.op.k.fixed {
		a.header[name] = values
	}
	for i, h := range w.op.k.own {
		if err := h.set(a.header, head.Cols[w.op.k.headers[i]], row); err != nil {
			return a, err
		}
	}
	return a, nil
}

// send gives an answer to the requests that a reply, or a list of them, stands for.
func (w *answerer) send(to *record.Column, row int, a answer) {
	switch {
	case to.IsNull(row):
	case to.Form == record.FormList:
		for from, end := to.Range(row); from < end; from++ {
			w.send(to.Elem, from, a)
		}
	default:
		r := w.op.replies.take(to.Int[row])
		if r == nil {
			w.op.late.Add(1)
			return
		}
		r.answer <- a
	}
}
