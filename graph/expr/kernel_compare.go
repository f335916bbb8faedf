package expr

import (
	"cmp"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the kernels of comparisons: < <= > >= == and !=.

// compare computes < <= > >= == and != of two scalar columns, or of a column and a
// constant.
func (p *planner) compare(n *node) *kernel {
	l, r := n.args[0], n.args[1]
	switch l.form() {
	case record.FormInt:
		if r.form() == record.FormFloat {
			return p.compareMixed(n)
		}
		return compareAs(p, n, func(c *record.Column) []int64 { return c.Int }, func(v value) int64 { return v.n })
	case record.FormFloat:
		return compareAs(p, n, func(c *record.Column) []float64 { return c.Float }, value.float)
	case record.FormText:
		return compareAs(p, n, func(c *record.Column) []string { return c.Str }, func(v value) string { return v.s })
	case record.FormBool:
		return p.compareBools(n.op, p.kernel(l), p.kernel(r))
	}
	return nil
}

// mirrored turns an operator round, for operands that change places.
var mirrored = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}

func compareAs[T cmp.Ordered](p *planner, n *node, of func(*record.Column) []T, unbox func(value) T) *kernel {
	g, fresh := p.g, p.scratch(n.typ)
	op, l, r := n.op, n.args[0], n.args[1]
	if l.isConst() && !r.isConst() {
		op, l, r = mirrored[op], r, l
	}
	x, y := p.kernel(l), p.kernel(r)
	text := l.form() == record.FormText
	k := &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
		a, b := x.eval(sel, nil), y.eval(sel, nil)
		out := fresh(dst)
		union(out, a, b)
		if text {
			compareRows(op, out.Bool, of(a), of(b), sel)
		} else {
			compareAll(op, out.Bool[:g.n], of(a), of(b))
		}
		return out
	}}
	if r.isConst() && !r.val.null {
		c := unbox(r.val)
		k.narrow = func(in, out []uint16, want bool) []uint16 {
			a := x.eval(in, nil)
			return dropNulls(a, narrowConst(op, of(a), c, in, out, want, !text && len(in) == g.n))
		}
		return k
	}
	k.narrow = func(in, out []uint16, want bool) []uint16 {
		a, b := x.eval(in, nil), y.eval(in, nil)
		return dropNulls(b, dropNulls(a, narrowColumns(op, of(a), of(b), in, out, want)))
	}
	return k
}

// compareMixed orders an int and a float exactly.
func (p *planner) compareMixed(n *node) *kernel {
	g, fresh, test := p.g, p.scratch(n.typ), mixedTest(n.op)
	x, y := p.kernel(n.args[0]), p.kernel(n.args[1])
	return &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
		a, b := x.eval(sel, nil), y.eval(sel, nil)
		out := fresh(dst)
		union(out, a, b)
		for i := range g.n {
			out.Bool[i] = test(compareMixed(a.Int[i], b.Float[i]))
		}
		return out
	}}
}

func compareAll[T cmp.Ordered](op string, o []bool, x, y []T) {
	x, y = x[:len(o)], y[:len(o)]
	switch op {
	case "<":
		for i := range o {
			o[i] = x[i] < y[i]
		}
	case "<=":
		for i := range o {
			o[i] = x[i] <= y[i]
		}
	case ">":
		for i := range o {
			o[i] = x[i] > y[i]
		}
	case ">=":
		for i := range o {
			o[i] = x[i] >= y[i]
		}
	case "==":
		for i := range o {
			o[i] = x[i] == y[i]
		}
	case "!=":
		for i := range o {
			o[i] = x[i] != y[i]
		}
	}
}

func compareRows[T cmp.Ordered](op string, o []bool, x, y []T, sel []uint16) {
	switch op {
	case "<":
		for _, i := range sel {
			o[i] = x[i] < y[i]
		}
	case "<=":
		for _, i := range sel {
			o[i] = x[i] <= y[i]
		}
	case ">":
		for _, i := range sel {
			o[i] = x[i] > y[i]
		}
	case ">=":
		for _, i := range sel {
			o[i] = x[i] >= y[i]
		}
	case "==":
		for _, i := range sel {
			o[i] = x[i] == y[i]
		}
	case "!=":
		for _, i := range sel {
			o[i] = x[i] != y[i]
		}
	}
}

// narrowConst selects by a comparison with a constant, without a branch on the
// data: every row is written, the cursor moves on only for a hit. If all is set,
// in lists every row, and the values are read one after the other.
func narrowConst[T cmp.Ordered](op string, x []T, c T, in, out []uint16, want, all bool) []uint16 {
	flip := bit(!want)
	if op == "!=" {
		op, flip = "==", 1-flip
	}
	out = out[:len(in)]
	if all {
		return out[:narrowAll(op, x[:len(in)], c, out, flip)]
	}
	k := 0
	switch op {
	case "<":
		for _, i := range in {
			out[k] = i
			k += bit(x[i] < c) ^ flip
		}
	case "<=":
		for _, i := range in {
			out[k] = i
			k += bit(x[i] <= c) ^ flip
		}
	case ">":
		for _, i := range in {
			out[k] = i
			k += bit(x[i] > c) ^ flip
		}
	case ">=":
		for _, i := range in {
			out[k] = i
			k += bit(x[i] >= c) ^ flip
		}
	case "==":
		for _, i := range in {
			out[k] = i
			k += bit(x[i] == c) ^ flip
		}
	}
	return out[:k]
}

func narrowAll[T cmp.Ordered](op string, x []T, c T, out []uint16, flip int) int {
	k := 0
	switch op {
	case "<":
		for i, v := range x {
			out[k] = uint16(i)
			k += bit(v < c) ^ flip
		}
	case "<=":
		for i, v := range x {
			out[k] = uint16(i)
			k += bit(v <= c) ^ flip
		}
	case ">":
		for i, v := range x {
			out[k] = uint16(i)
			k += bit(v > c) ^ flip
		}
	case ">=":
		for i, v := range x {
			out[k] = uint16(i)
			k += bit(v >= c) ^ flip
		}
	case "==":
		for i, v := range x {
			out[k] = uint16(i)
			k += bit(v == c) ^ flip
		}
	}
	return k
}

// narrowColumns selects by a comparison of two columns.
func narrowColumns[T cmp.Ordered](op string, x, y []T, in, out []uint16, want bool) []uint16 {
	flip := bit(!want)
	switch op {
	case "!=":
		op, flip = "==", 1-flip
	case ">", ">=":
		op, x, y = mirrored[op], y, x
	}
	out = out[:len(in)]
	k := 0
	switch op {
	case "<":
		for _, i := range in {
			out[k] = i
			k += bit(x[i] < y[i]) ^ flip
		}
	case "<=":
		for _, i := range in {
			out[k] = i
			k += bit(x[i] <= y[i]) ^ flip
		}
	case "==":
		for _, i := range in {
			out[k] = i
			k += bit(x[i] == y[i]) ^ flip
		}
	}
	return out[:k]
}

func (p *planner) compareBools(op string, x, y *kernel) *kernel {
	g, want := p.g, op == "=="
	fresh := p.scratch(types.Bool)
	return &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
		a, b := x.eval(sel, nil), y.eval(sel, nil)
		out := fresh(dst)
		union(out, a, b)
		for i := range g.n {
			out.Bool[i] = (a.Bool[i] == b.Bool[i]) == want
		}
		return out
	}}
}
