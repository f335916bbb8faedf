package advise

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file makes a model of a flow and the report of a run.

// Options say what is known of a flow. What is given for a node by its id stands
// over what the report says.
type Options struct {
	Cores   int             // 0: those of the report, else 1
	Free    float64         // cores that other programs left during the run; 0: all
	Queue   float64         // time that the process waited for a processor, for each unit that it got
	Workers int             // of nodes that the flow gives no number, as in `run --workers`
	Alone   map[string]bool // nodes that work on one goroutine whatever the flow says

	Report *metrics.Report          // of an earlier run; may be nil
	Cost   map[string]time.Duration // processor time for an item
	Wait   map[string]time.Duration // time for an item in which a worker only waits
	Rate   map[string]float64       // items a second that a source gives at most
	Gives  map[string]float64       // items that leave a node, for each that it takes
}

// New makes the model of a flow that has no errors. The error says what is wrong
// with the options: nodes that the flow does not have, a report of another flow.
func New(f *graph.Flow, o Options) (*Model, error) {
	if err := o.check(f); err != nil {
		return nil, err
	}
	m := &Model{Cores: o.Cores, AtOnce: f.Limits.Workers}
	if m.Cores == 0 && o.Report != nil {
		m.Cores = o.Report.Cores
	}
	m.Cores, m.Free = max(m.Cores, 1), o.Free
	place := map[*graph.Node]int{}
	for i, n := range f.Nodes {
		place[n] = i
		node := Node{ID: n.ID, Kind: n.Kind, Source: len(n.In) == 0, Sink: true, Fixed: o.Alone[n.ID] || n.Spec.Workers == graph.Single}
		if node.Workers = WorkersOf(n, o.Workers, m.Cores); node.Fixed {
			node.Workers = 1
		}
		for _, in := range n.In {
			for _, e := range in.Edges {
				node.before = append(node.before, place[e.From])
			}
		}
		for _, out := range n.Out {
			node.Sink = node.Sink && (len(out.Edges) == 0 || out.Name == graph.ErrorPort)
		}
		m.Nodes = append(m.Nodes, node)
	}
	m.count(f, &o)
	for i, n := range f.Nodes {
		if r := n.Engine.Rate; r.Bounds() {
			m.Nodes[i].Pace = float64(r.Per) / float64(r.Count) * m.Nodes[i].Visits
		}
	}
	if o.Report != nil {
		m.measured(o.Report)
		for i := range m.Nodes {
			n := &m.Nodes[i]
			n.Queued = max(0, min(n.Busy-n.CPU, o.Queue*n.CPU))
		}
	}
	m.given(&o)
	return m, nil
}

// WorkersOf is how many goroutines work on a node: what the flow says, else those
// of the call, else what its kind says.
func WorkersOf(n *graph.Node, call, cores int) int {
	switch {
	case n.Spec.Workers == graph.Single:
		return 1
	case n.Engine.Workers.Max > 0:
		return n.Engine.Workers.Max
	case call > 0:
		return call
	case n.Spec.Workers == graph.PerCore:
		return cores
	}
	return max(n.Workers().Max, 1)
}

// check compares the options with the flow.
func (o *Options) check(f *graph.Flow) error {
	ids := make([]string, 0, len(f.Nodes))
	sources := ids
	for _, n := range f.Nodes {
		ids = append(ids, n.ID)
		if len(n.In) == 0 {
			sources = append(sources, n.ID)
		}
	}
	for _, times := range []map[string]time.Duration{o.Cost, o.Wait} {
		for id := range times {
			if !slices.Contains(ids, id) {
				return &UnknownNode{ID: id, Known: ids}
			}
		}
	}
	for id := range o.Gives {
		if !slices.Contains(ids, id) {
			return &UnknownNode{ID: id, Known: ids}
		}
	}
	for id := range o.Rate {
		switch {
		case !slices.Contains(ids, id):
			return &UnknownNode{ID: id, Known: sources}
		case !slices.Contains(sources, id):
			return fmt.Errorf("%s is no source: a rate is that of a source, one of %s", id, strings.Join(sources, ", "))
		}
	}
	if o.Report == nil {
		return nil
	}
	return matches(f, o.Report)
}

// An UnknownNode is an id that the flow does not have.
type UnknownNode struct {
	ID    string
	Known []string
}

func (e *UnknownNode) Error() string { return fmt.Sprintf("the flow has no node %q", e.ID) }

// matches reports how a report differs from a flow.
func matches(f *graph.Flow, r *metrics.Report) error {
	kinds := map[string]string{}
	for _, n := range r.Nodes {
		if f.Node(n.ID) == nil {
			return fmt.Errorf("the report is of another flow: %s has no node %q", f.Name, n.ID)
		}
		kinds[n.ID] = n.Kind
	}
	for _, n := range f.Nodes {
		switch kind, ok := kinds[n.ID]; {
		case !ok:
			return fmt.Errorf("the report is of another flow: it knows no node %q", n.ID)
		case kind != n.Kind:
			return fmt.Errorf("the report is of another flow: there %s is of kind %s, here of kind %s", n.ID, kind, n.Kind)
		}
	}
	return nil
}

