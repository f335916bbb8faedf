package std_test

import (
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// Keys of type any are equal if they say the same, in every kind that has keys, alone, with
// others, and inside lists and records.
func TestKeysOfTypeAny(t *testing.T) {
	kit := nodetest.New(std.Nodes)
	files := map[string]string{"k.jsonl": `{"k":"\u00e9","i":1}
{"k":"é","i":2}
{"k":7,"i":3}
{"k":7.0,"i":4}
{"k":{"a":1,"b":[2]},"i":5}
{"k":{ "b" : [2.0], "a" : 1e0 },"i":6}
{"k":"7","i":7}
`}
	const read = "  r: {use: file.read, with: {path: k.jsonl, as: {k: any, i: int}}}\n"
	const timed = read + "  t: {use: map, in: r, with: {set: {t: 'time(\"2026-01-01T00:00:00Z\") + i * duration(\"1s\")'}}}\n"
	const firsts = `{"k":"\u00e9","n":2}
{"k":7,"n":2}
{"k":{"a":1,"b":[2]},"n":2}
{"k":"7","n":1}
`
	const kept = `{"k":"\u00e9","i":1}
{"k":7,"i":3}
{"k":{"a":1,"b":[2]},"i":5}
{"k":"7","i":7}
`
	for _, c := range []struct{ name, nodes, want string }{
		{"group", read + "  o: {use: group, in: r, with: {by: k, set: {n: count()}}}\n", firsts},
		{"group by two", read + "  g: {use: group, in: r, with: {by: [k, i], set: {n: count()}}}\n  o: {use: group, in: g, with: {set: {n: count()}}}\n", "{\"n\":7}\n"},
		{"group in a list", read + "  m: {use: map, in: r, with: {set: {l: '[{x: k}]'}}}\n  g: {use: group, in: m, with: {by: l, set: {k: first(k), n: count()}}}\n  o: {use: map, in: g, with: {select: [k, n]}}\n", firsts},
		{"distinct", read + "  o: {use: group, in: r, with: {set: {a: distinct(k), b: count_distinct(k)}}}\n", "{\"a\":4,\"b\":4}\n"},
		{"unique", read + "  o: {use: unique, in: r, with: {by: k}}\n", kept},
		{"changed", read + "  o: {use: changed, in: r, with: {by: k}}\n", kept},
		{"scan", read + "  s: {use: scan, in: r, with: {by: k, set: {n: count()}}}\n  o: {use: filter, in: s, with: {where: n == 2}}\n", `{"k":"é","i":2,"n":2}
{"k":7.0,"i":4,"n":2}
{"k":{ "b" : [2.0], "a" : 1e0 },"i":6,"n":2}
`},
		{"window", timed + "  w: {use: window, in: t, with: {by: k, size: 1h, time: t, set: {n: count()}}}\n  o: {use: map, in: w, with: {select: [k, n]}}\n", firsts},
		{"window of items", timed + "  w: {use: window, in: t, with: {by: k, count: 2, set: {n: count()}}}\n  f: {use: filter, in: w, with: {where: n == 2}}\n  o: {use: map, in: f, with: {select: [k]}}\n",
			"{\"k\":\"\\u00e9\"}\n{\"k\":7}\n{\"k\":{\"a\":1,\"b\":[2]}}\n"},
		{"window_join", timed + "  w: {use: window_join, in: {left: t, right: t}, with: {on: k, time: t, within: 1s, prefix: r_}}\n  o: {use: group, in: w, with: {set: {n: count()}}}\n", "{\"n\":13}\n"},
		{"gather", read + "  g: {use: gather, in: r, with: {id: k, count: 2}}\n  m: {use: map, in: g, with: {set: {n: len(parts)}, select: [n]}}\n  o: {use: filter, in: m, with: {where: n == 2}}\n", "{\"n\":2}\n{\"n\":2}\n{\"n\":2}\n"},
		{"join", read + "  j: {use: join, in: {left: r, right: r}, with: {on: k, prefix: r_}}\n  o: {use: group, in: j, with: {set: {n: count()}}}\n", "{\"n\":13}\n"},
		// Were one of the pairs torn apart, the two parts would have more keys than the whole.
		{"partition", read + `  p: {use: partition, in: r, with: {by: k, outputs: [x, y, z]}}
  x: {use: group, in: p.x, with: {set: {n: distinct(k)}}}
  y: {use: group, in: p.y, with: {set: {n: distinct(k)}}}
  z: {use: group, in: p.z, with: {set: {n: distinct(k)}}}
  all: {use: concat, in: [x, y, z]}
  o: {use: group, in: all, with: {set: {n: sum(n)}}}
`, "{\"n\":4}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			kit.Check(t, "flow: keys\nnodes:\n"+c.nodes+"  out: {use: file.write, in: o, with: {path: \"-\", format: jsonl}}\n", files, map[string]string{nodetest.Stdio: c.want})
		})
	}
}
