package aggregate

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// column makes a column by writing n rows; a write that returns false leaves null.
func column(t *types.Type, n int, write func(c *record.Column, i int) bool) *record.Column {
	c := record.NewColumn(t)
	c.Resize(n)
	for i := range n {
		if !write(c, i) {
			c.SetNull(i)
		}
	}
	return c
}

func floats(values ...float64) *record.Column {
	return column(types.Float.Opt(), len(values), func(c *record.Column, i int) bool { c.Float[i] = values[i]; return !math.IsNaN(values[i]) })
}

// fold adds all rows to group 0 and gives the result.
func fold(f Fold, cols []*record.Column, result *types.Type) (*record.Column, *expr.RowErrors) {
	f.Grow(1)
	for _, c := range cols {
		var rows []uint16
		for i := range c.Len() {
			rows = append(rows, uint16(i))
		}
		f.Add(make([]int32, c.Len()), rows, c)
	}
	dst, errs := record.NewColumn(result), &expr.RowErrors{}
	dst.Resize(1)
	f.Result(dst, 0, 1, errs)
	return dst, errs
}

func TestFloatSumsKeepWhatRoundingTakes(t *testing.T) {
	tenth := make([]float64, 10)
	for i := range tenth {
		tenth[i] = 0.1
	}
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{tenth, 1}, {[]float64{1, 1e100, 1, -1e100}, 2}, {nil, 0}, {[]float64{math.NaN(), 5}, 5}, {[]float64{math.Copysign(0, -1)}, 0},
	} {
		got, errs := fold(newSum(types.Float, types.Float), []*record.Column{floats(c.values...)}, types.Float)
		if errs.Len() > 0 || got.Float[0] != c.want {
			t.Errorf("sum of %v is %v, want %v", c.values, got.Float[0], c.want)
		}
	}
	if _, errs := fold(newSum(types.Float, types.Float), []*record.Column{floats(math.MaxFloat64, math.MaxFloat64)}, types.Float); errs.Len() != 1 {
		t.Error("an infinite sum is no error")
	}
}

// Sums of integers against those of math/big, at the edge of 64 bits and far
// behind it.
func TestIntSums(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for round := range 200 {
		want, sum, n := new(big.Int), wide{}, 1+r.IntN(50)
		for range n {
			v := int64(r.Uint64())
			if round%3 == 0 {
				v = []int64{math.MaxInt64, math.MinInt64, -1, 1}[r.IntN(4)]
			}
			sum.add(v)
			want.Add(want, big.NewInt(v))
		}
		if v, ok := sum.int(); ok != want.IsInt64() || ok && v != want.Int64() {
			t.Fatalf("%v: got %d, %v", want, v, ok)
		}
	}
	if _, errs := fold(newSum(types.Decimal(6, 2), types.Decimal(18, 2)), []*record.Column{column(types.Decimal(6, 2), 2, func(c *record.Column, i int) bool {
		c.Int[i] = 600_000_000_000_000_000
		return true
	})}, types.Decimal(18, 2)); errs.Len() != 1 {
		t.Error("a decimal of 19 digits is no error")
	}
}

func TestPercentiles(t *testing.T) {
	values := floats(3, 1, math.NaN(), 4, 2)
	for p, want := range map[float64]float64{0: 1, 25: 1.75, 50: 2.5, 100: 4, 90: 3.7} {
		if got, _ := fold(&percentile{newHeap(types.Float), p / 100}, []*record.Column{values}, types.Float.Opt()); math.Abs(got.Float[0]-want) > 1e-12 {
			t.Errorf("percentile %v is %v, want %v", p, got.Float[0], want)
		}
	}
	if got, _ := fold(&percentile{newHeap(types.Float), 0.99}, []*record.Column{floats(7)}, types.Float.Opt()); got.Float[0] != 7 {
		t.Errorf("percentile of one value is %v", got.Float[0])
	}
}

