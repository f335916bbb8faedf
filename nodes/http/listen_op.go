package http

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	nethttp "net/http"
	"sync"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// This file has the running http.listen, on the side of the engine.

// A listenOp is a running http.listen. Requests come on goroutines of the server, which
// decode them and leave them in the queue; the engine takes them from there.
type listenOp struct {
	k       *listen
	env     *nodes.Env
	decoder *bodies
	signed  *verifier // nil: requests need no signature

	site     *site
	release  func() error
	replies  *replies // nil: the flow does not answer
	forget   func() error
	numbered bool // open is kept

	queue  chan *arrival
	closed chan struct{} // nothing will come of what has no answer yet
	once   sync.Once

	mu       sync.Mutex
	stopping bool       // no request is queued any more
	bytes    int64      // of bodies that are read or queued
	taken    uint64     // the number of the last request that the engine has
	open     []*arrival // what the engine has and is not flushed, by number
}

// An arrival is a request that has become items.
type arrival struct {
	batches []*record.Batch
	size    int64  // of its body, in bytes
	signed  string // its signature, "" without one
	number  uint64 // from 1, as the engine takes them
	id      int64  // among the replies; 0: it is not one of them
	answer  chan answer
}

var (
	_ nodes.Puller  = (*listenOp)(nil)
	_ nodes.Drainer = (*listenOp)(nil)
	_ nodes.Endless = (*listenOp)(nil)
	_ nodes.Starter = (*listenOp)(nil)
)

// Endless implements nodes.Endless.
func (o *listenOp) Endless() bool { return true }

// Open implements nodes.Starter.
func (o *listenOp) Open(ctx context.Context) (err error) {
	if o.k.Respond == respondReply {
		if o.replies, o.forget, err = shareReplies(ctx, o.env); err != nil {
			return err
		}
	}
	if err = o.join(ctx); err != nil && o.forget != nil {
		o.forget()
	}
	return err
}

// Next implements nodes.Puller. It gives all requests that have come.
func (o *listenOp) Next(ctx context.Context) (any, nodes.Position, error) {
	o.site.begun.Store(true)
	select {
	case r := <-o.queue:
		task, after := o.take(r)
		return task, after, nil
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
}

// Drain implements nodes.Drainer. What was queued before the stop still goes through.
func (o *listenOp) Drain(context.Context) (any, nodes.Position, error) {
	o.mu.Lock()
	o.stopping = true
	o.mu.Unlock()
	select {
	case r := <-o.queue:
		task, after := o.take(r)
		return task, after, nil
	default:
		return nil, nil, io.EOF
	}
}

// take gives the items of a request and of those that wait behind it, up to a full batch.
func (o *listenOp) take(r *arrival) (task any, after nodes.Position) {
	var parts []record.Data
	rows := 0
	o.mu.Lock()
	defer o.mu.Unlock()
	for r != nil {
		for _, b := range r.batches {
			parts = append(parts, b)
			rows += b.Rows
		}
		r.batches = nil
		o.taken++
		r.number = o.taken
		o.bytes -= r.size
		if o.numbered {
			o.open = append(o.open, r)
		}
		r = nil
		if rows < record.MaxRows {
			select {
			case r = <-o.queue:
			default:
			}
		}
	}
	return parts, binary.BigEndian.AppendUint64(nil, o.taken)
}

// Process implements nodes.Operator.
func (o *listenOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	parts := in.Made.([]record.Data)
	for len(parts) > 0 {
		n, rows := 1, parts[0].Len()
		for n < len(parts) && rows+parts[n].Len() <= record.MaxRows {
			rows += parts[n].Len()
			n++
		}
		d := parts[0]
		if n > 1 {
			d = record.Concat(parts[:n])
		}
		if err := out.Emit(0, d); err != nil {
			for _, rest := range parts[n:] {
				rest.Release()
			}
			return err
		}
		parts = parts[n:]
	}
	return nil
}

// A toldListen is a listener that answers when the flow is done with requests, or else.
type toldListen struct{ *listenOp }

var _ nodes.Acknowledger = toldListen{}

// Taken implements nodes.Acknowledger: the requests are answered. Those that the flow answers
// have their answer by now, if it comes to one.
func (o toldListen) Taken(after nodes.Position) error {
	if len(after) != 8 {
		return errors.New("this is no position of http.listen")
	}
	upTo := binary.BigEndian.Uint64(after)
	o.mu.Lock()
	n := 0
	for n < len(o.open) && o.open[n].number <= upTo {
		if r := o.open[n]; r.id == 0 {
			r.answer <- answer{status: nethttp.StatusOK}
		} else if o.replies.take(r.id) != nil {
			r.answer <- o.k.Else.answer()
		}
		n++
	}
	o.open = append([]*arrival(nil), o.open[n:]...)
	o.mu.Unlock()
	return nil
}

// enqueue leaves a request for the engine, or says why not.
func (o *listenOp) enqueue(r *arrival) (status int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopping {
		return nethttp.StatusServiceUnavailable
	}
	select {
	case o.queue <- r:
		return 0
	default:
		return nethttp.StatusTooManyRequests
	}
}

// reserve takes room for a body.
func (o *listenOp) reserve(n int64) (status int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.stopping:
		return nethttp.StatusServiceUnavailable
	case o.bytes > 0 && o.bytes+n > int64(o.k.Buffer): // one body alone always has room
		return nethttp.StatusTooManyRequests
	}
	o.bytes += n
	return 0
}

func (o *listenOp) giveBack(n int64) {
	o.mu.Lock()
	o.bytes -= n
	o.mu.Unlock()
}

// Close implements io.Closer: what has no answer yet is told that there will be none.
func (o *listenOp) Close() error {
	o.mu.Lock()
	o.stopping = true
	o.mu.Unlock()
	for {
		select {
		case r := <-o.queue:
			release(r.batches)
			continue
		default:
		}
		break
	}
	if o.replies == nil {
		return o.leave()
	}
	// What is on its way gets its answer, and nodes behind this one may be at work for long.
	o.replies.atEnd(func() { o.leave() })
	return o.forget()
}

// leave tells what has no answer that there will be none, and stops listening.
func (o *listenOp) leave() error {
	o.once.Do(func() { close(o.closed) })
	if o.site == nil {
		return nil
	}
	return o.release()
}
