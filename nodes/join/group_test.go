package join_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

const sales = "{r: string?, n: int?, f: float?, t: time, d: \"decimal(6,2)?\", b: bool?}"

var salesLines = lines(
	`{"r":"eu","n":5,"f":0.1,"t":"2026-01-01T10:00:00Z","d":1.25,"b":true}`,
	`{"r":"us","n":null,"f":null,"t":"2026-01-01T11:00:00Z","d":null,"b":null}`,
	`{"r":"eu","n":-2,"f":0.2,"t":"2026-01-02T10:00:00Z","d":2.50,"b":false}`,
	`{"r":null,"n":7,"f":1.5,"t":"2026-01-01T09:00:00Z","d":0.01,"b":true}`,
	`{"r":"eu","n":5,"f":null,"t":"2026-01-03T10:00:00Z","d":9999.99,"b":true}`,
)

func TestGroup(t *testing.T) {
	for with, want := range map[string]string{
		`{by: r}`: lines(`{"r":"eu"}`, `{"r":"us"}`, `{"r":null}`),
		`{by: r, set: {c: count(), v: count(n), s: sum(n), m: mean(n), lo: min(n), hi: max(n)}}`: lines(
			`{"r":"eu","c":3,"v":3,"s":8,"m":2.6666666666666665,"lo":-2,"hi":5}`,
			`{"r":"us","c":1,"v":0,"s":0,"m":null,"lo":null,"hi":null}`,
			`{"r":null,"c":1,"v":1,"s":7,"m":7,"lo":7,"hi":7}`),
		`{by: r, set: {a: first(n), z: last(f), l: collect(n), u: distinct(n), p: "percentile(n, 25)", q: median(f), w: stddev(n)}}`: lines(
			`{"r":"eu","a":5,"z":0.2,"l":[5,-2,5],"u":2,"p":1.5,"q":0.15000000000000002,"w":4.041451884327381}`,
			`{"r":"us","a":null,"z":null,"l":[],"u":0,"p":null,"q":null,"w":null}`,
			`{"r":null,"a":7,"z":1.5,"l":[7],"u":1,"p":7,"q":1.5,"w":null}`),
		`{by: r, set: {f: sum(f), d: sum(d), md: mean(d), hi: max(d), t: max(t), s: min(r), b: max(b), lo: min(b)}}`: lines(
			`{"r":"eu","f":0.30000000000000004,"d":10003.74,"md":3334.58,"hi":9999.99,"t":"2026-01-03T10:00:00Z","s":"eu","b":true,"lo":false}`,
			`{"r":"us","f":0,"d":0.00,"md":null,"hi":null,"t":"2026-01-01T11:00:00Z","s":"us","b":null,"lo":null}`,
			`{"r":null,"f":1.5,"d":0.01,"md":0.01,"hi":0.01,"t":"2026-01-01T09:00:00Z","s":null,"b":true,"lo":true}`),
		`{set: {c: count(), r: last(r), span: max(t) - min(t), share: sum(n) / count(), k: 1 + 1}}`: lines(
			`{"c":5,"r":"eu","span":"49h0m0s","share":3,"k":2}`),
		`{by: {day: date(t)}, set: {c: count()}}`: lines(`{"day":"2026-01-01T00:00:00Z","c":3}`, `{"day":"2026-01-02T00:00:00Z","c":1}`, `{"day":"2026-01-03T00:00:00Z","c":1}`),
		`{by: [b, {big: n > 4}], set: {c: count(), rs: collect(r)}}`: lines(
			`{"b":true,"big":true,"c":3,"rs":["eu","eu"]}`, `{"b":null,"big":null,"c":1,"rs":["us"]}`, `{"b":false,"big":false,"c":1,"rs":["eu"]}`),
		`{by: r, set: {c: {value: count(), where: n > 0}, s: {value: "sum(n) ?? -1", where: f != null}, all: count(), x: {value: first(n), where: n < 0}}}`: lines(
			`{"r":"eu","c":2,"s":3,"all":3,"x":-2}`, `{"r":"us","c":0,"s":0,"all":1,"x":null}`, `{"r":null,"c":1,"s":7,"all":1,"x":null}`),
		`{by: r, set: {names: "collect({n: n, f: f})"}}`: lines(
			`{"r":"eu","names":[{"n":5,"f":0.1},{"n":-2,"f":0.2},{"n":5,"f":null}]}`, `{"r":"us","names":[{"n":null,"f":null}]}`, `{"r":null,"names":[{"n":7,"f":1.5}]}`),
	} {
		t.Run(with, func(t *testing.T) { kit.CheckOne(t, sales, "group", with, salesLines, want) })
	}
}

