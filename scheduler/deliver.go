package scheduler

import (
	"context"
	"errors"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// This file is what becomes of a job: it is worked on, judged, and delivered in its
// turn.

// do works on a job and delivers it at once.
func (n *driver) do(ctx context.Context, w *worker, j *job) error {
	j.out.begin(ctx, n.node, w, &n.done)
	n.work(ctx, w, j)
	return n.deliver(ctx, w, j)
}

// work runs the parallel part of a job.
func (n *driver) work(ctx context.Context, w *worker, j *job) {
	if j.kind != itemsTask {
		return
	}
	if j.err = w.enter(); j.err != nil {
		return
	}
	defer w.exit()
	start := n.life.clock()
	w.lost = 0
	if j.in.Data != nil {
		j.items += j.in.Data.Len()
		j.err = n.receive(ctx, w, j)
	}
	if w.work != nil {
		j.yielder = n
		in := nodes.NewInput(j.in, &n.interrupt, j)
		j.in.Made = nil // the worker has it
		if j.err == nil {
			j.made, j.err = n.callWork(ctx, w.work, in, &j.out)
		} else {
			abandon(in.Made)
		}
		if j.err != nil {
			j.made = nil // whoever fails makes nothing
		}
		if j.upTo > 0 && (j.made != nil || n.watched) { // the rest was given back
			kept := j.in.Data.Slice(0, j.upTo)
			j.in.Data.Release()
			j.in.Data = kept
		}
	}
	j.took = n.life.clock() - start - w.lost
	if w.work != nil {
		n.intake.learn(j.in.Port, j.items, j.took)
		if j.made == nil {
			n.judge(j)
		}
	}
}

// receive gives the data of a job the form that the operator takes, and shows it to
// those who look on. Items that have no such form are bad items.
func (n *driver) receive(ctx context.Context, w *worker, j *job) error {
	if j.seen {
		return nil
	}
	port := &n.spec.In[j.in.Port].Port
	if items, ok := j.in.Data.(record.GoItems); ok && !port.Any && !port.Go {
		var stop error
		b := items.ToBatch(j.edge.spec.Type, func(i int, err error) {
			if stop == nil {
				stop = j.out.Bad(nodes.BadItem{Err: err, Data: items, Row: i})
			}
		})
		items.Release()
		j.in.Data = b
		if stop != nil {
			return stop
		}
	}
	for _, see := range w.sees {
		err := guard(func() error {
			seen, err := see(ctx, j.in, &j.out)
			if err == nil {
				j.in.Data.Release()
				j.in.Data = seen
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// judge tells the breaker of the node what became of a job, once: as soon as it is
// known.
func (n *driver) judge(j *job) {
	if n.breaker != nil && j.kind == itemsTask && !j.judged {
		j.judged = true
		n.breaker.Outcome(j.era, j.items, j.out.bad)
	}
}

// deliver sends what a job made and runs the serial part. It returns nil also
// after the kind said that it is done: the next take then finds the end. All jobs
// before this one have been delivered, so the first failure is the first in the
// order of the input.
func (n *driver) deliver(ctx context.Context, w *worker, j *job) error {
	o, err := &j.out, j.err
	o.w, o.turn = w, true
	defer j.clear()
	defer n.judge(j)
	if j.kind == cutTask {
		if ctx.Err() != nil || n.done.Load() {
			return context.Cause(ctx)
		}
		if err := n.settleUp(ctx, w, j); err != nil {
			return err
		}
		return n.meet(ctx, j.cut)
	}
	if n.serialToken != nil && err == nil && n.serial(j) { // from here on, so that nothing is processed after a failure
		if err := hold(ctx, n.serialToken, w); err != nil {
			return err
		}
		defer func() { <-n.serialToken }()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if n.done.Load() {
		left := max(0, j.items-o.bad-o.sent)
		n.count.Filtered.Add(int64(left))
		n.count.Used.Add(int64(j.items - o.bad - left))
		return nil
	}
	if err == nil || errors.Is(err, nodes.ErrDone) { // what a kind made before it was done is sent
		if serr := o.sendHeld(); serr != nil {
			err = serr
		}
	}
	if err == nil && n.serial(j) {
		err = n.process(ctx, w, j)
	}
	if ferr := o.flushErrors(); err == nil {
		err = ferr
	}
	if err = n.book(j, err); err != nil && n.serialToken != nil {
		n.fail(err) // before anybody else has the token
	}
	return err
}

// serial reports whether the serial part has something to do with a job.
func (n *driver) serial(j *job) bool {
	switch {
	case n.watched:
		return true
	case j.kind == endTask:
		return n.parts.Ender != nil
	case j.kind == timeTask || n.parts.Parallel == nil:
		return true
	}
	return j.made != nil
}

// process runs the serial part of a job under the limit of the flow, timed, and then
// asks when the operator is due.
func (n *driver) process(ctx context.Context, w *worker, j *job) error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.exit()
	start := n.life.clock()
	w.lost = 0
	err := n.callSerial(ctx, j)
	if err == nil && n.parts.Timed != nil {
		err = guard(func() error { n.intake.ask(); return nil })
	}
	if j.kind == timeTask {
		n.intake.ticking.Store(false)
		n.bell.ring()
	}
	took := n.life.clock() - start - w.lost
	j.took += took
	if n.parts.Parallel == nil && j.kind == itemsTask {
		n.intake.learn(j.in.Port, j.items, j.took)
	}
	return err
}

// settleUp lets an operator report what failed of the items before a cut. j is the job of the
// cut, which is still to go on.
func (n *driver) settleUp(ctx context.Context, w *worker, j *job) error {
	if n.parts.Settler == nil || n.done.Load() {
		return nil
	}
	if n.serialToken != nil {
		if err := hold(ctx, n.serialToken, w); err != nil {
			return err
		}
		defer func() { <-n.serialToken }()
	}
	j.out.begin(ctx, n.node, w, &n.done)
	err := n.process(ctx, w, j)
	if ferr := j.out.flushErrors(); err == nil {
		err = ferr
	}
	return n.book(j, err)
}

// isDue looks again whether the operator is due: a call before this one may have
// changed that since the task was taken.
func (n *driver) isDue(j *job) bool {
	due := n.due.Load()
	return due != 0 && (j.early || !time.Now().Before(n.life.at(due)))
}

// callSerial calls the method that a job is for.
func (n *driver) callSerial(ctx context.Context, j *job) error {
	switch j.kind {
	case timeTask:
		if !n.isDue(j) {
			return nil
		}
		return n.call(ctx, nodes.Call{Part: nodes.PartTime}, &j.out, func(ctx context.Context, out nodes.Out) error {
			return n.parts.Timed.OnTime(ctx, time.Now(), out)
		})
	case endTask:
		return n.call(ctx, nodes.Call{Part: nodes.PartEnd}, &j.out, func(ctx context.Context, out nodes.Out) error {
			if n.parts.Ender == nil {
				return nil
			}
			return n.parts.Ender.End(ctx, j.ended, out)
		})
	case cutTask:
		return n.call(ctx, nodes.Call{Part: nodes.PartSettle}, &j.out, n.parts.Settler.Settle)
	}
	in := j.in
	if n.parts.Parallel != nil {
		in.Made = j.made
	}
	j.in.Made, j.made = nil, nil // they are the operator's now
	if n.parts.Holder != nil && in.Data != nil {
		n.holding.given += int64(in.Data.Len())
	}
	if !n.watched {
		return n.callProcess(ctx, in, &j.out)
	}
	return n.call(ctx, nodes.Call{Part: nodes.PartProcess, Input: in}, &j.out, func(ctx context.Context, out nodes.Out) error {
		if n.parts.Parallel != nil && in.Made == nil {
			return nil
		}
		return n.parts.Process(ctx, in, out)
	})
}

// book counts a job that was delivered, and notes whether the kind is done. What is
// left out or fails in a call that has no items, such as the rows of a sort past its
// limit, was counted as used when it came.
func (n *driver) book(j *job, err error) error {
	c := &n.count
	c.Busy.Add(int64(j.took))
	if j.kind == itemsTask {
		c.Latency.Add(j.took)
	}
	c.Batches.Add(1)
	if j.out.filtered > 0 {
		c.Filtered.Add(int64(j.out.filtered))
	}
	done := errors.Is(err, nodes.ErrDone)
	if err == nil || done || j.kind != itemsTask {
		c.Used.Add(int64(j.items - j.out.filtered - j.out.bad))
	}
	if done {
		n.done.Store(true)
		n.bell.ring()
		return nil
	}
	return err
}

// deliverFreely delivers a job where the order is not kept, and the cut if that was the
// last job before it. own is the job if the order made it.
func (n *driver) deliverFreely(ctx context.Context, w *worker, j, own *job) error {
	gen := j.gen
	var err error
	if !j.out.turn && j.kind != cutTask {
		err = n.order.await(ctx, j)
	}
	if err == nil {
		err = n.deliver(ctx, w, j)
	} else {
		j.clear()
	}
	for cut := n.order.left(gen, own); cut != nil; cut = n.order.left(cut.gen, cut) { // a cut that was given up may be before another one
		if cerr := n.deliver(ctx, w, cut); err == nil {
			err = cerr
		}
	}
	return err
}
