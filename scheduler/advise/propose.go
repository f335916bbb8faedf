package advise

import (
	"cmp"
	"math"
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file proposes what to change.

// A Change is a setting of the flow that would make it faster.
type Change struct {
	Node    string  `json:"node"`
	Setting string  `json:"setting"`        // workers, capacity or batch
	Edge    string  `json:"from,omitempty"` // of a capacity: the port that the edge comes from
	From    int     `json:"now"`
	To      int     `json:"better"`
	Gain    float64 `json:"gain,omitempty"`  // times faster than with the changes before it; 0: not known
	Total   float64 `json:"total,omitempty"` // times faster with it and all before it
	Waits   bool    `json:"waits"`           // the node waits more than it computes
	Sure    bool    `json:"sure"`            // false: a part of the node may be serial, so it may gain less

	edge int // of a capacity: its place in the flow
}

// Changes that together gain less than worthwhile are not proposed; a proposal comes
// as near to the best that is possible as near says.
const (
	worthwhile = 1.1
	near       = 1.05
)

// Propose gives the changes of workers that bring the flow near to what no number
// of workers can better: the cores, the nodes that cannot have more, the parts that
// one worker at a time does. No node gets more than most workers. The first change
// is that of the node that bounds now.
func (m *Model) Propose(most int) []Change {
	floor := m.floor(most)
	to := *m
	to.Nodes = slices.Clone(m.Nodes)
	order := make([]int, 0, len(m.Nodes))
	for i := range m.Nodes {
		n := &to.Nodes[i]
		if n.Fixed || !n.Known || n.Limit()+m.Rest <= near*(floor+m.Rest) {
			continue
		}
		n.Workers = max(n.Workers, min(most, int(math.Ceil(n.Busy/(near*(floor+m.Rest)-m.Rest)-1e-9))))
		if n.Workers > m.Nodes[i].Workers {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(m.Nodes[b].Limit(), m.Nodes[a].Limit()) })
	return m.changes(&to, order)
}

// floor is the least span that any numbers of workers give.
func (m *Model) floor(most int) float64 {
	floor := m.CPU() / m.cores()
	if m.AtOnce > 0 {
		floor = max(floor, m.Busy()/float64(m.AtOnce))
	}
	for i := range m.Nodes {
		n := m.Nodes[i]
		if !n.Fixed && n.Known { // what its rate allows stays a limit
			n.Workers = max(n.Workers, most)
		}
		floor = max(floor, n.Limit())
	}
	return floor
}

// changes lists the differences between two models with what each one gains.
func (m *Model) changes(to *Model, order []int) []Change {
	now := *m
	now.Nodes = slices.Clone(m.Nodes)
	begin := m.Predict().Span
	span := begin
	var all []Change
	for _, i := range order {
		from := &m.Nodes[i]
		now.Nodes[i].Workers = to.Nodes[i].Workers
		after := now.Predict().Span
		all = append(all, Change{
			Node: from.ID, Setting: "workers", From: from.Workers, To: to.Nodes[i].Workers,
			Gain: m.Faster(span, after), Total: m.Faster(begin, after), Waits: from.Waits() > 0.5, Sure: from.Split || from.Clear && m.Items == 0,
		})
		span = after
	}
	if len(all) == 0 || all[len(all)-1].Total < worthwhile {
		return nil
	}
	return all
}

// With gives the model after the changes.
func (m *Model) With(all []Change) *Model {
	to := *m
	to.Nodes = slices.Clone(m.Nodes)
	for i := range to.Nodes {
		for _, c := range all {
			if c.Node == to.Nodes[i].ID && c.Setting == "workers" {
				to.Nodes[i].Workers = c.To
			}
		}
	}
	return &to
}

// small is the capacity below which handing over costs more than most items do: a
// node is handed at most half of what a queue holds, and up to 1,024 items.
const small = 1024

// Untold gives changes that may gain, nobody can say how much without trying: larger
// queues where small ones were full while the flow spent its time on handing items
// over, and larger batches for a node that bounds and is given few items at once.
func (m *Model) Untold(f *graph.Flow, r *metrics.Report) []Change {
	var all []Change
	p := m.Predict()
	if m.Rest > 0.3*(p.Span+m.Rest) || m.Overhead > 0.3*m.CPU() {
		for i, e := range f.Edges {
			k := &e.Contract
			if i < len(r.Edges) && k.Capacity < small && k.Blocks() && !k.Reorders() && r.Edges[i].Peak >= int64(k.Capacity) {
				all = append(all, Change{Node: e.To.ID, Setting: "capacity", Edge: e.From.ID + "." + e.FromPort.Name, edge: e.ID, From: k.Capacity, To: graph.DefaultCapacity})
			}
		}
	}
	if p.Node < 0 || p.Bound == Rate {
		return all
	}
	if b := f.Nodes[p.Node].Engine.Batch; b.Given() && b.Count < small {
		all = append(all, Change{Node: m.Nodes[p.Node].ID, Setting: "batch", From: b.Count, To: min(8*b.Count, small)})
	}
	return all
}

// Apply makes the changes in a flow that is not running.
func Apply(f *graph.Flow, all []Change) {
	for _, c := range all {
		n := f.Node(c.Node)
		switch c.Setting {
		case "workers":
			if n.Engine.Workers.Elastic() {
				n.Engine.Workers.Max = c.To
			} else {
				n.Engine.Workers = graph.FixedWorkers(c.To)
			}
		case "batch":
			n.Engine.Batch.Count = c.To
		case "capacity":
			f.Edges[c.edge].Contract.Capacity = c.To
		}
	}
}
