package scheduler

import (
	"slices"

	"github.com/flowrun/flowrun/graph"
)

// A topology is the nodes and edges of a run, and what follows from who leads to whom.
type topology struct {
	nodes  []*driver // in the order of the flow: topological
	edges  []*edge   // by their ID
	byNode map[*graph.Node]*driver
}

// reader is who reads an edge, and sender who sends on it.
func (t *topology) reader(e *edge) *driver { return t.byNode[e.spec.To] }
func (t *topology) sender(e *edge) *driver { return t.byNode[e.spec.From] }

// wanted finds the nodes of which somebody wants what they give.
func (t *topology) wanted() map[*driver]bool {
	wanted := map[*driver]bool{}
	for _, n := range slices.Backward(t.nodes) {
		read, wants := false, false
		for _, edges := range n.out {
			for _, e := range edges {
				if !e.spec.Contract.Watched {
					read, wants = true, wants || wanted[t.reader(e)]
				}
			}
		}
		wanted[n] = !n.done.Load() && (!read || wants)
	}
	return wanted
}

// withheld finds the nodes behind which is a sink that keeps what it has to the end of the
// run, and those sinks: what leads there is acknowledged then.
func (t *topology) withheld() map[*driver]bool {
	withheld := map[*driver]bool{}
	for _, n := range slices.Backward(t.nodes) {
		l := n.parts.Laster
		withheld[n] = n.parts.Committer != nil && (l == nil || !l.Lasts())
		for _, edges := range n.out {
			for _, e := range edges {
				withheld[n] = withheld[n] || withheld[t.reader(e)]
			}
		}
	}
	return withheld
}

// progress is a number that changes when anything moves.
func (t *topology) progress() int64 {
	var sum int64
	for _, e := range t.edges {
		sum += e.count.Sent.Load() + e.count.Received.Load() + e.count.Unwanted.Load()
	}
	for _, n := range t.nodes {
		sum += n.count.In.Load() + n.count.Out.Load() + n.count.Batches.Load()
	}
	return sum
}

// endless reports whether a source has no end of its own.
func (t *topology) endless() bool {
	for _, n := range t.nodes {
		if u := n.parts.Endless; u != nil && u.Endless() {
			return true
		}
	}
	return false
}

// partial reports whether a source was stopped before its end.
func (t *topology) partial() bool {
	return slices.ContainsFunc(t.nodes, func(n *driver) bool {
		return n.cut.Load() && (n.parts.Endless == nil || !n.parts.Endless.Endless())
	})
}

// sourcesInOrder puts sources that lead to an input that is read first before the
// others, so that the other side need not wait in memory where one runs after the other.
func (t *topology) sourcesInOrder() []*driver {
	var first, later []*driver
	for _, n := range t.nodes {
		switch {
		case !n.source():
		case leadsToFirst(n.spec, map[*graph.Node]bool{}):
			first = append(first, n)
		default:
			later = append(later, n)
		}
	}
	return append(first, later...)
}

func leadsToFirst(n *graph.Node, seen map[*graph.Node]bool) bool {
	if seen[n] {
		return false
	}
	seen[n] = true
	for _, out := range n.Out {
		for _, e := range out.Edges {
			if e.ToPort.ReadOrder == graph.First || leadsToFirst(e.To, seen) {
				return true
			}
		}
	}
	return false
}