// count finds how many items each node works on, for each item of the sources: from
// the report, or along the edges, where a node gives an item on each port for each
// one that it takes unless told otherwise.
func (m *Model) count(f *graph.Flow, o *Options) {
	sources, rates := 0.0, 0.0
	items := int64(0)
	byID := map[string]*metrics.NodeReport{}
	if o.Report != nil {
		for i := range o.Report.Nodes {
			n := &o.Report.Nodes[i]
			byID[n.ID] = n
			if n.Source {
				items += n.Out
			}
		}
	}
	m.Items = items
	for i := range m.Nodes {
		if m.Nodes[i].Source {
			sources++
			rates += o.Rate[m.Nodes[i].ID]
		}
	}
	out := make([]float64, len(m.Nodes))
	for i := range m.Nodes {
		n := &m.Nodes[i]
		seen, gives := byID[n.ID], 1.0
		if seen != nil && seen.In > 0 {
			gives = share(f.Node(n.ID), o.Report)
		}
		if given, ok := o.Gives[n.ID]; ok {
			gives = given
		}
		switch {
		case !n.Source:
			for _, j := range n.before {
				n.Visits += out[j]
			}
		case len(o.Rate) == int(sources) && rates > 0:
			n.Visits = o.Rate[n.ID] / rates
		case items > 0:
			n.Visits = float64(seen.Out) / float64(items)
		default:
			n.Visits = 1 / sources
		}
		if items > 0 && !n.Source && len(o.Gives) == 0 && len(o.Rate) == 0 {
			n.Visits = float64(seen.In) / float64(items)
		}
		out[i] = n.Visits * gives
		if n.Source {
			out[i] = n.Visits
		}
	}
}

// share is how many items a node sent to each of its readers, on the average, for
// each item that it took.
func share(n *graph.Node, r *metrics.Report) float64 {
	sent, edges, in := int64(0), 0, int64(0)
	for _, e := range r.Edges {
		if node, port, _ := strings.Cut(e.From, "."); node == n.ID && port != graph.ErrorPort {
			sent += e.Sent
			edges++
		}
		if node, _, _ := strings.Cut(e.To, "."); node == n.ID {
			in += e.Received
		}
	}
	if edges == 0 || in == 0 {
		return 1
	}
	return float64(sent) / float64(edges) / float64(in)
}

// measured takes times from a report. Shares of a report are of the time of all
// workers of that run.
func (m *Model) measured(r *metrics.Report) {
	if m.Items == 0 {
		return
	}
	items, was := float64(m.Items), Model{Cores: max(r.Cores, 1), Free: m.Free, AtOnce: m.AtOnce}
	busy := 0.0
	for i := range m.Nodes {
		n := &m.Nodes[i]
		seen := &r.Nodes[slices.IndexFunc(r.Nodes, func(s metrics.NodeReport) bool { return s.ID == n.ID })]
		n.Known = true
		n.Busy = seen.Busy * float64(r.Took) * float64(max(seen.Workers, 1)) / items
		if seen.BusyTime > 0 { // the share is not of this time where workers came and went
			n.Busy = float64(seen.BusyTime) / items
		}
		n.Clear, n.Split = seen.CPU > 0, seen.CPU > 0
		n.CPU = min(n.Busy, float64(seen.CPU)/items)
		n.Serial = min(n.Busy, float64(seen.Serial)/items)
		if n.Fixed {
			n.Serial = n.Busy
		}
		busy += n.Busy
		before := *n // with the rate of now, for a report does not tell
		before.Workers = max(seen.Workers, seen.Most, 1)
		was.Nodes = append(was.Nodes, before)
	}
	m.attribute(r, busy)
	for i := range m.Nodes {
		was.Nodes[i].CPU = m.Nodes[i].CPU
	}
	was.Overhead = m.Overhead
	m.Rest = max(0, float64(r.Took-r.PausedFor)/items-was.Predict().Span)
}

// attribute divides the processor time of the process among the nodes. Where that
// of each node was measured, what is over is the runtime's: the scheduler, the
// garbage collector. Where it was not, a node has at least what the others together
// cannot have used, and if that is most of its time, or if there is so little that
// it must have waited, it is clear what it does.
func (m *Model) attribute(r *metrics.Report, busy float64) {
	total := float64(r.CPU) / float64(m.Items)
	known := 0.0
	for i := range m.Nodes {
		if m.Nodes[i].Clear {
			known += m.Nodes[i].CPU
		}
	}
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if n.Clear || n.Busy <= 0 {
			continue
		}
		switch {
		case r.CPU == 0:
			n.CPU = n.Busy // not known: then more cores are not counted on
		case known > 0:
			n.CPU = min(n.Busy, max(0, total-known)) // kinds that run on their own
		default:
			n.CPU = n.Busy * min(1, total/busy)
			least, most := max(0, total-(busy-n.Busy)), min(n.Busy, total)
			n.Clear = least >= 0.6*n.Busy || most <= 0.4*n.Busy
		}
	}
	sum := 0.0
	for i := range m.Nodes {
		sum += m.Nodes[i].CPU
	}
	m.Overhead = max(0, total-sum)
}

// given takes times from the options.
func (m *Model) given(o *Options) {
	for i := range m.Nodes {
		n := &m.Nodes[i]
		cost, computes := o.Cost[n.ID]
		wait, waits := o.Wait[n.ID]
		if computes || waits {
			n.Busy, n.CPU = float64(cost+wait)*n.Visits, float64(cost)*n.Visits
			n.Serial, n.Queued, n.Known, n.Clear = 0, 0, true, true
			if n.Fixed {
				n.Serial = n.Busy
			}
		}
		if rate := o.Rate[n.ID]; rate > 0 {
			n.Pace = max(n.Pace, 1e9/rate*n.Visits)
		}
	}
}
