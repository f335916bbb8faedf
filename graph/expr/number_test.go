package expr

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// extremes are the ints around which overflow happens.
func extremes(r *rand.Rand) []int64 {
	all := []int64{0, 1, -1, 2, -2, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1, 1 << 31, 1 << 32, -1 << 32, 3037000499, 3037000500, -3037000500}
	for range 200 {
		all = append(all, int64(r.Uint64())>>r.IntN(64))
	}
	return all
}

func TestIntOperationsAgainstBigInts(t *testing.T) {
	all := extremes(rand.New(rand.NewPCG(1, 1)))
	for _, x := range all {
		for _, y := range all {
			for _, op := range []string{"+", "-", "*", "%"} {
				a, b := big.NewInt(x), big.NewInt(y)
				want := new(big.Int)
				fits := true
				switch op {
				case "+":
					want.Add(a, b)
				case "-":
					want.Sub(a, b)
				case "*":
					want.Mul(a, b)
				case "%":
					if fits = y != 0; fits {
						want.Rem(a, b)
					}
				}
				fits = fits && want.IsInt64()
				if got, ok := intOp(op, x, y); ok != fits || ok && got != want.Int64() {
					t.Fatalf("%d %s %d gives %d %v, want %s", x, op, y, got, ok, want)
				}
			}
		}
	}
}

// A number that is rounded is the float nearest to the decimal that a person would
// write.
func TestRound(t *testing.T) {
	for _, c := range []struct {
		x      float64
		digits int
		want   float64
	}{
		{1.005, 2, 1.01}, {2.675, 2, 2.68}, {-2.5, 0, -3}, {0.5, 0, 1}, {0.1 + 0.2, 10, 0.3}, {1234.5678, -2, 1200}, {1e300, 3, 1e300}, {5e-324, 3, 0},
		{123456789.125, 2, 123456789.13}, {1, 400, 1}, {7, -400, 0}, {1e17 + 2, 5, 1e17 + 2}, {0.285, 2, 0.29}, {1.45, 1, 1.5}, {-1.005, 2, -1.01},
	} {
		if got := roundTo(c.x, c.digits); got != c.want {
			t.Errorf("round(%v, %d) is %v, want %v", c.x, c.digits, got, c.want)
		}
	}
	r := rand.New(rand.NewPCG(2, 2))
	for range 20_000 {
		n, digits := r.Int64N(1e9), r.IntN(5)
		x, _ := strconv.ParseFloat(string(appendDecimal(nil, n, digits)), 64)
		if got := roundTo(x, digits); got != x {
			t.Fatalf("round(%v, %d) is %v", x, digits, got)
		}
	}
}

func TestDurations(t *testing.T) {
	for s, want := range map[string]time.Duration{"1h30m": 90 * time.Minute, "250ms": 250 * time.Millisecond, "1d12h": 36 * time.Hour, "-2w": -14 * 24 * time.Hour,
		"0.5d": 12 * time.Hour, "0": 0, "+3s": 3 * time.Second, "1.5µs": 1500} {
		if got, err := parseDuration(s); err != nil || int64(got) != int64(want) {
			t.Errorf("%s gives %v %v", s, time.Duration(got), err)
		}
	}
	for _, s := range []string{"", "5", "d", "-", "1y", "1h 2m", "99999999w", "1e3s", "1d-1h", "1..5d"} {
		if got, err := parseDuration(s); err == nil {
			t.Errorf("%q gives %v", s, time.Duration(got))
		}
	}
}

func TestTruncateAgainstTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, unit := range []string{"1ns", "7s", "15m", "1h", "1d", "1w", "36h", "11d"} {
		by, err := truncateBy(unit)
		if err != nil {
			t.Fatal(err)
		}
		d, _ := parseDuration(unit)
		for range 2_000 {
			ns := int64(r.Uint64()) / 2
			want := toTime(ns).Truncate(time.Duration(d)).UnixNano()
			if got, err := by(ns); err != nil || got != want {
				t.Fatalf("%s by %s gives %s, want %s", toTime(ns), unit, toTime(got), toTime(want))
			}
		}
	}
	monday, _ := truncateBy("week")
	if ns, _ := monday(time.Date(2024, 5, 19, 23, 0, 0, 0, time.UTC).UnixNano()); toTime(ns).Format(time.DateOnly) != "2024-05-13" {
		t.Errorf("the week of Sunday begins on %s", toTime(ns))
	}
	if _, err := truncateBy("-1h"); err == nil {
		t.Error("negative units make no sense")
	}
	if day, _ := truncateBy("1d"); day != nil {
		if _, err := day(math.MinInt64); err == nil {
			t.Error("the day of the first time begins before it")
		}
	}
}
