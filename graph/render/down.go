package render

import (
	"bytes"
	"fmt"
	"math"
)

// A scene that runs down is laid out like any other, from left to right, with its
// cards lying on their sides; then everything is turned: x becomes y. Between the two
// turns "below" means along the flow's breadth, and a card's W is its height.

// turn lays the cards of a scene that runs down on their sides, or puts everything
// back up. It does nothing to other scenes.
func (s *Scene) turn() {
	if !s.Down {
		return
	}
	for _, c := range s.Cards {
		c.Box = c.turned()
	}
	for _, p := range s.Clusters {
		p.Box = p.turned()
	}
	for _, w := range s.Wires {
		for i, p := range w.Path {
			w.Path[i] = Point{p.Y, p.X}
		}
	}
}

func (b Box) turned() Box { return Box{b.Y, b.X, b.H, b.W} }

// rowGap is the distance between cards beside each other across the flow. Where it
// runs down, the tag of a card's state reaches into it.
func (s *Scene) rowGap() float64 {
	if s.Down {
		return 2 * rowGap
	}
	return rowGap
}

// raiseHeads gives the clusters of a scene that runs down, once it is put up, the room
// for their names.
func (s *Scene) raiseHeads() {
	if !s.Down {
		return
	}
	for _, p := range s.Clusters {
		p.Y -= clusterHead
		p.H += clusterHead
	}
}

// offset is where a port lies on the side of its card, from the side's beginning:
// level with its row, or, in a scene that runs down, evenly spaced among all the
// ports of that side.
func (s *Scene) offset(c *Card, port int, all []Port) float64 {
	if s.Down {
		return evenly(c.H, port, len(all))
	}
	return rowMiddle(port)
}

func evenly(side float64, port, of int) float64 {
	return math.Round(side * (float64(port) + 0.5) / float64(of))
}

// dot is where the dot of a port is drawn, from the corner of its card.
func (s *Scene) dot(c *Card, port int, all []Port, out bool) Point {
	switch {
	case !s.Down && out:
		return Point{c.W, rowMiddle(port)}
	case !s.Down:
		return Point{0, rowMiddle(port)}
	case out:
		return Point{evenly(c.W, port, len(all)), c.H}
	}
	return Point{evenly(c.W, port, len(all)), 0}
}

// along turns a step along the flow and one across it into a way on the page.
func (s *Scene) along(ahead, aside float64) Point {
	if s.Down {
		return Point{aside, ahead}
	}
	return Point{ahead, aside}
}

// ahead is the box of a size that lies along the flow from a point, half of it on
// either side.
func (s *Scene) ahead(p Point, long, wide float64) Box {
	if s.Down {
		return Box{p.X - wide/2, p.Y, wide, long}
	}
	return Box{p.X, p.Y - wide/2, long, wide}
}

// writeLying writes the box of a card that lies on its side: a table of two tables,
// so that inputs and outputs are evenly spaced each.
func (c *Card) writeLying(b *bytes.Buffer, i int) {
	fmt.Fprintf(b, `n%d [label=<<table border="0" cellborder="0" cellspacing="0" cellpadding="0"><tr>`, i)
	for side, ports := range [][]Port{c.In, c.Out} {
		b.WriteString(`<td><table border="0" cellborder="0" cellspacing="0" cellpadding="0">`)
		n := max(len(ports), 1)
		for r := range n {
			height := math.Round(c.H*float64(r+1)/float64(n)) - math.Round(c.H*float64(r)/float64(n))
			port := ""
			if r < len(ports) {
				port = fmt.Sprintf(` port="%c%d"`, "io"[side], r)
			}
			fmt.Fprintf(b, `<tr><td%s width="%.0f" height="%.0f" fixedsize="true"></td></tr>`, port, c.W/2, height)
		}
		b.WriteString("</table></td>")
	}
	b.WriteString("</tr></table>>];\n")
}
