package render

import (
	"cmp"
	"slices"
)

// This file moves the columns of a scene together.

// A column is a stretch of the flow's way that cards stand in, and the distance that
// the next one needs to keep from it.
type column struct{ left, right, gap float64 }

// squeeze narrows the distances between columns. The engines keep the same one
// everywhere, that of the widest pill, since Graphviz knows no other; most gaps need
// less, and a narrower drawing is a larger one on the page.
func (s *Scene) squeeze() {
	columns := s.columns()
	if len(columns) < 2 {
		return
	}
	s.needs(columns)
	// Where each column begins now, and by how much it moves to the left.
	moved := make([]float64, len(columns))
	for k := 1; k < len(columns); k++ {
		spare := columns[k].left - columns[k-1].right - columns[k-1].gap
		moved[k] = moved[k-1] + max(0, spare)
	}
	to := func(x float64) float64 {
		k, _ := slices.BinarySearchFunc(columns, x, func(c column, x float64) int { return cmp.Compare(c.right, x) })
		switch {
		case k == len(columns):
			return x - moved[k-1]
		case k == 0 || x >= columns[k].left:
			return x - moved[k]
		}
		// Between two columns everything comes nearer by its share.
		from, gap := columns[k-1].right, columns[k].left-columns[k-1].right
		return x - moved[k-1] - (moved[k]-moved[k-1])*(x-from)/gap
	}
	for _, c := range s.Cards {
		c.X = to(c.X)
	}
	for _, p := range s.Clusters {
		left, right := to(p.X), to(p.X+p.W)
		p.X, p.W = left, right-left
	}
	for _, w := range s.Wires {
		for i := range w.Path {
			w.Path[i].X = to(w.Path[i].X)
		}
	}
}

// columns lists the columns from left to right; cards that overlap share one.
func (s *Scene) columns() []column {
	var all []column
	for _, c := range s.Cards {
		all = append(all, column{left: c.X, right: c.X + c.W})
	}
	slices.SortFunc(all, func(a, b column) int { return cmp.Compare(a.left, b.left) })
	merged := all[:0]
	for _, c := range all {
		if n := len(merged); n > 0 && c.left <= merged[n-1].right {
			merged[n-1].right = max(merged[n-1].right, c.right)
		} else {
			merged = append(merged, c)
		}
	}
	return merged
}

// needs sets the gap behind each column: for the pills that may lie there, the wires
// that part there, and the borders of clusters.
func (s *Scene) needs(columns []column) {
	least := leastColumns
	if len(s.Clusters) > 0 {
		least += 2 * clusterPad
	}
	for k := range columns {
		columns[k].gap = least
	}
	at := func(x float64) int {
		k, _ := slices.BinarySearchFunc(columns, x, func(c column, x float64) int { return cmp.Compare(c.right, x) })
		return min(k, len(columns)-1)
	}
	fans := s.fans()
	for _, w := range s.Wires {
		from, to := at(s.Cards[w.From.Card].X), at(s.Cards[w.To.Card].X)
		room := s.pillRoom(w) + fanRoom(max(fans.out[w.From], fans.in[w.To]))
		if len(s.Clusters) > 0 {
			room += 2 * clusterPad
		}
		// A pill lies behind its wire's first card or before its last.
		for _, k := range []int{from, to - 1} {
			if k >= 0 {
				columns[k].gap = max(columns[k].gap, room)
			}
		}
	}
}