func TestGroupOfNothing(t *testing.T) {
	kit.CheckOne(t, "{n: int, s: string}", "group", "{set: {c: count(), s: sum(n), m: max(s), l: collect(s), f: first(n)}}", "", lines(`{"c":0,"s":0,"m":null,"l":[],"f":null}`))
	kit.CheckOne(t, "{n: int}", "group", "{by: n, set: {c: count()}}", "", "")
}

func TestGroupSettings(t *testing.T) {
	in := map[string]string{"in.jsonl": ""}
	for with, want := range map[string][]string{
		`{}`:                                     {"group computes nothing", "set: {count: count()}"},
		`{by: []}`:                               {"the key is empty"},
		`{by: q}`:                                {`unknown field "q"`},
		`{by: n + 1}`:                            {"the key n + 1 has no name", "write {NAME: n + 1}", "flow.yaml:5:40"},
		`{by: [n, {n: f}]}`:                      {`two fields would be called "n"`},
		`{by: n, set: {n: count()}}`:             {`two fields would be called "n"`},
		`{set: {x: n}}`:                          {"n differs from row to row", "first(n)"},
		`{set: {x: sum(s)}}`:                     {"sum() wants a number, got string"},
		`{set: {x: {where: n > 1}}}`:             {"the key value is missing"},
		`{set: {x: {value: count(), were: n}}}`:  {`unknown key "were"`, `did you mean "where"?`},
		`{set: {x: {value: count(), where: n}}}`: {"where", "bool"},
		`{set: {x: [count()]}}`:                  {"want an expression over aggregates"},
	} {
		t.Run(with, func(t *testing.T) {
			kit.Refuse(t, nodetest.One("{n: int, f: float, s: string}", "group", with), in, want...)
		})
	}
}

// What is behind a node that is wrong, and reads a part of the key, is not wrong for that.
func TestGroupOfWhatIsNotKnown(t *testing.T) {
	_, list := kit.Load(t, "flow: f\nnodes:\n  in: {use: file.read, with: {path: gone.csv}}\n  g: {use: group, in: in, with: {by: [shelf, {y: year(at)}], set: {n: count()}}}\n  s: {use: sort, in: g, with: {by: [shelf, y]}}\n  out: {use: file.write, in: s, with: {path: out.csv}}\n", nil)
	if len(list) != 1 || !strings.Contains(nodetest.Printed(list), "there is no file") {
		t.Errorf("told\n%s", nodetest.Printed(list))
	}
}

// A sum may pass beyond 64 bits; only where it stays there the group fails.
func TestSumOverflow(t *testing.T) {
	in := lines(fmt.Sprintf(`{"k":"a","n":%d}`, math.MaxInt64), `{"k":"b","n":1}`, fmt.Sprintf(`{"k":"a","n":%d}`, math.MaxInt64), `{"k":"c","n":1}`,
		fmt.Sprintf(`{"k":"b","n":%d}`, math.MaxInt64), `{"k":"b","n":-1}`, fmt.Sprintf(`{"k":"c","n":%d}`, math.MinInt64), `{"k":"c","n":-2}`)
	flow := nodetest.One("{k: string, n: int}", "group", "{by: k, set: {s: sum(n), m: mean(n)}}, on_error: skip")
	kit.Check(t, flow, map[string]string{"in.jsonl": in}, map[string]string{"-": lines(`{"k":"b","s":9223372036854775807,"m":3074457345618258400}`)})
	r := kit.Run(t, strings.Replace(flow, ", on_error: skip", "", 1), map[string]string{"in.jsonl": in}, nodetest.Setup{})
	if r.Err == nil || !strings.Contains(r.Err.Error(), `s: the sum has too many digits`) || !strings.Contains(r.Err.Error(), `item: {"k":"a"}`) {
		t.Fatal(r.Err)
	}
}

