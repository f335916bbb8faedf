package scheduler

import (
	"time"
)

// This file is how many items are taken at once.

// pieceTime is how long a piece of work should take: long enough to make tokens
// cheap, short enough to share work among workers and to hold nothing back.
const pieceTime = 250 * time.Microsecond

// learn updates the cost of an item.
func (t *intake) learn(port, items int, took time.Duration) {
	if items <= 0 {
		return
	}
	now := max(int64(took)/int64(items), 1)
	if old := t.cost[port].Load(); old > 0 {
		now = (3*old + now) / 4
	}
	t.cost[port].Store(now)
}

// share is how many of the waiting items to take at once.
func (t *intake) share(port, waiting int) int {
	parts := &t.n.parts
	if parts.Parallel == nil || parts.Gatherer != nil && parts.Gatherer.WholeBatches() {
		return waiting
	}
	cost := t.cost[port].Load()
	if cost == 0 {
		return 1 // it may be slow
	}
	return int(min(int64(waiting), max(1, int64(pieceTime)/cost)))
}

// atOnce is share, within what the run and the node allow.
func (t *intake) atOnce(in *inlet, waiting int) int {
	if in.batch != nil {
		return waiting // it is cut to size already
	}
	return min(t.share(in.port, waiting), t.n.run.options.batch())
}

// most is how many items to take off a queue that reorders: few, so that what comes
// while the node works can still overtake.
func (t *intake) most(in *inlet) int {
	if in.e.ranker == nil {
		return 0 // it has no single items
	}
	cost := t.cost[in.port].Load()
	if cost == 0 || t.n.breaker != nil {
		return 1
	}
	most := max(1, int64(pieceTime)/cost)
	if t.n.bucket != nil {
		most = min(most, max(1, t.n.bucket.Ready())) // those that may not pass yet can still be overtaken
	}
	return int(most)
}
