package scheduler

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/queue"
)

// An output takes what one call of the operator produces: it is the engine's
// nodes.Out. Until the turn of its job has come, data is held back; one goroutine
// uses an output at a time.
type output struct {
	ctx  context.Context
	n    *node
	w    *worker
	held []heldData
	size int  // items held back
	turn bool // what is emitted may leave at once

	turns turnGuard     // whom to ask whether the turn has come, while turn is false
	wake  chan struct{} // tells the worker that waits for it

	done     *atomic.Bool    // of the node: an earlier job ended it; may be nil
	errors   *record.Batch   // of on_error: dead, to leave with the rest
	letters  []nodes.BadItem // the same, of a node that makes its own data of them
	filtered int
	bad      int
	sent     int // items, on the node's own ports
}

// heldData is what waits for its turn to leave by a port.
type heldData struct {
	port int
	data record.Data
}

// A turnGuard tells an output when what it holds back may leave.
type turnGuard interface {
	claim() bool
	await(ctx context.Context) error
}

var _ nodes.Out = (*output)(nil)

// heldLimit is how many items an output holds back before it waits for its turn:
// what bounds the memory of a kind that makes many items out of one.
const heldLimit = 4 * record.MaxRows

// begin prepares for another task, by w, that may send at once.
func (o *output) begin(ctx context.Context, n *node, w *worker, done *atomic.Bool) {
	o.ctx, o.n, o.w, o.done, o.turn = ctx, n, w, done, true
	o.held, o.size, o.filtered, o.bad, o.sent = o.held[:0], 0, 0, 0, 0
}

// Emit implements nodes.Out.
func (o *output) Emit(port int, d record.Data) error {
	n := d.Len()
	if n == 0 {
		d.Release()
		return nil
	}
	if !o.turn {
		o.held = append(o.held, heldData{port, d})
		o.size += n
		if o.turn = o.turns.claim(); !o.turn {
			if o.size < heldLimit {
				return nil
			}
			if err := o.turns.await(o.ctx); err != nil {
				return err
			}
			o.turn = true
		}
		return o.sendHeld()
	}
	return o.leave(port, d)
}

// leave lets data leave the node: at its rate, if it is a source that has one.
func (o *output) leave(port int, d record.Data) error {
	if o.n.pacing != nil && port != o.n.errorPort {
		return o.pace(port, d)
	}
	return o.send(port, d)
}

// pace emits what a source gives at the rate of its node, also once it was stopped: then
// what a source with an end of its own has read and not sent yet is not sent any more.
func (o *output) pace(port int, d record.Data) error {
	n := o.n
	if err := hold(o.ctx, n.pacing, o.w); err != nil { // without order several workers send
		d.Release()
		return err
	}
	defer func() { <-n.pacing }()
	defer d.Release()
	for at := 0; at < d.Len(); {
		if n.life.stopping() && !n.drains() {
			n.cut.Store(true)
			n.shed.Store(true)
			return nil
		}
		got, again := n.bucket.Take(time.Now(), d.Len()-at)
		if got == 0 {
			if err := n.sleep(o.ctx, o.w, again); err != nil {
				return err
			}
			continue
		}
		if err := o.send(port, d.Slice(at, at+got)); err != nil {
			return err
		}
		at += got
	}
	return nil
}

// sendHeld sends what was held back, unless an earlier job ended the node.
func (o *output) sendHeld() error {
	if o.done != nil && o.done.Load() {
		o.drop()
		return nodes.ErrDone
	}
	for i, h := range o.held {
		o.held[i].data = nil
		if err := o.leave(h.port, h.data); err != nil {
			o.held = o.held[i+1:]
			o.drop()
			return err
		}
	}
	o.held, o.size = o.held[:0], 0
	return nil
}

// drop releases what will not be sent.
func (o *output) drop() {
	for _, h := range o.held {
		if h.data != nil {
			h.data.Release()
		}
	}
	o.held, o.size = o.held[:0], 0
	if o.errors != nil {
		o.errors.Release()
		o.errors = nil
	}
	o.takeLetters()
}

// send puts data on every edge of a port. The last edge gets the reference.
func (o *output) send(port int, d record.Data) error {
	n := d.Len()
	if port != o.n.errorPort {
		o.n.count.Out.Add(int64(n))
		o.sent += n
	}
	edges := o.n.out[port]
	if len(edges) == 0 {
		d.Release()
		return nil
	}
	if o.n.push != nil {
		return o.n.push(edges, d)
	}
	if token := o.n.sendToken; token != nil {
		if err := hold(o.ctx, token, o.w); err != nil {
			d.Release()
			return err
		}
		defer func() { <-token }()
	}
	if b, ok := d.(*record.Batch); ok {
		d = b.Compact()
	}
	size := d.Bytes()
	var failed error
	for i, e := range edges {
		if i < len(edges)-1 {
			d.Retain()
		}
		if failed != nil {
			d.Release()
			continue
		}
		failed = o.sendEdge(e, d, n, size)
	}
	if failed != nil {
		return failed
	}
	if o.n.unwanted() {
		return nodes.ErrDone
	}
	return nil
}

