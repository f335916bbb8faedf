package scheduler

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A valve is the gate in front of the sources of a run. While it is closed,
// sources are asked for nothing, and what one of them was just taking waits at the
// gate; everything behind it goes on. A source that waits there counts as at work
// for the watch, so a paused flow is never taken for a stuck one, and its wait is
// counted as nothing: not as busy, blocked or starved.
type valve struct {
	on atomic.Bool // gate is not nil: the look of sources, once a piece

	mu    sync.Mutex
	gate  chan struct{} // closed when the run goes on; nil: it is not paused
	since time.Time
	spent time.Duration // in the pauses before
	over  bool          // the sources have been told to stop: there is nothing to pause
}

// open lets everybody pass. The caller holds mu.
func (v *valve) open() {
	if v.gate != nil {
		close(v.gate)
		v.spent += time.Since(v.since)
		v.gate = nil
		v.on.Store(false)
	}
}

// start begins to count: the time before the run is no pause of it.
func (v *valve) start() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.since, v.spent = time.Now(), 0
}

// end opens the gate for good: the sources have been told to stop, or the run has
// ended.
func (v *valve) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open()
	v.over = true
}

// pass waits at the gate until the run goes on or ctx ends.
func (v *valve) pass(ctx context.Context) {
	if !v.on.Load() {
		return
	}
	for ctx.Err() == nil {
		v.mu.Lock()
		gate := v.gate
		v.mu.Unlock()
		if gate == nil {
			break
		}
		select {
		case <-gate: // it may be closed again by now
		case <-ctx.Done():
		}
	}
}

// total is how long the run was paused until now.
func (v *valve) total() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.gate != nil {
		return v.spent + time.Since(v.since)
	}
	return v.spent
}

// mark says in a report of a run that is paused that it is.
func (v *valve) mark(report *metrics.Report) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !report.Started.IsZero() {
		report.PausedFor = v.spent
	}
	if v.gate == nil {
		return
	}
	report.Paused = true
	if !report.Started.IsZero() {
		report.PausedFor += time.Since(v.since)
	}
	for i := range report.Nodes {
		if n := &report.Nodes[i]; n.Source && n.State == "running" {
			n.State = "paused"
		}
	}
}
