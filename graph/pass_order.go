package graph

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/multi"
	"gonum.org/v1/gonum/graph/topo"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file is the pass that orders the nodes, or reports their cycles.

// orderNodes puts the nodes into topological order, ties as in the file, or
// reports every cycle. gonum's sort does not see an edge from a node to itself,
// so those are looked for first.
func (c *compiler) orderNodes() {
	g := multi.NewDirectedGraph()
	index := map[*Node]int64{}
	for i, n := range c.flow.Nodes {
		index[n] = int64(i)
		g.AddNode(multi.Node(i))
	}
	for _, e := range c.flow.Edges {
		if e.From == e.To {
			c.reportCycle([]*Edge{e})
			continue
		}
		g.SetLine(g.NewLine(multi.Node(index[e.From]), multi.Node(index[e.To])))
	}
	sorted, err := topo.SortStabilized(g, func(ns []gonum.Node) {
		slices.SortFunc(ns, func(a, b gonum.Node) int { return cmp.Compare(a.ID(), b.ID()) })
	})
	if cycles, ok := errors.AsType[topo.Unorderable](err); ok {
		for _, component := range cycles {
			c.reportCycle(c.shortestCycle(component))
		}
	}
	if c.cyclic {
		return
	}
	nodes := make([]*Node, len(sorted))
	for i, n := range sorted {
		nodes[i] = c.flow.Nodes[n.ID()]
	}
	c.flow.Nodes = nodes
}

// shortestCycle finds the shortest cycle through the node of a strongly
// connected component that comes first in the file, by breadth-first search.
func (c *compiler) shortestCycle(component []gonum.Node) []*Edge {
	inside := map[*Node]bool{}
	first := int64(len(c.flow.Nodes))
	for _, n := range component {
		inside[c.flow.Nodes[n.ID()]] = true
		first = min(first, n.ID())
	}
	start := c.flow.Nodes[first]
	reached := map[*Node]*Edge{}
	for queue := []*Node{start}; len(queue) > 0; queue = queue[1:] {
		for _, out := range queue[0].Out {
			for _, e := range out.Edges {
				if e.To == start && e.From != start {
					path := []*Edge{e}
					for n := e.From; n != start; n = reached[n].From {
						path = append(path, reached[n])
					}
					slices.Reverse(path)
					return path
				}
				if inside[e.To] && reached[e.To] == nil && e.To != start {
					reached[e.To] = e
					queue = append(queue, e.To)
				}
			}
		}
	}
	return nil
}

// reportCycle names a cycle node by node, with the place of each hop.
func (c *compiler) reportCycle(path []*Edge) {
	c.cyclic = true
	if len(path) == 0 {
		return
	}
	ids := []string{path[0].From.ID}
	for _, e := range path {
		ids = append(ids, e.To.ID)
	}
	d := c.list.Add(diag.Cycle, path[0].At, "cycle: %s", strings.Join(ids, " -> "))
	for _, e := range path {
		d.WithNote(e.At, "%s reads from %s", e.To.ID, e.From.ID)
	}
	d.WithHint("a flow runs from sources to sinks; take out one of these edges")
}
