package control

import (
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A Breaker holds a node back that keeps failing.
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
type Breaker struct {
	graph.Breaker
	turned func(to metrics.BreakerState, failures int)

	mu    sync.Mutex
	state metrics.BreakerState
	era   uint64 // changes with the state
	row   int    // items in a row that failed
	until time.Time
}

// NewBreaker gives nil if the flow asks for none. It is closed. Whenever the state changes,
// turned is told, with how many items in a row have failed; the breaker is locked then.
func NewBreaker(b graph.Breaker, turned func(to metrics.BreakerState, failures int)) *Breaker {
	if b.Failures == 0 {
		return nil
	}
	return &Breaker{Breaker: b, turned: turned, state: metrics.Closed, era: 1}
}

// NoEra is for items that the breaker does not judge.
const NoEra = 0

// May says whether an item may be taken now. If not, again is when to ask: zero is
// when the state changes, because an item in work is tried. One goroutine at a time calls
// it, and Enter.
func (b *Breaker) May(now time.Time) (ok bool, again time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == metrics.Open && now.Before(b.until) {
		again = b.until
	}
	return b.state == metrics.Closed || b.state == metrics.Open && again.IsZero(), again
}

// Enter is called when an item is taken that may be. The era of the state comes back
// with the outcome.
func (b *Breaker) Enter() (era uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == metrics.Open {
		b.turn(metrics.Trying)
	}
	return b.era
}

// Outcome says what became of items that were taken together. Of several, one that
// succeeded is enough: only all of them together are a failure.
func (b *Breaker) Outcome(era uint64, items, bad int) {
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
	case failed && (b.state == metrics.Trying || b.row >= b.Failures):
		b.until = time.Now().Add(b.OpenFor)
		b.turn(metrics.Open)
	}
}

// turn changes the state. The caller holds mu.
func (b *Breaker) turn(to metrics.BreakerState) {
	b.state = to
	b.era++
	b.turned(to, b.row)
}
