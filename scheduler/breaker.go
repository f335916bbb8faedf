package scheduler

import (
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

	mu    sync.Mutex
	state metrics.BreakerState
	era   uint64 // changes with the state
	row   int    // items in a row that failed
	until time.Time
}

func newBreaker(n *node, b graph.Breaker) *breaker {
	if b.Failures == 0 {
		return nil
	}
	n.count.Breaker.Store(int32(metrics.Closed))
	return &breaker{n: n, Breaker: b, state: metrics.Closed, era: 1}
}

// noEra is for items that the breaker does not judge.
const noEra = 0

// may says whether an item may be taken now. If not, again is when to ask: zero is
// when the state changes, because an item in work is tried; that rings the bell of the
// node. One goroutine at a time calls it, and enter.
func (b *breaker) may(now time.Time) (ok bool, again time.Time) {
	if b.n.run.stopping() {
		return true, again
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == metrics.Open && now.Before(b.until) {
		again = b.until
	}
	return b.state == metrics.Closed || b.state == metrics.Open && again.IsZero(), again
}

// enter is called when an item is taken that may be. The era of the state comes back
// with the outcome.
func (b *breaker) enter() (era uint64) {
	if b.n.run.stopping() {
		return noEra
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == metrics.Open {
		b.turn(metrics.Trying)
	}
	return b.era
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
	b.n.bell.ring()
	if to == metrics.Trying {
		b.n.env.Log.Info("breaker tries an item")
	}
}
