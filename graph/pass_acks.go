package graph

import "github.com/flowrun/flowrun/graph/diag"

// checkAcks looks at what lies behind sources that acknowledge, when all sinks have it,
// what somebody else then forgets. What a node only keeps in memory a crash loses, and so
// it does what a sink throws away: neither may be behind such a source.
func (c *compiler) checkAcks() {
	for _, n := range c.flow.Nodes {
		if n.Spec != nil && n.Acknowledges() && n.Engine.Ack != AckEarly {
			c.checkAcksOf(n)
		}
	}
}

func (c *compiler) checkAcksOf(source *Node) {
	seen := map[*Node]bool{source: true}
	var visit func(n *Node)
	visit = func(n *Node) {
		for _, out := range n.Out {
			for _, e := range out.Edges {
				if to := e.To; !seen[to] && to.Spec != nil {
					seen[to] = true
					c.checkBehind(source, to)
					visit(to)
				}
			}
		}
	}
	visit(source)
}

// checkBehind looks at a node behind a source that acknowledges.
func (c *compiler) checkBehind(source, n *Node) {
	if kept := n.Spec.State(); kept != "" {
		c.list.Add(diag.LostByCrash, source.At, "%s acknowledges what all sinks have, but %s (%s) keeps %s: a crash would lose what it has not given on", source.ID, n.ID, n.Kind, kept).
			WithNote(n.At, "this one").
			WithHint("write `ack: early` on %s if that may be lost: it acknowledges what it takes at once then", source.ID)
	}
	w, ok := n.Config.(Withholder)
	if !ok {
		return
	}
	if remedy, withholds := w.Withholds(c.flow.Path); withholds {
		d := c.list.Add(diag.LostByCrash, source.At, "%s acknowledges what all sinks have, but what %s writes gets its name when the run ends: a crash before would lose it", source.ID, n.ID).
			WithNote(n.At, "this one")
		if remedy != "" {
			d.WithHint("write `%s` on %s: rows are added to the file as they are acknowledged; or `ack: early` on %s if they may be lost", remedy, n.ID, source.ID)
		} else {
			d.WithHint("write `ack: early` on %s if that may be lost", source.ID)
		}
	}
}

// State is what a kind keeps from one item to the next that a crash would lose, and
// nobody would give it again once a source has acknowledged it; "" if nothing.
func (s *Spec) State() string {
	switch {
	case s.Returns:
		return ""
	case s.Holds != "":
		return s.Holds
	}
	return s.Keeps
}
