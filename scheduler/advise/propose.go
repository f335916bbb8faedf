package advise

import (
	"cmp"
	"math"
	"slices"
)

// A Change is a setting of the flow that would make it faster.
type Change struct {
	Node    string  `json:"node"`
	Setting string  `json:"setting"` // workers
	From    int     `json:"from"`
	To      int     `json:"to"`
	Gain    float64 `json:"gain"`  // times faster than with the changes before it
	Total   float64 `json:"total"` // times faster with it and all before it
	Waits   bool    `json:"waits"` // the node waits more than it computes
	Sure    bool    `json:"sure"`  // false: a part of the node may be serial, so it may gain less
}

// Least is the gain below which a change is not worth proposing, and how near the
// best that is possible a proposal comes.
const (
	worthwhile = 1.05
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
	floor := m.CPU() / float64(max(m.Cores, 1))
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
