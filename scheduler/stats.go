package scheduler

import (
	"context"
	"slices"
	"time"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// Stats gives a report of now.
func (r *Run) Stats() metrics.Report {
	r.mu.Lock()
	report := metrics.Report{Flow: r.flow.Name, Outcome: "running", Started: r.started, Took: r.took}
	switch {
	case !r.ended && !r.started.IsZero():
		report.Took, report.Draining = time.Since(r.started), r.stopped
		if cause := context.Cause(r.ctx); cause != nil {
			report.Error = cause.Error()
		}
	case !r.ended:
	case r.failure != nil:
		report.Outcome, report.Error = "failed", r.failure.Error()
	case r.partial():
		report.Outcome = "stopped"
	default:
		report.Outcome = "done"
	}
	r.mu.Unlock()
	for _, n := range r.nodes {
		report.Nodes = append(report.Nodes, n.report(report.Took))
		if n.env.Outputs == nil || report.Outcome == "running" {
			continue
		}
		for _, o := range n.env.Outputs() {
			if o.Written {
				report.Files = append(report.Files, o.Path)
			} else {
				report.Unwritten = append(report.Unwritten, o.Path)
			}
		}
	}
	for _, e := range r.edges {
		report.Edges = append(report.Edges, e.report())
	}
	if report.Cuts = r.epochs.stats(report.Took); report.Cuts != nil {
		r.epochs.mark(report.Nodes)
	}
	r.pausing.mark(&report)
	report.Close()
	return report
}

func (n *node) report(took time.Duration) metrics.NodeReport {
	c := &n.count
	latency := c.Latency.Snapshot()
	workers := max(c.Workers.Load(), 1)
	whole := float64(max(took, 1)) * float64(workers)
	if n.workers.Elastic() {
		whole = float64(max(n.timeOfAll(), 1))
	}
	share := func(ns int64) float64 { return min(1, max(0, float64(ns)/whole)) }
	rep := metrics.NodeReport{
		ID: n.spec.ID, Kind: n.spec.Kind, State: "running", Workers: int(workers), Most: int(c.Most.Load()), Resized: c.Resized.Load(),
		In: c.In.Load(), Out: c.Out.Load(), Used: c.Used.Load(), Filtered: c.Filtered.Load(),
		Skipped: c.Skipped.Load(), Dead: c.Dead.Load(), Failed: c.Failed.Load(), Retries: c.Retries.Load(),
		Busy: share(c.Busy.Load()), Blocked: share(c.Blocked.Load()), Starved: share(c.Starved.Load()),
		P50: latency.Quantile(0.5), P99: latency.Quantile(0.99), Latency: latency,
		BusyTime: time.Duration(c.Busy.Load()), BlockedTime: time.Duration(c.Blocked.Load()), StarvedTime: time.Duration(c.Starved.Load()),
		Began: moment(c.Began.Load()), Finished: moment(c.Finished.Load()),
		Limited: share(c.Limited.Load() * workers), Breaker: metrics.BreakerState(c.Breaker.Load()), Openings: c.Openings.Load(),
		Conserves: n.spec.Spec.Conserves, Source: len(n.in) == 0,
	}
	if c.Ended.Load() {
		rep.State = "done"
	}
	if !rep.Source {
		rep.Held = max(0, rep.In-rep.Used-rep.Filtered-rep.Errors())
	}
	if n.env.Progress != nil {
		rep.Done, rep.Total = n.env.Progress()
	}
	return rep
}

// moment is a time that a counter holds, zero if it holds none.
func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

// RecentErrors gives the last items that failed on a node without stopping it.
func (r *Run) RecentErrors(node string) []ItemError {
	for _, n := range r.nodes {
		if n.spec.ID == node {
			n.mu.Lock()
			defer n.mu.Unlock()
			return slices.Clone(n.recent)
		}
	}
	return nil
}
