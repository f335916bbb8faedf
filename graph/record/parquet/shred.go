package parquet

import (
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file takes rows apart into the entries of leaves.

// Shreds are rows that were taken apart. They share no memory with the batch.
type Shreds struct {
	rows   int
	size   int
	leaves []shred
}

// A shred is the entries of a leaf.
type shred struct {
	reps, defs []uint8 // nil where there is one level alone
	ints       []int64
	floats     []float64
	bools      []bool
	text       []byte
	ends       []int32 // of each text
}

// Rows is how many rows they are.
func (s *Shreds) Rows() int { return s.rows }

// Size is how much memory they take, in bytes.
func (s *Shreds) Size() int { return s.size }

// Shred takes the selected rows of a batch apart.
func (s *Schema) Shred(b *record.Batch) *Shreds {
	out := &Shreds{rows: b.Len(), leaves: make([]shred, len(s.leaves))}
	for i, n := range s.top {
		switch {
		case n == nil:
		case n.leaf >= 0:
			out.leaves[n.leaf].flat(n, b, b.Cols[i])
		default:
			for k := range b.Len() {
				out.value(n, b.Cols[i], b.Row(k), 0, n.def)
			}
		}
	}
	for i := range out.leaves {
		l := &out.leaves[i]
		out.size += len(l.reps) + len(l.defs) + 8*len(l.ints) + 8*len(l.floats) + len(l.bools) + len(l.text) + 4*len(l.ends)
	}
	return out
}

// flat takes the values of a field that is a leaf.
func (l *shred) flat(n *node, b *record.Batch, c *record.Column) {
	rows := b.Len()
	if n.optional {
		l.defs = make([]uint8, rows)
		for i := range rows {
			if !c.IsNull(b.Row(i)) {
				l.defs[i] = 1
			}
		}
	}
	present := func(i int) (int, bool) { return b.Row(i), l.defs == nil || l.defs[i] == 1 }
	switch c.Form {
	case record.FormInt:
		l.ints = flatten(c.Int, rows, present)
	case record.FormFloat:
		l.floats = flatten(c.Float, rows, present)
	case record.FormBool:
		l.bools = flatten(c.Bool, rows, present)
	default:
		l.ends = make([]int32, 0, rows)
		sum := 0
		for i := range rows {
			if row, ok := present(i); ok {
				sum += len(c.Str[row])
			}
		}
		l.text = make([]byte, 0, sum)
		for i := range rows {
			if row, ok := present(i); ok {
				l.add(c.Str[row])
			}
		}
	}
}

func flatten[T any](from []T, rows int, present func(int) (int, bool)) []T {
	out := make([]T, 0, rows)
	for i := range rows {
		if row, ok := present(i); ok {
			out = append(out, from[row])
		}
	}
	return out
}

func (l *shred) add(text string) {
	l.text = append(l.text, text...)
	l.ends = append(l.ends, int32(len(l.text)))
}

// value takes one value apart. def is the level at which it is there.
func (s *Shreds) value(n *node, c *record.Column, i, rep, def int) {
	if n.optional && c.IsNull(i) {
		s.nothing(n, rep, def-1)
		return
	}
	switch n.t.Kind {
	case types.KindRecord:
		for k, f := range n.fields {
			s.value(f, c.Fields[n.index[k]], i, rep, f.def)
		}
		return
	case types.KindList:
		from, to := c.Range(i)
		if from == to {
			s.nothing(n.elem, rep, def)
			return
		}
		for j := from; j < to; j++ {
			s.value(n.elem, c.Elem, j, rep, n.elem.def)
			rep = n.rep
		}
		return
	}
	l := &s.leaves[n.leaf]
	l.level(n, rep, def)
	switch c.Form {
	case record.FormInt:
		l.ints = append(l.ints, c.Int[i])
	case record.FormFloat:
		l.floats = append(l.floats, c.Float[i])
	case record.FormBool:
		l.bools = append(l.bools, c.Bool[i])
	default:
		l.add(c.Str[i])
	}
}

// nothing notes that there is nothing from a place on.
func (s *Shreds) nothing(n *node, rep, def int) {
	switch {
	case n.leaf >= 0:
		s.leaves[n.leaf].level(n, rep, def)
	case n.elem != nil:
		s.nothing(n.elem, rep, def)
	}
	for _, f := range n.fields {
		s.nothing(f, rep, def)
	}
}

func (l *shred) level(n *node, rep, def int) {
	if n.rep > 0 {
		l.reps = append(l.reps, uint8(rep))
	}
	if n.def > 0 {
		l.defs = append(l.defs, uint8(def))
	}
}