// A row for which anything fails must not count anywhere, not even in what was
// computed before.
func TestBadRowsCountNowhere(t *testing.T) {
	in := lines(`{"k":1,"n":1,"d":1}`, `{"k":1,"n":2,"d":0}`, `{"k":2,"n":5,"d":0}`, `{"k":1,"n":3,"d":1}`)
	with := "{by: k, set: {c: count(), s: sum(n), q: sum(n / d), w: {value: count(), where: 1 / d > 0}}}, on_error: skip"
	kit.CheckOne(t, "{k: int, n: int, d: int}", "group", with, in, lines(`{"k":1,"c":2,"s":4,"q":4,"w":2}`))
	// Where the condition is not true, the value is not even computed.
	with = "{by: k, set: {q: {value: sum(n / d), where: d > 0}}}"
	kit.CheckOne(t, "{k: int, n: int, d: int}", "group", with, in, lines(`{"k":1,"q":4}`, `{"k":2,"q":0}`))
}

func TestManyGroups(t *testing.T) {
	flow := `flow: many
nodes:
  in:    {use: generate, with: {count: 9000, set: {k: '"key " + string(n % 3000)', n: n}}}
  group: {use: group, in: in, with: {by: k, set: {s: sum(n), l: last(n), m: max(k), u: distinct(n % 2)}}}
  out:   {use: file.write, in: group, with: {path: "-", format: jsonl}}
`
	var want strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&want, "{\"k\":\"key %d\",\"s\":%d,\"l\":%d,\"m\":\"key %d\",\"u\":1}\n", i, 3*i+9000, i+6000, i)
	}
	for _, setup := range []nodetest.Setup{{Serial: true}, {Workers: 1}, {Workers: 2, Batch: 100}, {Workers: 7}} {
		if r := kit.Run(t, flow, nil, setup); r.Err != nil || r.Stdout != want.String() {
			t.Fatalf("%s: %v\n%.500s", setup, r.Err, r.Stdout)
		}
	}
}

// Neither results nor conditions read what they do not need.
func TestGroupOfUnneededFields(t *testing.T) {
	flow := `flow: lazy
types: {Item: {k: int, a: int, b: int}}
nodes:
  in:  {use: file.read, with: {path: in.jsonl, as: Item}}
  one: {use: group, in: in, with: {by: k, set: {a: sum(a)}}}
  out: {use: file.write, in: one, with: {path: "-", format: jsonl}}
`
	kit.Check(t, flow, map[string]string{"in.jsonl": lines(`{"k":1,"a":2,"b":"no int"}`)}, map[string]string{"-": lines(`{"k":1,"a":2}`)})
}

// Aggregates skip null, also that of JSON.
func TestAggregatesSkipNull(t *testing.T) {
	kit.CheckOne(t, "{k: int, a: any, b: any}", "group", "{by: k, set: {c: collect(a), n: count(a), f: first(a), z: last(a), d: distinct(a), b: 'collect(get(b, \"x\"))'}}",
		lines(`{"k":1,"a":null,"b":{"x":1}}`, `{"k":1}`, `{"k":2,"a":5,"b":{"x":null}}`, `{"k":2,"a":null,"b":{"x":[null]}}`, `{"k":2,"a":[null]}`),
		lines(`{"k":1,"c":[],"n":0,"f":null,"z":null,"d":0,"b":[1]}`, `{"k":2,"c":[5,[null]],"n":2,"f":5,"z":[null],"d":2,"b":[[null]]}`))
}
