package render

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A picture is a scene made ready to be drawn: texts cleaned and cut, the parts
// of cards and pills in their places. SVG and PNG draw the same picture, so they
// look the same.
type picture struct {
	Width, Height float64
	Label         string // what it is, in words
	Title, About  string
	Down          bool
	Clusters      []clusterPart
	Wires         []wirePart
	Cards         []cardPart
	Legend        []tagPart
}

type clusterPart struct {
	Box
	Name, Full string
	Text       Point
}

type wirePart struct {
	Index int
	Slot  Slot
	Side  bool
	Fate  fate
	Label string
	Curve []Point
	Tip   [3]Point // the arrowhead
	Pill  *pillPart
}

// A pillPart's positions are relative to the pill's middle, At.
type pillPart struct {
	Index   int
	Fate    fate
	At      Point
	Box     Box
	Text    string
	TextX   float64
	Label   string
	Strokes []signPart
}

type signPart struct {
	X    float64
	Path string
}

// A cardPart's positions are relative to the card's corner.
type cardPart struct {
	Box
	ID, Label  string
	Icon       Icon
	Name, Kind string
	Badge      *badgePart
	Ports      []portPart
	Live       bool
	Fate       fate
	Tag        *tagPart
	Notes      []notePart
}

type badgePart struct {
	X, W    float64
	Text    string
	TextX   float64
	Strokes []signPart
}

type portPart struct {
	Out               bool
	Slot              Slot
	X, Y              float64 // of its row, at the border
	Dot               Point   // from there
	Name, Type, Label string
}

// Class and Glyph are for the template.
func (w wirePart) Class() string    { return w.Slot.class() }
func (p portPart) Class() string    { return p.Slot.class() }
func (part cardPart) Glyph() string { return glyphs[part.Icon].path }

// The foot is a line, two texts and a bar, filled in by the live page.
func (part cardPart) FootY() float64     { return part.H - footHeight }
func (part cardPart) FootRight() float64 { return part.W - 10 }
func (part cardPart) FootBar() float64   { return part.W - 20 }

// newBadge gives the badge of a card, nil if there is nothing on it.
func newBadge(c *Card) *badgePart {
	w := c.badgeWidth()
	if w == 0 {
		return nil
	}
	b := &badgePart{X: c.W - w - tileX, W: w, Text: clean(c.Workers)}
	b.TextX = (w - c.marksWidth()) / 2
	x := w - 6 - c.marksWidth()
	if b.Text != "" {
		x += 3
	}
	for _, m := range c.Marks {
		if path, ok := signs[m.Sign]; ok {
			b.Strokes = append(b.Strokes, signPart{x, path})
		}
		x += signSide + 3
	}
	return b
}

// newPicture prepares a scene that is drawable.
func newPicture(s *Scene) *picture {
	p := &picture{
		Width: s.Width, Height: s.Height, Down: s.Down,
		Label: pictureLabel(s),
		Title: styleTitle.fit(s.Title, s.Width-2*pagePad),
		About: styleSubtitle.fit(s.About, s.Width-2*pagePad),
	}
	for _, cluster := range s.Clusters {
		p.Clusters = append(p.Clusters, clusterPart{
			Box: cluster.Box, Full: tooltip(cluster.Name),
			Name: styleCluster.fit(cluster.Name, max(cluster.W-28, 60)),
			Text: Point{cluster.X + 14, cluster.Y + 20},
		})
	}
	for i, w := range s.Wires {
		p.Wires = append(p.Wires, newWirePart(s, i, w))
	}
	for _, c := range s.Cards {
		p.Cards = append(p.Cards, newCardPart(s, c))
	}
	if s.Diff {
		p.Legend = s.legend()
	}
	return p
}

func pictureLabel(s *Scene) string {
	name := "flow"
	if s.Title != "" {
		name = "flow " + clean(s.Title)
	}
	return name + ": " + count(len(s.Cards), "node") + ", " + count(len(s.Wires), "edge")
}

