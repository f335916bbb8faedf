package join_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// joining is a flow of one join of l.jsonl, of type L, and r.jsonl, of type R.
func joining(left, right, with string) string {
	return fmt.Sprintf(`flow: join
types: {L: %s, R: %s}
nodes:
  l:    {use: file.read, with: {path: l.jsonl, as: L}}
  r:    {use: file.read, with: {path: r.jsonl, as: R}}
  join: {use: join, in: {left: l, right: r}, with: %s}
  out:  {use: file.write, in: join, with: {path: "-", format: jsonl}}
  lone: {use: file.write, in: join.unmatched, with: {path: lone.jsonl}}
`, left, right, with)
}

func lines(s ...string) string {
	if len(s) == 0 {
		return ""
	}
	return strings.Join(s, "\n") + "\n"
}

func TestKinds(t *testing.T) {
	in := map[string]string{
		"l.jsonl": lines(`{"id":1,"k":"a"}`, `{"id":2,"k":"b"}`, `{"id":3,"k":null}`, `{"id":4,"k":"a"}`, `{"id":5,"k":"z"}`),
		"r.jsonl": lines(`{"key":"c","v":10}`, `{"key":"a","v":11}`, `{"key":null,"v":12}`, `{"key":"a","v":null}`, `{"key":"b","v":14}`),
	}
	pairs := []string{`{"id":1,"k":"a","v":11}`, `{"id":1,"k":"a","v":null}`, `{"id":2,"k":"b","v":14}`, `{"id":4,"k":"a","v":11}`, `{"id":4,"k":"a","v":null}`}
	withLone := slices.Concat(pairs[:3], []string{`{"id":3,"k":null,"v":null}`}, pairs[3:], []string{`{"id":5,"k":"z","v":null}`})
	rest := []string{`{"id":null,"k":"c","v":10}`, `{"id":null,"k":null,"v":12}`}
	lone := lines(`{"id":3,"k":null}`, `{"id":5,"k":"z"}`)
	for kind, want := range map[string][]string{
		"inner": pairs,
		"left":  withLone,
		"right": slices.Concat(pairs, rest),
		"full":  slices.Concat(withLone, rest),
		"semi":  {`{"id":1,"k":"a"}`, `{"id":2,"k":"b"}`, `{"id":4,"k":"a"}`},
		"anti":  {`{"id":3,"k":null}`, `{"id":5,"k":"z"}`},
	} {
		t.Run(kind, func(t *testing.T) {
			flow := joining("{id: int, k: string?}", "{key: string?, v: int?}", "{on: {k: key}, kind: "+kind+"}")
			kit.Check(t, flow, in, map[string]string{"-": lines(want...), "lone.jsonl": lone})
			flow, _, _ = strings.Cut(flow, "  lone:")
			kit.Check(t, flow, in, map[string]string{"-": lines(want...)})
		})
	}
	empty := map[string]string{"l.jsonl": in["l.jsonl"], "r.jsonl": ""}
	for kind, want := range map[string]string{"inner": "", "right": "", "semi": "", "anti": in["l.jsonl"],
		"left": strings.ReplaceAll(in["l.jsonl"], "}", `,"v":null}`), "full": strings.ReplaceAll(in["l.jsonl"], "}", `,"v":null}`)} {
		flow := joining("{id: int, k: string?}", "{key: string?, v: int?}", "{on: {k: key}, kind: "+kind+"}")
		kit.Check(t, flow, empty, map[string]string{"-": want, "lone.jsonl": in["l.jsonl"]})
	}
	empty = map[string]string{"l.jsonl": "", "r.jsonl": in["r.jsonl"]}
	flow := joining("{id: int, k: string?}", "{key: string?, v: int?}", "{on: {k: key}, kind: full}")
	kit.Check(t, flow, empty, map[string]string{"lone.jsonl": "", "-": lines(`{"id":null,"k":"c","v":10}`, `{"id":null,"k":"a","v":11}`,
		`{"id":null,"k":null,"v":12}`, `{"id":null,"k":"a","v":null}`, `{"id":null,"k":"b","v":14}`)})
}

