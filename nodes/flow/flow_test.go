package flow_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// numbers gives lines {"n":0}, {"n":1}, … for those numbers that keep wants.
func numbers(n int, keep func(i int) bool) string {
	var b strings.Builder
	for i := range n {
		if keep(i) {
			fmt.Fprintf(&b, "{\"n\":%d}\n", i)
		}
	}
	return b.String()
}

func all(int) bool { return true }

func TestPositions(t *testing.T) {
	const n = 3000 // several batches
	for _, c := range []struct {
		kind, with string
		keep       func(i int) bool
	}{
		{"limit", "{count: 0}", func(int) bool { return false }},
		{"limit", "{count: 1024}", func(i int) bool { return i < 1024 }},
		{"limit", "{count: 1500}", func(i int) bool { return i < 1500 }},
		{"limit", "{count: 9999}", all},
		{"skip", "{count: 0}", all},
		{"skip", "{count: 1024}", func(i int) bool { return i >= 1024 }},
		{"skip", "{count: 2999}", func(i int) bool { return i == 2999 }},
		{"skip", "{count: 9999}", func(int) bool { return false }},
		{"sample", "{every: 1}", all},
		{"sample", "{every: 7}", func(i int) bool { return i%7 == 0 }},
		{"sample", "{rate: 0}", func(int) bool { return false }},
		{"sample", "{rate: 1}", all},
		{"log", "{limit: 0}", all},
		{"filter", "{where: n % 3 == 1}", func(i int) bool { return i%3 == 1 }},
		{"filter", "{where: n >= 0}", all},
		{"filter", "{where: n < 0}", func(int) bool { return false }},
	} {
		t.Run(c.kind+c.with, func(t *testing.T) {
			flow := fmt.Sprintf(`flow: one
nodes:
  in:  {use: generate, with: {count: %d}}
  one: {use: %s, in: in, with: %s}
  out: {use: file.write, in: one, with: {path: "-", format: jsonl}}
`, n, c.kind, c.with)
			for _, setup := range nodetest.Few() {
				r := kit.Run(t, flow, nil, setup)
				if want := numbers(n, c.keep); r.Err != nil || r.Stdout != want {
					t.Fatalf("%s: %v\n%s\nwant\n%s", setup, r.Err, r.Stdout, want)
				}
			}
		})
	}
}

// A limit must end a source that has no end, even through other nodes.
func TestLimitEndsEndlessSource(t *testing.T) {
	flow := `flow: endless
nodes:
  in:   {use: generate}
  odd:  {use: filter, in: in, with: {where: n % 2 == 1}}
  ten:  {use: limit, in: odd, with: {count: 3}}
  out:  {use: file.write, in: ten, with: {path: "-", format: jsonl}}
`
	kit.Check(t, flow, nil, map[string]string{"-": "{\"n\":1}\n{\"n\":3}\n{\"n\":5}\n"})
}

func TestSampleByChance(t *testing.T) {
	flow := func(with string) string {
		return `flow: chance
nodes:
  in:  {use: generate, with: {count: 20000}}
  one: {use: sample, in: in, with: ` + with + `}
  out: {use: file.write, in: one, with: {path: "-", format: jsonl}}
`
	}
	var first string
	for _, setup := range nodetest.Few() {
		got := kit.Run(t, flow("{rate: 0.1}"), nil, setup).Stdout
		if n := strings.Count(got, "\n"); n < 1850 || n > 2150 {
			t.Fatalf("%s: kept %d of 20000 at a rate of 0.1", setup, n)
		}
		if first == "" {
			first = got
		}
		if got != first {
			t.Fatalf("%s: another sample than before", setup)
		}
	}
	if kit.Run(t, flow("{rate: 0.1, seed: 1}"), nil, nodetest.Setup{}).Stdout == first {
		t.Error("another seed gives the same sample")
	}
}

