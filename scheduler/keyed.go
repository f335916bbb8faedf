package scheduler

import (
	"cmp"
	"context"
	"io"
	"sync"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is how a node works that keeps the order of each key, and of nothing else.

// keyedDepth is how many tasks may wait for one worker under order: key.
const keyedDepth = 4

// keyed runs a node under order: key. The goroutine that takes splits each batch by
// the hash of the key fields; each worker gets the items of its keys in their
// order and sends when it likes.
func (n *driver) keyed(ctx context.Context, workers int) error {
	n.makeOrder()
	staff := make([]*worker, 0, workers)
	var err error
	for range workers {
		var w *worker
		if w, err = n.open(ctx); err != nil {
			break
		}
		staff = append(staff, w)
	}
	if err == nil {
		err = n.deal(ctx, staff)
	}
	for _, w := range staff {
		if cerr := w.close(); err == nil {
			err = cerr
		}
	}
	return err
}

// deal runs the workers and the goroutine that shares the input out among them.
func (n *driver) deal(ctx context.Context, staff []*worker) error {
	queues := make([]chan task, len(staff))
	var all sync.WaitGroup
	for i, w := range staff {
		queues[i] = make(chan task, keyedDepth)
		all.Go(func() { n.guarded(func() { n.workOff(ctx, w, queues[i]) }) })
	}
	d := &dealer{n: n, w: n.newWorker(n.workers.Max), queues: queues}
	err := d.run(ctx)
	d.w.note(ended, nil)
	for _, q := range queues {
		close(q)
	}
	all.Wait()
	return cmp.Or(context.Cause(ctx), err)
}

// workOff is the loop of a worker, which ends when its queue is closed.
func (n *driver) workOff(ctx context.Context, w *worker, q chan task) {
	defer w.note(ended, nil)
	var j job
	for {
		t, ok := get(q, w)
		if !ok {
			return
		}
		j.task = t
		j.out.begin(ctx, n.node, w, &n.done)
		if n.cuts != nil {
			j.inTurn(n.order)
		}
		if ctx.Err() == nil {
			n.work(ctx, w, &j)
		}
		if err := n.deliverFreely(ctx, w, &j, nil); err != nil {
			n.fail(err)
		}
	}
}

// A dealer takes the input apart.
type dealer struct {
	n      *driver
	w      *worker
	queues []chan task
	job    job
}

func (d *dealer) run(ctx context.Context) error {
	defer d.job.clear()
	for {
		err := d.n.intake.next(ctx, d.w)
		t := d.n.intake.task
		if err == io.EOF {
			return d.n.order.settled(d.w)
		}
		switch {
		case err != nil:
		case t.kind == cutTask:
			if j := d.n.order.takeCut(&t); j != nil {
				err = d.n.deliverFreely(ctx, d.w, j, j)
			}
		case t.kind == itemsTask:
			err = d.items(ctx, t)
		default:
			err = d.event(ctx, t)
		}
		if err != nil {
			return err
		}
	}
}

// event delivers an event, once nothing before it is under way.
func (d *dealer) event(ctx context.Context, t task) error {
	if err := d.n.order.settled(d.w); err != nil {
		return err
	}
	d.job.task = t
	return d.n.do(ctx, d.w, &d.job)
}

// items shares out a batch.
func (d *dealer) items(ctx context.Context, t task) error {
	n, o := d.n, &d.job.out
	d.job.task = t
	o.begin(ctx, n.node, d.w, nil)
	if n.cuts != nil { // what fails here leaves in its epoch too
		d.job.gen = n.order.cuts.taken
		d.job.inTurn(n.order)
	}
	err := n.receive(ctx, d.w, &d.job)
	if ferr := o.flushErrors(); err == nil {
		err = ferr
	}
	if err == nil && len(o.held) > 0 {
		if err = n.order.await(ctx, &d.job); err == nil {
			err = o.sendHeld()
		}
	}
	if err != nil {
		return err
	}
	t.in.Data, d.job.in.Data = d.job.in.Data, nil
	b, ok := t.in.Data.(*record.Batch)
	if n.breaker != nil && o.bad > 0 { // no worker will judge it
		n.breaker.Outcome(t.era, o.bad+t.in.Data.Len(), o.bad)
	}
	if !ok { // Go values have no fields to look at, so one worker keeps the order
		return d.put(ctx, 0, t)
	}
	return d.split(ctx, b, t)
}

// split gives each worker the rows of a batch that have its keys.
func (d *dealer) split(ctx context.Context, b *record.Batch, of task) error {
	defer b.Release()
	parts := make([]*record.Batch, len(d.queues))
	for i, hash := range d.n.hashes(b) {
		row, k := b.Row(i), hash%uint64(len(d.queues))
		if parts[k] == nil {
			parts[k] = b.Share()
			parts[k].Sel = parts[k].SelBuf()
		}
		parts[k].Sel = append(parts[k].Sel, uint16(row))
	}
	var killed error
	for k, part := range parts {
		switch {
		case part == nil:
		case killed != nil:
			part.Release()
		default:
			t := of
			t.in.Data = part
			killed = d.put(ctx, k, t)
		}
	}
	return killed
}

// put hands a task to a worker.
func (d *dealer) put(ctx context.Context, k int, t task) error {
	d.n.order.count(&t)
	err := put(ctx, d.w, d.queues[k], t)
	if err != nil {
		d.n.order.left(t.gen, nil)
	}
	return err
}

// put hands a task to a worker, which gets the reference.
func put(ctx context.Context, w *worker, q chan task, t task) error {
	select {
	case q <- t:
		return nil
	default:
	}
	defer w.waits(queueing, nil)()
	select {
	case q <- t:
		return nil
	case <-ctx.Done():
		t.in.Data.Release()
		return context.Cause(ctx)
	}
}

// get takes what put handed over; ok is false at the end.
func get(q chan task, w *worker) (t task, ok bool) {
	select {
	case t, ok = <-q:
		return t, ok
	default:
	}
	defer w.waits(queueing, nil)()
	t, ok = <-q
	return t, ok
}

// hashes gives a hash of the key fields for each selected row: the same in every
// run, so that a flow shares its keys among workers alike each time.
func (n *driver) hashes(b *record.Batch) []uint64 {
	var fields []types.Field
	var cols []*record.Column
	for _, name := range n.spec.Engine.Key {
		if f, ok := b.Type.Field(name.Value); ok {
			fields = append(fields, f)
			cols = append(cols, b.Col(name.Value))
		}
	}
	keys := b.Derive(types.Record(fields...))
	defer keys.Release()
	copy(keys.Cols, cols)
	return record.StableHashes(keys, make([]uint64, 0, b.Len()))
}
