package web

import (
	"math"
	"time"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file has what a snapshot is, and how it follows from two reports.

// A nodeRow is a node in a snapshot, in the order of a row on the wire.
type nodeRow struct {
	State    state
	In, Out  int64 // items per ten seconds, three digits: so that a rate below 1 has a decimal
	P50, P99 int64 // µs, of a task in the last ten seconds; 0 if there was none
	Busy     int64 // percent of the workers' time, as the two below
	Blocked  int64
	Starved  int64
	Errors   int64 // items that failed for good, since the start
	Workers  int64
	Progress int64 // of a source that knows how far it is: per thousand; otherwise -1
}

// An edgeRow is an edge in a snapshot, in the order of a row on the wire.
type edgeRow struct {
	Items int64 // waiting
	Rate  int64 // items per ten seconds
	KB    int64 // waiting
	Fill  int64 // percent of capacity or of bytes, whichever is fuller

	Dropped int64 // by on_full, since the start
	Oldest  int64 // ms that the oldest item has waited
	Wait    int64 // µs, the 99th percentile of what batches waited in the last ten seconds; 0 if none left
}

// A snapshot is what a flow did in the last two seconds; of a flow that has ended,
// on the average of the whole run. It does not change once it is published.
type snapshot struct {
	at      time.Duration // since the start
	outcome string
	nodes   []nodeRow
	edges   []edgeRow
	cuts    *cutsRow // nil: the run has none
	verdict verdict
	report  metrics.Report
	next    chan struct{} // closed when there is a newer one
}

// ended reports whether the run is over.
func (s *snapshot) ended() bool { return s.outcome != "running" }

// fuller reports whether one of some edges is filled to a percentage, or holds
// anything if that is 1.
func (s *snapshot) fuller(edges []int, percent int64) bool {
	for _, e := range edges {
		if s.edges[e].Fill >= percent || percent == 1 && s.edges[e].Items > 0 {
			return true
		}
	}
	return false
}

// A span is the work between two reports.
type span struct {
	from, to *metrics.Report
	seconds  float64
}

// between gives the work of a running flow since an earlier report, or of the
// whole run if it has ended or there is nothing earlier.
func between(from, to *metrics.Report) span {
	if from == nil || to.Outcome != "running" || to.Took <= from.Took {
		from = &metrics.Report{Nodes: make([]metrics.NodeReport, len(to.Nodes)), Edges: make([]metrics.EdgeReport, len(to.Edges))}
	}
	return span{from, to, max((to.Took - from.Took).Seconds(), 1e-3)}
}

// rate is items per ten seconds with three digits.
func (p span) rate(before, after int64) int64 {
	return rounded(float64(max(0, after-before)) / p.seconds * 10)
}

// rounded keeps three digits, so that small noise is no change.
func rounded(x float64) int64 {
	if x < 1000 {
		return int64(math.Round(x))
	}
	unit := math.Pow(10, math.Floor(math.Log10(x))-2)
	return int64(math.Round(x/unit) * unit)
}

// share is the part of its workers' time that a node spent on something, from the
// shares since the start of either end.
func (p span) share(i int, of func(*metrics.NodeReport) float64) float64 {
	a, b := &p.from.Nodes[i], &p.to.Nodes[i]
	spent := of(b)*p.to.Took.Seconds() - of(a)*p.from.Took.Seconds()*float64(a.Workers)/float64(max(b.Workers, 1))
	return min(1, max(0, spent/p.seconds))
}

// latency gives the median and the 99th percentile of the time of a task,
// in µs with three digits.
func (p span) latency(i int) (p50, p99 int64) {
	d := p.to.Nodes[i].Latency.Sub(&p.from.Nodes[i].Latency)
	return micros(d.Quantile(0.5)), micros(d.Quantile(0.99))
}

// wait gives the 99th percentile of the time that batches waited on an edge.
func (p span) wait(i int) int64 {
	d := p.to.Edges[i].Wait.Sub(&p.from.Edges[i].Wait)
	return micros(d.Quantile(0.99))
}

// micros gives µs with three digits.
func micros(d time.Duration) int64 { return rounded(float64(d) / 1e3) }

// edge gives the row of an edge.
func (p span) edge(i int, capacity int, bytes int64) edgeRow {
	a, b := &p.from.Edges[i], &p.to.Edges[i]
	fill := float64(b.Items) / float64(max(capacity, 1))
	if bytes > 0 {
		fill = max(fill, float64(b.Bytes)/float64(bytes))
	}
	return edgeRow{
		Items: b.Items, Rate: p.rate(a.Sent, b.Sent), KB: rounded(float64(b.Bytes) / 1024),
		Fill: int64(math.Round(100 * min(fill, 1))), Dropped: b.Dropped, Oldest: rounded(float64(b.Oldest.Milliseconds())),
	}
}

// node gives the row of a node but for its state. Time that no counter has yet,
// since a task or a wait is still going on, is given to what the queues
// around the node tell.
func (p span) node(i int, waiting, full bool) nodeRow {
	a, b := &p.from.Nodes[i], &p.to.Nodes[i]
	busy := p.share(i, func(n *metrics.NodeReport) float64 { return n.Busy })
	blocked := p.share(i, func(n *metrics.NodeReport) float64 { return n.Blocked })
	starved := p.share(i, func(n *metrics.NodeReport) float64 { return n.Starved })
	if rest := 1 - busy - blocked - starved; rest > 0 && b.State == "running" && p.to.Outcome == "running" {
		switch {
		case full:
			blocked += rest
		case waiting || b.Source:
			busy += rest
		default:
			starved += rest
		}
	} else if rest < 0 { // a long task was counted when it ended
		sum := busy + blocked + starved
		busy, blocked, starved = busy/sum, blocked/sum, starved/sum
	}
	percent := func(x float64) int64 { return int64(math.Round(100 * x)) }
	row := nodeRow{
		In: p.rate(a.In, b.In), Out: p.rate(a.Out, b.Out),
		Busy: percent(busy), Blocked: percent(blocked), Starved: percent(starved),
		Errors: b.Errors(), Workers: int64(b.Workers), Progress: -1,
	}
	if b.Total > 0 {
		row.Progress = min(1000, b.Done*1000/b.Total)
	}
	return row
}
