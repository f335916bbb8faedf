package history

import (
	"sync"
	"time"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file records how the counters of a run went over time, in bounded memory.

// Bounds of a timeline.
const (
	MaxPoints  = 600
	minPoints  = 24
	maxNumbers = 400_000 // in all; a large flow has fewer points
	firstEvery = 250 * time.Millisecond
)

// A Timeline is what the counters of a run stood at, at some times. Its series have
// the order of the nodes and edges of the report, and all have the length of At.
type Timeline struct {
	At    []int64      `json:"ms"` // since the start
	Nodes []NodeSeries `json:"nodes"`
	Edges []EdgeSeries `json:"edges"`
}

// A NodeSeries is a node over time: cumulative but for Workers. Times are of all
// its workers together.
type NodeSeries struct {
	In      []int64 `json:"in"`
	Out     []int64 `json:"out"`
	Errors  []int64 `json:"errors"`
	Workers []int64 `json:"workers"`
	Busy    []int64 `json:"busy_ms"`
	Blocked []int64 `json:"blocked_ms"`
	Starved []int64 `json:"starved_ms"`
}

// An EdgeSeries is an edge over time.
type EdgeSeries struct {
	Items []int64 `json:"items"` // waiting: the most since the point before
	Sent  []int64 `json:"sent"`  // cumulative
}

func (n *NodeSeries) series() []*[]int64 {
	return []*[]int64{&n.In, &n.Out, &n.Errors, &n.Workers, &n.Busy, &n.Blocked, &n.Starved}
}

func (e *EdgeSeries) series() []*[]int64 { return []*[]int64{&e.Items, &e.Sent} }

// all gives every series but At.
func (t *Timeline) all() []*[]int64 {
	var all []*[]int64
	for i := range t.Nodes {
		all = append(all, t.Nodes[i].series()...)
	}
	for i := range t.Edges {
		all = append(all, t.Edges[i].series()...)
	}
	return all
}

// whole reports whether all series have the length of At and fit a report.
func (t *Timeline) whole(r *metrics.Report) bool {
	if len(t.Nodes) != len(r.Nodes) || len(t.Edges) != len(r.Edges) {
		return len(t.At) == 0
	}
	for _, s := range t.all() {
		if len(*s) != len(t.At) {
			return false
		}
	}
	return true
}

// limit is how many points a timeline may have.
func limit(nodes, edges int) int {
	return min(MaxPoints, max(minPoints, maxNumbers/max(1, 7*nodes+2*edges)))
}

// add puts a report behind the others.
func (t *Timeline) add(r *metrics.Report) {
	if len(t.At) == 0 {
		t.Nodes, t.Edges = make([]NodeSeries, len(r.Nodes)), make([]EdgeSeries, len(r.Edges))
	}
	if len(r.Nodes) != len(t.Nodes) || len(r.Edges) != len(t.Edges) {
		return // of another flow
	}
	t.At = append(t.At, r.Took.Milliseconds())
	for i := range r.Nodes {
		n := &r.Nodes[i]
		row := []int64{n.In, n.Out, n.Errors(), int64(n.Workers), n.BusyTime.Milliseconds(), n.BlockedTime.Milliseconds(), n.StarvedTime.Milliseconds()}
		for k, s := range t.Nodes[i].series() {
			*s = append(*s, row[k])
		}
	}
	for i := range r.Edges {
		e := &t.Edges[i]
		e.Items, e.Sent = append(e.Items, r.Edges[i].Items), append(e.Sent, r.Edges[i].Sent)
	}
}

// thin drops every other point; the first and, of an odd number, the last stay.
func (t *Timeline) thin() {
	for i := range t.Edges {
		items := t.Edges[i].Items
		for k := 1; k+1 < len(items); k += 2 {
			items[k+1] = max(items[k], items[k+1])
		}
	}
	for _, s := range append(t.all(), &t.At) {
		kept := (*s)[:0]
		for k, x := range *s {
			if k%2 == 0 {
				kept = append(kept, x)
			}
		}
		*s = kept
	}
}

// A Recorder makes the timeline of a run, point by point. It may be used by many
// goroutines.
type Recorder struct {
	mu    sync.Mutex
	line  Timeline
	every time.Duration
}

// NewRecorder makes one that has no point yet.
func NewRecorder() *Recorder { return &Recorder{every: firstEvery} }

// Every is the time that should pass until the next point. It grows with the run.
func (r *Recorder) Every() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.every
}

// Add puts a point behind the others.
func (r *Recorder) Add(report *metrics.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.line.At); n > 0 && report.Took.Milliseconds() <= r.line.At[n-1] {
		return // no time has passed
	}
	if len(r.line.At) >= limit(len(report.Nodes), len(report.Edges)) {
		r.line.thin()
		r.every *= 2
	}
	r.line.add(report)
}

// Timeline gives the points so far. It must not be changed while points are added.
func (r *Recorder) Timeline() Timeline {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.line
}

// A Follower adds points for as long as a run goes on.
type Follower struct {
	recorder *Recorder
	stop     chan struct{}
	over     sync.WaitGroup
}

// Follow begins to record a run from its counters, which are read and never locked.
// End must be called.
func Follow(stats func() metrics.Report) *Follower {
	f := &Follower{recorder: NewRecorder(), stop: make(chan struct{})}
	f.over.Go(func() {
		timer := time.NewTimer(0)
		defer timer.Stop()
		for {
			select {
			case <-f.stop:
				return
			case <-timer.C:
			}
			if report := stats(); report.Outcome == "running" && len(report.Nodes) > 0 {
				f.recorder.Add(&report)
			}
			timer.Reset(f.recorder.Every())
		}
	})
	return f
}

// End stops recording and gives the timeline with the final report as its last
// point. It is called once.
func (f *Follower) End(final metrics.Report) Timeline {
	close(f.stop)
	f.over.Wait()
	f.recorder.Add(&final)
	return f.recorder.Timeline()
}