// The keys of right are all different here, so that columns of left are shared.
func TestSolePartners(t *testing.T) {
	var l, r, left, full strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&l, "{\"id\":%d,\"s\":\"s%d\"}\n", i, i)
		if i%3 == 0 {
			fmt.Fprintf(&r, "{\"id\":%d,\"v\":\"v%d\"}\n", i, i)
			fmt.Fprintf(&left, "{\"id\":%d,\"s\":\"s%d\",\"v\":\"v%d\"}\n", i, i, i)
		} else {
			fmt.Fprintf(&left, "{\"id\":%d,\"s\":\"s%d\",\"v\":null}\n", i, i)
		}
	}
	fmt.Fprintf(&r, "{\"id\":-1,\"v\":\"v\"}\n")
	full.WriteString(left.String() + "{\"id\":-1,\"s\":null,\"v\":\"v\"}\n")
	in := map[string]string{"l.jsonl": l.String(), "r.jsonl": r.String()}
	for kind, want := range map[string]string{"left": left.String(), "full": full.String()} {
		kit.Check(t, joining("{id: int, s: string}", "{id: int, v: string}", "{on: id, kind: "+kind+"}"), in, map[string]string{"-": want})
	}
}

func TestKeysOfSeveralFieldsAndTypes(t *testing.T) {
	in := map[string]string{
		"l.jsonl": lines(`{"y":1,"c":"u","d":1.5,"x":1}`, `{"y":2,"c":"v","d":1.5,"x":2}`, `{"y":1,"c":"v","d":1.5,"x":3}`),
		"r.jsonl": lines(`{"c":"u","year":1.0,"d":1.50,"z":[1]}`, `{"c":"v","year":1.5,"d":1.50,"z":[2]}`, `{"c":"v","year":2,"d":1.50,"z":[]}`, `{"c":"w","year":3.5,"d":0,"z":[4]}`),
	}
	const left, right = `{y: int, c: enum(u|v), d: "decimal(4,1)", x: int}`, `{c: string, year: float, d: "decimal(6,2)", z: "[int]"}`
	kit.Check(t, joining(left, right, "{on: {y: year, c: c, d: d}}"), in, map[string]string{
		"-": lines(`{"y":1,"c":"u","d":1.5,"x":1,"z":[1]}`, `{"y":2,"c":"v","d":1.5,"x":2,"z":[]}`),
	})
	// The key that comes out must hold the values of both sides.
	kit.Check(t, joining(left, right, "{on: [c, d, {y: year}], kind: right}"), in, map[string]string{
		"-": lines(`{"y":1,"c":"u","d":1.50,"x":1,"z":[1]}`, `{"y":2,"c":"v","d":1.50,"x":2,"z":[]}`,
			`{"y":1.5,"c":"v","d":1.50,"x":null,"z":[2]}`, `{"y":3.5,"c":"w","d":0.00,"x":null,"z":[4]}`),
	})
}

