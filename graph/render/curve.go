package render

import (
	"iter"
	"math"
)

// Paths of cubic curves.

// bezier is the point at t in 0..1 of the cubic curve with control points p[0..3].
func bezier(p []Point, t float64) Point {
	u := 1 - t
	a, b, c, d := u*u*u, 3*u*u*t, 3*u*t*t, t*t*t
	return Point{a*p[0].X + b*p[1].X + c*p[2].X + d*p[3].X, a*p[0].Y + b*p[1].Y + c*p[2].Y + d*p[3].Y}
}

// flattened walks along a path of cubic curves in steps of about step px. It
// gives the first and the last point exactly.
func flattened(path []Point, step float64) iter.Seq[Point] {
	return func(yield func(Point) bool) {
		if len(path) == 0 || !yield(path[0]) {
			return
		}
		for i := 0; i+3 < len(path); i += 3 {
			c := path[i : i+4]
			length := distance(c[0], c[1]) + distance(c[1], c[2]) + distance(c[2], c[3])
			n := min(max(8, int(math.Ceil(length/step))), 2000)
			for k := 1; k < n; k++ {
				if !yield(bezier(c, float64(k)/float64(n))) {
					return
				}
			}
			if !yield(c[3]) {
				return
			}
		}
	}
}

func distance(a, b Point) float64 { return math.Hypot(b.X-a.X, b.Y-a.Y) }
