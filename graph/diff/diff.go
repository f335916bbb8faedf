package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

// This file compares the nodes and edges of two flows; ports.go and settings.go compare
// what these have.

// A Mark says what became of a node or an edge.
type Mark string

// The marks.
const (
	Same     Mark = ""
	Added    Mark = "added"
	Removed  Mark = "removed"
	Changed  Mark = "changed"  // its own text
	Renamed  Mark = "renamed"  // a node under another id; its settings are equal
	Affected Mark = "affected" // only types changed, by what changed elsewhere
)

// Sign is the mark as one character, so that colour is never the only sign.
func (m Mark) Sign() string {
	switch m {
	case Added:
		return "+"
	case Removed:
		return "−"
	case Changed, Renamed:
		return "~"
	case Affected:
		return "≈"
	}
	return " "
}

// A Diff is what differs between two versions of a flow.
type Diff struct {
	Old   *graph.Flow `json:"-"`
	New   *graph.Flow `json:"-"`
	Flow  []Change    `json:"flow,omitempty"` // what stands at the top of the file: name, variables, types, limits
	Nodes []Node      `json:"nodes"`          // all of both, marked
	Edges []Edge      `json:"edges"`
}

// A Node is a node of one or both versions.
type Node struct {
	Old     *graph.Node  `json:"-"` // nil: added
	New     *graph.Node  `json:"-"` // nil: removed
	ID      string       `json:"id"`
	Was     string       `json:"was,omitempty"` // its id before, if it was renamed
	Kind    string       `json:"kind"`
	Mark    Mark         `json:"mark,omitempty"`
	OldAt   string       `json:"old_at,omitempty"` // file:line
	NewAt   string       `json:"new_at,omitempty"`
	Changes []Change     `json:"changes,omitempty"`
	Ports   []PortChange `json:"ports,omitempty"`
}

// An Edge is an edge of one or both versions.
type Edge struct {
	Old     *graph.Edge `json:"-"`
	New     *graph.Edge `json:"-"`
	Name    string      `json:"name"` // late.out -> named.left
	Mark    Mark        `json:"mark,omitempty"`
	OldAt   string      `json:"old_at,omitempty"`
	NewAt   string      `json:"new_at,omitempty"`
	Changes []Change    `json:"changes,omitempty"`
}

// A Change is a setting with another value.
type Change struct {
	Path    string `json:"path"`          // workers, with.where, types.Flight.delay
	Old     string `json:"old,omitempty"` // "": it was not there
	New     string `json:"new,omitempty"`
	Default string `json:"default,omitempty"` // which side is a default that is not written: old or new
	Via     string `json:"via,omitempty"`     // the variable through which it changed, its own text being equal
	OldLine int    `json:"old_line,omitempty"`
	NewLine int    `json:"new_line,omitempty"`
}

// String gives "where: delay > 15 → delay > 30"; of a setting that came or went,
// only its value.
func (c Change) String() string {
	name := strings.TrimPrefix(c.Path, "with.")
	side := func(text, which string) string {
		if c.Default == which {
			return text + " (default)"
		}
		return text
	}
	switch {
	case c.Via != "":
		return fmt.Sprintf("%s: %s, by %s", name, c.New, c.Via)
	case c.Old == "" || c.New == "":
		return name + ": " + c.Old + c.New
	}
	return fmt.Sprintf("%s: %s → %s", name, side(c.Old, "old"), side(c.New, "new"))
}

// Mark says whether the setting came, went or has another value.
func (c Change) Mark() Mark {
	switch {
	case c.Old == "":
		return Added
	case c.New == "":
		return Removed
	}
	return Changed
}

// Compare gives the differences between two flows.
func Compare(before, after *graph.Flow) *Diff {
	d := &Diff{Old: before, New: after}
	c := comparison{diff: d, old: newTexts(before), new: newTexts(after)}
	d.Flow = c.head()
	c.pair()
	c.nodes()
	c.edges()
	return d
}

// A comparison is one call of Compare.
type comparison struct {
	diff     *Diff
	old, new *texts
	partner  map[*graph.Node]*graph.Node // from old to new and back
	shared   map[*graph.Node]string      // the id of the new one of a pair, else its own
	changed  map[string]string           // variables of the file, with what became of each
}

// head compares what stands at the top of the file.
func (c *comparison) head() []Change {
	all := compareSettings(c.old.head(), c.new.head(), nil)
	c.changed = map[string]string{}
	for _, ch := range all {
		if name, ok := strings.CutPrefix(ch.Path, "vars."); ok {
			name, _, _ = strings.Cut(name, ".")
			c.changed[name] = fmt.Sprintf("%s: %s → %s", name, cmp.Or(ch.Old, "nothing"), cmp.Or(ch.New, "nothing"))
		}
	}
	return all
}

// nodes compares every pair and puts what was removed where it stood.
func (c *comparison) nodes() {
	removed := map[*graph.Node][]*graph.Node{} // by the pair before it; nil: at the top
	var before *graph.Node
	for _, n := range c.diff.Old.Nodes {
		if p := c.partner[n]; p != nil {
			before = p
		} else {
			removed[before] = append(removed[before], n)
		}
	}
	gone := func(at *graph.Node) {
		for _, n := range removed[at] {
			c.diff.Nodes = append(c.diff.Nodes, Node{Old: n, ID: n.ID, Kind: n.Kind, Mark: Removed, OldAt: place(n.At),
				Changes: compareSettings(c.old.node(n), nothing, nil)})
		}
	}
	gone(nil)
	for _, n := range c.diff.New.Nodes {
		if old := c.partner[n]; old != nil {
			c.diff.Nodes = append(c.diff.Nodes, c.node(old, n))
		} else {
			c.diff.Nodes = append(c.diff.Nodes, Node{New: n, ID: n.ID, Kind: n.Kind, Mark: Added, NewAt: place(n.At), Changes: compareSettings(nothing, c.new.node(n), nil)})
		}
		gone(n)
	}
}

