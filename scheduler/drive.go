package scheduler

import (
	"context"
	"errors"
	"io"

	"github.com/flowrun/flowrun/nodes"
)

// This file is the loop of a node, from its first worker to its end.

// main runs the operator of the node to its end, then ends its outputs and refuses
// its inputs.
func (n *driver) main(ctx context.Context) {
	n.begin()
	defer func() {
		n.finish()
		for _, edges := range n.out {
			for _, e := range edges {
				e.end()
			}
		}
		for _, edges := range n.in {
			for _, e := range edges {
				e.refuse()
			}
		}
		if n.cuts != nil {
			n.cuts.ended()
		}
	}()
	err := guard(func() error { return n.drive(ctx) })
	if done := errors.Is(err, nodes.ErrDone); err == nil || done {
		if done {
			n.closeBooks()
		}
		err = n.seal(ctx)
	}
	if n.parts.Acknowledger == nil { // else it is needed to the end
		if cerr := n.close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		n.fail(err)
	}
}

// drive runs the workers of the node.
func (n *driver) drive(ctx context.Context) error {
	err := guard(func() error { n.intake = newIntake(n.node, n.order); return nil })
	if err != nil {
		return err
	}
	n.count.Workers.Store(int64(n.workers.Min))
	switch {
	case n.workers.Max == 1 && n.order == nil:
		err = n.alone(ctx)
	case n.spec.Engine.Order == "key" && !n.source():
		err = n.keyed(ctx, n.workers.Max)
	default:
		err = n.together(ctx)
	}
	if left := n.intake.drop(); n.done.Load() {
		n.count.Filtered.Add(int64(left))
	}
	if err == nil && n.done.Load() {
		err = nodes.ErrDone
	}
	return err
}

// alone is the loop of a node with one worker: it needs no tokens.
func (n *driver) alone(ctx context.Context) error {
	w, err := n.open(ctx)
	if err != nil {
		return err
	}
	var j job
	for err == nil {
		if err = n.intake.next(ctx, w); err == nil {
			j.task = n.intake.task
			n.reach(j.after)
			err = n.do(ctx, w, &j)
		}
	}
	if err == io.EOF {
		err = nil
	}
	if cerr := w.close(); err == nil {
		err = cerr
	}
	return err
}

// together runs a node with several workers.
func (n *driver) together(ctx context.Context) error {
	p := newPool(ctx, n)
	n.makeOrder()
	var workers []*worker
	var err error
	for range n.workers.Min {
		var w *worker
		if w, err = n.open(ctx); err != nil {
			break
		}
		workers = append(workers, w)
	}
	if err != nil {
		for _, w := range workers {
			w.close()
		}
		return err
	}
	n.mu.Lock()
	n.staff, n.exchange = p, p.exchange
	n.mu.Unlock()
	p.take <- struct{}{}
	p.mu.Lock()
	p.open = workers
	for _, w := range workers {
		p.size++
		p.all.Go(func() { p.ended(w, guard(func() error { return p.work(w) })) })
	}
	p.mu.Unlock()
	p.all.Wait()
	n.order.clear()
	err = context.Cause(ctx)
	for _, w := range p.open {
		if cerr := w.close(); err == nil {
			err = cerr
		}
	}
	return err
}
