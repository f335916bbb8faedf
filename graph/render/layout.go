package render

import (
	"context"
	"errors"
	"math"
)

// The layout of a scene, by whichever engine.

// maxGraphviz is the number of cards above which the built-in layout is used:
// Graphviz would take many seconds, and nobody can read the result anyway.
const maxGraphviz = 5000

// Layout gives the scene its colours, sizes and positions. Graphviz does the
// work; when it cannot, or when there are more than 5,000 cards, [LayoutBuiltin]
// steps in and Scene.Engine says so.
//
// Graphviz runs in this process, one layout at a time, and cannot be stopped:
// ctx is looked at before and while waiting for other layouts, not later. It
// also leaks a little memory per call. A command that draws once need not care;
// a server should call Layout in a child process, with a deadline, and keep the
// results.
//
// The errors are that of ctx and those of a scene whose wires name cards or
// ports that do not exist.
func Layout(ctx context.Context, s *Scene) error {
	if err := s.check(); err != nil {
		return err
	}
	if len(s.Cards) == 0 || len(s.Cards) > maxGraphviz {
		return LayoutBuiltin(s)
	}
	s.colour()
	s.resize()
	s.turn()
	err := s.placeByGraphviz(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		// A trap inside the module is no reason to show nothing.
		return LayoutBuiltin(s)
	}
	s.Engine = Graphviz
	s.finish()
	return nil
}

// LayoutBuiltin lays the scene out without Graphviz: cards in columns by their
// longest path from a source, ordered by the mean position of their neighbours.
// It takes milliseconds for hundreds of cards and never fails on a scene whose
// wires are in order, cycles included.
func LayoutBuiltin(s *Scene) error {
	if err := s.check(); err != nil {
		return err
	}
	s.colour()
	s.resize()
	s.turn()
	s.placeByRanks()
	s.Engine = Builtin
	s.finish()
	return nil
}

// finish does what both engines leave to do: columns as near as they may be, ends of
// wires on the pixel, the page around everything, the pills.
func (s *Scene) finish() {
	s.squeeze()
	cards := s.cardIndex()
	for _, w := range s.Wires {
		s.settle(w, cards)
	}
	s.turn()
	s.raiseHeads()
	s.crop()
	s.placePills()
}

// settle moves the ends of a wire onto its ports and makes it arrive level, so
// that its arrowhead lies on it. A wire between neighbouring columns becomes one
// even curve if that stays clear of the cards; Graphviz bends those harder than
// the short way needs.
func (s *Scene) settle(w *Wire, cards *index) {
	a, b := s.start(w), s.end(w)
	neck := Point{b.X - arrowGap - arrowLong, b.Y} // where the arrowhead begins
	n := len(w.Path)
	if n >= 4 {
		w.Path[1].Y += a.Y - w.Path[0].Y
		w.Path[n-2] = Point{w.Path[n-2].X - (b.X-neck.X)/2, w.Path[n-2].Y + b.Y - w.Path[n-1].Y}
		w.Path[0], w.Path[n-1] = a, neck
	}
	if n <= 4 {
		reach := max(20, (neck.X-a.X)/2, min(math.Abs(b.Y-a.Y)*0.25, (neck.X-a.X)*0.8))
		even := []Point{a, {a.X + reach, a.Y}, {neck.X - reach, b.Y}, neck}
		if n < 4 || !hits(even, cards) {
			w.Path = even
		}
	}
	third := (b.X - neck.X) / 3
	w.Path = append(w.Path, Point{neck.X + third, b.Y}, Point{b.X - third, b.Y}, b)
}

// hits reports whether a curve runs through a card.
func hits(path []Point, cards *index) bool {
	for p := range flattened(path, 6) {
		if p != path[0] && p != path[len(path)-1] && cards.overlaps(around(p, 1, 1)) {
			return true
		}
	}
	return false
}

// crop shifts everything so that it starts at the page's corner, and sets the
// size of the page.
func (s *Scene) crop() {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	grow := func(b Box) {
		x0, y0 = min(x0, b.X), min(y0, b.Y)
		x1, y1 = max(x1, b.X+b.W), max(y1, b.Y+b.H)
	}
	for _, c := range s.Cards {
		grow(c.grown(1))
		if s.Diff && c.Diff != "" {
			grow(Box{c.X, c.Y - tagRise, c.W, 1})
		}
		for side, ports := range [][]Port{c.In, c.Out} {
			for i := range ports {
				d := s.dot(c, i, ports, side == 1)
				grow(around(Point{c.X + d.X, c.Y + d.Y}, 2*dotRadius+2, 2*dotRadius+2))
			}
		}
	}
	for _, p := range s.Clusters {
		grow(p.Box)
	}
	for _, w := range s.Wires {
		for p := range flattened(w.Path, 16) {
			grow(around(p, 4, 4))
		}
	}
	if len(s.Cards) == 0 {
		x0, y0, x1, y1 = 0, 0, 0, 0
	}
	// A small flow is as wide as its title needs, within reason.
	need := max(styleTitle.width(clean(s.Title)), styleSubtitle.width(clean(s.About)))
	if s.Diff {
		need = max(need, s.legendWidth())
	}
	s.Width = math.Ceil(max(x1-x0, min(need, 560))) + 2*pagePad
	s.Height = math.Ceil(y1-y0) + 2*pagePad + s.headRoom()
	s.shift(math.Round(pagePad-x0), math.Round(pagePad+s.headRoom()-y0))
}

// shift moves cards, clusters and wires.
func (s *Scene) shift(dx, dy float64) {
	for _, c := range s.Cards {
		c.X, c.Y = c.X+dx, c.Y+dy
	}
	for _, p := range s.Clusters {
		p.X, p.Y = p.X+dx, p.Y+dy
	}
	for _, w := range s.Wires {
		for i := range w.Path {
			w.Path[i].X += dx
			w.Path[i].Y += dy
		}
	}
}

// errNotLaidOut is the answer to drawing a scene without positions.
var errNotLaidOut = errors.New("the scene has no layout yet")

// drawable refuses scenes that cannot be drawn: not laid out, or changed since
// in a way that no layout has seen.
func (s *Scene) drawable() error {
	if err := s.check(); err != nil {
		return err
	}
	if s.Engine == "" {
		return errNotLaidOut
	}
	for _, w := range s.Wires {
		if len(w.Path) < 4 || len(w.Path)%3 != 1 {
			return errNotLaidOut
		}
	}
	return nil
}
