package graph

import (
	"slices"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file is the pass that reports what works but looks like a mistake.

// lint reports what works but looks like a mistake.
func (c *compiler) lint() {
	for _, n := range c.flow.Nodes {
		if n.Spec == nil {
			continue
		}
		c.lintOutputs(n)
		for _, out := range n.Out {
			c.lintFanOut(out)
		}
	}
	for name, at := range c.typeSpans {
		if !c.typeIsUsed(name) {
			c.list.Warn(diag.UnusedType, at, "type %s is never used", name)
		}
	}
}

func (c *compiler) lintOutputs(n *Node) {
	errors := n.Output(ErrorPort)
	switch {
	case len(errors.Edges) > 0 && n.Engine.OnError == "":
		n.Engine.OnError = "dead" // who reads the error port wants them there
	case len(errors.Edges) > 0 && n.Engine.OnError != "dead":
		c.list.Warn(diag.Ineffective, errors.Edges[0].At, "%s.%s stays empty: %s has on_error: %s", n.ID, ErrorPort, n.ID, n.Engine.OnError).
			WithHint("write on_error: dead, or leave it out")
	case n.Engine.OnError == "dead" && len(errors.Edges) == 0:
		c.list.Warn(diag.UnusedOutput, n.At, "nobody reads %s.%s: failed items are counted and lost", n.ID, ErrorPort).
			WithHint("read them by `in: %s.%s`, or write on_error: skip", n.ID, ErrorPort)
	}
	if n.Engine.OnError == "" {
		n.Engine.OnError = "fail"
	}
	if c.list.HasErrors() {
		return // an edge that could not be made would be called missing here
	}
	unread, read := 0, len(errors.Edges)
	for _, out := range n.Out {
		read += len(out.Edges)
		if len(out.Edges) == 0 && !out.Side {
			unread++
		}
	}
	in := 0
	for _, p := range n.In {
		in += len(p.Edges)
	}
	switch {
	case unread > 0 && read == 0 && in == 0 && len(n.Out) > 1:
		c.list.Warn(diag.UnusedNode, n.At, "nothing reads %s: it does work for nothing", n.ID)
	default:
		for _, out := range n.Out {
			if len(out.Edges) == 0 && !out.Side {
				c.list.Warn(diag.UnusedOutput, n.At, "nobody reads %s.%s: its items are lost", n.ID, out.Name).
					WithHint("read it by `in: %s.%s`, or say so by a node of kind drop", n.ID, out.Name)
			}
		}
	}
}

// typeIsUsed looks for the name of a type anywhere but in its own declaration.
func (c *compiler) typeIsUsed(name string) bool {
	for _, e := range c.root.Entries {
		switch e.Key {
		case "nodes":
			if slices.Contains(mentioned(e.Value), name) {
				return true
			}
		case "types":
			for _, t := range e.Value.Entries {
				if t.Key != name && slices.Contains(mentioned(t.Value), name) {
					return true
				}
			}
		}
	}
	return false
}

// lintFanOut finds readers of one output of which one is slow by design: a full
// edge there makes the others wait as well.
func (c *compiler) lintFanOut(out *Output) {
	if len(out.Edges) < 2 {
		return
	}
	var why []string
	paced := 0
	for _, e := range out.Edges {
		reason := slowness(e, map[*Node]bool{})
		if why = append(why, reason); reason != "" {
			paced++
		}
	}
	if paced == len(out.Edges) {
		return // they are all slow: nobody is held up who could go on
	}
	for i, e := range out.Edges {
		if why[i] != "" {
			c.list.Warn(diag.SlowBranch, e.At, "%s, and %s feeds others as well: when this edge is full, they wait too", why[i], e.From.ID).
				WithHint("isolate: true on this edge lets it spill instead")
		}
	}
}

// slowness says what makes the reader of an edge slow by design, "" if nothing
// does or if what waits for it does not hold up the sender.
func slowness(e *Edge, seen map[*Node]bool) string {
	n := e.To
	if e.Contract.OnFull != "block" || seen[n] {
		return ""
	}
	seen[n] = true
	switch {
	case n.Engine.Rate.Bounds():
		return n.ID + " has a rate"
	case n.Engine.Breaker.Failures > 0:
		return n.ID + " has a breaker, which stops it for a while"
	}
	for _, out := range n.Out {
		for _, next := range out.Edges {
			if why := slowness(next, seen); why != "" {
				return why
			}
		}
	}
	return ""
}
