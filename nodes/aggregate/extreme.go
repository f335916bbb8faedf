package aggregate

import (
	"cmp"
	"strings"

	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// newExtreme is min(x) for sign -1 and max(x) for sign 1.
func newExtreme(arg *types.Type, sign int) Fold {
	switch record.FormOf(arg) {
	case record.FormFloat:
		return &extreme[float64]{sign: sign, values: func(c *record.Column) []float64 { return c.Float }}
	case record.FormBool:
		return &extremeBool{sign: sign}
	case record.FormText:
		return &extreme[string]{sign: sign, keep: strings.Clone, values: func(c *record.Column) []string { return c.Str }}
	}
	return &extreme[int64]{sign: sign, values: func(c *record.Column) []int64 { return c.Int }}
}

// extreme keeps the least or greatest value of each group.
type extreme[T cmp.Ordered] struct {
	sign   int
	values func(*record.Column) []T
	keep   func(T) T // makes a value outlive its batch; nil: it does
	best   []T
	seen   []bool
}

func (f *extreme[T]) Grow(n int) { f.best, f.seen = grow(f.best, n), grow(f.seen, n) }

func (f *extreme[T]) Add(groups []int32, rows []uint16, col *record.Column) {
	values, nulls, greatest := f.values(col), col.HasNull(), f.sign > 0
	for _, row := range rows {
		if nulls && col.IsNull(int(row)) {
			continue
		}
		g, v := groups[row], values[row]
		if f.seen[g] && (greatest && v <= f.best[g] || !greatest && v >= f.best[g]) {
			continue
		}
		if f.keep != nil {
			v = f.keep(v)
		}
		f.best[g], f.seen[g] = v, true
	}
}

func (f *extreme[T]) Result(dst *record.Column, from, to int, _ *expr.RowErrors) {
	copy(f.values(dst), f.best[from:to])
	for g := from; g < to; g++ {
		if !f.seen[g] {
			dst.SetNull(g - from)
		}
	}
}

// extremeBool is extreme for bool, where false is less than true.
type extremeBool struct {
	sign       int
	yes, noted []bool
}

func (f *extremeBool) Grow(n int) { f.yes, f.noted = grow(f.yes, n), grow(f.noted, n) }

func (f *extremeBool) Add(groups []int32, rows []uint16, col *record.Column) {
	for _, row := range rows {
		if col.IsNull(int(row)) {
			continue
		}
		g, v := groups[row], col.Bool[row]
		if !f.noted[g] || v == (f.sign > 0) {
			f.yes[g], f.noted[g] = v, true
		}
	}
}

func (f *extremeBool) Result(dst *record.Column, from, to int, _ *expr.RowErrors) {
	copy(dst.Bool, f.yes[from:to])
	for g := from; g < to; g++ {
		if !f.noted[g] {
			dst.SetNull(g - from)
		}
	}
}

// outermost is first(x) and last(x): it keeps rows in a table and, per group, the
// number of its row.
type outermost struct {
	last  bool
	t     *types.Type // of one value, as a record: a table is of records
	kept  *record.Table
	at    []int32 // by group: a row of kept plus 1, 0: none
	best  []int32 // by group, of the batch: a row plus 1
	found []int32 // groups that have one
}

func newOutermost(arg *types.Type, last bool) *outermost {
	t := types.Record(types.Field{Name: "value", Type: arg})
	return &outermost{last: last, t: t, kept: record.NewTable(t)}
}

func (f *outermost) Grow(n int) { f.at, f.best = grow(f.at, n), grow(f.best, n) }

// Add looks for the row of each group first, so that a batch adds one row for a
// group at most.
func (f *outermost) Add(groups []int32, rows []uint16, col *record.Column) {
	f.found = f.found[:0]
	nulls := col.HasNull()
	for _, row := range rows {
		g := groups[row]
		if !f.last && (f.at[g] > 0 || f.best[g] > 0) || nulls && col.IsNull(int(row)) {
			continue
		}
		if f.best[g] == 0 {
			f.found = append(f.found, g)
		}
		f.best[g] = int32(row) + 1
	}
	if len(f.found) == 0 {
		return
	}
	b := record.NewNeeded(f.t, []bool{false})
	b.Rows, b.Cols[0] = col.Len(), col
	sel := b.SelBuf()
	for _, g := range f.found {
		sel = append(sel, uint16(f.best[g]-1))
		f.best[g] = 0
	}
	b.Sel = sel // in the order of found, which a table does not mind
	first := f.kept.Append(b)
	b.Release()
	for i, g := range f.found {
		f.at[g] = int32(first+i) + 1
	}
	if f.kept.Rows > 4*len(f.at)+4*record.MaxRows {
		f.tidy()
	}
}

// tidy drops the rows that are no longer the last of their group.
func (f *outermost) tidy() {
	old := f.kept
	f.kept = record.NewTable(f.t)
	var rows []int32
	for g, at := range f.at {
		if at > 0 {
			rows = append(rows, at-1)
			f.at[g] = int32(len(rows))
		}
	}
	appendRows(f.kept, old, rows)
}

// appendRows copies rows of one table to another.
func appendRows(to, from *record.Table, rows []int32) {
	for len(rows) > 0 {
		n := min(len(rows), record.MaxRows)
		b := from.Batch(rows[:n])
		to.Append(b)
		b.Release()
		rows = rows[n:]
	}
}

func (f *outermost) Result(dst *record.Column, from, to int, _ *expr.RowErrors) {
	rows := make([]int32, to-from)
	for i := range rows {
		rows[i] = f.at[from+i] - 1
	}
	b := f.kept.Batch(rows)
	defer b.Release()
	all := rows
	for i := range all {
		all[i] = int32(i)
	}
	dst.Gather(0, b.Cols[0], all, nil)
}