func TestSampleSettings(t *testing.T) {
	kit.Refuse(t, nodetest.One("{a: int}", "sample", "{}"), map[string]string{"in.jsonl": ""}, "how much to keep", "add `rate: 0.1`")
	kit.Refuse(t, nodetest.One("{a: int}", "sample", "{rate: 0.1, every: 2}"), map[string]string{"in.jsonl": ""}, "exclude each other")
	kit.Refuse(t, nodetest.One("{a: int}", "sample", "{rate: 2}"), map[string]string{"in.jsonl": ""}, "rate")
}

func TestBalance(t *testing.T) {
	for _, c := range []struct {
		run int
		to  func(i int) int
	}{{1, func(i int) int { return i % 3 }}, {100, func(i int) int { return i / 100 % 3 }}} {
		flow := fmt.Sprintf(`flow: deal
nodes:
  in:   {use: generate, with: {count: 2500}}
  deal: {use: balance, in: in, with: {outputs: [a, b, c], run: %d}}
  a:    {use: file.write, in: deal.a, with: {path: a.jsonl}}
  b:    {use: file.write, in: deal.b, with: {path: b.jsonl}}
  c:    {use: file.write, in: deal.c, with: {path: c.jsonl}}
`, c.run)
		want := map[string]string{}
		for p, name := range []string{"a.jsonl", "b.jsonl", "c.jsonl"} {
			want[name] = numbers(2500, func(i int) bool { return c.to(i) == p })
		}
		kit.Check(t, flow, nil, want)
	}
}

func TestBranchNames(t *testing.T) {
	flow := func(outputs string) string {
		return `flow: deal
nodes:
  in:   {use: generate, with: {count: 1}}
  deal: {use: balance, in: in, with: {outputs: ` + outputs + `}}
`
	}
	kit.Refuse(t, flow("[a, a]"), nil, `output "a" is listed twice`)
	kit.Refuse(t, flow("[a, errors]"), nil, `already has an output "errors"`)
	kit.Refuse(t, flow("[a, B]"), nil, `output "B": want a lower-case letter`)
}

func TestRoute(t *testing.T) {
	flow := func(match string) string {
		return `flow: ways
types: {Item: {n: int?, s: string?}}
nodes:
  in:   {use: file.read, with: {path: in.jsonl, as: Item}}
  way:  {use: route, in: in, with: {match: ` + match + `, cases: {big: n > 10, a: s == "a", even: n % 2 == 0}}}
  big:  {use: file.write, in: way.big, with: {path: big.jsonl}}
  a:    {use: file.write, in: way.a, with: {path: a.jsonl}}
  even: {use: file.write, in: way.even, with: {path: even.jsonl}}
  rest: {use: file.write, in: way.else, with: {path: rest.jsonl}}
`
	}
	lines := []string{`{"n":12,"s":"a"}`, `{"n":11,"s":"b"}`, `{"n":1,"s":"a"}`, `{"n":2,"s":"b"}`, `{"n":null,"s":null}`, `{"n":3,"s":null}`, `{"n":null,"s":"a"}`}
	pick := func(is ...int) (s string) {
		for _, i := range is {
			s += lines[i] + "\n"
		}
		return s
	}
	in := map[string]string{"in.jsonl": pick(0, 1, 2, 3, 4, 5, 6)}
	kit.Check(t, flow("first"), in, map[string]string{"big.jsonl": pick(0, 1), "a.jsonl": pick(2, 6), "even.jsonl": pick(3), "rest.jsonl": pick(4, 5)})
	kit.Check(t, flow("all"), in, map[string]string{"big.jsonl": pick(0, 1), "a.jsonl": pick(0, 2, 6), "even.jsonl": pick(0, 3), "rest.jsonl": pick(4, 5)})
}

