// Package metrics holds what a run counts: per node and per edge, updated once a
// batch by the workers, read at any time by anyone.
//
// The books. For each node, in = out + filtered + skipped + dead + held if the
// kind conserves items; for any other kind, in = used + filtered + skipped + dead
// + held, where used is what it worked on. For each edge, sent = received +
// dropped + unwanted + left. Report.Balance checks both.
package metrics

import "sync/atomic"

// Node counts for one node. All fields may be written by many goroutines.
type Node struct {
	In       atomic.Int64 // items taken
	Out      atomic.Int64 // items emitted on its own ports, once each, however many edges a port has
	Used     atomic.Int64 // items that were worked on to the end
	Filtered atomic.Int64 // left out on purpose
	Skipped  atomic.Int64 // failed, on_error: skip
	Dead     atomic.Int64 // failed, on_error: dead
	Failed   atomic.Int64 // failed, on_error: fail
	Retries  atomic.Int64 // tries after the first
	Batches  atomic.Int64 // tasks

	Busy    atomic.Int64 // ns in the kind's own code, over all workers
	Blocked atomic.Int64 // ns waiting for room on an output
	Starved atomic.Int64 // ns waiting for input

	Limited  atomic.Int64 // ns held back by its rate or an open breaker
	Openings atomic.Int64 // how often its breaker opened
	Breaker  atomic.Int32 // a BreakerState

	Workers atomic.Int64 // now
	Most    atomic.Int64 // workers at once, of a node that follows its load
	Resized atomic.Int64 // how often their number changed
	Ended   atomic.Bool
	Latency Histogram // of a task, per batch

	Began    atomic.Int64 // when its first worker began, ns since 1970; 0: not yet
	Finished atomic.Int64 // when its last worker had ended; 0: not yet
}

// Done is how many items were worked on to the end, whatever became of them.
func (n *Node) Done() int64 {
	return n.Used.Load() + n.Filtered.Load() + n.Skipped.Load() + n.Dead.Load() + n.Failed.Load()
}

// Edge counts for one edge.
type Edge struct {
	Sent     atomic.Int64 // items put on it
	Received atomic.Int64 // items taken off it
	Unwanted atomic.Int64 // items that the reader wanted no more
	Dropped  atomic.Int64 // items that a full edge dropped
	Spilled  atomic.Int64 // items that went through the overflow
	Items    atomic.Int64 // waiting now
	Bytes    atomic.Int64 // waiting now
	Peak     atomic.Int64 // most items that ever waited
	Oldest   atomic.Int64 // when the item that waits longest came, or a little before; ns since the run began
	Wait     Histogram    // how long items waited, per batch
}

// Raise keeps the highest depth.
func (e *Edge) Raise(depth int64) {
	for {
		old := e.Peak.Load()
		if depth <= old || e.Peak.CompareAndSwap(old, depth) {
			return
		}
	}
}
