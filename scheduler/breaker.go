package scheduler

import (
	"context"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A breaker holds a node back that keeps failing.
//
//	closed   items pass; after so many in a row that failed it opens
//	open     nothing is taken until the time is over
//	trying   one item passes; if it succeeds the breaker closes, else it opens again
//
// What waits stays where it is: the node takes nothing, its queue fills, and those
// before it wait. When the flow is stopped, nothing is held back any more: what is
// left is tried without waiting.
//
// Items are judged when it is known what became of them, in the order in which that
// happens: several workers may have some more in work when the breaker opens. Each
// is judged under the state in which it was taken, so that one that was on its way
// before does not decide for the one that is tried.
type breaker struct {
	n *node
	graph.Breaker

	mu     sync.Mutex
	state  metrics.BreakerState
	era    uint64 // changes with the state
	row    int    // items in a row that failed
	until  time.Time
	change chan struct{} // closed when the state changes
}

func newBreaker(n *node, b graph.Breaker) *breaker {
	if b.Failures == 0 {
		return nil
	}
	n.count.Breaker.Store(int32(metrics.Closed))
	return &breaker{n: n, Breaker: b, state: metrics.Closed, era: 1, change: make(chan struct{})}
}

// noEra is for items that the breaker does not judge.
const noEra = 0

// pass waits until an item may be taken. What it gives comes back with the outcome.
// One goroutine at a time calls it.
func (b *breaker) pass(ctx context.Context, w *worker) (era uint64, err error) {
	for {
		if b.n.run.stopping() {
			return noEra, ctx.Err()
		}
		b.mu.Lock()
		if b.state == metrics.Open && !time.Now().Before(b.until) {
			b.turn(metrics.Trying)
			era := b.era
			b.mu.Unlock()
			return era, nil
		}
		state, era, until, change := b.state, b.era, b.until, b.change
		b.mu.Unlock()
		switch state {
		case metrics.Closed:
			return era, nil
		case metrics.Open:
			err = b.n.idleUntil(ctx, w, until, b.n.run.sources.Done())
		case metrics.Trying:
			err = b.awaitOutcome(ctx, w, change)
		}
		if err != nil {
			return noEra, err
		}
	}
}

// awaitOutcome waits for what becomes of the item that is tried.
func (b *breaker) awaitOutcome(ctx context.Context, w *worker, change <-chan struct{}) error {
	defer b.n.holdBack()()
	defer w.waits(queueing, nil)()
	select {
	case <-change:
	case <-b.n.run.sources.Done():
	case <-b.n.taking.Done():
		return b.n.dismissed()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// outcome says what became of items that were taken together. Of several, one that
// succeeded is enough: only all of them together are a failure.
func (b *breaker) outcome(era uint64, items, bad int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if era != b.era {
		return
	}
	failed := bad > 0 && bad >= items
	if failed {
		b.row += items
	} else {
		b.row = 0
	}
	switch {
	case b.state == metrics.Trying && !failed:
		b.turn(metrics.Closed)
		b.n.env.Log.Info("breaker closed")
	case failed && (b.state == metrics.Trying || b.row >= b.Failures):
		b.until = time.Now().Add(b.OpenFor)
		b.turn(metrics.Open)
		b.n.count.Openings.Add(1)
		b.n.env.Log.Warn("breaker open", "failures", b.row, "open_for", b.OpenFor)
	}
}

// turn changes the state. The caller holds mu.
func (b *breaker) turn(to metrics.BreakerState) {
	b.state = to
	b.n.count.Breaker.Store(int32(to))
	b.era++
	close(b.change)
	b.change = make(chan struct{})
	if to == metrics.Trying {
		b.n.env.Log.Info("breaker tries an item")
	}
}

// judge tells the breaker of the node what became of a job: as soon as it was
// worked on, or, if the stage has a serial part that may fail as well, when it was
// delivered.
func (s *stage) judge(j *job, delivered bool) {
	if s.n.breaker != nil && delivered == (s.def.Commit != nil) {
		s.n.breaker.outcome(j.era, j.items, j.out.bad)
	}
}

// closed reports whether items pass without a wait.
func (b *breaker) closed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state == metrics.Closed || b.n.run.stopping()
}
