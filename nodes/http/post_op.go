package http

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	nethttp "net/http"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/nodes"
)

// This file is how http.post runs.

// Operator sends batches on all workers.
func (k *post) Operator(env *nodes.Env) (nodes.Operator, error) {
	c, err := k.newClient(env, patience(env, k.RetryFor), env.Workers, k.URL)
	if err != nil {
		return nil, err
	}
	o := &postOp{k: k, client: c}
	if t := env.In("in"); k.Format == formatCSV {
		o.csv = csvEncoder(t)
	} else {
		o.json = jsonl.NewEncoder(t)
	}
	return o, nil
}

// A postOp is a running http.post. Nothing is held back: a batch has arrived when Work
// returns.
type postOp struct {
	k      *post
	client *client
	json   *jsonl.Encoder
	csv    *csv.Encoder
}

var (
	_ nodes.Gatherer = (*postOp)(nil)
	_ nodes.Flusher  = (*postOp)(nil)
)

// Process implements nodes.Operator. There is nothing left to do.
func (o *postOp) Process(context.Context, nodes.Input, nodes.Out) error { return nil }

// WholeBatches implements nodes.Gatherer.
func (o *postOp) WholeBatches() bool { return true }

// Flush implements nodes.Flusher: what was processed has arrived.
func (o *postOp) Flush(context.Context) error { return nil }

// Close implements nodes.Closer.
func (o *postOp) Close() error {
	o.client.close()
	return nil
}

// NewWorker implements nodes.Parallel.
func (o *postOp) NewWorker(context.Context) (nodes.Worker, error) {
	return nodes.WorkFunc(func(ctx context.Context, in nodes.Input, out nodes.Out) (any, error) {
		b := in.Data.(*record.Batch)
		rows := make([]int, b.Len())
		for i := range rows {
			rows[i] = b.Row(i)
		}
		return nil, o.send(ctx, b, rows, out)
	}), nil
}

// send sends rows of a batch.
func (o *postOp) send(ctx context.Context, b *record.Batch, rows []int, out nodes.Out) error {
	if len(rows) == 0 {
		return nil
	}
	r, err := o.request(b, rows)
	if err != nil {
		return err
	}
	r.batch = len(rows) > 1 && !o.k.Bisect
	_, tries, err := o.client.ask(ctx, r)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, nodes.ErrEnclosed):
		return err
	case o.k.Bisect && len(rows) > 1 && refusesSome(err):
		half := len(rows) / 2
		if err := o.send(ctx, b, rows[:half], out); err != nil {
			return err
		}
		return o.send(ctx, b, rows[half:], out)
	}
	for _, row := range rows {
		if err := out.Bad(nodes.BadItem{Err: err, Data: b, Row: row, Attempts: tries}); err != nil {
			return err
		}
	}
	return nil
}

// refusesSome reports whether a server that refuses a batch may take some of its items.
func refusesSome(err error) bool {
	s, ok := errors.AsType[*statusError](err)
	return ok && s.speaksOfItems()
}

// request makes the request for rows, with a key of its own.
func (o *postOp) request(b *record.Batch, rows []int) (*request, error) {
	r := &request{unread: true, method: o.k.Method, url: o.k.URL.Reveal(), again: true, header: nethttp.Header{}}
	if o.k.Header != "" {
		r.header.Set(o.k.Header, rand.Text())
	}
	switch o.k.Format {
	case formatCSV:
		r.kind, r.body = "text/csv; charset=utf-8", o.csv.AppendHeader(nil)
		for _, row := range rows {
			r.body = append(o.csv.AppendRow(r.body, b, row), '\n')
		}
	case formatJSONL:
		r.kind = "application/x-ndjson"
		for _, row := range rows {
			r.body = append(o.json.AppendRow(r.body, b, row), '\n')
		}
	default:
		r.kind, r.body = "application/json", []byte{'['}
		for i, row := range rows {
			if i > 0 {
				r.body = append(r.body, ',')
			}
			r.body = o.json.AppendRow(r.body, b, row)
		}
		r.body = append(r.body, ']')
	}
	if o.k.Compress == "none" {
		return r, nil
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(r.body) // into memory
	if err := z.Close(); err != nil {
		return nil, err
	}
	r.body, r.packed = packed.Bytes(), true
	return r, nil
}