// node compares a pair.
func (c *comparison) node(old, new *graph.Node) Node {
	n := Node{Old: old, New: new, ID: new.ID, Kind: new.Kind, OldAt: place(old.At), NewAt: place(new.At)}
	if old.Kind != new.Kind {
		n.Changes = append(n.Changes, Change{Path: "use", Old: old.Kind, New: new.Kind, OldLine: old.UseAt.Line, NewLine: new.UseAt.Line})
	}
	n.Changes = append(n.Changes, compareSettings(c.old.node(old), c.new.node(new), c.changed)...)
	n.Changes = append(n.Changes, c.reordered(old, new)...)
	n.Ports = comparePorts(old, new)
	switch {
	case old.ID != new.ID:
		n.Was, n.Mark = old.ID, Renamed // kind and settings are equal
	case len(n.Changes) > 0:
		n.Mark = Changed
	case len(n.Ports) > 0:
		n.Mark = Affected
	}
	return n
}

// reordered finds input ports that read the same edges in another order.
func (c *comparison) reordered(old, new *graph.Node) []Change {
	var all []Change
	for _, in := range new.In {
		was := old.Input(in.Name)
		if was == nil || len(was.Edges) != len(in.Edges) || len(in.Edges) < 2 || in.Arity != graph.Many {
			continue
		}
		var a, b []string
		for i := range in.Edges {
			a = append(a, c.end(was.Edges[i].From, was.Edges[i].FromPort))
			b = append(b, c.end(in.Edges[i].From, in.Edges[i].FromPort))
		}
		if !slices.Equal(a, b) && slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))) {
			all = append(all, Change{Path: "in", Old: "[" + strings.Join(a, ", ") + "]", New: "[" + strings.Join(b, ", ") + "]", OldLine: was.Edges[0].At.Line, NewLine: in.Edges[0].At.Line})
		}
	}
	return all
}

// end names an output port, by the name of its node that both versions share.
func (c *comparison) end(n *graph.Node, port *graph.Output) string {
	return c.shared[n] + "." + port.Name
}

// edges compares the edges between pairs.
func (c *comparison) edges() {
	old := map[string]*graph.Edge{}
	for _, e := range c.diff.Old.Edges {
		old[c.key(e)] = e
	}
	for _, e := range c.diff.New.Edges {
		edge := Edge{New: e, Name: e.String(), NewAt: place(e.At), Mark: Added}
		if was := old[c.key(e)]; was != nil {
			delete(old, c.key(e))
			edge.Old, edge.OldAt, edge.Mark = was, place(was.At), Same
			edge.Changes = compareContracts(was, e)
			if len(edge.Changes) > 0 {
				edge.Mark = Changed
			} else if !sameType(was.Type, e.Type) {
				edge.Mark = Affected
			}
		}
		c.diff.Edges = append(c.diff.Edges, edge)
	}
	for _, e := range c.diff.Old.Edges {
		if old[c.key(e)] == e {
			c.diff.Edges = append(c.diff.Edges, Edge{Old: e, Name: e.String(), OldAt: place(e.At), Mark: Removed})
		}
	}
}

// key names an edge by what both versions share.
func (c *comparison) key(e *graph.Edge) string {
	return c.end(e.From, e.FromPort) + " -> " + c.shared[e.To] + "." + e.ToPort.Name
}

// place gives file:line.
func place(at diag.Span) string {
	if at.Source == nil || at.Line == 0 {
		return ""
	}
	return at.Source.Name + ":" + strconv.Itoa(at.Line)
}

// Equal reports whether nothing differs.
func (d *Diff) Equal() bool {
	return len(d.Flow) == 0 && !slices.ContainsFunc(d.Nodes, func(n Node) bool { return n.Mark != Same }) &&
		!slices.ContainsFunc(d.Edges, func(e Edge) bool { return e.Mark != Same })
}

// Summary counts the differences in a line.
func (d *Diff) Summary() string {
	nodes, edges := map[Mark]int{}, map[Mark]int{}
	for _, n := range d.Nodes {
		nodes[n.Mark]++
	}
	for _, e := range d.Edges {
		edges[e.Mark]++
	}
	var parts []string
	for _, group := range []struct {
		noun  string
		count map[Mark]int
		marks []Mark
	}{{"node", nodes, []Mark{Added, Removed, Changed, Renamed, Affected}}, {"edge", edges, []Mark{Added, Removed, Changed}}} {
		var words []string
		for _, m := range group.marks {
			switch n := group.count[m]; {
			case n > 0 && len(words) == 0:
				words = append(words, count(n, group.noun)+" "+string(m))
			case n > 0:
				words = append(words, fmt.Sprintf("%d %s", n, m))
			}
		}
		if words != nil {
			parts = append(parts, strings.Join(words, ", "))
		}
	}
	if len(d.Flow) > 0 {
		parts = append(parts, count(len(d.Flow), "change")+" at the top of the file")
	}
	if parts == nil {
		return "no difference"
	}
	return strings.Join(parts, "; ")
}

// count writes "1 node", "2 nodes".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