// Every aggregate that can be computed another way, on random rows of several
// groups, in batches of several sizes.
func TestAgainstPlainLoops(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const n, groups = 9000, 37
	of, value, null := make([]int, n), make([]int64, n), make([]bool, n)
	for i := range n {
		of[i], value[i], null[i] = r.IntN(groups), r.Int64N(1000)-500, r.IntN(10) == 0
	}
	folds := map[string]Fold{
		"count": &count{}, "distinct": newDistinct(types.Int.Opt()), "sum": newSum(types.Int, types.Int), "min": newExtreme(types.Int, -1), "max": newExtreme(types.Int, 1),
		"first": newOutermost(types.Int, false), "last": newOutermost(types.Int, true), "mean": &mean{totals{arg: record.FormFloat}}, "stddev": &spread{},
	}
	known := 0
	for at := 0; at < n; {
		size := min(1+r.IntN(1024), n-at)
		c := column(types.Int.Opt(), size, func(c *record.Column, i int) bool { c.Int[i] = value[at+i]; return !null[at+i] })
		var in []int32
		var rows []uint16
		for i := range size {
			in, rows = append(in, int32(of[at+i])), append(rows, uint16(i))
			known = max(known, of[at+i]+1)
		}
		floats := column(types.Float.Opt(), size, func(c *record.Column, i int) bool { c.Float[i] = float64(value[at+i]); return !null[at+i] })
		for name, f := range folds {
			f.Grow(known)
			if name == "mean" || name == "stddev" {
				f.Add(in, rows, floats)
			} else {
				f.Add(in, rows, c)
			}
		}
		at += size
	}
	var errs expr.RowErrors
	results := map[string]*record.Column{}
	for name, f := range folds {
		t := types.Int.Opt()
		if name == "mean" || name == "stddev" {
			t = types.Float.Opt()
		}
		results[name] = record.NewColumn(t)
		results[name].Resize(groups)
		f.Result(results[name], 0, groups, &errs)
	}
	for g := range groups {
		var values []int64
		for i := range n {
			if of[i] == g && !null[i] {
				values = append(values, value[i])
			}
		}
		checkGroup(t, g, values, results)
	}
	if errs.Len() > 0 {
		t.Error("a result failed")
	}
}

// checkGroup computes the results of a group from its values.
func checkGroup(t *testing.T, g int, values []int64, results map[string]*record.Column) {
	t.Helper()
	sum, square := int64(0), 0.0
	for _, v := range values {
		sum += v
	}
	mean := float64(sum) / float64(len(values))
	for _, v := range values {
		square += (float64(v) - mean) * (float64(v) - mean)
	}
	sorted := slices.Sorted(slices.Values(values))
	for name, want := range map[string]int64{
		"count": int64(len(values)), "distinct": int64(len(slices.Compact(slices.Clone(sorted)))), "sum": sum, "min": sorted[0], "max": sorted[len(sorted)-1],
		"first": values[0], "last": values[len(values)-1],
	} {
		if got := results[name].Int[g]; got != want {
			t.Errorf("group %d: %s is %d, want %d", g, name, got, want)
		}
	}
	deviation := math.Sqrt(square / float64(len(values)-1))
	if got := results["mean"].Float[g]; got != mean || math.Abs(results["stddev"].Float[g]-deviation) > 1e-9 {
		t.Errorf("group %d: mean %v and stddev %v, want %v and %v", g, got, results["stddev"].Float[g], mean, deviation)
	}
}

// The table behind last must not grow with the input, and must keep the right rows
// when it is tidied up.
func TestLastForgets(t *testing.T) {
	f := newOutermost(types.String, true)
	const groups = 100
	f.Grow(groups)
	var in []int32
	var rows []uint16
	for i := range groups {
		in, rows = append(in, int32(i)), append(rows, uint16(i))
	}
	for round := range 500 {
		f.Add(in, rows, column(types.String, groups, func(c *record.Column, i int) bool {
			c.Str[i] = fmt.Sprint(round, " ", i)
			return i%2 == 0 || round == 3
		}))
	}
	if f.kept.Rows > 4*groups+4*record.MaxRows {
		t.Errorf("%d rows are kept for %d groups", f.kept.Rows, groups)
	}
	dst := record.NewColumn(types.String.Opt())
	dst.Resize(groups)
	f.Result(dst, 0, groups, nil)
	if dst.Str[42] != "499 42" || dst.Str[43] != "3 43" {
		t.Errorf("got %q and %q", dst.Str[42], dst.Str[43])
	}
}
