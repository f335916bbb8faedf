package scheduler

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A pausing is the gate in front of the sources of a run. While it is closed,
// sources are asked for nothing, and what one of them was just taking waits at the
// gate; everything behind it goes on. A source that waits there counts as at work
// for the watch, so a paused flow is never taken for a stuck one, and its wait is
// counted as nothing: not as busy, blocked or starved.
type pausing struct {
	on atomic.Bool // gate is not nil: the look of sources, once a piece

	mu    sync.Mutex
	gate  chan struct{} // closed when the run goes on; nil: it is not paused
	since time.Time
	spent time.Duration // in the pauses before
	over  bool          // the sources have been told to stop: there is nothing to pause
}

// open lets everybody pass. The caller holds mu.
func (p *pausing) open() {
	if p.gate != nil {
		close(p.gate)
		p.spent += time.Since(p.since)
		p.gate = nil
		p.on.Store(false)
	}
}

// start begins to count: the time before the run is no pause of it.
func (p *pausing) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.since, p.spent = time.Now(), 0
}

// end opens the gate for good: the sources have been told to stop, or the run has
// ended.
func (p *pausing) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open()
	p.over = true
}

// pass waits at the gate until the run goes on or ctx ends.
func (p *pausing) pass(ctx context.Context) {
	if !p.on.Load() {
		return
	}
	for ctx.Err() == nil {
		p.mu.Lock()
		gate := p.gate
		p.mu.Unlock()
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
func (p *pausing) total() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gate != nil {
		return p.spent + time.Since(p.since)
	}
	return p.spent
}

// mark says in a report of a run that is paused that it is.
func (p *pausing) mark(report *metrics.Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !report.Started.IsZero() {
		report.PausedFor = p.spent
	}
	if p.gate == nil {
		return
	}
	report.Paused = true
	if !report.Started.IsZero() {
		report.PausedFor += time.Since(p.since)
	}
	for i := range report.Nodes {
		if n := &report.Nodes[i]; n.Source && n.State == "running" {
			n.State = "paused"
		}
	}
}