// An item for which a condition fails leaves by no way, not even by one whose
// condition came before and was true.
func TestRouteOfBadItems(t *testing.T) {
	flow := `flow: ways
types: {Item: {n: int, d: int}}
nodes:
  in:   {use: file.read, with: {path: in.jsonl, as: Item}}
  way:  {use: route, in: in, with: {match: %s, cases: {one: n == 1, div: n / d > 1}}}
  one:  {use: file.write, in: way.one, with: {path: one.jsonl}}
  div:  {use: file.write, in: way.div, with: {path: div.jsonl}}
  rest: {use: file.write, in: way.else, with: {path: rest.jsonl}}
  bad:  {use: map, in: way.errors, with: {select: [item]}}
  dead: {use: file.write, in: bad, with: {path: bad.jsonl}}
`
	in := map[string]string{"in.jsonl": `{"n":1,"d":0}
{"n":2,"d":0}
{"n":2,"d":1}
{"n":0,"d":1}
`}
	kit.Check(t, fmt.Sprintf(flow, "first"), in, map[string]string{
		"one.jsonl": `{"n":1,"d":0}` + "\n", "div.jsonl": `{"n":2,"d":1}` + "\n", "rest.jsonl": `{"n":0,"d":1}` + "\n",
		"bad.jsonl": `{"item":{"n":2,"d":0}}` + "\n",
	})
	kit.Check(t, fmt.Sprintf(flow, "all"), in, map[string]string{
		"one.jsonl": "", "div.jsonl": `{"n":2,"d":1}` + "\n", "rest.jsonl": `{"n":0,"d":1}` + "\n",
		"bad.jsonl": `{"item":{"n":1,"d":0}}` + "\n" + `{"item":{"n":2,"d":0}}` + "\n",
	})
}

func TestRouteSettings(t *testing.T) {
	in := map[string]string{"in.jsonl": ""}
	kit.Refuse(t, nodetest.One("{n: int}", "route", "{cases: {else: n > 1}}"), in, `there is already an output "else"`)
	kit.Refuse(t, nodetest.One("{n: int}", "route", "{cases: {a: m > 1}}"), in, `unknown field "m"`)
	kit.Refuse(t, nodetest.One("{n: int}", "route", "{cases: {a: n + 1}}"), in, `bool`)
	kit.Refuse(t, nodetest.One("{n: int}", "route", "{cases: {}}"), in, `cases`)
}

func TestPartitionKeepsKeysTogether(t *testing.T) {
	flow := `flow: shards
nodes:
  in:    {use: generate, with: {count: 3000, set: {n: n, k: n % 100}}}
  shard: {use: partition, in: in, with: {by: [k, 'k > 50'], outputs: [a, b, c]}}
  a:     {use: file.write, in: shard.a, with: {path: a.jsonl}}
  b:     {use: file.write, in: shard.b, with: {path: b.jsonl}}
  c:     {use: file.write, in: shard.c, with: {path: c.jsonl}}
`
	var first [3]string
	for _, setup := range nodetest.Few() {
		r := kit.Run(t, flow, nil, setup)
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		at, lines := map[string]int{}, 0
		for p, name := range []string{"a.jsonl", "b.jsonl", "c.jsonl"} {
			text := r.File(name)
			if setup.Serial {
				first[p] = text
			}
			if text != first[p] {
				t.Fatalf("%s: %s differs", setup, name)
			}
			for line := range strings.Lines(text) {
				lines++
				key := line[strings.Index(line, `"k":`):]
				if q, ok := at[key]; ok && q != p {
					t.Fatalf("key %s is in %d and %d", key, q, p)
				}
				at[key] = p
			}
		}
		if lines != 3000 {
			t.Fatalf("%d items came out", lines)
		}
	}
}

func TestLogPrintsItems(t *testing.T) {
	flow := `flow: look
nodes:
  in:   {use: generate, with: {count: 2000}}
  look: {use: log, in: in, with: {every: 900, label: seen}}
`
	for _, setup := range nodetest.Few() {
		r := kit.Run(t, flow, nil, setup)
		for _, want := range []string{`"msg":"seen"`, `"item":{"n":0}`, `"item":{"n":900}`, `"item":{"n":1800}`} {
			if !strings.Contains(r.Log, want) {
				t.Fatalf("%s: no %s in\n%s", setup, want, r.Log)
			}
		}
		if n := strings.Count(r.Log, `"item"`); n != 3 {
			t.Fatalf("%s: printed %d items", setup, n)
		}
	}
}
