package aggregate

import (
	"fmt"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes/columns"
)

// A Part is one field of the result: an expression over aggregates of the rows for
// which a condition is true.
type Part struct {
	Name  string
	Expr  *expr.AggExpr
	Where *expr.Expr // nil: all rows
}

// A Set is the parts of a result. It is immutable and may be shared.
type Set struct {
	parts []Part
	args  []*columns.Columns // by part: the arguments of its aggregates
	at    [][]int            // by part and aggregate: the column of its argument, -1: none
}

// NewSet prepares parts over rows of type env.
func NewSet(parts []Part, env *types.Type) *Set {
	s := &Set{parts: parts}
	for _, p := range parts {
		args, at := columns.New(), []int(nil)
		for _, a := range p.Expr.Aggs {
			if a.Arg == nil {
				at = append(at, -1)
				continue
			}
			at = append(at, len(args.Type.Fields))
			args.Compute(types.Field{Name: a.Arg.String(), Type: a.Arg.Type()}, a.Arg, env)
		}
		s.args, s.at = append(s.args, args), append(s.at, at)
	}
	return s
}

// Needs gives the fields of a row that the parts read.
func (s *Set) Needs() graph.Fields {
	var f graph.Fields
	for _, p := range s.parts {
		f = f.With(p.Expr.Fields()...)
		if p.Where != nil {
			f = f.With(p.Where.Fields()...)
		}
	}
	return f
}

// A Reader computes, for one worker, what is to be folded.
type Reader struct {
	where []*expr.Program
	args  []*columns.Computer
}

// Reader compiles the conditions and the arguments.
func (s *Set) Reader() *Reader {
	r := &Reader{}
	for i, p := range s.parts {
		var where *expr.Program
		if p.Where != nil {
			where = p.Where.Compile()
		}
		r.where, r.args = append(r.where, where), append(r.args, s.args[i].Computer())
	}
	return r
}

// Values gives a batch of arguments for each part, in which the rows are selected
// that are to be folded. It goes on after rows that fail, which it adds to errs:
// the caller must take them out of all batches. The caller owns the batches.
func (r *Reader) Values(b *record.Batch, errs *expr.RowErrors) []*record.Batch {
	values := make([]*record.Batch, len(r.args))
	for i, args := range r.args {
		if r.where[i] == nil {
			values[i] = args.Columns(b, errs)
			continue
		}
		chosen := b.Share()
		chosen.Sel = r.where[i].Filter(b, chosen.SelBuf(), errs)
		values[i] = args.Columns(chosen, errs)
		chosen.Release()
	}
	return values
}

// A State is the folds of all parts.
type State struct {
	set   *Set
	folds [][]Fold
	final []*expr.Program
	types []*types.Type // by part: of the results of its aggregates
	every []uint16      // 0, 1, 2, …: the rows of batches without a selection
}

// State gives the state of no group.
func (s *Set) State() *State {
	st := &State{set: s}
	for _, p := range s.parts {
		var folds []Fold
		t := types.Record()
		for i, a := range p.Expr.Aggs {
			folds = append(folds, New(a))
			t.Fields = append(t.Fields, types.Field{Name: fmt.Sprint("a", i), Type: a.Type})
		}
		st.folds, st.types, st.final = append(st.folds, folds), append(st.types, t), append(st.final, p.Expr.Final.Compile())
	}
	return st
}

// Grow makes room for groups 0 to n-1.
func (st *State) Grow(n int) {
	for _, folds := range st.folds {
		for _, f := range folds {
			f.Grow(n)
		}
	}
}

// Add folds what a Reader made of a batch. groups gives the group of each physical
// row.
func (st *State) Add(groups []int32, values []*record.Batch) {
	for p, b := range values {
		rows := st.rows(b)
		for i, f := range st.folds[p] {
			var col *record.Column
			if at := st.set.at[p][i]; at >= 0 {
				col = b.Cols[at]
			}
			f.Add(groups, rows, col)
		}
	}
}

func (st *State) rows(b *record.Batch) []uint16 {
	if b.Sel != nil {
		return b.Sel
	}
	for i := len(st.every); i < b.Rows; i++ {
		st.every = append(st.every, uint16(i))
	}
	return st.every[:b.Rows]
}

// Result computes a part for groups from to to-1, into dst from row 0 on. Groups
// that fail are added to errs by their row.
func (st *State) Result(part int, dst *record.Column, from, to int, arena *record.Arena, errs *expr.RowErrors) {
	results := record.New(st.types[part])
	defer results.Release()
	results.Rows = to - from
	var failed expr.RowErrors
	for i, f := range st.folds[part] {
		results.Cols[i].Resize(results.Rows)
		f.Result(results.Cols[i], from, to, &failed)
	}
	if failed.Len() > 0 {
		results.Sel = columns.Without(results, &failed, results.SelBuf())
	}
	st.final[part].Eval(results, dst, arena, &failed)
	for i := range failed.Len() {
		row, err := failed.At(i)
		errs.Add(row, fmt.Errorf("%s: %w", st.set.parts[part].Name, err))
	}
}
