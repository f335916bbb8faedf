package timing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// lines gives lines {"n":0}, {"n":1}, … for those numbers that keep wants.
func lines(n int, keep func(i int) bool) string {
	var b strings.Builder
	for i := range n {
		if keep(i) {
			fmt.Fprintf(&b, "{\"n\":%d}\n", i)
		}
	}
	return b.String()
}

func TestCuts(t *testing.T) {
	const n = 3000 // several batches
	for _, c := range []struct {
		kind, where string
		keep        func(i int) bool
	}{
		{"take_while", "n < 1500", func(i int) bool { return i < 1500 }},
		{"take_while", "n % 1024 < 1023", func(i int) bool { return i < 1023 }},
		{"take_while", "n >= 0", func(int) bool { return true }},
		{"take_while", "n > 0", func(int) bool { return false }},
		{"take_while", "n < 5 ? true : null", func(i int) bool { return i < 5 }},
		{"take_while", "n < 5 || 1 / (n - 6) > 99", func(i int) bool { return i < 5 }}, // 6 fails, but is behind the end
		{"take_until", "n == 1500", func(i int) bool { return i <= 1500 }},
		{"take_until", "n == 0", func(i int) bool { return i == 0 }},
		{"take_until", "n < 0", func(int) bool { return true }},
		{"take_until", "n > 1024 ? true : null", func(i int) bool { return i <= 1025 }},
		{"skip_while", "n < 1500", func(i int) bool { return i >= 1500 }},
		{"skip_while", "n != 7", func(i int) bool { return i >= 7 }},
		{"skip_while", "n < 5 || 1 / (n - 6) > 99", func(i int) bool { return i >= 5 }},
		{"skip_while", "n >= 0", func(int) bool { return false }},
		{"skip_while", "null", func(int) bool { return true }},
		{"skip_until", "n == 1023", func(i int) bool { return i > 1023 }},
		{"skip_until", "n == 2999", func(int) bool { return false }},
		{"skip_until", "n < 0", func(int) bool { return false }},
		{"skip_until", "n == 0", func(i int) bool { return i > 0 }},
	} {
		t.Run(c.kind+" "+c.where, func(t *testing.T) {
			flow := fmt.Sprintf(`flow: one
nodes:
  in:  {use: generate, with: {count: %d}}
  one: {use: %s, in: in, with: {where: %q}}
  out: {use: file.write, in: one, with: {path: "-", format: jsonl}}
`, n, c.kind, c.where)
			kit.Check(t, flow, nil, map[string]string{"-": lines(n, c.keep)})
		})
	}
}

// A take must end a source that has no end.
func TestTakeEndsEndlessSource(t *testing.T) {
	for kind, where := range map[string]string{"take_while": "n < 3", "take_until": "n == 2"} {
		kit.Check(t, fmt.Sprintf(`flow: endless
nodes:
  in:  {use: generate}
  one: {use: %s, in: in, with: {where: %s}}
  out: {use: file.write, in: one, with: {path: "-", format: jsonl}}
`, kind, where), nil, map[string]string{"-": lines(3, func(int) bool { return true })})
	}
}

// Before the cut an item that fails is a failed item.
func TestCutOfBadItems(t *testing.T) {
	for kind, want := range map[string]string{
		"take_while": lines(5, func(i int) bool { return i != 2 }),
		"skip_until": lines(9, func(i int) bool { return i > 5 }),
	} {
		where := map[string]string{"take_while": "n < 5 && 1 / (n - 2) < 99", "skip_until": "n == 5 || 1 / (n - 2) > 99"}[kind]
		flow := `flow: bad
nodes:
  in:  {use: generate, with: {count: 9}}
  one: {use: %s, in: in, with: {where: %s}%s}
  out: {use: file.write, in: one, with: {path: "-", format: jsonl}}
`
		kit.Check(t, fmt.Sprintf(flow, kind, where, ", on_error: skip"), nil, map[string]string{"-": want})
		for _, setup := range nodetest.Few() {
			r := kit.Run(t, fmt.Sprintf(flow, kind, where, ""), nil, setup)
			if r.Err == nil || !strings.Contains(r.Err.Error(), `item: {"n":2}`) {
				t.Errorf("%s, %s: %v", kind, setup, r.Err)
			}
		}
	}
}

func TestChanged(t *testing.T) {
	const typ = "{a: int?, b: string}"
	in := strings.Repeat(`{"a":1,"b":"x"}`+"\n"+`{"a":1,"b":"x"}`+"\n"+`{"a":1,"b":"y"}`+"\n"+`{"a":null,"b":"y"}`+"\n"+`{"a":null,"b":"y"}`+"\n", 500)
	first, third, fourth := `{"a":1,"b":"x"}`+"\n", `{"a":1,"b":"y"}`+"\n", `{"a":null,"b":"y"}`+"\n"
	kit.CheckOne(t, typ, "changed", "{}", in, strings.Repeat(first+third+fourth, 500))
	kit.CheckOne(t, typ, "changed", "{by: a}", in, strings.Repeat(first+fourth, 500))
	kit.CheckOne(t, typ, "changed", "{by: [b]}", in, strings.Repeat(first+third, 500))
	kit.CheckOne(t, typ, "changed", "{by: 'upper(b) == \"Z\"'}", in, first)
	kit.CheckOne(t, typ, "changed", "{}", "", "")
}

