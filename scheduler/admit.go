package scheduler

import "time"

// admit says how many of size items the rate and the breaker of the node let pass now,
// and under which era of the breaker; or, with a nap, until when none may. The caller
// holds the take token.
func (n *node) admit(size int) (int, uint64, *nap) {
	if n.bucket == nil && n.breaker == nil {
		return size, noEra, nil
	}
	now := time.Now()
	if n.breaker != nil {
		if !n.spec.Engine.Batch.Given() {
			size = 1 // so that no item is tried that should have waited
		}
		if ok, again := n.breaker.may(now); !ok {
			return 0, noEra, &nap{wait: wait{what: nappingOr(again), until: again}, held: true}
		}
	}
	if n.bucket != nil {
		got, again := n.bucket.take(now, size)
		if got == 0 {
			return 0, noEra, &nap{wait: wait{what: napping, until: again}, held: true}
		}
		size = got
	}
	if n.breaker == nil {
		return size, noEra, nil
	}
	return size, n.breaker.enter(), nil
}

// nappingOr is what a worker does that waits until a time; without one it waits for
// others.
func nappingOr(until time.Time) activity {
	if until.IsZero() {
		return queueing
	}
	return napping
}