// An int is equal to the float it is, not to the one it would be rounded to, and JSON
// to what says the same.
func TestKeysThatAreEqual(t *testing.T) {
	in := map[string]string{
		"l.jsonl": lines(`{"k":9007199254740993,"a":1}`, `{"k":9007199254740992,"a":2}`, `{"k":9223372036854775807,"a":3}`, `{"k":0,"a":4}`),
		"r.jsonl": lines(`{"k":9007199254740992.0,"b":1}`, `{"k":9223372036854775807.0,"b":2}`, `{"k":-0.0,"b":3}`),
	}
	kit.Check(t, joining("{k: int, a: int}", "{k: float, b: int}", "{on: k}"), in, map[string]string{
		"-": lines(`{"k":9007199254740992,"a":2,"b":1}`, `{"k":0,"a":4,"b":3}`),
	})
	in = map[string]string{
		"l.jsonl": lines(`{"k":7,"a":1}`, `{"k":"\u00e9","a":2}`, `{"k":{"x":1,"y":2},"a":3}`, `{"k":"7","a":4}`),
		"r.jsonl": lines(`{"k":7.0,"b":1}`, `{"k":"é","b":2}`, `{"k":{ "y" : 2, "x" : 1.0 },"b":3}`),
	}
	kit.Check(t, joining("{k: any, a: int}", "{k: any, b: int}", "{on: k, kind: semi}"), in, map[string]string{
		"-": lines(`{"k":7,"a":1}`, `{"k":"\u00e9","a":2}`, `{"k":{"x":1,"y":2},"a":3}`),
	})
}

func TestNames(t *testing.T) {
	in := map[string]string{"l.jsonl": lines(`{"id":1,"v":1}`), "r.jsonl": lines(`{"id":1,"v":2}`)}
	flow := func(with string) string { return joining("{id: int, v: int}", "{id: int, v: int}", with) }
	kit.Check(t, flow("{on: id, prefix: r_}"), in, map[string]string{"-": lines(`{"id":1,"v":1,"r_v":2}`)})
	kit.Check(t, flow("{on: [id], suffix: _2}"), in, map[string]string{"-": lines(`{"id":1,"v":1,"v_2":2}`)})
	kit.Check(t, flow("{on: id, kind: semi}"), in, map[string]string{"-": lines(`{"id":1,"v":1}`)})
	kit.Refuse(t, flow("{on: id}"), in, `left and right both have a field "v"`, "prefix: right_")
	kit.Refuse(t, flow("{on: idd}"), in, `left has no field "idd"`, `right has no field "idd"`, `did you mean "id"?`, "flow.yaml:6:57")
	kit.Refuse(t, flow("{on: {id: vv}}"), in, `right has no field "vv"`, "flow.yaml:6:62")
	kit.Refuse(t, flow("{on: []}"), in, "the key is empty")
	kit.Refuse(t, flow("{}"), in, `on`)
	kit.Refuse(t, joining("{id: int, v: int}", "{id: string, w: int}", "{on: id}"), in, "left id and right id cannot be equal: int and string", "right id is string")
}

// Fields that nobody reads are not read, and not kept.
func TestUnneededFields(t *testing.T) {
	in := map[string]string{"l.jsonl": lines(`{"id":1,"a":"no int","b":2}`), "r.jsonl": lines(`{"id":1,"a":3,"b":"no int"}`)}
	for _, kind := range []string{"inner", "left", "right", "full"} {
		flow := strings.Replace(joining("{id: int, a: int, b: int}", "{id: int, a: int, b: int}", "{on: id, prefix: r_, kind: "+kind+"}"),
			"  out:  {use: file.write, in: join,", "  map:  {use: map, in: join, with: {select: [b, r_a]}}\n  out:  {use: file.write, in: map,", 1)
		flow, _, _ = strings.Cut(flow, "  lone:")
		kit.Check(t, flow, in, map[string]string{"-": lines(`{"b":2,"r_a":3}`)})
	}
}

// Both sides from one source: the queue of left must not block the flow.
func TestJoinWithItself(t *testing.T) {
	flow := `flow: self
nodes:
  in:    {use: generate, with: {count: 4000, set: {n: n, half: "n % 2000"}}}
  sizes: {use: group, in: in, with: {by: half, set: {size: count()}}}
  join:  {use: join, in: {left: in, right: sizes}, with: {on: half}}
  check: {use: filter, in: join, with: {where: size == 2}}
  count: {use: group, in: check, with: {set: {n: count()}}}
  out:   {use: file.write, in: count, with: {path: "-", format: jsonl}}
`
	for _, setup := range []nodetest.Setup{{Serial: true}, {Workers: 2, Capacity: 10}, {}} {
		if r := kit.Run(t, flow, nil, setup); r.Err != nil || r.Stdout != "{\"n\":4000}\n" {
			t.Fatalf("%s: %v %s", setup, r.Err, r.Stdout)
		}
	}
}

