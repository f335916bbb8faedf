package expr

import (
	"fmt"
	"math"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the functions that compute with numbers.

// numberFunctions compute with numbers. Those with `number` work on int, float,
// decimal and duration and give what they get.
func numberFunctions() []function {
	return []function{
		{sig: "abs(x: number) number", summary: "The number without its sign.", example: `abs(-3) == 3`, bind: bindAbs},
		{sig: "sign(x: number) int", summary: "-1, 0 or 1.", example: `sign(-2.5) == -1`,
			bind: func(n *node) (call, error) {
				zero := value{}
				t := n.args[0].typ
				return func(_ *row, a []value) (value, error) {
					if t.Kind == types.KindFloat && math.IsNaN(a[0].float()) {
						return zero, nil
					}
					return intValue(int64(compareValues(t, a[0], zero))), nil
				}, nil
			}},
		{sig: "ceil(x: float) float", summary: "The next whole number above.", example: `ceil(1.2) == 2`, eval: float1("ceil", math.Ceil)},
		{sig: "floor(x: float) float", summary: "The next whole number below.", example: `floor(-1.2) == -2`, eval: float1("floor", math.Floor)},
		{sig: "round(x: float, digits: int = 0) float", summary: "The nearest number with so many digits behind the point, halves away from zero; negative digits round before the point.",
			example: `round(2.345, 2) == 2.35 && round(1250.0, -2) == 1300`, eval: round},
		{sig: "sqrt(x: float) float", summary: "The square root.", example: `sqrt(9) == 3`, eval: float1("sqrt", math.Sqrt)},
		{sig: "pow(x: float, y: float) float", summary: "x to the power of y, as x ** y.", example: `pow(2, 10) == 1024`,
			eval: func(_ *row, a []value) (value, error) { return finite("pow", math.Pow(a[0].float(), a[1].float()), a) }},
		{sig: "exp(x: float) float", summary: "e to the power of x.", example: `exp(0) == 1`, eval: float1("exp", math.Exp)},
		{sig: "log(x: float) float", summary: "The natural logarithm.", example: `log(exp(1)) == 1`, eval: float1("log", math.Log)},
		{sig: "log2(x: float) float", summary: "The logarithm to base 2.", example: `log2(8) == 3`, eval: float1("log2", math.Log2)},
		{sig: "log10(x: float) float", summary: "The logarithm to base 10.", example: `log10(1000) == 3`, eval: float1("log10", math.Log10)},
		{sig: "sin(x: float) float", summary: "The sine of an angle in radians.", example: `sin(0) == 0`, eval: float1("sin", math.Sin)},
		{sig: "cos(x: float) float", summary: "The cosine of an angle in radians.", example: `cos(0) == 1`, eval: float1("cos", math.Cos)},
		{sig: "asin(x: float) float", summary: "The angle in radians that has this sine.", example: `asin(0) == 0`, eval: float1("asin", math.Asin)},
		{sig: "radians(degrees: float) float", summary: "An angle in radians.", example: `round(radians(180), 4) == 3.1416`,
			eval: float1("radians", func(x float64) float64 { return x / 180 * math.Pi })},
		{sig: "min(a: ordered, b: ordered...) ordered", special: checkExtreme,
			summary: "The least of its arguments, or of the items of a list: null if the list has none.", example: `min(3, 1, 2) == 1 && min([5, 4]) == 4`},
		{sig: "max(a: ordered, b: ordered...) ordered", special: checkExtreme,
			summary: "The greatest of its arguments, or of the items of a list: null if the list has none.", example: `max(3, 1, 2) == 3 && max(["a", "b"]) == "b"`},
		{sig: "clamp(x: ordered, low: ordered, high: ordered) ordered", summary: "x, but not under low and not over high.", example: `clamp(17, 0, 10) == 10`,
			bind: func(n *node) (call, error) {
				t := n.args[0].typ
				return func(_ *row, a []value) (value, error) {
					if compareValues(t, a[1], a[2]) > 0 {
						return null, fmt.Errorf("clamp() wants low below high, got %s and %s", appendText(nil, a[1], t), appendText(nil, a[2], t))
					}
					x := a[0]
					if compareValues(t, x, a[1]) < 0 {
						x = a[1]
					}
					if compareValues(t, x, a[2]) > 0 {
						x = a[2]
					}
					return x, nil
				}, nil
			}},
	}
}

// finite makes an error of a result that is no number.
func finite(name string, f float64, a []value) (value, error) {
	if notFinite(f) {
		text := string(appendFloat(nil, a[0].float()))
		for _, x := range a[1:] {
			text += ", " + string(appendFloat(nil, x.float()))
		}
		if math.IsNaN(f) {
			return null, fmt.Errorf("%s(%s) is not a number", name, text)
		}
		return null, fmt.Errorf("%s(%s) is infinite", name, text)
	}
	return floatValue(f), nil
}

func float1(name string, f func(float64) float64) call {
	return func(_ *row, a []value) (value, error) { return finite(name, f(a[0].float()), a) }
}

func bindAbs(n *node) (call, error) {
	t := n.args[0].typ
	if t.Kind == types.KindFloat {
		return func(_ *row, a []value) (value, error) { return floatValue(math.Abs(a[0].float())), nil }, nil
	}
	return func(_ *row, a []value) (value, error) {
		switch x := a[0].n; {
		case x == math.MinInt64:
			return null, fmt.Errorf("abs(%s) overflows %s", appendText(nil, a[0], t), t.NotNull())
		case x < 0:
			return intValue(-x), nil
		}
		return a[0], nil
	}, nil
}

func round(_ *row, a []value) (value, error) {
	x, digits := a[0].float(), int64(0)
	if len(a) > 1 {
		digits = min(max(a[1].n, -400), 400)
	}
	if notFinite(x) {
		return finite("round", x, a[:1])
	}
	return floatValue(roundTo(x, int(digits))), nil
}

func roundTo(x float64, digits int) float64 {
	if digits == 0 {
		return math.Round(x)
	}
	if digits > 0 {
		if digits > 22 {
			return x
		}
		scale := math.Pow10(digits)
		scaled := x * scale
		if math.IsInf(scaled, 0) || math.Abs(scaled) >= 1<<52 {
			return x
		}
		r := math.Round(scaled)
		// 1.005 is a little less than it looks, and so is its product: a half
		// that is off by the error of one multiplication counts as a half.
		if up := math.Round(scaled * (1 + 0x1p-52)); up != r {
			r = up
		}
		return r / scale
	}
	if digits < -308 {
		return 0
	}
	scale := math.Pow10(-digits)
	r := math.Round(x/scale) * scale
	if math.IsInf(r, 0) {
		return x
	}
	return r
}

// checkExtreme types min and max: of a list, or of two arguments and more.
func checkExtreme(c *checker, s *callSite) *node {
	args, ok := c.arguments(s)
	if !c.wants(s, s.name+"(a, b, ...) or "+s.name+"(list)", 1, -1) || !ok {
		return errorNode(s.from, s.to)
	}
	want := 1
	if s.name == "min" {
		want = -1
	}
	f := function{sig: s.name + "(a: ordered, b: ordered...) ordered", bind: func(n *node) (call, error) {
		t := n.typ
		return func(_ *row, a []value) (value, error) { return extreme(t, want, a), nil }, nil
	}}
	if len(args) == 1 {
		f = function{sig: s.name + "(list: [ordered]) ordered?", bind: func(n *node) (call, error) {
			t := n.typ
			return func(_ *row, a []value) (value, error) { return extreme(t, want, a[0].list), nil }, nil
		}}
	}
	f.parse()
	n := c.apply(&f, s, args)
	if n.kind == kCall && n.typ.Kind == types.KindAny {
		bad, _ := c.fail(diag.WrongType, s.from, s.to, "%s() of a list that is always empty", s.name)
		return bad
	}
	return n
}

// extreme finds the least (want -1) or greatest (want 1) of the values that are
// not null; null if there is none.
func extreme(t *types.Type, want int, values []value) value {
	best := null
	for _, v := range values {
		if !v.null && (best.null || compareValues(t, v, best) == want) {
			best = v
		}
	}
	return best
}
