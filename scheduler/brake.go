package scheduler

import (
	"context"
	"sync/atomic"
)

// A cut overrules edges that are full: see intake.approach. So that what is on its way does
// not become more and more with every cut, an edge that holds more than it has room for
// brakes all that leads to it over edges that make their senders wait: it would have held
// them up in the end. A source that is braked is asked for nothing; any other node is not
// woken at its time, and takes only from edges that a cut cannot pass by.
//
// The check sees to it that no flow comes to a halt however little its edges hold, so a
// brake does not halt it either.
//
// A brake is the edges that brake a node. The mutex of the epochs guards it.
type brake struct {
	on    atomic.Bool // there are some; read without the mutex
	edges int
	edge  *edge         // one of them
	gone  chan struct{} // closed when there is none any more
}

func (c *epochs) brake(e *edge, on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.braking.Swap(on) == on {
		return
	}
	if on && (e.count.Items.Load() <= e.capacity || e.isRefused()) { // the reader was quicker, and has not seen it
		e.braking.Store(false)
		return
	}
	seen := map[*node]bool{}
	var walk func(n *node)
	walk = func(n *node) {
		if seen[n] {
			return
		}
		seen[n] = true
		n.turnBrake(e, on)
		for _, edges := range n.in {
			for _, e := range edges {
				if e.spec.Contract.Blocks() {
					walk(c.run.byNode[e.spec.From])
				}
			}
		}
	}
	walk(c.run.byNode[e.spec.From])
}

func (n *node) turnBrake(e *edge, on bool) {
	b := &n.brake
	switch {
	case on:
		if b.edges++; b.edges == 1 {
			b.edge, b.gone = e, make(chan struct{})
			b.on.Store(true)
		}
	default:
		if b.edges--; b.edges == 0 {
			close(b.gone)
			b.edge, b.gone = nil, nil
			b.on.Store(false)
			n.bell.ring()
		}
	}
}

// braked waits until the brake of a source is off, or the source is to take no more.
func (n *node) braked(ctx context.Context, w *worker) {
	for n.brake.on.Load() && ctx.Err() == nil {
		c := n.run.epochs
		c.mu.Lock()
		gone, on := n.brake.gone, n.brake.edge
		c.mu.Unlock()
		if gone == nil {
			return
		}
		p := w.pause(sending, on.spec)
		select {
		case <-gone:
		case <-ctx.Done():
		}
		w.resume(p)
	}
}
