package expr

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/record"
)

// A quotient of ints is rounded once, however long they are.
func TestQuotientIsNearest(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	units := []int64{int64(time.Second), int64(time.Minute), int64(time.Hour), 1, 3, 1 << 62}
	for i := range 19 {
		units = append(units, pow10(i))
	}
	numbers := []int64{0, 1, -1, 1<<53 - 1, 1 << 53, 1<<53 + 1, -1<<53 - 1, math.MaxInt64, math.MinInt64, math.MinInt64 + 1, 8980000000000000001}
	for range 5000 {
		numbers = append(numbers, int64(r.Uint64())>>r.IntN(64))
	}
	for _, b := range units {
		for _, a := range numbers {
			want, _ := big.NewRat(a, b).Float64()
			if got := quotient(a, b); got != want {
				t.Fatalf("%d / %d is %v, want %v", a, b, got, want)
			}
		}
	}
}

// A duration times a float is that many nanoseconds, of durations over 104 days too, which
// no float holds to the nanosecond.
func TestLongDurations(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	floats := []float64{1, -1, 0.5, 2, 1.0000000001, 1e-9, 3, 0.1, 1e9, 1.0 / 3}
	for range 20000 {
		d, f := int64(r.Uint64())>>r.IntN(64), floats[r.IntN(len(floats))]
		for _, op := range []string{"*", "/"} {
			exact := new(big.Rat).SetInt64(d)
			if op == "*" {
				exact.Mul(exact, new(big.Rat).SetFloat64(f))
			} else {
				exact.Quo(exact, new(big.Rat).SetFloat64(f))
			}
			got, ok := scaleOp(op, d, f)
			off := new(big.Rat).Sub(new(big.Rat).SetInt64(got), exact)
			if fits := exact.Cmp(big.NewRat(math.MaxInt64-1, 1)) < 0 && exact.Cmp(big.NewRat(math.MinInt64+1, 1)) > 0; fits != ok {
				t.Fatalf("%d %s %v: %v, want %v", d, op, f, ok, fits)
			}
			if ok && off.Abs(off).Cmp(big.NewRat(1, 2)) > 0 {
				t.Fatalf("%d %s %v is %d, which is off by %s", d, op, f, got, off.FloatString(3))
			}
		}
	}
	b := batchOf(mustType(t, "{d: duration, n: decimal(18,2)}"), []any{9007199254740993, 900719925474099367})
	agrees(t, "d * 1.0", b, `"2501h59m59.254740993s"`)
	agrees(t, "d / 1", b, `"2501h59m59.254740993s"`)
	agrees(t, "-1.0 * d", b, `"-2501h59m59.254740993s"`)
	b = batchOf(mustType(t, "{d: duration, n: decimal(18,2)}"), []any{3708801759493319391, 553468892355352739})
	agrees(t, "seconds(d)", b, "3708801759.4933195")
	agrees(t, "float(n)", b, "5534688923553527")
	b = batchOf(mustType(t, "{n: decimal(18,2), f: float, l: [float]}"), []any{900719925474099200, 9007199254740992.0, []any{9007199254740992.0}})
	for _, source := range []string{"n in l", "n in [9007199254740992.0, 1.5]", "{a: n} == {a: f}", "[n] == l"} {
		agrees(t, source, b, "true")
	}
	b = batchOf(b.Type, []any{900719925474099201, 9007199254740992.0, []any{9007199254740992.0}}) // their nearest float is that of the first
	for _, source := range []string{"n in l", "n in [f, 1.5]", "{a: n} == {a: f}", "[n] == l"} {
		agrees(t, source, b, "false")
	}
}

// The whole range of times is there in expressions, as it is in files.
func TestEndsOfTime(t *testing.T) {
	b := batchOf(mustType(t, "{first: string, last: string}"), []any{"1677-09-21T00:12:43.145224192Z", "2262-04-11T23:47:16.854775807Z"})
	for source, want := range map[string]string{
		"time(first)": "1677-09-21T00:12:43.145224192Z", "time(last)": "2262-04-11T23:47:16.854775807Z",
		`time("2262-04-11T23:47:16Z")`: "2262-04-11T23:47:16Z", `time("1677-09-21T00:12:44Z")`: "1677-09-21T00:12:44Z",
		`time("2262-04-11T23:47:16.854775808Z" + last[:0])`: "", `time("1677-09-21T00:12:43.145224191Z" + last[:0])`: "",
	} {
		e := mustCheck(t, source, b.Type)
		for _, kernels := range []bool{false, true} {
			p, dst := e.compile(kernels), record.NewColumn(e.Type())
			dst.Resize(1)
			var errs RowErrors
			p.Eval(b, dst, record.NewArena(0), &errs)
			if want == "" {
				if errs.Len() != 1 {
					t.Errorf("%s does not fail", source)
				}
				continue
			}
			if got := string(appendText(nil, readValue(&row{}, dst, 0), e.Type())); errs.Len() > 0 || got != want {
				t.Errorf("%s is %s, %d errors, want %s", source, got, errs.Len(), want)
			}
		}
	}
}

// An int of a JSON number is what stands before its point, however it is written.
func TestIntsOfJSONNumbers(t *testing.T) {
	b := batchOf(mustType(t, "{a: any}"), []any{"0"})
	for text, want := range map[string]string{
		"9007199254740993.0": "9007199254740993", "9223372036854775807.999": "9223372036854775807", "-9223372036854775808.5": "-9223372036854775808", "2.99999999999999999999": "2", "-2.99999999999999999999": "-2",
		"0.9999999999999999999": "0", "-0.5": "0", "1e3": "1000", "1.5E1": "15", "12345e-2": "123", "0.00012345e7": "1234", "922337203685477580.7e1": "9223372036854775807", "0e99999999999": "0", "1e-99999999999": "0",
		"0.000e5": "0", "-1e18": "-1000000000000000000",
		"9223372036854775808": "", "9223372036854775808.0": "", "-9223372036854775809": "", "1e19": "", "1e99999999999": "", "1e400": "", "0.1e300": "",
	} {
		b.Cols[0].Str[0] = text
		if want == "" {
			want = "error: " + text + " does not fit into int"
		}
		agrees(t, "int(a)", b, want)
	}
}
