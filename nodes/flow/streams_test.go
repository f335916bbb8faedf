package flow_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

func TestConcatWidens(t *testing.T) {
	flow := `flow: both
types:
  A: {id: int, x: "[int]", r: {p: int}, t: enum(u|v), d: "decimal(5,1)"}
  B: {id: float, r: {p: float, q: string}, t: string, d: "decimal(6,2)?", x: "[float?]", more: bool}
nodes:
  a:   {use: file.read, with: {path: a.jsonl, as: A}}
  b:   {use: file.read, with: {path: b.jsonl, as: B}}
  all: {use: concat, in: [a, b]}
  out: {use: file.write, in: all, with: {path: "-", format: jsonl}}
`
	in := map[string]string{
		"a.jsonl": `{"id":1,"x":[1,2],"r":{"p":3},"t":"u","d":1.5}` + "\n",
		"b.jsonl": `{"id":1.5,"x":[null,0.5],"r":{"p":0.1,"q":"s"},"t":"w","d":null,"more":true}` + "\n",
	}
	kit.Check(t, flow, in, map[string]string{"-": `{"id":1,"x":[1,2],"r":{"p":3,"q":null},"t":"u","d":1.50,"more":null}` + "\n" +
		`{"id":1.5,"x":[null,0.5],"r":{"p":0.1,"q":"s"},"t":"w","d":null,"more":true}` + "\n"})
	kit.Refuse(t, strings.Replace(flow, "id: float", "id: string", 1), in, `all cannot combine a and b: field "id": int and string`, "a gives A", "b gives B")
}

func TestConcatOfUnneededFields(t *testing.T) {
	flow := `flow: both
types:
  A: {id: int, x: int}
  B: {id: float, y: int}
nodes:
  a:   {use: file.read, with: {path: a.jsonl, as: A}}
  b:   {use: file.read, with: {path: b.jsonl, as: B}}
  all: {use: concat, in: [a, b]}
  map: {use: map, in: all, with: {select: [y]}}
  out: {use: file.write, in: map, with: {path: "-", format: jsonl}}
`
	in := map[string]string{"a.jsonl": `{"id":"no int","x":true}` + "\n", "b.jsonl": `{"id":[],"y":1}` + "\n"}
	kit.Check(t, flow, in, map[string]string{"-": `{"y":null}` + "\n" + `{"y":1}` + "\n"})
}

// One source that feeds both inputs of a concat must not block the flow.
func TestConcatOfOneSource(t *testing.T) {
	flow := `flow: diamond
nodes:
  in:   {use: generate, with: {count: 5000}}
  odd:  {use: filter, in: in, with: {where: n % 2 == 1}}
  even: {use: filter, in: in, with: {where: n % 2 == 0}}
  all:  {use: concat, in: [odd, even]}
  out:  {use: file.write, in: all, with: {path: "-", format: jsonl}}
`
	want := numbers(5000, func(i int) bool { return i%2 == 1 }) + numbers(5000, func(i int) bool { return i%2 == 0 })
	for _, setup := range []nodetest.Setup{{Serial: true}, {Workers: 1, Capacity: 10}, {Workers: 2}} {
		if r := kit.Run(t, flow, nil, setup); r.Err != nil || r.Stdout != want {
			t.Fatalf("%s: %v, %d bytes, want %d", setup, r.Err, len(r.Stdout), len(want))
		}
	}
}

func TestMergeGivesEverything(t *testing.T) {
	flow := `flow: all
nodes:
  a:   {use: generate, with: {count: 3000, set: {n: n, from: '"a"'}}}
  b:   {use: generate, with: {count: 2000, set: {n: n * 1.0, from: '"b"', b: n}}}
  c:   {use: generate, with: {count: 0, set: {n: n, from: '"c"'}}}
  all: {use: merge, in: [a, b, c], workers: 2}
  out: {use: file.write, in: all, with: {path: "-", format: jsonl}}
`
	for _, setup := range nodetest.Few() {
		r := kit.Run(t, flow, nil, setup)
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		next := map[bool]int{}
		for line := range strings.Lines(r.Stdout) {
			b := strings.Contains(line, `"from":"b"`)
			want := fmt.Sprintf(`{"n":%d,"from":"a","b":null}`, next[b])
			if b {
				want = fmt.Sprintf(`{"n":%d,"from":"b","b":%d}`, next[b], next[b])
			}
			if strings.TrimSpace(line) != want {
				t.Fatalf("%s: got %s, want %s", setup, line, want)
			}
			next[b]++
		}
		if next[false] != 3000 || next[true] != 2000 {
			t.Fatalf("%s: %v", setup, next)
		}
	}
}