// sendEdge sends data in pieces: half of what the edge holds at most, so that the
// sender fills one half while the reader empties the other, and batches of the
// usual size, because a Go kind may emit any number of items at once.
func (o *output) sendEdge(e *edge, d record.Data, n, size int) error {
	if e.spec.Contract.Reorders() {
		return o.sendRanked(e, d)
	}
	limit := min(max(1, int(e.capacity)/2), record.MaxRows)
	if e.spec.Contract.Bytes > 0 && int64(size) > e.bytes && n > 1 {
		limit = min(limit, max(1, int(e.bytes*int64(n)/int64(size))))
	}
	if n <= limit {
		return e.send(o.ctx, queue.Envelope{Data: d, Items: n, Bytes: size}, o.w)
	}
	defer d.Release()
	for i := 0; i < n; i += limit {
		j := min(i+limit, n)
		part := queue.Envelope{Data: d.Slice(i, j), Items: j - i, Bytes: size * (j - i) / n}
		if err := e.send(o.ctx, part, o.w); err != nil {
			return err
		}
	}
	return nil
}

// sendRanked is sendEdge for an edge whose items do not leave in their order. Go
// values become records, which an expression can look into.
func (o *output) sendRanked(e *edge, d record.Data) error {
	b, ok := d.(*record.Batch)
	if items, isGo := d.(record.GoItems); !ok && isGo {
		var stop error
		b = items.ToBatch(e.spec.Type, func(i int, err error) {
			if stop == nil {
				stop = o.Bad(nodes.BadItem{Err: err, Data: items, Row: i})
			}
		})
		items.Release()
		if stop != nil {
			b.Release()
			return stop
		}
	}
	before := b.Len()
	order, b, err := e.ranker.ranks(b, o)
	if err != nil {
		return err
	}
	o.n.count.Out.Add(-int64(before - len(order))) // bad items of the sender did not leave it
	defer b.Release()
	limit := min(max(1, int(e.capacity)/2), record.MaxRows)
	for i := 0; i < len(order); i += limit {
		j := min(i+limit, len(order))
		part, places := b.Slice(i, j), order[i:j]
		env := queue.Envelope{Data: part, Items: j - i, Bytes: part.Bytes() * (j - i) / max(b.Rows, 1), Order: &places}
		if err := e.send(o.ctx, env, o.w); err != nil {
			return err
		}
	}
	return nil
}

// Filtered implements nodes.Out.
func (o *output) Filtered(n int) { o.filtered += n }

// Bad implements nodes.Out.
func (o *output) Bad(item nodes.BadItem) error {
	o.bad++
	switch o.n.spec.Engine.OnError {
	case "skip":
		o.n.count.Skipped.Add(1)
		o.n.noteError(item, false)
		return nil
	case "dead":
		o.n.count.Dead.Add(1)
		o.n.noteError(item, false)
		return o.dead(item)
	}
	o.n.count.Failed.Add(1)
	return o.n.itemFailure(item)
}

// dead puts an item into the batch for the error port.
func (o *output) dead(item nodes.BadItem) error {
	if len(o.n.out[o.n.errorPort]) == 0 {
		return nil
	}
	if o.n.env.DeadLetters != nil {
		if item.Data != nil {
			item.Data.Retain()
		}
		if o.letters = append(o.letters, item); len(o.letters) < record.MaxRows {
			return nil
		}
		return o.flushErrors()
	}
	if o.errors == nil {
		o.errors = newErrorBatch(o.n.spec)
	}
	appendError(o.errors, o.n.spec.ID, item, time.Now())
	if o.errors.Rows < record.MaxRows {
		return nil
	}
	return o.flushErrors()
}

// flushErrors sends the items that failed.
func (o *output) flushErrors() error {
	var d record.Data
	switch {
	case o.errors != nil:
		d, o.errors = o.errors, nil
	case len(o.letters) > 0:
		err := guard(func() error { d = o.n.env.DeadLetters(o.letters); return nil })
		o.takeLetters()
		if err != nil {
			return err
		}
	default:
		return nil
	}
	return o.Emit(o.n.errorPort, d)
}

// takeLetters gives back the data of items that failed.
func (o *output) takeLetters() {
	for i, item := range o.letters {
		if item.Data != nil {
			item.Data.Release()
		}
		o.letters[i] = nodes.BadItem{}
	}
	o.letters = o.letters[:0]
}
