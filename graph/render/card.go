package render

import (
	"math"
	"strings"
)

// This file measures a scene: how large cards and pills are, and how much room is
// between them.

// The measures of a card. A card is a head, one row per pair of ports and, in
// a live scene, a foot.
const (
	headHeight = 46.0
	rowHeight  = 18.0
	padBelow   = 4.0 // under the last row
	footHeight = 28.0
	cardRadius = 9.0
	cardMin    = 126.0 // least width
	tileX      = 9.0
	tileY      = 10.0
	tileSide   = 24.0
	textX      = 41.0 // of id and kind line
	nameY      = 22.0 // baseline of the id
	kindY      = 37.0 // baseline of the kind line
	portX      = 9.5  // of a port's text, from the border
	portY      = 4.0  // baseline of a port's text, from the middle of its row
	dotRadius  = 4.0
	margin     = 12.0 // right of the head's text
	shadowDrop = 1.6  // of the shadow below the card

	tileRadius = 6.0
	glyphInset = 4.0 // of the icon in its tile

	badgeY      = 9.0
	badgeHeight = 16.0
	badgeText   = 11.8 // baseline, from the badge's top

	noteHeight = 15.0 // of a line below the ports
	noteX      = 10.0
	noteY      = 11.5 // baseline, from the line's top
	noteLimit  = 320.0
)

// How wide texts on a card may become before they are cut.
const (
	nameLimit = 230.0
	kindLimit = 230.0
	portLimit = 90.0
	typeLimit = 130.0
)

// The measures of wires and pills.
const (
	pillHeight = 17.0
	pillMin    = 30.0
	pillTextY  = 3.7 // baseline, from the middle
	signSide   = 8.0
	arrowLong  = 8.0 // length of an arrowhead
	arrowWide  = 4.3 // half its width
	arrowGap   = 5.0 // from its tip to the border of the card
	pillSlack  = 8.0 // beside a pill, where it just fits
)

// The distances between cards.
const (
	rowGap       = 22.0 // below each other
	leastColumns = 56.0 // between columns
)

// The measures of the page.
const (
	pagePad       = 16.0
	clusterPad    = 16.0
	clusterHead   = 16.0 // extra room at the top of a cluster for its name
	clusterRadius = 12.0
	titleY        = 31.0 // baselines of title and subtitle
	subtitleY     = 50.0
)

// rowMiddle is the height of a port row's middle below the top of its card.
func rowMiddle(row int) float64 { return headHeight + rowHeight*float64(row) + rowHeight/2 }

func (c *Card) rows() int { return max(len(c.In), len(c.Out)) }

// kindLine is the grey line under the id.
func (c *Card) kindLine() string {
	return strings.TrimSpace(c.Kind + " " + c.Detail)
}

// badgeWidth is the width of the badge with the number of workers and the marks; 0
// if there are none.
func (c *Card) badgeWidth() float64 {
	if c.Workers == "" && len(c.Marks) == 0 {
		return 0
	}
	return styleBadge.width(clean(c.Workers)) + 12 + c.marksWidth()
}

func (c *Card) marksWidth() float64 {
	w := (signSide + 3) * float64(len(c.Marks))
	if c.Workers == "" {
		w -= 3 // nothing stands before the first
	}
	return max(0, w)
}

// text is the port's name and type as drawn, both cut.
func (p *Port) text() (name, typ string) {
	return stylePort.fit(p.Name, portLimit), stylePort.fit(p.Type, typeLimit)
}

// size fixes the width and the height of a card so that its texts fit. The
// width is an even number of whole pixels: Graphviz takes nothing else, and
// half of it is the width of a port cell.
func (c *Card) size(live bool) {
	head := textX + styleName.width(styleName.fit(c.ID, nameLimit)) + margin
	head += c.badgeWidth()
	w := max(cardMin, head, textX+styleKind.width(styleKind.fit(c.kindLine(), kindLimit))+margin)
	for r := range c.rows() {
		row := 2 * portX
		for _, ports := range [][]Port{c.In, c.Out} {
			if r < len(ports) {
				name, typ := ports[r].text()
				row += stylePort.width(name + " " + typ)
			}
		}
		if r < len(c.In) && r < len(c.Out) {
			row += 16
		}
		w = max(w, row)
	}
	for _, note := range c.Notes {
		w = max(w, 2*noteX+styleNote.width(styleNote.fit(note, noteLimit)))
	}
	c.W = 2 * math.Ceil(w/2)
	c.H = headHeight + rowHeight*float64(c.rows()) + padBelow
	if len(c.Notes) > 0 {
		c.H += noteHeight*float64(len(c.Notes)) + padBelow
	}
	if live {
		c.H += footHeight
	}
}

// pillText is the capacity as drawn.
func (w *Wire) pillText() string {
	if w.Diff != "" {
		return stylePill.fit(w.Capacity, 110) // the old and the new
	}
	return stylePill.fit(w.Capacity, 60)
}

// pillWidth is the width of a wire's pill, zero when it has none.
func (w *Wire) pillWidth(live bool) float64 {
	if w.Capacity == "" && len(w.Marks) == 0 {
		return 0
	}
	return math.Ceil(max(pillMin, w.pillTextWidth(live)+14+(signSide+3)*float64(len(w.Marks))))
}

// pillTextWidth is the room for the text; a live one is "depth/capacity".
func (w *Wire) pillTextWidth(live bool) float64 {
	text := w.pillText()
	if live && text != "" {
		text += "/" + text
	}
	return stylePill.width(text)
}

// headRoom is the height of title and subtitle at the top of the page.
func (s *Scene) headRoom() float64 {
	room := s.titleRoom()
	if s.Diff {
		room += legendHeight
	}
	return room
}

func (s *Scene) titleRoom() float64 {
	switch {
	case s.Title == "" && s.About == "":
		return 0
	case s.About == "":
		return 30
	case s.Title == "":
		return 20
	}
	return 50
}

// aboutY is the baseline of the subtitle, which moves up when it stands alone.
func (s *Scene) aboutY() float64 {
	if s.Title == "" {
		return subtitleY - 22
	}
	return subtitleY
}

// resize fixes the sizes of all cards and, because there is nothing to draw a
// cluster around before its cards have positions, the list of clusters.
func (s *Scene) resize() {
	for _, c := range s.Cards {
		c.size(s.Live)
	}
	s.Clusters = nil
	for _, name := range s.clusterNames() {
		s.Clusters = append(s.Clusters, &Cluster{Name: name})
	}
}

// columnGap is the distance between columns: a pill and an arrowhead must find
// room there, and where many wires meet they need room to part.
func (s *Scene) columnGap() float64 {
	gap, most := leastColumns, 0
	fans := s.fans()
	for _, w := range s.Wires {
		gap = max(gap, s.pillRoom(w))
		most = max(most, fans.out[w.From], fans.in[w.To])
	}
	return gap + fanRoom(most)
}

// pillRoom is the length of wire that a pill, the arrowhead and the dots need.
func (s *Scene) pillRoom(w *Wire) float64 {
	long := w.pillWidth(s.Live)
	if s.Down {
		long = pillHeight
	}
	return long + arrowLong + arrowGap + dotRadius + pillSlack
}

// fanRoom is what wires that meet at one port need more to part.
func fanRoom(wires int) float64 { return min(80, 6*float64(max(0, wires-4))) }

// fans count the wires that begin and end at each port.
type fans struct{ out, in map[End]int }

func (s *Scene) fans() fans {
	f := fans{map[End]int{}, map[End]int{}}
	for _, w := range s.Wires {
		f.out[w.From]++
		f.in[w.To]++
	}
	return f
}