func TestZip(t *testing.T) {
	flow := `flow: zip
types: {A: {a: int, s: string}, B: {b: int, u: string?}}
nodes:
  a:   {use: file.read, with: {path: a.jsonl, as: A}}
  b:   {use: file.read, with: {path: b.jsonl, as: B}}
  odd: {use: filter, in: a, with: {where: a %% 2 == 1}}
  zip: {use: zip, in: [odd, b], with: %s}
  out: {use: file.write, in: zip, with: {path: "-", format: jsonl}}
`
	var a, b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&a, "{\"a\":%d,\"s\":\"s%d\"}\n", i, i)
	}
	for i := range 1200 {
		fmt.Fprintf(&b, "{\"b\":%d,\"u\":\"u%d\"}\n", i, i)
	}
	in := map[string]string{"a.jsonl": a.String(), "b.jsonl": b.String()}
	var short, long, whole strings.Builder
	for i := range 1500 {
		n := 2*i + 1
		if i < 1200 {
			fmt.Fprintf(&short, "{\"a\":%d,\"s\":\"s%d\",\"b\":%d,\"u\":\"u%d\"}\n", n, n, i, i)
			fmt.Fprintf(&long, "{\"a\":%d,\"s\":\"s%d\",\"b\":%d,\"u\":\"u%d\"}\n", n, n, i, i)
			fmt.Fprintf(&whole, "{\"x\":{\"a\":%d,\"s\":\"s%d\"},\"y\":{\"b\":%d,\"u\":\"u%d\"}}\n", n, n, i, i)
		} else {
			fmt.Fprintf(&long, "{\"a\":%d,\"s\":\"s%d\",\"b\":null,\"u\":null}\n", n, n)
			fmt.Fprintf(&whole, "{\"x\":{\"a\":%d,\"s\":\"s%d\"},\"y\":null}\n", n, n)
		}
	}
	kit.Check(t, fmt.Sprintf(flow, "{}"), in, map[string]string{"-": short.String()})
	kit.Check(t, fmt.Sprintf(flow, "{longest: true}"), in, map[string]string{"-": long.String()})
	kit.Check(t, fmt.Sprintf(flow, "{as: [x, y], longest: true}"), in, map[string]string{"-": whole.String()})
	in["b.jsonl"], in["a.jsonl"] = "", `{"a":1,"s":"x"}`+"\n"
	kit.Check(t, fmt.Sprintf(flow, "{longest: true}"), in, map[string]string{"-": `{"a":1,"s":"x","b":null,"u":null}` + "\n"})
	kit.Refuse(t, fmt.Sprintf(flow, "{as: [x]}"), in, "as has 1 names for 2 inputs")
	kit.Refuse(t, fmt.Sprintf(flow, "{as: [x, x]}"), in, `two fields would be called "x"`)
	kit.Refuse(t, fmt.Sprintf(strings.Replace(flow, "B: {b:", "B: {a:", 1), "{}"), in, `two fields would be called "a"`, "with `as`")
}

// What a float does not hold is a bad item: it would come out rounded.
func TestWideningLeavesValuesAlone(t *testing.T) {
	flow := `flow: both
types: {A: {id: int?, x: "[int]", d: "decimal(18,2)"}, B: {id: float, x: "[float]", d: float}}
nodes:
  a:    {use: file.read, with: {path: a.jsonl, as: A}}
  b:    {use: file.read, with: {path: b.jsonl, as: B}}
  all:  {use: concat, in: [a, b], on_error: dead}
  out:  {use: file.write, in: all, with: {path: "-", format: jsonl}}
  why:  {use: map, in: all.errors, with: {select: [error, item]}}
  dead: {use: file.write, in: why, with: {path: dead.jsonl}}
`
	in := map[string]string{
		"a.jsonl": `{"id":9007199254740992,"x":[],"d":0.10}` + "\n" + `{"id":9007199254740993,"x":[],"d":1}` + "\n" + `{"id":null,"x":[9223372036854775807],"d":1}` + "\n" +
			`{"id":-9223372036854775808,"x":[1],"d":1234567890123456.78}` + "\n" + `{"id":null,"x":[2],"d":-7.25}` + "\n",
		"b.jsonl": `{"id":0.5,"x":[0.5],"d":0.5}` + "\n",
	}
	const why = ` in what comes out, as another input has it",`
	kit.Check(t, flow, in, map[string]string{
		"-": `{"id":9007199254740992,"x":[],"d":0.1}` + "\n" + `{"id":null,"x":[2],"d":-7.25}` + "\n" + `{"id":0.5,"x":[0.5],"d":0.5}` + "\n",
		"dead.jsonl": `{"error":"id has more digits than a float keeps: it is int here, and float` + why + `"item":{"id":9007199254740993,"x":[],"d":1.00}}` + "\n" +
			`{"error":"x has more digits than a float keeps: it is [int] here, and [float]` + why + `"item":{"id":null,"x":[9223372036854775807],"d":1.00}}` + "\n" +
			`{"error":"d has more digits than a float keeps: it is decimal(18,2) here, and float` + why + `"item":{"id":-9223372036854775808,"x":[1],"d":1234567890123456.78}}` + "\n",
	})
	// What nobody reads is not looked at.
	flow, _, _ = strings.Cut(strings.Replace(flow, "  out:  {use: file.write, in: all,", "  x:    {use: map, in: all, with: {set: {n: len(x)}, select: [n]}}\n  out:  {use: file.write, in: x,", 1), "  why:")
	in["a.jsonl"] = `{"id":9007199254740993,"x":[1],"d":1}` + "\n"
	kit.Check(t, flow, in, map[string]string{"-": `{"n":1}` + "\n" + `{"n":1}` + "\n"})
}
