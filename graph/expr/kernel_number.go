package expr

import (
	"math"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the kernels of arithmetic.

// arithmetic computes + - * / and % on two columns.
func (p *planner) arithmetic(n *node) *kernel {
	if n.typ.Kind == types.KindDecimal || n.op == "**" {
		return nil
	}
	if n.form() == record.FormInt {
		return p.intArithmetic(n)
	}
	g, fresh := p.g, p.scratch(n.typ)
	l, r := p.kernel(n.args[0]), p.kernel(n.args[1])
	dense := denseFloat(n.op)
	return &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
		x, y := l.eval(sel, nil), r.eval(sel, nil)
		out := fresh(dst)
		union(out, x, y)
		if dense(out.Float[:g.n], x.Float, y.Float) {
			for _, i := range sel {
				if notFinite(out.Float[i]) && !out.IsNull(int(i)) {
					g.errs.Add(int(i), arithError(n, floatValue(x.Float[i]), floatValue(y.Float[i])))
				}
			}
		}
		return out
	}}
}

func (p *planner) intArithmetic(n *node) *kernel {
	g, fresh := p.g, p.scratch(n.typ)
	l, r := p.kernel(n.args[0]), p.kernel(n.args[1])
	dense := denseInt(n.op)
	return &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
		x, y := l.eval(sel, nil), r.eval(sel, nil)
		out := fresh(dst)
		union(out, x, y)
		if dense(out.Int[:g.n], x.Int, y.Int) {
			for _, i := range sel {
				if _, ok := intOp(n.op, x.Int[i], y.Int[i]); !ok && !out.IsNull(int(i)) {
					g.errs.Add(int(i), arithError(n, intValue(x.Int[i]), intValue(y.Int[i])))
				}
			}
		}
		return out
	}}
}

// denseInt gives the loop over all rows; it reports whether any of them has no
// result. The flags of all rows are gathered in the sign bit of one word.
func denseInt(op string) func(o, x, y []int64) bool {
	switch op {
	case "+":
		return func(o, x, y []int64) bool {
			x, y = x[:len(o)], y[:len(o)]
			bad := int64(0)
			for i := range o {
				a, b := x[i], y[i]
				v := a + b
				o[i] = v
				bad |= (a ^ v) & (b ^ v)
			}
			return bad < 0
		}
	case "-":
		return func(o, x, y []int64) bool {
			x, y = x[:len(o)], y[:len(o)]
			bad := int64(0)
			for i := range o {
				a, b := x[i], y[i]
				v := a - b
				o[i] = v
				bad |= (a ^ b) & (a ^ v)
			}
			return bad < 0
		}
	case "*":
		return func(o, x, y []int64) bool {
			x, y = x[:len(o)], y[:len(o)]
			bad := int64(0)
			for i := range o {
				a, b := x[i], y[i]
				v := a * b
				o[i] = v
				bad |= mulHigh(a, b) ^ (v >> 63)
			}
			return bad != 0
		}
	}
	return func(o, x, y []int64) bool {
		x, y = x[:len(o)], y[:len(o)]
		bad := false
		for i := range o {
			if b := y[i]; b != 0 {
				o[i] = x[i] % b
			} else {
				o[i], bad = 0, true
			}
		}
		return bad
	}
}

// lift carries into the sign bit where the exponent of a float has all bits set,
// as that of infinities and NaN has.
const lift = 1 << 52

// denseFloat is denseInt for floats.
func denseFloat(op string) func(o, x, y []float64) bool {
	switch op {
	case "+":
		return func(o, x, y []float64) bool {
			x, y = x[:len(o)], y[:len(o)]
			bad := uint64(0)
			for i := range o {
				v := x[i] + y[i]
				o[i] = v
				bad |= math.Float64bits(v)&exponentBits + lift
			}
			return int64(bad) < 0
		}
	case "-":
		return func(o, x, y []float64) bool {
			x, y = x[:len(o)], y[:len(o)]
			bad := uint64(0)
			for i := range o {
				v := x[i] - y[i]
				o[i] = v
				bad |= math.Float64bits(v)&exponentBits + lift
			}
			return int64(bad) < 0
		}
	case "*":
		return func(o, x, y []float64) bool {
			x, y = x[:len(o)], y[:len(o)]
			bad := uint64(0)
			for i := range o {
				v := x[i] * y[i]
				o[i] = v
				bad |= math.Float64bits(v)&exponentBits + lift
			}
			return int64(bad) < 0
		}
	}
	return func(o, x, y []float64) bool {
		x, y = x[:len(o)], y[:len(o)]
		bad := uint64(0)
		for i := range o {
			v := x[i] / y[i]
			o[i] = v
			bad |= math.Float64bits(v)&exponentBits + lift
		}
		return int64(bad) < 0
	}
}

// negate computes -x.
func (p *planner) negate(n *node) *kernel {
	g, fresh, x := p.g, p.scratch(n.typ), p.kernel(n.args[0])
	if n.form() == record.FormFloat {
		return &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
			c := x.eval(sel, nil)
			out := fresh(dst)
			out.Null = append(out.Null, c.Null...)
			for i, v := range c.Float[:g.n] {
				out.Float[i] = -v
			}
			return out
		}}
	}
	return &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
		c := x.eval(sel, nil)
		out := fresh(dst)
		out.Null = append(out.Null, c.Null...)
		bad := int64(0)
		for i, v := range c.Int[:g.n] {
			out.Int[i] = -v
			bad |= v & -v // negative for the least int only
		}
		if bad < 0 {
			for _, i := range sel {
				if c.Int[i] == math.MinInt64 && !c.IsNull(int(i)) {
					g.errs.Add(int(i), negError(n, c.Int[i]))
				}
			}
		}
		return out
	}}
}

// toFloat converts ints, durations and decimals; nil for all other conversions.
func (p *planner) toFloat(n *node) *kernel {
	if n.form() != record.FormFloat || n.args[0].form() != record.FormInt {
		return nil
	}
	g, fresh, x := p.g, p.scratch(n.typ), p.kernel(n.args[0])
	unit, from := int64(1), n.args[0].typ
	if from.Kind == types.KindDecimal {
		unit = pow10(from.Scale)
	}
	exact := n.exact && from.Kind == types.KindInt
	exactDecimal := n.exact && from.Kind == types.KindDecimal
	return &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
		c := x.eval(sel, nil)
		out := fresh(dst)
		out.Null = append(out.Null, c.Null...)
		o := out.Float[:g.n]
		if exact {
			for i, v := range c.Int[:g.n] {
				o[i] = record.ExactFloat(v)
			}
			return out
		}
		if exactDecimal {
			for i, v := range c.Int[:g.n] {
				o[i] = record.ExactDecimal(v, from.Scale)
			}
			return out
		}
		for i, v := range c.Int[:g.n] {
			o[i] = float64(v)
		}
		if unit != 1 {
			for i := range o {
				o[i] /= float64(unit)
			}
			if from.Precision > 15 { // the digits of two floats, the quotient of which may be another one
				for i, v := range c.Int[:g.n] {
					if v < -1<<53 || v > 1<<53 {
						o[i] = quotient(v, unit)
					}
				}
			}
		}
		return out
	}}
}
