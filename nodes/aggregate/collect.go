package aggregate

import (
	"slices"

	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the folds that keep all values of a group: lists and percentiles.

// heap keeps all values of all groups in a table, in the order in which they came,
// and sorts them out by group when they are asked for.
type heap struct {
	t      *types.Type // of one value, as a record
	kept   *record.Table
	groups []int32 // by row of kept
	n      int     // groups

	starts []int32 // by group: where its rows begin in rows; made by sortOut
	rows   []int32 // of kept
}

func newHeap(arg *types.Type) heap {
	t := types.Record(types.Field{Name: "value", Type: arg})
	return heap{t: t, kept: record.NewTable(t)}
}

func (f *heap) Grow(n int) { f.n = max(f.n, n) }

func (f *heap) Add(groups []int32, rows []uint16, col *record.Column) {
	b := record.NewNeeded(f.t, []bool{false})
	b.Rows, b.Cols[0] = col.Len(), col
	sel := b.SelBuf()
	for _, row := range rows {
		if !col.IsNull(int(row)) {
			sel = append(sel, row)
			f.groups = append(f.groups, groups[row])
		}
	}
	b.Sel = sel
	f.kept.Append(b)
	b.Release()
	f.starts = nil
}

// sortOut lists the rows of each group, by counting.
func (f *heap) sortOut() {
	if len(f.starts) == f.n+1 {
		return
	}
	f.starts = make([]int32, f.n+1)
	for _, g := range f.groups {
		f.starts[g+1]++
	}
	for g := range f.n {
		f.starts[g+1] += f.starts[g]
	}
	f.rows = make([]int32, len(f.groups))
	next := slices.Clone(f.starts)
	for row, g := range f.groups {
		f.rows[next[g]] = int32(row)
		next[g]++
	}
}

// of gives the rows of a group in their order.
func (f *heap) of(g int) []int32 { return f.rows[f.starts[g]:f.starts[g+1]] }

// collection is collect(x).
type collection struct{ heap }

func newCollection(result *types.Type) *collection {
	return &collection{newHeap(result.Elem)}
}

func (f *collection) Result(dst *record.Column, from, to int, _ *expr.RowErrors) {
	f.sortOut()
	at := 0
	for g := from; g < to; g++ {
		if rows := f.of(g); len(rows) > 0 {
			dst.Elem.Gather(at, f.kept.Cols[0], rows, nil)
			at += len(rows)
		}
		dst.Ends[g-from] = int32(at)
	}
}

// percentile is percentile(x, p) of floats: between the two values nearest to it,
// as far as it lies between them (the default of most libraries, type 7 of Hyndman
// and Fan, 1996); null without a value.
type percentile struct {
	heap
	p float64 // from 0 to 1
}

func (f *percentile) Result(dst *record.Column, from, to int, _ *expr.RowErrors) {
	f.sortOut()
	var values []float64
	for g := from; g < to; g++ {
		values = values[:0]
		for _, row := range f.of(g) {
			values = append(values, f.kept.Cols[0].Float[row])
		}
		if len(values) == 0 {
			dst.SetNull(g - from)
			continue
		}
		slices.Sort(values)
		dst.Float[g-from] = between(values, f.p)
	}
}

// between gives the value at a share of the way through sorted values.
func between(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	part := at - float64(low)
	return sorted[low]*(1-part) + sorted[low+1]*part
}
