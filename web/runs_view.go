package web

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/history"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file makes of the record of a run what its page shows.

// maxRunRows bounds the nodes and the edges on the page of a run.
const maxRunRows = 200

// A runHead is a run in a list, in words.
type runHead struct {
	history.Head
	Chip string // the class of its outcome
	Sign string
}

func newRunHead(h history.Head) runHead {
	r := runHead{h, "s5", "■"}
	switch h.Outcome {
	case "done":
		r.Chip, r.Sign = "s0", "✓"
	case "failed":
		r.Chip, r.Sign = "s6", "✕"
	}
	return r
}

func runHeads(heads []history.Head) []runHead {
	var all []runHead
	for _, h := range heads {
		all = append(all, newRunHead(h))
	}
	return all
}

// When is the start for people, ISO for machines.
func (r runHead) When() string { return r.Started.Local().Format("2006-01-02 15:04:05") }
func (r runHead) ISO() string  { return r.Started.Format(time.RFC3339) }

// Length is how long it took.
func (r runHead) Length() string { return lasted(r.Took) }

// Count and Failed are how many items it read, and could not work on.
func (r runHead) Count() string  { return thousands(r.Items) }
func (r runHead) Failed() string { return thousands(r.Errors) }

// Rate is how many items it read a second.
func (r runHead) Rate() string { return figure(r.rate()) }

func (r runHead) rate() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(r.Items) / r.Took.Seconds()
}

// lasted writes a duration with three digits or so.
func lasted(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return brief(d.Round(time.Second))
}

