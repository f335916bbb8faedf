// Package aggregate folds the values of rows into one value per group: it is the state
// behind count, sum, mean and the like, for group and every other kind that aggregates.
//
// Terms. Groups are numbered 0, 1, 2, …, and their number grows. A Fold is the
// state of one aggregate for all groups. A Set is several expressions over
// aggregates, such as `mean(delay) * 2 + count()`, with all their folds.
//
// Laws.
//  1. Rows are folded in the order in which they are given, so a result depends on
//     that order alone and not on how rows were put into batches.
//  2. Null is skipped: only count without an argument sees such rows. A group
//     without a value has count and sum 0, an empty list, and null for the rest.
//  3. Sums of integers are exact: they are kept in 128 bits, and only a result
//     that does not fit 64 bits is an error. Sums of floats are
//     compensated for rounding errors (Neumaier, 1974), so that ten times 0.1 is 1.
//  4. State copies text: it outlives the batches.
package aggregate

import (
	"fmt"

	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// A Fold is the state of one aggregate. One goroutine at a time uses it.
type Fold interface {
	// Grow makes room for groups 0 to n-1.
	Grow(n int)
	// Add folds the values of col in the rows, in order. groups gives the group of
	// each physical row. col is nil for count without an argument.
	Add(groups []int32, rows []uint16, col *record.Column)
	// Result writes the results of groups from to to-1 into dst, from row 0 on. dst
	// has room for them. Rows of groups that have no result go to errs.
	Result(dst *record.Column, from, to int, errs *expr.RowErrors)
}

// New gives the fold of an aggregate.
func New(a expr.Agg) Fold {
	var arg *types.Type
	if a.Arg != nil {
		arg = a.Arg.Type()
	}
	switch a.Func {
	case "count":
		return &count{}
	case "count_distinct":
		return newDistinct(arg)
	case "sum":
		return newSum(arg, a.Type)
	case "mean":
		return &mean{totals{arg: record.FormFloat}}
	case "stddev":
		return &spread{}
	case "min":
		return newExtreme(arg, -1)
	case "max":
		return newExtreme(arg, 1)
	case "first":
		return newOutermost(arg, false)
	case "last":
		return newOutermost(arg, true)
	case "collect":
		return newCollection(a.Type)
	case "percentile":
		return &percentile{newHeap(arg), a.Params[0].(float64) / 100}
	}
	panic(fmt.Sprintf("aggregate: no such function %q", a.Func)) // Check lets no other through
}

// grow makes a slice n long.
func grow[T any](s []T, n int) []T {
	if n <= len(s) {
		return s
	}
	if n <= cap(s) {
		return s[:n]
	}
	grown := make([]T, n, max(n, 2*cap(s)))
	copy(grown, s)
	return grown
}

// count is count() and count(x).
type count struct{ n []int64 }

func (f *count) Grow(n int) { f.n = grow(f.n, n) }

func (f *count) Add(groups []int32, rows []uint16, col *record.Column) {
	if col == nil || !col.HasNull() {
		for _, row := range rows {
			f.n[groups[row]]++
		}
		return
	}
	for _, row := range rows {
		if !col.IsNull(int(row)) {
			f.n[groups[row]]++
		}
	}
}

func (f *count) Result(dst *record.Column, from, to int, _ *expr.RowErrors) {
	copy(dst.Int, f.n[from:to])
}

// distinct is count_distinct(x): a table of the pairs of group and value.
type distinct struct {
	count
	known   *record.Keys
	t       *types.Type
	numbers []int32
	hashes  []uint64
}

func newDistinct(arg *types.Type) *distinct {
	t := types.Record(types.Field{Name: "group", Type: types.Int}, types.Field{Name: "value", Type: arg})
	return &distinct{t: t, known: record.NewKeys(t)}
}

func (f *distinct) Add(groups []int32, rows []uint16, col *record.Column) {
	pairs := record.New(f.t)
	defer pairs.Release()
	taken := make([]int32, 0, len(rows))
	for _, row := range rows {
		if !col.IsNull(int(row)) {
			taken = append(taken, int32(row))
		}
	}
	pairs.Rows = len(taken)
	pairs.Cols[0].Resize(pairs.Rows)
	for i, row := range taken {
		pairs.Cols[0].Int[i] = int64(groups[row])
	}
	pairs.Cols[1].Gather(0, col, taken, nil)
	next := int32(f.known.Len())
	f.hashes = f.known.Hash(pairs, f.hashes[:0])
	f.numbers = f.known.Add(pairs, f.hashes, f.numbers[:0])
	for i, n := range f.numbers {
		if n == next {
			next++
			f.n[groups[taken[i]]]++
		}
	}
}
