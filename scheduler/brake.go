package scheduler

import (
	"context"
	"sync"
	"sync/atomic"
)

// This file has the brake, which holds up the nodes that lead to an edge which cuts
// have overfilled.

// A cut overrules edges that are full: see intake.approach. So that what is on its way does
// not become more and more with every cut, an edge that holds more than it has room for
// brakes all that leads to it over edges that make their senders wait: it would have held
// them up in the end. A source that is braked is asked for nothing; any other node is not
// woken at its time, and takes only from edges that a cut cannot pass by.
//
// The check sees to it that no flow comes to a halt however little its edges hold, so a
// brake does not halt it either.
//
// A brake is the edges that brake a node.
type brake struct {
	on atomic.Bool // there are some; read without the mutex

	mu    sync.Mutex
	edges int
	edge  *edge         // one of them
	gone  chan struct{} // closed when there is none any more
}

// turn puts an edge on the brake, or takes one off. It reports whether there is none now.
func (b *brake) turn(e *edge, on bool) (free bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if on {
		if b.edges++; b.edges == 1 {
			b.edge, b.gone = e, make(chan struct{})
			b.on.Store(true)
		}
		return false
	}
	if b.edges--; b.edges > 0 {
		return false
	}
	close(b.gone)
	b.edge, b.gone = nil, nil
	b.on.Store(false)
	return true
}

// wait waits until the brake is off, or ctx ends.
func (b *brake) wait(ctx context.Context, w *worker) {
	for b.on.Load() && ctx.Err() == nil {
		b.mu.Lock()
		gone, on := b.gone, b.edge
		b.mu.Unlock()
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
