package diff

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// This file prints a difference as text.

// Write prints the differences for people: a line for each node and edge that
// differs, with what changed below it. paint colours a text by its mark; nil leaves
// it as it is.
//
//	~ late (filter)                         old.yaml:14 → new.yaml:14
//	    where: delay > 15 → delay > 30      16 → 16
//	+ fresh (unique)                        new.yaml:21
//	edges
//	+ late.out -> fresh.in
//	types that follow
//	≈ named.out: + gross: float?
//	1 node added, 1 changed; 1 edge added
func (d *Diff) Write(w io.Writer, paint func(Mark, string) string) error {
	t := &printer{w: bufio.NewWriter(w), paint: paint}
	if paint == nil {
		t.paint = func(_ Mark, text string) string { return text }
	}
	for _, c := range d.Flow {
		t.line(c.Mark(), 0, c.String(), lines(c))
	}
	for i := range d.Nodes {
		t.node(&d.Nodes[i])
	}
	t.edges(d.Edges)
	t.types(d.Nodes)
	fmt.Fprintln(t.w, d.Summary())
	return t.w.Flush()
}

// A printer lays lines out. An error of the writer shows at the flush.
type printer struct {
	w     *bufio.Writer
	paint func(Mark, string) string
}

// placeColumn is where the places stand, if there is room.
const placeColumn = 64

// line prints a text with its place on the right.
func (t *printer) line(m Mark, indent int, text, at string) {
	text = strings.Repeat(" ", indent) + m.Sign() + " " + text
	gap := ""
	if at != "" {
		gap = strings.Repeat(" ", max(2, placeColumn-len([]rune(text))))
	}
	fmt.Fprintf(t.w, "%s%s%s\n", t.paint(m, text), gap, t.paint(Same, at))
}

// lines gives the lines of both files at which a setting stands.
func lines(c Change) string {
	switch {
	case c.OldLine == 0 && c.NewLine == 0:
		return ""
	case c.OldLine == 0:
		return fmt.Sprintf("+%d", c.NewLine)
	case c.NewLine == 0:
		return fmt.Sprintf("−%d", c.OldLine)
	}
	return fmt.Sprintf("%d → %d", c.OldLine, c.NewLine)
}

// places gives the places of both files.
func places(old, new string) string {
	if old == "" || new == "" {
		return old + new
	}
	return old + " → " + new
}

// node prints a node whose own text differs.
func (t *printer) node(n *Node) {
	if n.Mark == Same || n.Mark == Affected {
		return
	}
	name := n.ID
	if n.Was != "" {
		name = n.Was + " → " + n.ID
	}
	t.line(n.Mark, 0, fmt.Sprintf("%s (%s)%s", name, n.Kind, map[bool]string{true: " renamed"}[n.Was != ""]), places(n.OldAt, n.NewAt))
	for _, c := range n.Changes {
		t.line(c.Mark(), 4, c.String(), lines(c))
	}
}

// edges prints the edges that differ.
func (t *printer) edges(all []Edge) {
	headed := false
	for _, e := range all {
		if e.Mark == Same || e.Mark == Affected {
			continue
		}
		if !headed {
			fmt.Fprintln(t.w, "edges")
			headed = true
		}
		t.line(e.Mark, 0, e.Name, places(e.OldAt, e.NewAt))
		for _, c := range e.Changes {
			t.line(c.Mark(), 4, c.String(), "")
		}
	}
}

// types prints the outputs that carry something else, and the inputs of nodes
// without outputs.
func (t *printer) types(nodes []Node) {
	headed := false
	for i := range nodes {
		for _, p := range nodes[i].Consequences() {
			if !headed {
				fmt.Fprintln(t.w, "types that follow")
				headed = true
			}
			dot := "."
			if p.Old == "" || p.New == "" {
				dot = ": " // + port
			}
			t.line(Affected, 0, nodes[i].ID+dot+p.String(), "")
		}
	}
}

// Consequences are the ports worth showing: outputs, and inputs only where there is
// no output, since what arrives is what an earlier node gives.
func (n *Node) Consequences() []PortChange {
	sink := n.New != nil
	if sink {
		for _, out := range n.New.Out {
			sink = sink && out.Side
		}
	}
	var all []PortChange
	for _, p := range n.Ports {
		if !p.Input || sink {
			all = append(all, p)
		}
	}
	return all
}
