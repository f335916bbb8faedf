package columns

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// The float of a decimal is the nearest, and it is kept if its digits, rounded to the
// scale, are those of the decimal.
func TestDecimalsAsFloats(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	kept := 0
	for range 20000 {
		scale := r.IntN(19)
		n := r.Int64N(2e18) - 1e18 + 1
		for range r.IntN(18) {
			n /= 10
		}
		exact := big.NewRat(n, pow10(scale))
		want, _ := exact.Float64()
		got := decimalFloat(n, scale)
		if got != want {
			t.Fatalf("%de-%d is %v, want %v", n, scale, got, want)
		}
		keeps := new(big.Rat).SetFloat64(got).FloatString(scale) == exact.FloatString(scale)
		// FloatString rounds halves away from zero, FormatFloat to even.
		exactly := record.ExactDecimal(n, scale)
		if (exactly == got) != keeps && !isHalf(got, scale) {
			t.Fatalf("%de-%d as %v is kept: %v", n, scale, got, !keeps)
		}
		if keeps {
			kept++
		}
	}
	if kept < 1000 || kept > 19900 {
		t.Errorf("%d of 20000 are kept", kept)
	}
}

func isHalf(f float64, scale int) bool {
	x := new(big.Rat).Mul(new(big.Rat).SetFloat64(f), big.NewRat(2*pow10(scale), 1))
	return x.IsInt()
}

// What is changed in a value, also deep inside of one, and what cannot be.
func TestWhatAWiderTypeKeeps(t *testing.T) {
	for _, c := range []struct {
		from, to string
		rounds   bool
	}{
		{"int", "float", true}, {"int?", "float?", true}, {"float", "float", false}, {"int", "int", false}, {"[int]", "[float]", true}, {"[[int]]", "[[float]]", true}, {"{a: int}", "{a: float, b: int?}", true},
		{"{a: int}", "{a: int, b: float?}", false}, {"decimal(15,2)", "float", false}, {"decimal(16,2)", "float", true}, {"decimal(18,2)", "decimal(18,3)", false}, {"any", "any", false},
	} {
		if got := rounds(parse(t, c.from), parse(t, c.to)); got != c.rounds {
			t.Errorf("%s to %s may round: %v", c.from, c.to, got)
		}
	}
	ints := record.NewColumn(types.Int)
	ints.Resize(5)
	copy(ints.Int, []int64{1 << 53, 1<<53 + 1, math.MaxInt64, math.MinInt64, 1<<53 + 3})
	ints.SetNull(4)
	lists := &record.Column{Form: record.FormList, Ends: []int32{1, 1, 3, 5}, Elem: ints}
	records := &record.Column{Form: record.FormRecord, Fields: []*record.Column{ints}}
	for i, want := range []bool{true, false, false, true, true} {
		if keeps(ints, types.Int, types.Float, i) != want {
			t.Errorf("%d is kept: %v", ints.Int[i], !want)
		}
		if keeps(records, parse(t, "{a: int}"), parse(t, "{a: float}"), i) != want {
			t.Errorf("{a: %d} is kept: %v", ints.Int[i], !want)
		}
	}
	for i, want := range []bool{true, true, false, true} {
		if keeps(lists, parse(t, "[int]"), parse(t, "[float]"), i) != want {
			t.Errorf("list %d is kept: %v", i, !want)
		}
	}
}
