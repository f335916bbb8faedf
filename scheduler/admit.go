package scheduler

import (
	"time"

	"github.com/flowrun/flowrun/scheduler/control"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file is what holds a node back: its rate and its breaker.

// turnBreaker is told that the breaker of the node is in another state.
func (n *node) turnBreaker(to metrics.BreakerState, failures int) {
	n.count.Breaker.Store(int32(to))
	n.bell.ring()
	switch to {
	case metrics.Open:
		n.count.Openings.Add(1)
		n.env.Log.Warn("breaker open", "failures", failures, "open_for", n.breaker.OpenFor)
	case metrics.Trying:
		n.env.Log.Info("breaker tries an item")
	case metrics.Closed:
		n.env.Log.Info("breaker closed")
	}
}

// admit says how many of size items the rate and the breaker of the node let pass now,
// and under which era of the breaker. If it is none, it says in nap until when. The
// caller holds the take token, and the node has one of the two.
func (n *node) admit(size int, until *nap) (int, uint64) {
	now := time.Now()
	judged := n.breaker != nil && !n.life.stopping() // then what is left is tried without waiting
	if n.breaker != nil {
		if !n.spec.Engine.Batch.Given() {
			size = 1 // so that no item is tried that should have waited
		}
	}
	if judged {
		if ok, again := n.breaker.May(now); !ok {
			*until = nap{wait: wait{what: nappingOr(again), until: again}, held: true}
			return 0, control.NoEra
		}
	}
	if n.bucket != nil {
		got, again := n.bucket.Take(now, size)
		if got == 0 {
			*until = nap{wait: wait{what: napping, until: again}, held: true}
			return 0, control.NoEra
		}
		size = got
	}
	if !judged {
		return size, control.NoEra
	}
	return size, n.breaker.Enter()
}

// nappingOr is what a worker does that waits until a time; without one it waits for
// others.
func nappingOr(until time.Time) activity {
	if until.IsZero() {
		return queueing
	}
	return napping
}
