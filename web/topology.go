package web

import "github.com/flowrun/flowrun/graph"

// A topology says which edges meet which nodes, all by their index in the flow. It does
// not change.
type topology struct {
	flow *graph.Flow
	in   [][]int // edges that arrive at each node
	out  [][]int // edges that leave each node and can make it wait
	from []int   // node that each edge leaves
}

func newTopology(flow *graph.Flow) *topology {
	t := &topology{flow: flow}
	index := map[*graph.Node]int{}
	for i, n := range flow.Nodes {
		index[n] = i
	}
	t.in, t.out = make([][]int, len(flow.Nodes)), make([][]int, len(flow.Nodes))
	for k, e := range flow.Edges {
		t.from = append(t.from, index[e.From])
		t.in[index[e.To]] = append(t.in[index[e.To]], k)
		if e.Contract.Blocks() {
			t.out[index[e.From]] = append(t.out[index[e.From]], k)
		}
	}
	return t
}
