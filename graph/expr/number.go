package expr

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/bits"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// The arithmetic that closures and kernels share. An operation computes a result
// and a flag that says whether it may stand; arithError then says in words what
// went wrong, from the operands, so that both evaluators give one message.

func addOverflows(x, y, sum int64) bool  { return (x^sum)&(y^sum) < 0 }
func subOverflows(x, y, diff int64) bool { return (x^y)&(x^diff) < 0 }

// mulHigh is the upper half of the signed product; the product fits into 64 bits
// if that is the sign of the lower half.
func mulHigh(x, y int64) int64 {
	hi, _ := bits.Mul64(uint64(x), uint64(y))
	return int64(hi) - (x>>63)&y - (y>>63)&x
}

func mulOverflows(x, y, product int64) bool { return mulHigh(x, y) != product>>63 }

// notFinite reports whether f is infinite or not a number.
func notFinite(f float64) bool {
	return math.Float64bits(f)&exponentBits == exponentBits
}

const exponentBits = 0x7FF << 52

// intOp computes x op y on the integer form.
func intOp(op string, x, y int64) (r int64, ok bool) {
	switch op {
	case "+":
		r = x + y
		return r, !addOverflows(x, y, r)
	case "-":
		r = x - y
		return r, !subOverflows(x, y, r)
	case "*":
		r = x * y
		return r, !mulOverflows(x, y, r)
	}
	if y == 0 {
		return 0, false
	}
	return x % y, true
}

// floatOp computes x op y on floats.
func floatOp(op string, x, y float64) (r float64, ok bool) {
	switch op {
	case "+":
		r = x + y
	case "-":
		r = x - y
	case "*":
		r = x * y
	case "/":
		r = x / y
	default:
		r = math.Pow(x, y)
	}
	return r, !notFinite(r)
}

// scaleOp computes a duration times or over a float, to the nearest nanosecond.
func scaleOp(op string, d int64, f float64) (int64, bool) {
	r := float64(d) * f
	if op == "/" {
		r = float64(d) / f
	}
	near := math.RoundToEven(r)
	// Below 2^53 the float is off by its own rounding alone, which matters beside a half.
	certain := -1<<53 <= d && d <= 1<<53 && math.Abs(r) <= 1<<52 && 0.5-math.Abs(r-near) > math.Abs(r)*0x1p-52
	if certain || notFinite(r) || math.Abs(r) > 1<<64 {
		return floatToInt(near)
	}
	x := new(big.Rat).SetInt64(d)
	if y := new(big.Rat).SetFloat64(f); op == "/" {
		x.Quo(x, y)
	} else {
		x.Mul(x, y)
	}
	n := roundToEven(x)
	return n.Int64(), n.IsInt64()
}

// roundToEven gives the nearest whole number; of two the even one.
func roundToEven(x *big.Rat) *big.Int {
	two := big.NewInt(2)
	n := new(big.Int).Mul(x.Num(), two)
	n.Add(n, x.Denom())
	n, rest := n.DivMod(n, new(big.Int).Mul(x.Denom(), two), new(big.Int))
	if rest.Sign() == 0 && n.Bit(0) == 1 {
		n.Sub(n, big.NewInt(1))
	}
	return n
}

// quotient gives the float nearest to a / b, also where one of them is none. b is above
// zero.
func quotient(a, b int64) float64 {
	if b == 1 || -1<<53 <= a && a <= 1<<53 && b <= 1<<53 {
		return float64(a) / float64(b)
	}
	n := uint64(a)
	if a < 0 {
		n = -n
	}
	// With two bits more than a float has, and whether there is a rest, the quotient
	// rounds as the exact one does.
	shift := 62 - bits.Len64(n) + bits.Len64(uint64(b))
	hi, lo := uint64(0), n
	if shift < 64 {
		hi, lo = n>>(64-shift), n<<shift
	} else {
		hi, lo = n<<(shift-64), 0
	}
	q, rest := bits.Div64(hi, lo, uint64(b))
	if rest > 0 {
		q |= 1
	}
	f := math.Ldexp(float64(q), -shift)
	if a < 0 {
		return -f
	}
	return f
}

// floatToInt drops what is behind the point; false if the rest is no int64.
func floatToInt(f float64) (int64, bool) {
	if f >= -1<<63 && f < 1<<63 { // false for NaN too
		return int64(f), true
	}
	return 0, false
}

// decimalFits reports whether a decimal has at most 18 digits.
func decimalFits(n int64) bool { return n > -1e18 && n < 1e18 }

var errDivision = errors.New("division by zero")

// arithError says why n, arithmetic of two operands, has no result.
func arithError(n *node, x, y value) error {
	a, b := show(n.args[0], x), show(n.args[1], y)
	zero := y.n == 0
	if n.args[1].form() == record.FormFloat {
		zero = y.float() == 0
	}
	if zero && (n.op == "/" || n.op == "%") {
		return fmt.Errorf("%w: %s %s %s", errDivision, a, n.op, b)
	}
	if n.form() == record.FormFloat {
		if r, _ := floatOp(n.op, x.float(), y.float()); math.IsNaN(r) {
			return fmt.Errorf("%s %s %s is not a number", a, n.op, b)
		}
	}
	return fmt.Errorf("%s %s %s overflows %s", a, n.op, b, n.typ.NotNull())
}

// show gives an operand as its author thinks of it: a duration that became a float
// to be divided is still a duration.
func show(n *node, v value) string {
	if n.form() == record.FormFloat && len(n.args) == 1 && n.args[0].typ.Kind == types.KindDuration && (n.kind == kConvert || n.kind == kConst) {
		return string(appendText(nil, intValue(int64(v.float())), n.args[0].typ))
	}
	return string(appendText(nil, v, n.typ))
}

// negError says why -x has no result.
func negError(n *node, x int64) error {
	return fmt.Errorf("-(%s) overflows %s", appendText(nil, intValue(x), n.typ), n.typ.NotNull())
}
