package render

import (
	"math"
)

// This file places the pills on their wires, where nothing is below them.

// An index finds the boxes near a place. Boxes lie in square cells, so a look-up
// costs the same in a large scene as in a small one.
type index struct{ cells map[[2]int][]Box }

const cellSide = 128

func newIndex() *index { return &index{map[[2]int][]Box{}} }

// each visits the cells that a box touches until visit says stop.
func (x *index) each(b Box, visit func(cell [2]int) (stop bool)) bool {
	for i := int(math.Floor(b.X / cellSide)); i <= int(math.Floor((b.X+b.W)/cellSide)); i++ {
		for k := int(math.Floor(b.Y / cellSide)); k <= int(math.Floor((b.Y+b.H)/cellSide)); k++ {
			if visit([2]int{i, k}) {
				return true
			}
		}
	}
	return false
}

func (x *index) add(b Box) {
	x.each(b, func(cell [2]int) bool {
		x.cells[cell] = append(x.cells[cell], b)
		return false
	})
}

// overlaps reports whether any box of the index has an area in common with b.
func (x *index) overlaps(b Box) bool {
	return x.each(b, func(cell [2]int) bool {
		for _, o := range x.cells[cell] {
			if o.overlaps(b) {
				return true
			}
		}
		return false
	})
}

func (s *Scene) cardIndex() *index {
	cards := newIndex()
	for _, c := range s.Cards {
		cards.add(c.Box)
	}
	return cards
}

// trace is a point of a wire, kept to see what a pill would cover.
type trace struct {
	at   Point
	wire int
}

// placePills puts the pill of every wire where it is read as belonging to it:
// half way on a short wire, just before the consumer on a long one, where the
// eye looks for a queue, or just behind the producer if many wires meet at the
// consumer. From there it moves along its wire until it covers no arrowhead, no
// dot, no card and no other pill, and as little as possible of other wires.
func (s *Scene) placePills() {
	taken := newIndex() // nothing may be covered of these
	for _, c := range s.Cards {
		taken.add(c.grown(3))
		if s.Diff && c.Diff != "" {
			taken.add(Box{c.X, c.Y - tagRise - 2, c.W, tagRise + 2})
		}
	}
	for _, w := range s.Wires {
		a, b := w.Path[0], w.Path[len(w.Path)-1]
		taken.add(s.ahead(a, dotRadius+3, 2*dotRadius+2))
		head := s.along(-arrowGap-arrowLong-2, 0)
		taken.add(s.ahead(Point{b.X + head.X, b.Y + head.Y}, arrowGap+arrowLong+2, 2*arrowWide+2))
	}
	traces, fans := s.traces(), s.fans()
	for i, w := range s.Wires {
		if width := w.pillWidth(s.Live); width > 0 {
			early := fans.in[w.To] > 2 && fans.in[w.To] > fans.out[w.From]
			w.Pill = s.bestSpot(i, width, early, taken, traces)
			taken.add(around(w.Pill, width, pillHeight).grown(2))
		}
	}
}

// traces lists the wires' points by cell.
func (s *Scene) traces() map[[2]int][]trace {
	out := map[[2]int][]trace{}
	for i, w := range s.Wires {
		for p := range flattened(w.Path, 8) {
			cell := [2]int{int(math.Floor(p.X / cellSide)), int(math.Floor(p.Y / cellSide))}
			out[cell] = append(out[cell], trace{p, i})
		}
	}
	return out
}

// bestSpot is the point of wire i with the least against it.
func (s *Scene) bestSpot(i int, width float64, early bool, taken *index, traces map[[2]int][]trace) Point {
	w := s.Wires[i]
	var points []Point
	var along []float64 // length of the wire up to each point
	for p := range flattened(w.Path, 5) {
		length := 0.0
		if n := len(points); n > 0 {
			length = along[n-1] + distance(points[n-1], p)
		}
		points, along = append(points, p), append(along, length)
	}
	total := along[len(along)-1]
	want, long := total/2, width // of the pill, along the wire
	if s.Down {
		long = pillHeight
	}
	switch {
	case total > 100 && early:
		want = long/2 + dotRadius + 14
	case total > 170 || w.Side:
		want = max(want, total-long/2-arrowLong-arrowGap-14)
	}
	best, least := points[len(points)/2], math.Inf(1)
	for k, p := range points {
		cost := math.Abs(along[k] - want)
		if cost >= least {
			continue
		}
		box := around(p, width, pillHeight)
		if taken.overlaps(box) {
			cost += 10_000
		}
		if cost < least {
			cost += 25 * float64(covered(i, box, w, s.Wires, traces))
		}
		if cost < least {
			best, least = p, cost
		}
	}
	return best
}

// covered counts the other wires under a box. One that comes from the same
// output counts less: near its start it is the same line.
func covered(self int, box Box, w *Wire, wires []*Wire, traces map[[2]int][]trace) int {
	var seen []int
	count := 0
	(&index{}).each(box, func(cell [2]int) bool {
	next:
		for _, t := range traces[cell] {
			if t.wire == self || !around(t.at, 2, 2).overlaps(box) {
				continue
			}
			for _, other := range seen {
				if other == t.wire {
					continue next
				}
			}
			seen = append(seen, t.wire)
			count += 2
			if wires[t.wire].From == w.From {
				count--
			}
		}
		return false
	})
	return count
}
