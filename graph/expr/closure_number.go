package expr

import (
	"cmp"
	"math"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// Closures that give numbers, times and durations.

// both computes two operands; the result is null if one of them is.
func both[A, B, R any](x fn[A], y fn[B], f func(r *row, a A, b B) (R, bool)) fn[R] {
	return func(r *row) (zero R, ok bool) {
		a, oka := x(r)
		b, okb := y(r)
		if !oka || !okb {
			return zero, false
		}
		return f(r, a, b)
	}
}

// compileInt is for the operators that give ints, times, durations and decimals.
func compileInt(n *node) fn[int64] {
	switch n.kind {
	case kNeg:
		x := compile(ints(), n.args[0])
		return func(r *row) (int64, bool) {
			v, ok := x(r)
			if v == math.MinInt64 {
				r.fail(negError(n, v))
				return 0, false
			}
			return -v, ok
		}
	case kScale:
		return both(compile(ints(), n.args[0]), compile(floats(), n.args[1]), func(r *row, d int64, f float64) (int64, bool) {
			v, ok := scaleOp(n.op, d, f)
			if !ok {
				r.fail(arithError(n, intValue(d), floatValue(f)))
			}
			return v, ok
		})
	case kConvert: // a decimal to a larger scale
		x, from, to := compile(ints(), n.args[0]), n.args[0].typ, n.typ
		factor := pow10(to.Scale - from.Scale)
		return func(r *row) (int64, bool) { v, ok := x(r); return v * factor, ok }
	case kArith:
		return compileIntArith(n)
	}
	panic("expr: no int from this node")
}

func compileIntArith(n *node) fn[int64] {
	x, y := compile(ints(), n.args[0]), compile(ints(), n.args[1])
	wrong := func(r *row, a, b int64) (int64, bool) {
		r.fail(arithError(n, intValue(a), intValue(b)))
		return 0, false
	}
	if n.typ.Kind == types.KindDecimal {
		op := n.op
		return both(x, y, func(r *row, a, b int64) (int64, bool) {
			v, ok := intOp(op, a, b)
			if !ok || !decimalFits(v) {
				return wrong(r, a, b)
			}
			return v, true
		})
	}
	switch n.op {
	case "+":
		return both(x, y, func(r *row, a, b int64) (int64, bool) {
			if v := a + b; !addOverflows(a, b, v) {
				return v, true
			}
			return wrong(r, a, b)
		})
	case "-":
		return both(x, y, func(r *row, a, b int64) (int64, bool) {
			if v := a - b; !subOverflows(a, b, v) {
				return v, true
			}
			return wrong(r, a, b)
		})
	case "*":
		return both(x, y, func(r *row, a, b int64) (int64, bool) {
			if v := a * b; !mulOverflows(a, b, v) {
				return v, true
			}
			return wrong(r, a, b)
		})
	}
	return both(x, y, func(r *row, a, b int64) (int64, bool) {
		if b == 0 {
			return wrong(r, a, b)
		}
		return a % b, true
	})
}

// compileFloat is for the operators that give floats.
func compileFloat(n *node) fn[float64] {
	switch n.kind {
	case kNeg:
		x := compile(floats(), n.args[0])
		return func(r *row) (float64, bool) {
			v, ok := x(r)
			if !ok {
				return 0, false
			}
			return -v, true
		}
	case kConvert:
		return compileToFloat(n.args[0], n.exact)
	case kArith:
		x, y, op := compile(floats(), n.args[0]), compile(floats(), n.args[1]), n.op
		return both(x, y, func(r *row, a, b float64) (float64, bool) {
			v, ok := floatOp(op, a, b)
			if !ok {
				r.fail(arithError(n, floatValue(a), floatValue(b)))
				return 0, false
			}
			return v, true
		})
	}
	panic("expr: no float from this node")
}

// compileToFloat converts an int, a duration in nanoseconds or a decimal.
func compileToFloat(n *node, exact bool) fn[float64] {
	x := compile(ints(), n)
	scale := n.typ.Scale
	switch {
	case n.typ.Kind == types.KindDecimal && exact:
		return func(r *row) (float64, bool) { v, ok := x(r); return record.ExactDecimal(v, scale), ok }
	case n.typ.Kind == types.KindDecimal:
		return func(r *row) (float64, bool) { v, ok := x(r); return decimalFloat(v, scale), ok }
	case exact:
		return func(r *row) (float64, bool) { v, ok := x(r); return record.ExactFloat(v), ok }
	}
	return func(r *row) (float64, bool) { v, ok := x(r); return float64(v), ok }
}

// compileCompare compares two operands of one form.
func compileCompare(n *node) fn[bool] {
	l, r := n.args[0], n.args[1]
	switch l.form() {
	case record.FormInt:
		if r.form() == record.FormFloat {
			test := mixedTest(n.op)
			return both(compile(ints(), l), compile(floats(), r), func(_ *row, a int64, b float64) (bool, bool) { return test(compareMixed(a, b)), true })
		}
		return comparison(n.op, compile(ints(), l), compile(ints(), r))
	case record.FormFloat:
		return comparison(n.op, compile(floats(), l), compile(floats(), r))
	case record.FormText:
		return comparison(n.op, compile(texts(), l), compile(texts(), r))
	case record.FormBool:
		want := n.op == "=="
		return both(compile(bools(), l), compile(bools(), r), func(_ *row, a, b bool) (bool, bool) { return (a == b) == want, true })
	}
	x, y, t, want := compile(lists(), l), compile(lists(), r), l.typ.NotNull(), n.op == "=="
	if l.typ.Kind == types.KindList && l.typ.Elem.Kind == types.KindError { // the left list is empty
		t = r.typ.NotNull()
	}
	return both(x, y, func(_ *row, a, b []value) (bool, bool) {
		return equalValues(t, listValue(a), listValue(b)) == want, true
	})
}

// compareMixed orders an int and a float exactly. Rounding the int changes no order,
// it only makes ties.
func compareMixed(n int64, f float64) int {
	if c := cmp.Compare(float64(n), f); c != 0 {
		return c
	}
	if f >= 1<<63 {
		return -1
	}
	return cmp.Compare(n, int64(f))
}

// mixedTest is the test of an ordering by what compareMixed gives.
func mixedTest(op string) func(int) bool {
	switch op {
	case "<":
		return func(c int) bool { return c < 0 }
	case "<=":
		return func(c int) bool { return c <= 0 }
	case ">":
		return func(c int) bool { return c > 0 }
	}
	return func(c int) bool { return c >= 0 }
}

func comparison[T cmp.Ordered](op string, x, y fn[T]) fn[bool] {
	switch op {
	case "<":
		return both(x, y, func(_ *row, a, b T) (bool, bool) { return a < b, true })
	case "<=":
		return both(x, y, func(_ *row, a, b T) (bool, bool) { return a <= b, true })
	case ">":
		return both(x, y, func(_ *row, a, b T) (bool, bool) { return a > b, true })
	case ">=":
		return both(x, y, func(_ *row, a, b T) (bool, bool) { return a >= b, true })
	case "==":
		return both(x, y, func(_ *row, a, b T) (bool, bool) { return a == b, true })
	}
	return both(x, y, func(_ *row, a, b T) (bool, bool) { return a != b, true })
}

// compileRange makes the ints from one to another.
func compileRange(n *node) fn[[]value] {
	return both(compile(ints(), n.args[0]), compile(ints(), n.args[1]), func(r *row, from, to int64) ([]value, bool) {
		if to < from {
			return nil, true
		}
		if uint64(to-from) >= maxItems {
			r.fail(errManyItems)
			return nil, false
		}
		items := r.values(int(to-from) + 1)
		for i := range items {
			items[i] = intValue(from + int64(i))
		}
		return items, true
	})
}