// thousands writes a number with its thousands apart.
func thousands(n int64) string {
	digits := strconv.FormatInt(max(n, -n), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n < 0 {
		return "-" + digits
	}
	return digits
}

// A runPage is one run.
type runPage struct {
	runHead
	Report   metrics.Report
	Chart    *chart
	Moments  []moment // the chart as a table
	Nodes    []nodeLine
	Edges    []edgeLine
	Hidden   int // nodes and edges that are not shown
	Failures []failureLine
	Before   string // the id of the run of the same flow before this one; "": there is none
}

// Drops says what full edges have dropped, in words.
func (p runPage) Drops() []string {
	var all []string
	for _, d := range p.Report.Drops() {
		if len(all) == maxRunRows {
			break
		}
		all = append(all, dropWords(d))
	}
	return all
}

// maxFilesShown bounds the files on the page of a run.
const maxFilesShown = 20

// FilesShown are the files that the run wrote, the first of many.
func (p runPage) FilesShown() []string {
	return p.Report.Files[:min(len(p.Report.Files), maxFilesShown)]
}

// FilesBeside says how many files there are if not all are shown.
func (p runPage) FilesBeside() string {
	if len(p.Report.Files) <= maxFilesShown {
		return ""
	}
	return fmt.Sprintf("%s files; the first %d are", thousands(int64(len(p.Report.Files))), maxFilesShown)
}

// LeftOut says which fields sources have left out, because their types do not have them.
func (p runPage) LeftOut() []string {
	var all []string
	for _, n := range p.Report.Nodes {
		for _, name := range slices.Sorted(maps.Keys(n.FieldsDropped)) {
			if len(all) == maxRunRows {
				return all
			}
			all = append(all, fmt.Sprintf("%s left out %s %s of the field %s: its type does not have it", n.ID, thousands(n.FieldsDropped[name]), values(n.FieldsDropped[name]), name))
		}
	}
	return all
}

// values is the word for so many of them.
func values(n int64) string {
	if n == 1 {
		return "value"
	}
	return "values"
}

// A moment is a row of the table that says what the chart shows.
type moment struct{ At, Read, Ended, Errors string }

type nodeLine struct {
	metrics.NodeReport
	InText, OutText, ErrorText string
	Shares                     [3]string
	Rate, Load                 *chart // nil: too short a run
}

type edgeLine struct {
	metrics.EdgeReport
	SentText, PeakText string
	Full               int // highest fill in percent
	Fill               *chart
}

type failureLine struct {
	Node string
	scheduler.ItemError
}

func newRunPage(run *history.Run) runPage {
	p := runPage{runHead: newRunHead(run.Head), Report: run.Report}
	t := newTrace(run)
	if t.points() > 1 {
		p.Chart = newChart("Items a second over "+lasted(run.Took), t.read("c-a", "read by sources"), t.ended("c-b", "taken by the last nodes"), t.errors("c-e", "failed"))
		p.Moments = t.moments()
	}
	for i := range run.Report.Nodes {
		p.Nodes = append(p.Nodes, t.node(i))
	}
	for i := range run.Report.Edges {
		p.Edges = append(p.Edges, t.edge(i))
	}
	p.Hidden = max(0, len(p.Nodes)-maxRunRows) + max(0, len(p.Edges)-maxRunRows)
	if p.Hidden > 0 { // those that matter
		slices.SortStableFunc(p.Nodes, func(a, b nodeLine) int { return int(1000 * (b.Busy - a.Busy)) })
		slices.SortStableFunc(p.Edges, func(a, b edgeLine) int { return b.Full - a.Full })
		p.Nodes, p.Edges = p.Nodes[:min(len(p.Nodes), maxRunRows)], p.Edges[:min(len(p.Edges), maxRunRows)]
	}
	for _, n := range run.Report.Nodes {
		for _, e := range run.Failures[n.ID] {
			p.Failures = append(p.Failures, failureLine{n.ID, e})
		}
	}
	return p
}

// A trace reads a timeline as rates and shares between its points. A point has the
// value of the stretch that ends there, the first that of the stretch that begins.
type trace struct {
	run  *history.Run
	at   []float64 // seconds: the points
	span []float64 // seconds since the point before; 0 at the first
}

func newTrace(run *history.Run) *trace {
	t := &trace{run: run}
	for i, ms := range run.Timeline.At {
		t.at, t.span = append(t.at, float64(ms)/1000), append(t.span, 0)
		if i > 0 {
			t.span[i] = max(float64(ms-run.Timeline.At[i-1])/1000, 1e-3)
		}
	}
	return t
}

func (t *trace) points() int { return len(t.at) }

// rate is the growth of cumulative values a second.
func (t *trace) rate(values []int64) []float64 {
	out := make([]float64, len(t.at))
	for i := 1; i < len(out); i++ {
		out[i] = max(0, float64(values[i]-values[i-1])/t.span[i])
	}
	if len(out) > 1 {
		out[0] = out[1]
	}
	return out
}

// sum adds up the series of the nodes that match.
func (t *trace) sum(match func(i int) bool, of func(*history.NodeSeries) []int64) []float64 {
	out := make([]float64, len(t.at))
	for i := range t.run.Timeline.Nodes {
		if match(i) {
			for k, v := range t.rate(of(&t.run.Timeline.Nodes[i])) {
				out[k] += v
			}
		}
	}
	return out
}

func (t *trace) read(class, name string) series {
	return series{class, name, t.at, t.sum(func(i int) bool { return t.run.Report.Nodes[i].Source }, func(n *history.NodeSeries) []int64 { return n.Out })}
}

// ended is what the nodes take that no edge leaves.
func (t *trace) ended(class, name string) series {
	passes := map[string]bool{}
	for _, e := range t.run.Report.Edges {
		passes[nodeOf(e.From)] = true
	}
	last := func(i int) bool { return !passes[t.run.Report.Nodes[i].ID] }
	return series{class, name, t.at, t.sum(last, func(n *history.NodeSeries) []int64 { return n.In })}
}

func (t *trace) errors(class, name string) series {
	return series{class, name, t.at, t.sum(func(int) bool { return true }, func(n *history.NodeSeries) []int64 { return n.Errors })}
}

// nodeOf is the node of "node.port".
func nodeOf(end string) string {
	if i := strings.LastIndexByte(end, '.'); i >= 0 {
		return end[:i]
	}
	return end
}

// moments are at most twenty rows of the chart.
func (t *trace) moments() []moment {
	read, ended, failed := t.read("", ""), t.ended("", ""), t.errors("", "")
	step := (len(t.at) + 18) / 20
	var all []moment
	for i := 1; i < len(t.at); i += step {
		var sums [3]float64
		seconds := 0.0
		for k := i; k < min(i+step, len(t.at)); k++ {
			seconds += t.span[k]
			for j, s := range []series{read, ended, failed} {
				sums[j] += s.values[k] * t.span[k]
			}
		}
		end := t.at[min(i+step, len(t.at))-1]
		all = append(all, moment{elapsed(end, end), figure(sums[0] / seconds), figure(sums[1] / seconds), figure(sums[2] / seconds)})
	}
	return all
}

// share is the part of its workers' time that a node spent on something.
func (t *trace) share(values, workers []int64) []float64 {
	out := t.rate(values)
	for i := range out {
		out[i] = min(1, out[i]/1000/float64(max(workers[i], 1)))
	}
	return out
}

func (t *trace) node(i int) nodeLine {
	n := t.run.Report.Nodes[i]
	line := nodeLine{NodeReport: n, InText: thousands(n.In), OutText: thousands(n.Out), ErrorText: thousands(n.Errors()),
		Shares: [3]string{percentage(n.Busy), percentage(n.Blocked), percentage(n.Starved)}}
	if n.Source {
		line.InText = ""
	}
	if t.points() > 2 {
		s := &t.run.Timeline.Nodes[i]
		moved := t.rate(s.In)
		if n.Source {
			moved = t.rate(s.Out)
		}
		line.Rate = newSpark(fmt.Sprintf("%s items a second at most", figure(slices.Max(moved))), "c-a", t.at, moved, 0)
		line.Load = newStack(fmt.Sprintf("busy %s, blocked %s, starved %s", line.Shares[0], line.Shares[1], line.Shares[2]),
			series{"c-busy", "busy", t.at, t.share(s.Busy, s.Workers)},
			series{"c-blocked", "blocked", t.at, t.share(s.Blocked, s.Workers)})
	}
	return line
}

func (t *trace) edge(i int) edgeLine {
	e := t.run.Report.Edges[i]
	line := edgeLine{EdgeReport: e, SentText: thousands(e.Sent), PeakText: thousands(e.Peak)}
	if e.Capacity > 0 {
		line.Full = int(math.Round(100 * min(1, float64(e.Peak)/float64(e.Capacity))))
	}
	if t.points() > 2 {
		var values []float64
		for _, v := range t.run.Timeline.Edges[i].Items {
			values = append(values, float64(v))
		}
		line.Fill = newSpark(fmt.Sprintf("at most %d of %d items waited", e.Peak, e.Capacity), "c-q", t.at, values, float64(e.Capacity))
	}
	return line
}

func percentage(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }
