package render

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diff"
)

// What marks a difference in a scene: tags, notes and the legend.

// The measures of what marks a difference.
const (
	legendHeight = 28.0
	tagX         = 12.0
	tagRise      = 9.0 // of a tag above its card
	faintShare   = 0.42
	maxNotes     = 6 // lines on a card
)

// fateShades are the colours of the marks. A sign and a word always stand beside
// them.
var fateShades = map[diff.Mark]shade{
	diff.Added:    {"#18793a", "#4cc26d"},
	diff.Removed:  {"#c0282d", "#ff8078"},
	diff.Changed:  {"#8a5a00", "#e5b04a"},
	diff.Renamed:  {"#8a5a00", "#e5b04a"},
	diff.Affected: {"#0b63ce", "#5aa7ff"},
}

// fateWords explain the marks.
var fateWords = map[diff.Mark]string{
	diff.Added: "added", diff.Removed: "removed", diff.Changed: "changed", diff.Renamed: "renamed", diff.Affected: "types follow",
}

// fates are the marks in the order of the legend.
var fates = []diff.Mark{diff.Added, diff.Removed, diff.Changed, diff.Renamed, diff.Affected}

// FromDiff makes one scene of two versions of a flow: the nodes and edges of both,
// each with what became of it, settings and types as "old → new" on the cards.
func FromDiff(d *diff.Diff) *Scene {
	s := &Scene{Title: d.New.Name, About: d.Summary(), Diff: true}
	u := union{from: map[*graph.Output]End{}, to: map[*graph.Input]End{}}
	for i := range d.Nodes {
		s.Cards = append(s.Cards, u.card(i, &d.Nodes[i]))
	}
	for i := range d.Edges {
		if w := u.wire(&d.Edges[i]); w != nil {
			s.Wires = append(s.Wires, w)
		}
	}
	return s
}

// A union knows the rows of the ports of both versions.
type union struct {
	from map[*graph.Output]End
	to   map[*graph.Input]End
}

// card is the card of a node of either version, with the ports of both.
func (u *union) card(i int, n *diff.Node) *Card {
	shown := n.New
	if shown == nil {
		shown = n.Old
	}
	c := newCard(shown)
	c.Diff = n.Mark
	c.Notes = notes(n)
	c.About = strings.Join(append([]string{c.About}, tooltipNotes(n)...), "\n")
	rows := map[string]int{}
	for _, version := range []*graph.Node{n.New, n.Old} {
		if version == nil {
			continue
		}
		for _, in := range version.In {
			row, ok := rows["<"+in.Name]
			if !ok && (version == shown || len(in.Edges) > 0) {
				row = len(c.In)
				c.In = append(c.In, signed(n, inputPort(in), true))
			}
			rows["<"+in.Name], u.to[in] = row, End{i, row}
		}
		for _, out := range version.Out {
			row, ok := rows[">"+out.Name]
			if !ok && isSide(out) && len(out.Edges) == 0 {
				continue
			}
			if !ok {
				row = len(c.Out)
				c.Out = append(c.Out, signed(n, portOf(out.Name, out.Carries), false))
			}
			rows[">"+out.Name], u.from[out] = row, End{i, row}
		}
	}
	return c
}

// signed puts the sign of a change before the type of a port.
func signed(n *diff.Node, p Port, input bool) Port {
	for _, ch := range n.Ports {
		if ch.Port != p.Name || ch.Input != input || p.Type == "" {
			continue
		}
		switch {
		case ch.Old == "":
			p.Type = diff.Added.Sign() + " " + p.Type
		case ch.New == "":
			p.Type = diff.Removed.Sign() + " " + p.Type
		default:
			p.Full = strings.TrimSpace(p.typeText() + ", was " + ch.Old)
			p.Type = diff.Affected.Sign() + " " + p.Type
		}
	}
	return p
}

// notes are the lines on a card: what changed, and what follows from it. A node
// that came or went is all new or all old, so its kind line tells enough.
func notes(n *diff.Node) []string {
	if n.Mark == diff.Added || n.Mark == diff.Removed {
		return nil
	}
	all := tooltipNotes(n)
	if len(all) > maxNotes {
		all = append(all[:maxNotes-1:maxNotes-1], fmt.Sprintf("and %d more", len(all)-maxNotes+1))
	}
	return all
}

func tooltipNotes(n *diff.Node) []string {
	var all []string
	if n.Was != "" {
		all = append(all, "~ was "+n.Was)
	}
	for _, ch := range n.Changes {
		all = append(all, ch.Mark().Sign()+" "+ch.String())
	}
	for _, p := range n.Consequences() {
		all = append(all, diff.Affected.Sign()+" "+p.String())
	}
	return all
}

// wire is the wire of an edge of either version; nil if a flow with errors has no
// row for one of its ends.
func (u *union) wire(e *diff.Edge) *Wire {
	edge := e.New
	if edge == nil {
		edge = e.Old
	}
	from, hasFrom := u.from[edge.FromPort]
	to, hasTo := u.to[edge.ToPort]
	if !hasFrom || !hasTo {
		return nil
	}
	w := wireOf(edge, from, to)
	w.Diff = e.Mark
	switch e.Mark {
	case diff.Added, diff.Removed:
		w.Capacity = e.Mark.Sign() + " " + w.Capacity
	case diff.Changed:
		w.Capacity = "~ " + w.Capacity
		if a, b := e.Old.Contract.Capacity, e.New.Contract.Capacity; a != b {
			w.Capacity = shortCount(a) + " → " + shortCount(b)
		}
		for _, ch := range e.Changes {
			w.About += "\n" + ch.String()
		}
	}
	return w
}

// A fate is a mark as it is drawn; the zero fate belongs to a scene without marks.
type fate struct {
	diff.Mark
	shown bool
}

// fate is how a mark is drawn in this scene.
func (s *Scene) fate(m diff.Mark) fate { return fate{m, s.Diff} }

// Class is its class in the style sheet.
func (f fate) Class() string {
	switch {
	case !f.shown:
		return ""
	case f.Mark == diff.Same:
		return "d-same"
	}
	return "marked d-" + string(f.Mark)
}

// or is the colour of the mark, or another one if there is none.
func (f fate) or(otherwise shade) shade {
	if own, ok := fateShades[f.Mark]; ok && f.shown {
		return own
	}
	return otherwise
}

// width is that of a line, which a mark makes wider.
func (f fate) width(plain float64) float64 {
	if f.shown && f.Mark != diff.Same {
		return 2.2
	}
	return plain
}

// A tagPart is a mark in words, on a card or in the legend.
type tagPart struct {
	X, Y, W float64
	Text    string
	Fate    fate
}

// Class is for the template.
func (t tagPart) Class() string { return "d-" + string(t.Fate.Mark) }

// Middle is where the text is centred.
func (t tagPart) Middle() float64 { return t.W / 2 }

func newTag(m diff.Mark, x, y float64) tagPart {
	text := m.Sign() + " " + fateWords[m]
	return tagPart{X: x, Y: y, W: styleBadge.width(text) + 12, Text: text, Fate: fate{m, true}}
}

// A notePart is a line below the ports of a card.
type notePart struct {
	Y    float64
	Text string
	Fate fate
}

// Class is for the template.
func (n notePart) Class() string { return "d-" + string(n.Fate.Mark) }

// mark adds to a card what it shows of a difference.
func (part *cardPart) mark(s *Scene, c *Card) {
	part.Fate = s.fate(c.Diff)
	if s.Diff && c.Diff != diff.Same {
		tag := newTag(c.Diff, tagX, -tagRise)
		part.Tag = &tag
	}
	top := headHeight + rowHeight*float64(c.rows()) + padBelow
	for i, note := range c.Notes {
		line := notePart{Y: top + noteHeight*float64(i) + noteY, Text: styleNote.fit(note, noteLimit)}
		for _, m := range []diff.Mark{diff.Added, diff.Removed, diff.Changed, diff.Affected} {
			if strings.HasPrefix(note, m.Sign()+" ") {
				line.Fate = fate{m, s.Diff}
			}
		}
		part.Notes = append(part.Notes, line)
	}
}

// legend explains the marks of the scene, below its title.
func (s *Scene) legend() []tagPart {
	count := map[diff.Mark]int{}
	for _, c := range s.Cards {
		count[c.Diff]++
	}
	for _, w := range s.Wires {
		count[w.Diff]++
	}
	x := pagePad
	var all []tagPart
	for _, m := range fates {
		if count[m] > 0 {
			tag := newTag(m, x, pagePad+s.titleRoom()-4)
			all = append(all, tag)
			x += tag.W + 8
		}
	}
	return all
}

// legendWidth is how much room the legend needs.
func (s *Scene) legendWidth() float64 {
	all := s.legend()
	if len(all) == 0 {
		return 0
	}
	last := all[len(all)-1]
	return last.X + last.W - pagePad
}

// fateRules colour the marks.
func fateRules() []colourRule {
	var rules []colourRule
	rules = append(rules, colourRule{".note", "fill", shadeMuted}, colourRule{".tag rect", "fill", shadeCard})
	for _, m := range fates {
		c, shade := ".d-"+string(m), fateShades[m]
		rules = append(rules,
			colourRule{c + " .card," + c + " .wire,.pill" + c + " rect,.tag" + c + " rect", "stroke", shade},
			colourRule{c + " .tip,.pill" + c + " text,.tag" + c + " text,.note" + c, "fill", shade})
	}
	return rules
}

// as is the painter for what has a fate.
func (p *painter) as(f fate) *painter {
	return &painter{p.canvas, p.dark, f.shown && f.Mark == diff.Same}
}

// border paints the ground of a card; what was removed has a broken border.
func (p *painter) border(box Box, f fate) {
	line := p.ink(f.or(shadeCardLine))
	if f.shown && f.Mark == diff.Removed {
		outline := rounded(box, cardRadius)
		p.fill(p.ink(shadeCard), outline)
		p.dashes(line, 2.2, outline, 6, 4)
		return
	}
	p.bordered(box, cardRadius, p.ink(shadeCard), line, f.width(1.2))
}

func (p *painter) tag(t *tagPart) {
	colour := p.ink(t.Fate.or(shadeMuted))
	p.bordered(Box{0, 0, t.W, badgeHeight}, badgeHeight/2, p.ink(shadeCard), colour, 1.4)
	p.text(colour, styleBadge, Point{t.Middle(), badgeText}, anchorMiddle, t.Text)
}

// dotFate is the mark behind the name of a card in DOT.
func (c *Card) dotFate() string {
	if c.Diff == diff.Same {
		return ""
	}
	return fmt.Sprintf(` <font point-size="9" color="%s"><b>%s %s</b></font>`, fateShades[c.Diff].light, c.Diff.Sign(), fateWords[c.Diff])
}

// mermaidFates colours the borders of cards that have a mark.
func (s *Scene) mermaidFates(b *bytes.Buffer) {
	for _, m := range fates {
		var names []string
		for i, c := range s.Cards {
			if c.Diff == m {
				names = append(names, fmt.Sprintf("n%d", i))
			}
		}
		if names != nil {
			fmt.Fprintf(b, "  classDef %s stroke:%s,stroke-width:2px\n  class %s %s\n", m, fateShades[m].light, strings.Join(names, ","), m)
		}
	}
}