// count writes "1 node", "2 nodes".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func newWirePart(s *Scene, i int, w *Wire) wirePart {
	end := w.Path[len(w.Path)-1]
	tip := func(back, aside float64) Point {
		d := s.along(-arrowGap-back, aside)
		return Point{end.X + d.X, end.Y + d.Y}
	}
	part := wirePart{
		Index: i, Slot: w.Slot, Side: w.Side, Fate: s.fate(w.Diff), Curve: w.Path,
		Label: s.wireLabel(w),
		Tip:   [3]Point{tip(0, 0), tip(arrowLong, -arrowWide), tip(arrowLong, arrowWide)},
	}
	width := w.pillWidth(s.Live)
	if width == 0 {
		return part
	}
	pill := &pillPart{Index: i, Fate: part.Fate, At: w.Pill, Box: around(Point{}, width, pillHeight), Text: w.pillText(), Label: part.Label}
	text := w.pillTextWidth(s.Live)
	x := -(text + (signSide+3)*float64(len(w.Marks))) / 2
	pill.TextX = x + text/2
	x += text + 3
	for _, m := range w.Marks {
		if path, ok := signs[m.Sign]; ok {
			pill.Strokes = append(pill.Strokes, signPart{x, path})
			x += signSide + 3
		}
	}
	part.Pill = pill
	return part
}

func newCardPart(s *Scene, c *Card) cardPart {
	part := cardPart{
		Box: c.Box, ID: clean(c.ID), Label: c.label(), Icon: c.Icon.known(), Live: s.Live,
		Name: styleName.fit(c.ID, nameLimit),
		Kind: styleKind.fit(c.kindLine(), kindLimit),
	}
	part.mark(s, c)
	part.Badge = newBadge(c)
	for side, ports := range [][]Port{c.In, c.Out} {
		for r := range ports {
			q := &ports[r]
			name, typ := q.text()
			at, dot := Point{float64(side) * c.W, rowMiddle(r)}, s.dot(c, r, ports, side == 1)
			part.Ports = append(part.Ports, portPart{
				Out: side == 1, Slot: q.Slot, X: at.X, Y: at.Y, Dot: Point{dot.X - at.X, dot.Y - at.Y},
				Name: name, Type: typ, Label: q.label(),
			})
		}
	}
	return part
}

// wireLabel says all that is known about a wire.
func (s *Scene) wireLabel(w *Wire) string {
	lines := []string{s.wireName(w), s.source(w).typeText()}
	if w.Diff != "" {
		lines[0] = string(w.Diff) + ": " + lines[0]
	}
	if w.Capacity != "" {
		lines = append(lines, "capacity: "+w.Capacity)
	}
	for _, m := range w.Marks {
		lines = append(lines, m.Text)
	}
	return tooltip(append(lines, w.About)...)
}

func (c *Card) label() string {
	head := c.ID
	if line := c.kindLine(); line != "" {
		head += ": " + line
	}
	if c.Workers != "" {
		head += ", workers " + c.Workers
	}
	if c.Diff != "" {
		head = string(c.Diff) + ": " + head
	}
	lines := []string{head}
	for _, m := range c.Marks {
		lines = append(lines, m.Text)
	}
	return tooltip(append(lines, c.About)...)
}

func (p *Port) label() string {
	if t := p.typeText(); t != "" {
		return tooltip(p.Name + ": " + t)
	}
	return tooltip(p.Name)
}

// typeText is the type in full.
func (p *Port) typeText() string {
	if p.Full != "" {
		return p.Full
	}
	return p.Type
}

// tooltip joins the lines that say something. It is long enough for every type
// that a person reads, and bounded.
func tooltip(lines ...string) string {
	const limit = 4000
	var kept []string
	for _, line := range lines {
		if line = strings.TrimSpace(clean(line)); line != "" {
			kept = append(kept, line)
		}
	}
	text := strings.Join(kept, "\n")
	if len(text) <= limit {
		return text
	}
	end := limit
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// number1 writes a length to a tenth of a pixel, so that the text is the same
// wherever the last bits of a float differ.
func number1(x float64) string {
	text := strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0")
	if text == "-0" {
		return "0"
	}
	return text
}
