package scheduler

import "time"

// admit says how many of size items the rate and the breaker of the node let pass now,
// and under which era of the breaker. If it is none, it says in nap until when. The
// caller holds the take token, and the node has one of the two.
func (n *node) admit(size int, until *nap) (int, uint64) {
	now := time.Now()
	if n.breaker != nil {
		if !n.spec.Engine.Batch.Given() {
			size = 1 // so that no item is tried that should have waited
		}
		if ok, again := n.breaker.may(now); !ok {
			*until = nap{wait: wait{what: nappingOr(again), until: again}, held: true}
			return 0, noEra
		}
	}
	if n.bucket != nil {
		got, again := n.bucket.take(now, size)
		if got == 0 {
			*until = nap{wait: wait{what: napping, until: again}, held: true}
			return 0, noEra
		}
		size = got
	}
	if n.breaker == nil {
		return size, noEra
	}
	return size, n.breaker.enter()
}

// nappingOr is what a worker does that waits until a time; without one it waits for
// others.
func nappingOr(until time.Time) activity {
	if until.IsZero() {
		return queueing
	}
	return napping
}