// Against a join by two loops, on random keys with many partners.
func TestAgainstLoops(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	key := func(n int) string {
		if k := r.IntN(n + 1); k > 0 {
			return fmt.Sprint(k)
		}
		return "null"
	}
	for _, sizes := range [][3]int{{500, 300, 20}, {2000, 1500, 1000}, {1500, 40, 3}} {
		var ls, rs []string
		for range sizes[0] {
			ls = append(ls, key(sizes[2]))
		}
		for range sizes[1] {
			rs = append(rs, key(sizes[2]))
		}
		var l, rr, want, rest strings.Builder
		for i, k := range ls {
			fmt.Fprintf(&l, "{\"k\":%s,\"i\":%d}\n", k, i)
			found := false
			for j, q := range rs {
				if k == q && k != "null" {
					fmt.Fprintf(&want, "{\"k\":%s,\"i\":%d,\"j\":%d}\n", k, i, j)
					found = true
				}
			}
			if !found {
				fmt.Fprintf(&want, "{\"k\":%s,\"i\":%d,\"j\":null}\n", k, i)
			}
		}
		for j, q := range rs {
			fmt.Fprintf(&rr, "{\"k\":%s,\"j\":%d}\n", q, j)
			if q == "null" || !slices.Contains(ls, q) {
				fmt.Fprintf(&rest, "{\"k\":%s,\"i\":null,\"j\":%d}\n", q, j)
			}
		}
		in := map[string]string{"l.jsonl": l.String(), "r.jsonl": rr.String()}
		for _, setup := range []nodetest.Setup{{Workers: 1}, {Workers: 2, Batch: 100}, {Workers: 7}} {
			got := kit.Run(t, joining("{k: int?, i: int}", "{k: int?, j: int}", "{on: k, kind: full}"), in, setup)
			if got.Err != nil || got.Stdout != want.String()+rest.String() {
				t.Fatalf("%v, %s: %v, %d bytes, want %d", sizes, setup, got.Err, len(got.Stdout), want.Len()+rest.Len())
			}
		}
	}
}

// Keys that say the same day in different ways: what the hint says works.
func TestKeysOfTimes(t *testing.T) {
	in := map[string]string{"in.jsonl": ""}
	for _, c := range []struct{ left, right, side, set string }{
		{"date", "string", "r", "set: {d: to_date(d)}"},
		{"string", "date", "l", "set: {d: to_date(d)}"},
		{"time", "date", "l", "set: {d: to_date(d)}"},
		{"time", "string", "r", "set: {d: time(d)}"},
		{"string?", "duration", "l", "set: {d: duration(d)}"},
	} {
		flow := func(from string) string {
			return strings.Replace(`flow: days
nodes:
  l: {use: file.read, with: {path: in.jsonl, as: {d: `+c.left+`, x: int}}}
  r: {use: file.read, with: {path: in.jsonl, as: {d: `+c.right+`, y: int}}}
  m: {use: map, in: `+c.side+`, with: {`+c.set+`}}
  both: {use: join, in: {left: l, right: r}, with: {on: d}}
  out: {use: drop, in: both}
`, from, strings.Replace(from, ": "+c.side, ": m", 1), 1)
		}
		side := "left: l"
		if c.side == "r" {
			side = "right: r"
		}
		kit.Refuse(t, flow("nothing"), in, "cannot be equal", "convert one of them first, with map: `"+c.set+"`")
		if _, list := kit.Load(t, flow(side), in); list.HasErrors() {
			t.Errorf("%s and %s: %s", c.left, c.right, list)
		}
	}
}
