package flow_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

func TestSort(t *testing.T) {
	lines := []string{
		`{"i":0,"n":3,"s":"b","f":0.5,"z":true}`, `{"i":1,"n":-1,"s":"B","f":-0.5,"z":false}`, `{"i":2,"n":null,"s":"","f":0,"z":true}`,
		`{"i":3,"n":3,"s":"abcdefghi","f":1e300,"z":false}`, `{"i":4,"n":-9223372036854775808,"s":"abcdefghj","f":-1e300,"z":true}`,
		`{"i":5,"n":9223372036854775807,"s":null,"f":2,"z":true}`,
	}
	in := strings.Join(lines, "\n") + "\n"
	for with, order := range map[string][]int{
		`{by: n}`:                             {4, 1, 0, 3, 5, 2},
		`{by: -n}`:                            {5, 0, 3, 1, 4, 2},
		`{by: n, nulls: first}`:               {2, 4, 1, 0, 3, 5},
		`{by: [-n, -i], nulls: first}`:        {2, 5, 3, 0, 1, 4},
		`{by: s}`:                             {2, 1, 3, 4, 0, 5},
		`{by: -s}`:                            {0, 4, 3, 1, 2, 5},
		`{by: f}`:                             {4, 1, 2, 0, 5, 3},
		`{by: [{expr: f, desc: true}]}`:       {3, 5, 0, 2, 1, 4},
		`{by: [z, -f]}`:                       {3, 1, 5, 0, 2, 4},
		`{by: {expr: lower(s), desc: true}}`:  {0, 1, 4, 3, 2, 5},
		`{by: [n, i], limit: 2}`:              {4, 1},
		`{by: n % 2 == 0, limit: 100}`:        {0, 1, 3, 5, 4, 2},
		`{by: 0}`:                             {0, 1, 2, 3, 4, 5},
		`{by: [{expr: -i, desc: true}, "n"]}`: {0, 1, 2, 3, 4, 5},
	} {
		var want string
		for _, i := range order {
			want += lines[i] + "\n"
		}
		want = strings.NewReplacer("1e300", "1e+300", "-1e300", "-1e+300").Replace(want)
		t.Run(with, func(t *testing.T) {
			kit.CheckOne(t, "{i: int, n: int?, s: string?, f: float, z: bool}", "sort", with, in, want)
		})
	}
	none := map[string]string{"in.jsonl": ""}
	kit.Refuse(t, nodetest.One("{a: any}", "sort", "{by: a}"), none, "cannot sort by a: any has no order", "flow.yaml:5:39")
	kit.Refuse(t, nodetest.One("{a: any}", "sort", "{by: [{exp: a}]}"), none, `unknown key "exp"`, `did you mean "expr"?`)
	kit.Refuse(t, nodetest.One("{a: int}", "sort", "{by: [{expr: a, desc: 1}]}"), none, `want true or false, got integer 1`)
}

// With a limit the first few must be those of a whole sort, ties included, though
// only some are kept.
func TestSortLimitIsThatOfSort(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var in strings.Builder
	var values [][2]int
	for i := range 20_000 {
		v := r.IntN(500)
		values = append(values, [2]int{v, i})
		fmt.Fprintf(&in, "{\"v\":%d,\"i\":%d}\n", v, i)
	}
	slices.SortStableFunc(values, func(a, b [2]int) int { return a[0] - b[0] })
	for _, limit := range []int{1, 10, 700, 3000} {
		var want strings.Builder
		for _, v := range values[:limit] {
			fmt.Fprintf(&want, "{\"v\":%d,\"i\":%d}\n", v[0], v[1])
		}
		for _, setup := range []nodetest.Setup{{}, {Workers: 2}, {Workers: 7, Batch: 100}} {
			got := kit.Run(t, nodetest.One("{v: int, i: int}", "sort", fmt.Sprintf("{by: v, limit: %d}", limit)), map[string]string{"in.jsonl": in.String()}, setup)
			if got.Err != nil || got.Stdout != want.String() {
				t.Fatalf("limit %d, %s: %v\n%.300s\nwant\n%.300s", limit, setup, got.Err, got.Stdout, want.String())
			}
		}
	}
}
