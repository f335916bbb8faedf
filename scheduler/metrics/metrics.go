// Package metrics holds what a run counts: per node and per edge, updated once a
// batch by the workers, read at any time by anyone.
//
// The books. For each node, in = out + filtered + skipped + dead + held if the
// kind conserves items; for any other kind, in = used + filtered + skipped + dead
// + held, where used is what it worked on. For each edge, sent = received +
// dropped + unwanted + left. Report.Balance checks both.
package metrics

import (
	"sync/atomic"
	"time"
)

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
	Batches  atomic.Int64 // pieces of work

	Busy    atomic.Int64 // ns in the kind's own code, over all workers
	Blocked atomic.Int64 // ns waiting for room on an output
	Starved atomic.Int64 // ns waiting for input

	Workers atomic.Int64
	Ended   atomic.Bool
	Latency Histogram // of a piece of work, per batch
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

// histogramSize covers 1 µs to more than an hour in powers of two.
const histogramSize = 33

// A Histogram counts durations in buckets whose bounds double from 1 µs.
type Histogram struct{ counts [histogramSize]atomic.Int64 }

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	i := 0
	for us := d.Microseconds(); us > 0 && i < histogramSize-1; us >>= 1 {
		i++
	}
	h.counts[i].Add(1)
}

// Quantile estimates the duration below which the share q of all lies: the upper
// bound of its bucket. It is 0 if nothing was counted.
func (h *Histogram) Quantile(q float64) time.Duration {
	var total int64
	var counts [histogramSize]int64
	for i := range h.counts {
		counts[i] = h.counts[i].Load()
		total += counts[i]
	}
	want := int64(q * float64(total))
	for i, c := range counts {
		if want -= c; want < 0 {
			return time.Microsecond << i
		}
	}
	return 0
}
