package diff

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph"
)

// Which node of one version is which of the other.

// maxTwins bounds the pairs that are looked at among nodes that went and came with
// the same kind and settings. Where there are more, the first is held against the
// first, the second against the second.
const maxTwins = 10_000

// pair finds the nodes that both versions have.
func (c *comparison) pair() {
	c.partner, c.shared = map[*graph.Node]*graph.Node{}, map[*graph.Node]string{}
	byID := map[string]*graph.Node{}
	for _, n := range c.diff.New.Nodes {
		byID[n.ID] = n
	}
	var gone []*graph.Node
	for _, n := range c.diff.Old.Nodes {
		if p := byID[n.ID]; p != nil && c.partner[p] == nil {
			c.partner[n], c.partner[p] = p, n
		} else {
			gone = append(gone, n)
		}
	}
	var came []*graph.Node
	for _, n := range c.diff.New.Nodes {
		if c.partner[n] == nil {
			came = append(came, n)
		}
	}
	c.renames(gone, came)
	for _, n := range c.diff.Old.Nodes {
		c.shared[n] = n.ID
		if p := c.partner[n]; p != nil {
			c.shared[n] = p.ID
		}
	}
	for _, n := range c.diff.New.Nodes {
		c.shared[n] = n.ID
	}
}

// A twin is a node that went and one that came in its place, perhaps.
type twin struct{ old, new *graph.Node }

// renames pairs nodes that went with nodes that came. It begins with all that have
// the same kind and settings, strikes out those whose wiring does not agree with
// what is left, and pairs what stays.
func (c *comparison) renames(gone, came []*graph.Node) {
	order := c.twins(gone, came)
	candidates := map[twin]bool{}
	for _, t := range order {
		candidates[t] = true
	}
	c.refine(candidates)
	chosen := map[twin]bool{}
	taken := map[*graph.Node]bool{}
	for _, t := range order {
		if candidates[t] && !taken[t.old] && !taken[t.new] {
			chosen[t], taken[t.old], taken[t.new] = true, true, true
		}
	}
	c.refine(chosen) // twins may have been paired crosswise
	for t := range chosen {
		c.partner[t.old], c.partner[t.new] = t.new, t.old
	}
}

// twins are the pairs with the same kind and settings, in the order of the flows.
func (c *comparison) twins(gone, came []*graph.Node) []twin {
	type group struct{ gone, came []*graph.Node }
	groups := map[string]*group{}
	for _, n := range came {
		key := n.Kind + "\n" + c.new.node(n).fingerprint()
		if groups[key] == nil {
			groups[key] = &group{}
		}
		groups[key].came = append(groups[key].came, n)
	}
	of := map[*graph.Node]*group{}
	for _, n := range gone {
		if g := groups[n.Kind+"\n"+c.old.node(n).fingerprint()]; g != nil {
			g.gone = append(g.gone, n)
			of[n] = g
		}
	}
	var all []twin
	for _, n := range gone {
		g := of[n]
		switch {
		case g == nil:
		case len(g.gone)*len(g.came) <= maxTwins:
			for _, p := range g.came {
				all = append(all, twin{n, p})
			}
		default:
			if i := slices.Index(g.gone, n); i < len(g.came) {
				all = append(all, twin{n, g.came[i]})
			}
		}
	}
	return all
}

// refine strikes out pairs whose wiring does not agree, until all agree.
func (c *comparison) refine(pairs map[twin]bool) {
	for struck := true; struck; {
		struck = false
		for t := range pairs {
			if !c.wiredAlike(t, pairs) {
				delete(pairs, t)
				struck = true
			}
		}
	}
}

// wiredAlike reports whether two nodes have the same edges, their other ends being
// pairs or in question.
func (c *comparison) wiredAlike(t twin, pairs map[twin]bool) bool {
	same := func(a, b *graph.Node) bool { return c.partner[a] == b || pairs[twin{a, b}] }
	matches := func(old, new []*graph.Edge, alike func(a, b *graph.Edge) bool) bool {
		if len(old) != len(new) {
			return false
		}
		taken := make([]bool, len(new))
	next:
		for _, a := range old {
			for i, b := range new {
				if !taken[i] && alike(a, b) {
					taken[i] = true
					continue next
				}
			}
			return false
		}
		return true
	}
	oldIn, oldOut := edgesOf(t.old)
	newIn, newOut := edgesOf(t.new)
	return len(oldIn)+len(oldOut) > 0 &&
		matches(oldIn, newIn, func(a, b *graph.Edge) bool {
			return a.ToPort.Name == b.ToPort.Name && a.FromPort.Name == b.FromPort.Name && same(a.From, b.From)
		}) &&
		matches(oldOut, newOut, func(a, b *graph.Edge) bool {
			return a.ToPort.Name == b.ToPort.Name && a.FromPort.Name == b.FromPort.Name && same(a.To, b.To)
		})
}

func edgesOf(n *graph.Node) (in, out []*graph.Edge) {
	for _, p := range n.In {
		in = append(in, p.Edges...)
	}
	for _, p := range n.Out {
		out = append(out, p.Edges...)
	}
	return in, out
}

// fingerprint is all that settings say but the words for people.
func (s *settings) fingerprint() string {
	var b strings.Builder
	for _, path := range slices.Sorted(slices.Values(s.paths)) { // keys may stand in any order
		if path != "about" {
			b.WriteString(path + "=" + s.at[path].text + "\n")
		}
	}
	return b.String()
}
