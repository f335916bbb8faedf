package aggregate

import (
	"errors"
	"math"
	"math/bits"

	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has what adds up: sums, means and spreads, exactly as far as their types go.

var (
	errOverflow = errors.New("the sum has too many digits: int has 64 bits, decimal 18 digits")
	errInfinite = errors.New("the sum is too large for a float")
)

// A wide is an integer of 128 bits. The sum of as many 64-bit integers as memory
// holds fits into it.
type wide struct {
	hi int64
	lo uint64
}

func (w *wide) add(v int64) {
	lo, carry := bits.Add64(w.lo, uint64(v), 0)
	w.lo = lo
	w.hi += v>>63 + int64(carry)
}

// int gives the value, if it fits.
func (w wide) int() (int64, bool) {
	v := int64(w.lo)
	return v, w.hi == v>>63
}

// A careful sum of floats knows what rounding took from it.
type careful struct{ sum, lost float64 }

func (c *careful) add(v float64) {
	t := c.sum + v
	if math.Abs(c.sum) >= math.Abs(v) {
		c.lost += c.sum - t + v
	} else {
		c.lost += v - t + c.sum
	}
	c.sum = t
}

func (c careful) value() float64 {
	if v := c.sum + c.lost; !math.IsNaN(v) {
		return v
	}
	return c.sum // infinite: what it lost means nothing
}

// totals sums values of either form per group and counts them.
type totals struct {
	arg    record.Form
	ints   []wide
	floats []careful
	n      []int64
}

func (f *totals) Grow(n int) {
	f.n = grow(f.n, n)
	if f.arg == record.FormFloat {
		f.floats = grow(f.floats, n)
	} else {
		f.ints = grow(f.ints, n)
	}
}

func (f *totals) Add(groups []int32, rows []uint16, col *record.Column) {
	nulls := col.HasNull()
	for _, row := range rows {
		if nulls && col.IsNull(int(row)) {
			continue
		}
		g := groups[row]
		f.n[g]++
		if f.arg == record.FormFloat {
			f.floats[g].add(col.Float[row])
		} else {
			f.ints[g].add(col.Int[row])
		}
	}
}

// sum is sum(x), of the type of x; 0 without a value.
type sum struct {
	totals
	digits int64 // of a decimal: what its integer must stay below
}

func newSum(arg, result *types.Type) *sum {
	f := &sum{totals: totals{arg: record.FormOf(arg)}}
	if result.Kind == types.KindDecimal {
		f.digits = int64(math.Pow10(result.Precision))
	}
	return f
}

func (f *sum) Result(dst *record.Column, from, to int, errs *expr.RowErrors) {
	for g := from; g < to; g++ {
		row := g - from
		if f.arg == record.FormFloat {
			if dst.Float[row] = f.floats[g].value(); math.IsInf(dst.Float[row], 0) {
				errs.Add(row, errInfinite)
			}
			continue
		}
		v, ok := f.ints[g].int()
		if !ok || f.digits > 0 && (v >= f.digits || v <= -f.digits) {
			errs.Add(row, errOverflow)
		}
		dst.Int[row] = v
	}
}

// mean is mean(x), a float; null without a value.
type mean struct{ totals }

func (f *mean) Result(dst *record.Column, from, to int, errs *expr.RowErrors) {
	for g := from; g < to; g++ {
		row := g - from
		if f.n[g] == 0 {
			dst.SetNull(row)
			continue
		}
		dst.Float[row] = f.floats[g].value() / float64(f.n[g])
		if math.IsInf(dst.Float[row], 0) {
			errs.Add(row, errInfinite)
		}
	}
}

// spread is stddev(x): of a sample, by Welford's method (1962).
type spread struct {
	n    []int64
	mean []float64
	m2   []float64
}

func (f *spread) Grow(n int) {
	f.n, f.mean, f.m2 = grow(f.n, n), grow(f.mean, n), grow(f.m2, n)
}

func (f *spread) Add(groups []int32, rows []uint16, col *record.Column) {
	for _, row := range rows {
		if col.IsNull(int(row)) {
			continue
		}
		g, v := groups[row], col.Float[row]
		f.n[g]++
		d := v - f.mean[g]
		f.mean[g] += d / float64(f.n[g])
		f.m2[g] += d * (v - f.mean[g])
	}
}

func (f *spread) Result(dst *record.Column, from, to int, errs *expr.RowErrors) {
	for g := from; g < to; g++ {
		row := g - from
		if f.n[g] < 2 {
			dst.SetNull(row)
			continue
		}
		dst.Float[row] = math.Sqrt(f.m2[g] / float64(f.n[g]-1))
		if math.IsInf(dst.Float[row], 0) || math.IsNaN(dst.Float[row]) {
			errs.Add(row, errInfinite)
		}
	}
}