// An item that fails takes no part in the comparison.
func TestChangedOfBadItems(t *testing.T) {
	flow := `flow: bad
nodes:
  in:  {use: generate, with: {count: 3000}}
  one: {use: changed, in: in, with: {by: 'n % 7 == 3 ? 1 / (n - n) : floor(n / 10)'}, on_error: skip}
  out: {use: file.write, in: one, with: {path: "-", format: jsonl}}
`
	last := -1
	kit.Check(t, flow, nil, map[string]string{"-": lines(3000, func(i int) bool {
		if i%7 == 3 || i/10 == last {
			return false
		}
		last = i / 10
		return true
	})})
}

func TestStartWith(t *testing.T) {
	const typ = "{a: float, b: string?, c: time?}"
	const with = `{rows: [{a: 1 + 1}, {c: 'time("2026-01-01")', a: 0.5, b: '"x" + "y"'}]}`
	head := `{"a":2,"b":null,"c":null}` + "\n" + `{"a":0.5,"b":"xy","c":"2026-01-01T00:00:00Z"}` + "\n"
	in := strings.Repeat(`{"a":7.5,"b":"z","c":null}`+"\n", 2000)
	kit.CheckOne(t, typ, "start_with", with, in, head+in)
	kit.CheckOne(t, typ, "start_with", with, "", head)
	kit.Refuse(t, nodetest.One(typ, "start_with", "{rows: [{a: 1 / 0}]}"), map[string]string{"in.jsonl": ""}, "division by zero")
}

// Against a plain program.
func TestScan(t *testing.T) {
	var in, want strings.Builder
	type total struct{ n, sum, even, most int }
	totals := map[string]*total{}
	all := 0
	for i := range 2000 {
		key := fmt.Sprint("k", i*i%13)
		x := totals[key]
		if x == nil {
			x = &total{most: -1 << 60}
			totals[key] = x
		}
		v := i*7919%1000 - 500
		all++
		x.n, x.sum, x.most = x.n+1, x.sum+v, max(x.most, v)
		if v%2 == 0 {
			x.even++
		}
		fmt.Fprintf(&in, "{\"key\":%q,\"v\":%d,\"s\":\"t%d\"}\n", key, v, i)
		fmt.Fprintf(&want, "{\"key\":%q,\"v\":%d,\"s\":\"t%d\",\"n\":%d,\"even\":%d,\"most\":%d}\n", key, x.sum, i, x.n, x.even, x.most)
	}
	kit.CheckOne(t, "{key: string, v: int, s: string}", "scan",
		`{by: key, set: {v: sum(v), n: count(), even: {value: count(), where: v % 2 == 0}, most: max(v)}}`, in.String(), want.String())
}

func TestScanOfTextAndNull(t *testing.T) {
	const typ = "{a: int?, b: string?}"
	in := `{"a":null,"b":"x"}` + "\n" + `{"a":1,"b":null}` + "\n" + `{"a":3,"b":"z"}` + "\n"
	kit.CheckOne(t, typ, "scan", `{set: {sum: sum(a), mean: mean(a), last: upper(last(b)), kinds: distinct(b), b: first(b)}}`, in,
		`{"a":null,"b":"x","sum":0,"mean":null,"last":"X","kinds":1}`+"\n"+`{"a":1,"b":"x","sum":1,"mean":1,"last":"X","kinds":1}`+"\n"+
			`{"a":3,"b":"x","sum":4,"mean":2,"last":"Z","kinds":2}`+"\n")
	kit.CheckOne(t, typ, "scan", "{set: {n: count()}}", "", "")
}

func TestScanOfBadItems(t *testing.T) {
	flow := `flow: bad
nodes:
  in:  {use: generate, with: {count: 3000}}
  few: {use: filter, in: in, with: {where: n % 3 > 0}}
  one: {use: scan, in: few, with: {set: {sum: 'sum(100 / (n % 5 - 1) * 0 + n)', all: count()}}, on_error: skip}
  int: {use: map, in: one, with: {set: {sum: int(sum)}}}
  out: {use: file.write, in: int, with: {path: "-", format: jsonl}}
`
	var want strings.Builder
	sum, all := 0, 0
	for i := range 3000 {
		if i%3 > 0 && i%5 != 1 {
			sum, all = sum+i, all+1
			fmt.Fprintf(&want, "{\"n\":%d,\"sum\":%d,\"all\":%d}\n", i, sum, all)
		}
	}
	kit.Check(t, flow, nil, map[string]string{"-": want.String()})
	// A total that does not fit is a failed item, which counts.
	kit.Check(t, nodetest.One("{a: int}", "scan", "{set: {sum: sum(a)}}, on_error: skip"), map[string]string{
		"in.jsonl": `{"a":9223372036854775807}` + "\n" + `{"a":1}` + "\n" + `{"a":-2}` + "\n",
	}, map[string]string{"-": `{"a":9223372036854775807,"sum":9223372036854775807}` + "\n" + `{"a":-2,"sum":9223372036854775806}` + "\n"})
}
