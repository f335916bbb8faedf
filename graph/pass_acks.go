package graph

import (
	"cmp"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file is the pass that looks at what lies behind sources that acknowledge.

// checkAcks looks at what lies behind sources that acknowledge items once all sinks have
// them: from then on nobody will give these items again. A crash loses what a node keeps
// in memory only, and what a sink throws away unless the run ends well. So neither may be
// behind such a source, nor be called by what is.
func (c *compiler) checkAcks() {
	for _, n := range c.flow.Nodes {
		if n.Spec != nil && n.Acknowledges() && n.Engine.Ack != AckEarly && !c.acksAtEnd(n) {
			c.checkAcksOf(n)
		}
	}
}

// acksAtEnd reports whether a source has an end of its own, and acknowledges nothing before it,
// because something that it leads to keeps nothing before: then a crash loses nothing.
func (c *compiler) acksAtEnd(source *Node) bool {
	if f, ok := source.Config.(Finite); !ok || !f.Finite() {
		return false
	}
	seen := map[*Node]bool{}
	var withheld func(n *Node) bool
	withheld = func(n *Node) bool {
		if seen[n] || n.Spec == nil {
			return false
		}
		seen[n] = true
		if w, ok := n.Config.(Withholder); ok {
			if _, withholds := w.Withholds(c.flow.Path); withholds {
				return true
			}
		}
		for _, out := range n.Out {
			for _, e := range out.Edges {
				if withheld(e.To) {
					return true
				}
			}
		}
		return false
	}
	return withheld(source)
}

// ackEarly is the advice for a source whose items may be lost.
const ackEarly = "write `ack: early` on"

func (c *compiler) checkAcksOf(source *Node) {
	seen := map[*Node]bool{source: true}
	told := map[*Node]bool{}
	var visit func(n *Node)
	visit = func(n *Node) {
		for _, out := range n.Out {
			for _, e := range out.Edges {
				if to := e.To; to.Spec != nil && !told[to] && e.Kept() != "" {
					told[to] = true
					c.checkKept(source, to, e.Kept())
				}
				if to := e.To; !seen[to] && to.Spec != nil {
					seen[to] = true
					c.checkWithheld(source, to)
					for _, hosted := range c.hosted[to] {
						// What it holds the engine does not ask for, so none of it comes back.
						c.checkKept(source, hosted, cmp.Or(hosted.Spec.Holds, hosted.Spec.Keeps))
						c.checkWithheld(source, hosted)
					}
					visit(to)
				}
			}
		}
	}
	visit(source)
}

const acksLost = "%s would acknowledge items that a crash can still lose: "

// checkKept reports what a node behind a source that acknowledges, or a kind that such a node
// calls by itself, keeps in memory, "" if nothing: a crash would lose it.
func (c *compiler) checkKept(source, n *Node, kept string) {
	if kept != "" {
		c.list.Add(diag.LostByCrash, source.At, acksLost+"%s (%s) keeps %s, in memory only", source.ID, n.ID, n.Kind, kept).
			WithNote(n.At, "%s is behind %s", n.ID, source.ID).
			WithHint("%s %s if they may be lost: it then acknowledges items as soon as it has given them", c.word(ackEarly), source.ID)
	}
}

// checkWithheld reports a sink behind such a source that may throw away what it wrote.
func (c *compiler) checkWithheld(source, n *Node) {
	w, ok := n.Config.(Withholder)
	if !ok {
		return
	}
	remedy, withholds := w.Withholds(c.flow.Path)
	if !withholds {
		return
	}
	d := c.list.Add(diag.LostByCrash, source.At, acksLost+"what %s (%s) writes is not there before the run has ended", source.ID, n.ID, n.Kind).
		WithNote(n.At, "%s is behind %s", n.ID, source.ID)
	if remedy != "" {
		d.WithHint("add %s to the settings of %s, so that what it writes is there before it is acknowledged; or %s %s if items may be lost", remedy, n.ID, c.word(ackEarly), source.ID)
	} else {
		d.WithHint("%s %s if items may be lost", c.word(ackEarly), source.ID)
	}
}
