package expr

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
)

// Ints and floats compare as the numbers they are, not as the int rounded to a
// float, in closures and kernels, between fields and with constants.
func TestIntsAndFloatsCompareExactly(t *testing.T) {
	ints := []int64{0, 1, -1, 1 << 53, 1<<53 + 1, 1<<53 + 2, -1 << 53, -1<<53 - 1, math.MaxInt64, math.MaxInt64 - 512, math.MinInt64, math.MinInt64 + 1, 1<<62 + 1}
	floats := []float64{0, math.Copysign(0, -1), 0.5, -1.5, 1, 1 << 53, 1<<53 + 2, -1 << 53, 1 << 62, 1 << 63, -1 << 63, math.Nextafter(1<<63, 0), 1e300, -1e300}
	env := mustType(t, "{i: int, f: float, l: [int], g: [float], n: int?}")
	for _, i := range ints {
		for _, f := range floats {
			c := new(big.Float).SetInt64(i).Cmp(new(big.Float).SetFloat64(f))
			b := batchOf(env, []any{int(i), f, []any{int(i)}, []any{f}, nil})
			is := fmt.Sprintf("(%d)", i)
			fs := fmt.Sprintf("(%.1f)", f)
			for op, want := range map[string]bool{"<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0, "==": c == 0, "!=": c != 0} {
				for _, s := range []string{"i " + op + " f", "f " + mirrored[op] + " i", "i " + op + " " + fs, fs + " " + mirrored[op] + " i", is + " " + op + " f", "f " + mirrored[op] + " " + is} {
					agrees(t, s, b, fmt.Sprint(want))
				}
				agrees(t, "n "+op+" f", b, "null")
				if op == "==" || op == "!=" {
					agrees(t, "l "+op+" g", b, fmt.Sprint(want))
					agrees(t, "{a: i} "+op+" {a: f}", b, fmt.Sprint(want))
				}
			}
			agrees(t, "i in g", b, fmt.Sprint(c == 0))
			agrees(t, "f in l", b, fmt.Sprint(c == 0))
			agrees(t, "i in ["+fs+", 0.25]", b, fmt.Sprint(c == 0))
			agrees(t, "f in ["+is+", 77]", b, fmt.Sprint(c == 0))
		}
	}
}

// What is equal once is there once.
func TestUniqueOfWhatIsEqual(t *testing.T) {
	b := batchOf(mustType(t, "{z: float, x: any}"), []any{math.Copysign(0, -1), `[7, 7.0, "\u00e9", "é", {"a":1}, { "a" : 1.0 }, {"b":1,"a":2}, {"a":2,"b":1}]`})
	for source, want := range map[string]string{
		"unique([0.0, -0.0])":                           "[0]",
		"unique([0.0, z, 1.0])":                         "[0,1]",
		"unique([[0.0], [z]])":                          "[[0]]",
		"unique([{a: 0.0}, {a: z}])":                    `[{"a":0}]`,
		"unique(list(x))":                               `[7,"\u00e9",{"a":1},{"b":1,"a":2}]`,
		"unique([parse_json('7'), parse_json(' 7.0')])": "[7]",
		`unique(["a\"", "a", "a\""])`:                   `["a\"","a"]`,
		`unique([["a", "b"], ["a,b"]])`:                 `[["a","b"],["a,b"]]`,
		"unique([null, 1, null])":                       "[null,1]",
	} {
		agrees(t, source, b, want)
	}
}

// agrees computes an expression for the only row of b in both ways.
func agrees(t *testing.T, source string, b *record.Batch, want string) {
	t.Helper()
	e := mustCheck(t, source, b.Type)
	for _, kernels := range []bool{false, true} {
		if got := eval(e.compile(kernels), b)[0]; got != want {
			t.Errorf("%s (kernels %v) of %s gives %s, want %s", source, kernels, rowText(b, 0), got, want)
		}
	}
}
