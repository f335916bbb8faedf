package graph

import (
	"strings"

	"github.com/flowrun/flowrun/graph/diag"
)

// rejectDeadlocks looks for the artificial deadlock of bounded process networks
// (Parks, 1995): a node that waits on one input while another one fills up, where
// both come from the same source. Such an edge is made to spill; if the flow
// insists on blocking, that is an error that names both paths.
func (c *compiler) rejectDeadlocks() {
	if c.cyclic {
		return
	}
	ancestors := map[*Node]map[*Node]bool{}
	for _, n := range c.flow.Nodes {
		late := waitingEdges(n)
		if len(late) == 0 {
			continue
		}
		for _, pair := range late {
			shared := c.sharedAncestor(pair.waits.From, pair.read.From, ancestors)
			if shared == nil || pair.waits.Contract.OnFull == "spill" {
				continue
			}
			if !pair.waits.Contract.Given {
				pair.waits.Contract.OnFull = "spill"
				continue
			}
			d := c.list.Add(diag.Deadlock, pair.waits.At, "%s can block for good: it reads %s while %s fills up, and %s feeds both",
				n.ID, pair.read, pair.waits, shared.ID)
			d.WithNote(pair.read.At, "one path: %s", pathBetween(shared, pair.read))
			d.WithNote(pair.waits.At, "the other: %s", pathBetween(shared, pair.waits))
			d.WithHint("remove `on_full: block` there, the queue then spills to a file")
		}
	}
}

// A waitingPair is an edge that is read while another one waits.
type waitingPair struct{ read, waits *Edge }

// waitingEdges lists, for a node that does not read its inputs freely, which edge
// may have to wait for which.
func waitingEdges(n *Node) []waitingPair {
	var pairs []waitingPair
	for _, in := range n.In {
		for i, e := range in.Edges {
			switch in.Reading {
			case First:
				for _, other := range n.In {
					if other != in {
						for _, o := range other.Edges {
							pairs = append(pairs, waitingPair{read: e, waits: o})
						}
					}
				}
			case InOrder:
				for _, later := range in.Edges[i+1:] {
					pairs = append(pairs, waitingPair{read: e, waits: later})
				}
			case Together:
				for _, o := range in.Edges {
					if o != e {
						pairs = append(pairs, waitingPair{read: e, waits: o})
					}
				}
			}
		}
	}
	return pairs
}

// sharedAncestor finds a node that leads to both, either of them included.
func (c *compiler) sharedAncestor(a, b *Node, known map[*Node]map[*Node]bool) *Node {
	up, other := ancestorsOf(a, known), ancestorsOf(b, known)
	for i := len(c.flow.Nodes) - 1; i >= 0; i-- { // the nearest one
		if n := c.flow.Nodes[i]; up[n] && other[n] {
			return n
		}
	}
	return nil
}

func ancestorsOf(n *Node, known map[*Node]map[*Node]bool) map[*Node]bool {
	if set, ok := known[n]; ok {
		return set
	}
	set := map[*Node]bool{n: true}
	for queue := []*Node{n}; len(queue) > 0; queue = queue[1:] {
		for _, in := range queue[0].In {
			for _, e := range in.Edges {
				if !set[e.From] {
					set[e.From] = true
					queue = append(queue, e.From)
				}
			}
		}
	}
	known[n] = set
	return set
}

// pathBetween spells a way from a node to the end of an edge.
func pathBetween(from *Node, last *Edge) string {
	ids := []string{last.To.ID + "." + last.ToPort.Name}
	for n := last.From; ; {
		ids = append([]string{n.ID}, ids...)
		if n == from {
			break
		}
		next := n
		for _, in := range n.In {
			for _, e := range in.Edges {
				if ancestorsOf(e.From, map[*Node]map[*Node]bool{})[from] {
					next = e.From
				}
			}
		}
		if next == n {
			break
		}
		n = next
	}
	return strings.Join(ids, " -> ")
}
