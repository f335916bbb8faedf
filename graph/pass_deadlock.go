package graph

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file is the pass that finds where bounded edges could block each other for good.

// rejectDeadlocks looks for the artificial deadlock of bounded process networks
// (Parks, 1995): nodes that wait for each other in a cycle, where some wait for
// items and others for room. Such a cycle has a node that waits for items on one
// input while another one is full. That edge is made to spill, which breaks the
// cycle; if the flow insists on blocking, that is an error that names the cycle.
func (c *compiler) rejectDeadlocks() {
	if c.cyclic {
		return
	}
	w := newWaitGraph(c.flow)
	// From the end of the flow on: where an edge spills, what stands before it can
	// often block.
	for _, n := range slices.Backward(c.flow.Nodes) {
		for _, in := range n.In {
			for _, e := range in.Edges {
				cycle := w.cycle(e)
				switch {
				case cycle == nil:
				case !e.Contract.Given && !e.Contract.Reorders():
					e.Contract.OnFull = "spill"
				default:
					c.reportDeadlock(e, cycle)
				}
			}
		}
	}
}

// reportDeadlock says how an edge that is full can block a flow for good: by two
// paths from the node that feeds it and what is read instead, or else wait by wait.
func (c *compiler) reportDeadlock(full *Edge, cycle []wait) {
	n, read := full.To, cycle[0].edge
	shared := c.sharedAncestor(full.From, read.From)
	if shared != nil {
		d := c.list.Add(diag.Deadlock, full.At, "%s can block for good: it reads %s while %s fills up, and %s feeds both", n.ID, read, full, shared.ID)
		d.WithNote(read.At, "one path: %s", pathBetween(shared, read))
		d.WithNote(full.At, "the other: %s", pathBetween(shared, full))
		d.WithHint("%s", unblockHint(full))
		return
	}
	d := c.list.Add(diag.Deadlock, full.At, "%s can block for good: it reads %s while %s fills up", n.ID, read, full)
	for _, w := range cycle {
		d.WithNote(w.edge.At, "%s", w)
	}
	d.WithHint("%s", unblockHint(full))
}

func unblockHint(e *Edge) string {
	if e.Contract.Reorders() {
		return "a queue with a priority or a delay cannot spill to a file: put that on an edge further up"
	}
	return "remove `on_full: block` there, the queue then spills to a file"
}

// A wait is one end of an edge waiting for the other: the sender for room, or the
// reader for items.
type wait struct {
	edge *Edge
	full bool
}

func (w wait) String() string {
	if w.full {
		return w.edge.From.ID + " waits for room in " + w.edge.To.ID + "." + w.edge.ToPort.Name
	}
	return w.edge.To.ID + " waits for items from " + w.edge.From.ID
}

// A waitGraph is who may wait for whom in a flow.
type waitGraph struct {
	// reads gives, by the id of an edge, the edges that its reader may be reading
	// instead of it.
	reads [][]*Edge
	// seen holds by which search a wait was found last, and from which wait.
	seen   map[wait]int
	from   map[wait]wait
	search int
}

func newWaitGraph(f *Flow) *waitGraph {
	w := &waitGraph{reads: make([][]*Edge, len(f.Edges)), seen: map[wait]int{}, from: map[wait]wait{}}
	for _, n := range f.Nodes {
		for _, pair := range readPairs(n) {
			w.reads[pair.waiting.ID] = append(w.reads[pair.waiting.ID], pair.read)
		}
	}
	return w
}

// cycle finds waits that follow from each other and lead from the reader of a
// full edge, which reads another one, back to its sender; nil if there are none.
func (w *waitGraph) cycle(full *Edge) []wait {
	if !full.Contract.Blocks() {
		return nil
	}
	w.search++
	end := wait{full, true}
	var queue []wait
	for _, e := range w.reads[full.ID] {
		queue = w.add(queue, wait{e, false}, wait{})
	}
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at == end {
			var path []wait
			for at != (wait{}) {
				path = append(path, at)
				at = w.from[at]
			}
			slices.Reverse(path)
			return path
		}
		busy := at.edge.From // who is waited for
		if at.full {
			busy = at.edge.To
			for _, e := range w.reads[at.edge.ID] {
				queue = w.add(queue, wait{e, false}, at)
			}
		} else {
			for _, in := range busy.In {
				for _, e := range in.Edges {
					queue = w.add(queue, wait{e, false}, at)
				}
			}
		}
		for _, out := range busy.Out {
			for _, e := range out.Edges {
				if e.Contract.Blocks() {
					queue = w.add(queue, wait{e, true}, at)
				}
			}
		}
	}
	return nil
}

// add puts a wait that was not found yet into the queue of a search.
func (w *waitGraph) add(queue []wait, found, from wait) []wait {
	if w.seen[found] == w.search {
		return queue
	}
	w.seen[found], w.from[found] = w.search, from
	return append(queue, found)
}

// A readPair is an edge that is read while another one waits.
type readPair struct{ read, waiting *Edge }

// readPairs lists, for a node that does not read its inputs freely, which edge
// may have to wait for which.
func readPairs(n *Node) []readPair {
	var pairs []readPair
	for _, in := range n.In {
		for i, e := range in.Edges {
			switch in.ReadOrder {
			case First:
				for _, other := range n.In {
					if other != in {
						for _, o := range other.Edges {
							pairs = append(pairs, readPair{read: e, waiting: o})
						}
					}
				}
			case InOrder:
				for _, later := range in.Edges[i+1:] {
					pairs = append(pairs, readPair{read: e, waiting: later})
				}
			case Together:
				for _, o := range in.Edges {
					if o != e {
						pairs = append(pairs, readPair{read: e, waiting: o})
					}
				}
			}
		}
	}
	return pairs
}

// sharedAncestor finds a node that leads to both, either of them included.
func (c *compiler) sharedAncestor(a, b *Node) *Node {
	up, other := ancestorsOf(a), ancestorsOf(b)
	for i := len(c.flow.Nodes) - 1; i >= 0; i-- { // the nearest one
		if n := c.flow.Nodes[i]; up[n] && other[n] {
			return n
		}
	}
	return nil
}

// ancestorsOf gives the nodes that lead to a node, and itself.
func ancestorsOf(n *Node) map[*Node]bool {
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
				if ancestorsOf(e.From)[from] {
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
