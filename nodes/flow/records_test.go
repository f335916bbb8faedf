package flow_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes/std/flowtest"
)

func TestMap(t *testing.T) {
	const item = "{a: int, b: string?, c: float}"
	in := `{"a":1,"b":"x","c":1.5}` + "\n" + `{"a":2,"b":null,"c":2}` + "\n"
	for with, want := range map[string]string{
		`{}`:                     in,
		`{set: {d: a * 2}}`:      `{"a":1,"b":"x","c":1.5,"d":2}` + "\n" + `{"a":2,"b":null,"c":2,"d":4}` + "\n",
		`{set: {a: c, c: a}}`:    `{"a":1.5,"b":"x","c":1}` + "\n" + `{"a":2,"b":null,"c":2}` + "\n",
		`{select: [c, a]}`:       `{"c":1.5,"a":1}` + "\n" + `{"c":2,"a":2}` + "\n",
		`{select: b}`:            `{"b":"x"}` + "\n" + `{"b":null}` + "\n",
		`{drop: [b, c]}`:         `{"a":1}` + "\n" + `{"a":2}` + "\n",
		`{rename: {a: b, b: a}}`: `{"b":1,"a":"x","c":1.5}` + "\n" + `{"b":2,"a":null,"c":2}` + "\n",
		`{rename: {a: a b}}`:     `{"a b":1,"b":"x","c":1.5}` + "\n" + `{"a b":2,"b":null,"c":2}` + "\n",
		`{set: {k: 7, z: 'b + "!"'}, select: [z, a]}`:               `{"z":"x!","a":1,"k":7}` + "\n" + `{"z":null,"a":2,"k":7}` + "\n",
		`{set: {t: upper(b)}, drop: [a, b, c]}`:                     `{"t":"X"}` + "\n" + `{"t":null}` + "\n",
		`{set: {r: "{p: a, q: [a, a + 1]}"}, drop: [a, b, c]}`:      `{"r":{"p":1,"q":[1,2]}}` + "\n" + `{"r":{"p":2,"q":[2,3]}}` + "\n",
		`{rename: {a: id}, set: {twice: a * 2}, select: [a]}`:       `{"id":1,"twice":2}` + "\n" + `{"id":2,"twice":4}` + "\n",
		`{select: [b], set: {b: 'b ?? "none"'}, rename: {}}`:        `{"b":"x"}` + "\n" + `{"b":"none"}` + "\n",
		`{set: {a: a, b: b, c: c}}`:                                 in,
		`{select: [a, b, c], set: {a: a + 0}}`:                      in,
		`{drop: b, set: {s: "sum([a, a, a])"}, rename: {c: price}}`: `{"a":1,"price":1.5,"s":3}` + "\n" + `{"a":2,"price":2,"s":6}` + "\n",
	} {
		t.Run(with, func(t *testing.T) { flowtest.CheckOne(t, item, "map", with, in, want) })
	}
}

func TestMapSettings(t *testing.T) {
	in := map[string]string{"in.jsonl": ""}
	for with, want := range map[string][]string{
		`{select: [d]}`:                          {`unknown field "d"`},
		`{select: [a, a]}`:                       {`selected twice`},
		`{drop: [beta]}`:                         {`unknown field "beta"`, "there is a, b"},
		`{select: [a], drop: [b]}`:               {"select says what stays"},
		`{drop: [a, b]}`:                         {"no field is left"},
		`{drop: [a], set: {a: b}}`:               {"dropped, and computed"},
		`{rename: {a: b}}`:                       {`two fields would be called "b"`},
		`{rename: {a: c}, set: {c: a}}`:          {`two fields would be called "c"`},
		`{rename: {a: c}, set: {a: b}}`:          {"renamed, and computed by set under its old name"},
		`{rename: {a: c}, drop: [a]}`:            {"renamed, but does not stay"},
		`{rename: {a: c}, select: [b]}`:          {"renamed, but does not stay"},
		`{set: {c: aa + 1}}`:                     {`unknown field "aa"`, "there is a, b", "flow.yaml:5:43"},
		`{rename: {x: c}}`:                       {`unknown field "x"`},
		`{sett: {c: a}}`:                         {`unknown key "sett"`, `did you mean "set"?`},
		`{select: [d], set: {d: x}}`:             {`unknown field "x"`},
		`{set: {d: d}}`:                          {`unknown field "d"`},
		`{select: [a, c], set: {d: a, "c": b}}`:  nil,
		`{select: [ä], set: {ä: a}, rename: {}}`: nil,
	} {
		t.Run(with, func(t *testing.T) {
			flow := flowtest.One("{a: int, b: int}", "map", with)
			if want == nil {
				if _, list := flowtest.Load(t, flow, in); list.HasErrors() {
					t.Fatal(flowtest.Printed(list))
				}
				return
			}
			flowtest.Refuse(t, flow, in, want...)
		})
	}
}

// A field that nobody reads is neither read from the file nor computed.
func TestMapOfUnneededFields(t *testing.T) {
	flow := `flow: lazy
types: {Item: {a: int, b: int, c: int}}
nodes:
  in:   {use: file.read, with: {path: in.jsonl, as: Item}}
  one:  {use: map, in: in, with: {set: {d: b / 0, e: a + 1}}}
  two:  {use: map, in: one, with: {select: e}}
  out:  {use: file.write, in: two, with: {path: "-", format: jsonl}}
`
	flowtest.Check(t, flow, map[string]string{"in.jsonl": `{"a":1,"b":"no int","c":1}` + "\n"}, map[string]string{"-": `{"e":2}` + "\n"})
}

func TestBadItems(t *testing.T) {
	flow := `flow: bad
types: {Item: {n: int, d: int}}
nodes:
  in:   {use: file.read, with: {path: in.jsonl, as: Item}}
  one:  {use: %s, in: in, with: %s%s}
  out:  {use: file.write, in: one, with: {path: "-", format: jsonl}}
`
	dead := `  bad:  {use: map, in: one.errors, with: {select: [node, item]}}
  dead: {use: file.write, in: bad, with: {path: bad.jsonl}}
`
	in := map[string]string{"in.jsonl": strings.Repeat(`{"n":4,"d":2}`+"\n"+`{"n":1,"d":0}`+"\n"+`{"n":3,"d":2}`+"\n", 300)}
	for _, c := range []struct{ kind, with, each, once string }{
		{"map", "{set: {q: n / d}}", `{"n":4,"d":2,"q":2}` + "\n" + `{"n":3,"d":2,"q":1.5}` + "\n", ""},
		{"filter", "{where: n / d > 1}", `{"n":4,"d":2}` + "\n" + `{"n":3,"d":2}` + "\n", ""},
		{"unique", "{by: n / d}", "", `{"n":4,"d":2}` + "\n" + `{"n":3,"d":2}` + "\n"},
		{"sort", "{by: 'n / d', limit: 1}", "", `{"n":3,"d":2}` + "\n"},
		{"group", "{set: {q: sum(n / d)}}", "", `{"q":1050}` + "\n"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			want := c.once + strings.Repeat(c.each, 300)
			flowtest.Check(t, fmt.Sprintf(flow, c.kind, c.with, ", on_error: skip"), in, map[string]string{"-": want})
			flowtest.Check(t, fmt.Sprintf(flow, c.kind, c.with, "")+dead, in, map[string]string{
				"-": want, "bad.jsonl": strings.Repeat(`{"node":"one","item":{"n":1,"d":0}}`+"\n", 300),
			})
			for _, setup := range flowtest.Few() {
				r := flowtest.Run(t, fmt.Sprintf(flow, c.kind, c.with, ""), in, setup)
				if r.Err == nil || !strings.Contains(r.Err.Error(), `item: {"n":1,"d":0}`) || !strings.HasPrefix(r.Err.Error(), "one ("+c.kind+")") {
					t.Fatalf("%s: %v", setup, r.Err)
				}
			}
		})
	}
}

func TestEmptyInput(t *testing.T) {
	for kind, with := range map[string]string{
		"map": "{set: {b: a}}", "filter": "{where: a > 1}", "limit": "{count: 1}", "skip": "{count: 1}", "sample": "{every: 2}", "sort": "{by: a}",
		"unique": "{}", "batch": "{count: 2}", "log": "{}", "flatten": "{field: l}", "merge": "{}", "concat": "{}", "zip": "{}", "group": "{by: a}",
	} {
		t.Run(kind, func(t *testing.T) { flowtest.CheckOne(t, "{a: int, l: [int]}", kind, with, "", "") })
	}
}

func TestFlatten(t *testing.T) {
	const item = `"{id: int, l: [{a: int, s: string?}?]?, z: bool}"`
	in := `{"id":1,"l":[{"a":1,"s":"x"},{"a":2,"s":null},null],"z":true}
{"id":2,"l":[],"z":false}
{"id":3,"l":null,"z":false}
{"id":4,"l":[{"a":3,"s":"y"}],"z":true}
`
	for with, want := range map[string]string{
		`{field: l}`: `{"id":1,"a":1,"s":"x","z":true}
{"id":1,"a":2,"s":null,"z":true}
{"id":1,"a":null,"s":null,"z":true}
{"id":4,"a":3,"s":"y","z":true}
`,
		`{field: l, keep_empty: true, index: i}`: `{"id":1,"a":1,"s":"x","z":true,"i":0}
{"id":1,"a":2,"s":null,"z":true,"i":1}
{"id":1,"a":null,"s":null,"z":true,"i":2}
{"id":2,"a":null,"s":null,"z":false,"i":null}
{"id":3,"a":null,"s":null,"z":false,"i":null}
{"id":4,"a":3,"s":"y","z":true,"i":0}
`,
		`{field: l, as: e}`: `{"id":1,"e":{"a":1,"s":"x"},"z":true}
{"id":1,"e":{"a":2,"s":null},"z":true}
{"id":1,"e":null,"z":true}
{"id":4,"e":{"a":3,"s":"y"},"z":true}
`,
	} {
		t.Run(with, func(t *testing.T) { flowtest.CheckOne(t, item, "flatten", with, in, want) })
	}
	t.Run("scalars", func(t *testing.T) {
		flowtest.CheckOne(t, `"{id: int, l: [string]}"`, "flatten", "{field: l}", `{"id":1,"l":["a","b"]}`+"\n", `{"id":1,"l":"a"}`+"\n"+`{"id":1,"l":"b"}`+"\n")
	})
	t.Run("long list", func(t *testing.T) {
		var list, want []string
		for i := range 5000 {
			list, want = append(list, fmt.Sprint(i)), append(want, fmt.Sprintf("{\"id\":7,\"n\":%d}\n", i))
		}
		flowtest.CheckOne(t, `"{id: int, l: [int]}"`, "flatten", "{field: l, as: n}", `{"id":7,"l":[`+strings.Join(list, ",")+"]}\n", strings.Join(want, ""))
	})
	none := map[string]string{"in.jsonl": ""}
	flowtest.Refuse(t, flowtest.One(`"{id: int, l: [{id: int}]}"`, "flatten", "{field: l}"), none, `two fields would be called "id"`, "as: NAME")
	flowtest.Refuse(t, flowtest.One(`"{id: int, l: [int]}"`, "flatten", "{field: id}"), none, `flatten wants a list, "id" is int`)
	flowtest.Refuse(t, flowtest.One(`"{id: int, list: [int]}"`, "flatten", "{field: lst}"), none, `did you mean "list"?`)
}

// Only what later nodes read is read of the record around the list.
func TestFlattenOfUnneededFields(t *testing.T) {
	flow := `flow: lazy
types: {Item: {a: int, b: int, l: "[{x: int, y: int}]"}}
nodes:
  in:   {use: file.read, with: {path: in.jsonl, as: Item}}
  one:  {use: flatten, in: in, with: {field: l}}
  two:  {use: map, in: one, with: {select: [y, a]}}
  out:  {use: file.write, in: two, with: {path: "-", format: jsonl}}
`
	flowtest.Check(t, flow, map[string]string{"in.jsonl": `{"a":1,"b":"no int","l":[{"x":1,"y":2}]}` + "\n"}, map[string]string{"-": `{"y":2,"a":1}` + "\n"})
}

func TestUnique(t *testing.T) {
	in := `{"a":1,"b":"x"}
{"a":1,"b":"y"}
{"a":null,"b":"x"}
{"a":1,"b":"x"}
{"a":0,"b":"x"}
{"a":null,"b":"X"}
`
	lines := strings.SplitAfter(in, "\n")
	for with, want := range map[string][]int{
		`{}`:                  {0, 1, 2, 4, 5},
		`{by: a}`:             {0, 2, 4},
		`{by: [b]}`:           {0, 1, 5},
		`{by: [a, lower(b)]}`: {0, 1, 2, 4},
		`{by: 1}`:             {0},
	} {
		var out string
		for _, i := range want {
			out += lines[i]
		}
		t.Run(with, func(t *testing.T) { flowtest.CheckOne(t, "{a: int?, b: string}", "unique", with, in, out) })
	}
	flowtest.Refuse(t, flowtest.One("{a: int}", "unique", "{by: [a, c]}"), map[string]string{"in.jsonl": ""}, `unknown field "c"`)
}

// Fields with odd names need no backquotes where a field is wanted.
func TestOddNames(t *testing.T) {
	in := `{"US Gross":2,"a-b":"x"}` + "\n" + `{"US Gross":1,"a-b":"x"}` + "\n"
	first, second, _ := strings.Cut(in, "\n")
	const item = `{US Gross: int, a-b: string}`
	flowtest.CheckOne(t, item, "unique", `{by: [a-b]}`, in, first+"\n")
	flowtest.CheckOne(t, item, "sort", `{by: US Gross}`, in, second+first+"\n")
	flowtest.CheckOne(t, item, "sort", `{by: -US Gross}`, in, first+"\n"+second)
	flowtest.CheckOne(t, item, "group", "{by: [US Gross]}", in, `{"US Gross":2}`+"\n"+`{"US Gross":1}`+"\n")
}

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
			flowtest.CheckOne(t, "{i: int, n: int?, s: string?, f: float, z: bool}", "sort", with, in, want)
		})
	}
	none := map[string]string{"in.jsonl": ""}
	flowtest.Refuse(t, flowtest.One("{a: any}", "sort", "{by: a}"), none, "cannot sort by a: any has no order", "flow.yaml:5:39")
	flowtest.Refuse(t, flowtest.One("{a: any}", "sort", "{by: [{exp: a}]}"), none, `unknown key "exp"`, `did you mean "expr"?`)
	flowtest.Refuse(t, flowtest.One("{a: int}", "sort", "{by: [{expr: a, desc: 1}]}"), none, `want true or false, got integer 1`)
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
		for _, setup := range []flowtest.Setup{{}, {Workers: 2}, {Workers: 7, Batch: 100}} {
			got := flowtest.Run(t, flowtest.One("{v: int, i: int}", "sort", fmt.Sprintf("{by: v, limit: %d}", limit)), map[string]string{"in.jsonl": in.String()}, setup)
			if got.Err != nil || got.Stdout != want.String() {
				t.Fatalf("limit %d, %s: %v\n%.300s\nwant\n%.300s", limit, setup, got.Err, got.Stdout, want.String())
			}
		}
	}
}

func TestBatch(t *testing.T) {
	flow := `flow: lists
nodes:
  in:    {use: generate, with: {count: %d, set: {n: n, s: 'n %% 2 == 0 ? string(n) : null'}}}
  lists: {use: batch, in: in, with: {count: %d}}
  out:   {use: file.write, in: lists, with: {path: lists.jsonl}}
  items: {use: unbatch, in: lists}
  again: {use: file.write, in: items, with: {path: items.jsonl}}
`
	for _, c := range [][2]int{{0, 3}, {7, 3}, {6, 3}, {5, 1}, {2500, 1000}, {2500, 9999}, {2048, 1024}} {
		var lists, items strings.Builder
		for i := range c[0] {
			s := "null"
			if i%2 == 0 {
				s = fmt.Sprintf("%q", fmt.Sprint(i))
			}
			item := fmt.Sprintf(`{"n":%d,"s":%s}`, i, s)
			fmt.Fprintln(&items, item)
			if i%c[1] == 0 {
				lists.WriteString("[")
			} else {
				lists.WriteString(",")
			}
			lists.WriteString(item)
			if i%c[1] == c[1]-1 || i == c[0]-1 {
				lists.WriteString("]\n")
			}
		}
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			flowtest.Check(t, fmt.Sprintf(flow, c[0], c[1]), nil, map[string]string{"lists.jsonl": lists.String(), "items.jsonl": items.String()})
		})
	}
	flowtest.Refuse(t, flowtest.One(`"{a: int, l: [int]}"`, "unbatch", "{}"), map[string]string{"in.jsonl": ""}, "unbatch takes lists, got Item", `use flatten`)
}

func TestExpressionsOverListItems(t *testing.T) {
	flow := `flow: lists
nodes:
  in:    {use: generate, with: {count: 5}}
  lists: {use: batch, in: in, with: {count: 2}}
  full:  {use: filter, in: lists, with: {where: len(item) == 2}}
  order: {use: sort, in: full, with: {by: [{expr: 'item[0].n', desc: true}]}}
  out:   {use: file.write, in: order, with: {path: "-", format: jsonl}}
`
	flowtest.Check(t, flow, nil, map[string]string{"-": `[{"n":2},{"n":3}]` + "\n" + `[{"n":0},{"n":1}]` + "\n"})
}

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
	flowtest.Check(t, flow, in, map[string]string{"-": `{"id":1,"x":[1,2],"r":{"p":3,"q":null},"t":"u","d":1.50,"more":null}` + "\n" +
		`{"id":1.5,"x":[null,0.5],"r":{"p":0.1,"q":"s"},"t":"w","d":null,"more":true}` + "\n"})
	flowtest.Refuse(t, strings.Replace(flow, "id: float", "id: string", 1), in, `all cannot bring a and b together: field "id": int and string`, "a gives A", "b gives B")
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
	flowtest.Check(t, flow, in, map[string]string{"-": `{"y":null}` + "\n" + `{"y":1}` + "\n"})
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
	for _, setup := range []flowtest.Setup{{Serial: true}, {Workers: 1, Capacity: 10}, {Workers: 2}} {
		if r := flowtest.Run(t, flow, nil, setup); r.Err != nil || r.Stdout != want {
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
	for _, setup := range flowtest.Few() {
		r := flowtest.Run(t, flow, nil, setup)
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
	flowtest.Check(t, fmt.Sprintf(flow, "{}"), in, map[string]string{"-": short.String()})
	flowtest.Check(t, fmt.Sprintf(flow, "{longest: true}"), in, map[string]string{"-": long.String()})
	flowtest.Check(t, fmt.Sprintf(flow, "{as: [x, y], longest: true}"), in, map[string]string{"-": whole.String()})
	in["b.jsonl"], in["a.jsonl"] = "", `{"a":1,"s":"x"}`+"\n"
	flowtest.Check(t, fmt.Sprintf(flow, "{longest: true}"), in, map[string]string{"-": `{"a":1,"s":"x","b":null,"u":null}` + "\n"})
	flowtest.Refuse(t, fmt.Sprintf(flow, "{as: [x]}"), in, "as has 1 names for 2 inputs")
	flowtest.Refuse(t, fmt.Sprintf(flow, "{as: [x, x]}"), in, `two fields would be called "x"`)
	flowtest.Refuse(t, fmt.Sprintf(strings.Replace(flow, "B: {b:", "B: {a:", 1), "{}"), in, `two fields would be called "a"`, "by `as`")
}

func TestGenerate(t *testing.T) {
	flow := `flow: make
nodes:
  in:  {use: generate, with: %s}
  out: {use: file.write, in: in, with: {path: "-", format: jsonl}}
`
	flowtest.Check(t, fmt.Sprintf(flow, "{count: 2, start: 2026-01-31, step: -1h}"), nil,
		map[string]string{"-": `{"n":0,"time":"2026-01-31T00:00:00Z"}` + "\n" + `{"n":1,"time":"2026-01-30T23:00:00Z"}` + "\n"})
	flowtest.Check(t, fmt.Sprintf(flow, "{count: 0}"), nil, map[string]string{"-": ""})
	// There are not so many times left.
	flowtest.Check(t, fmt.Sprintf(flow, "{start: 2261-12-31, step: 2400h}"), nil,
		map[string]string{"-": `{"n":0,"time":"2261-12-31T00:00:00Z"}` + "\n" + `{"n":1,"time":"2262-04-10T00:00:00Z"}` + "\n"})
	var first string
	for _, setup := range flowtest.Few() {
		r := flowtest.Run(t, fmt.Sprintf(flow, "{count: 3000, set: {x: floor(random * 10)}}"), nil, setup)
		if first == "" {
			first = r.Stdout
		}
		if r.Stdout != first || strings.Count(first, "{\"x\":7}\n") < 200 {
			t.Fatalf("%s: chance differs or is not even", setup)
		}
	}
	flowtest.Refuse(t, fmt.Sprintf(flow, "{start: yesterday}"), nil, "want a time from 1678 to 2261")
	flowtest.Refuse(t, fmt.Sprintf(flow, "{rate: fast}"), nil, `want items in a second, got text "fast"`)
	flowtest.Refuse(t, fmt.Sprintf(flow, "{set: {t: time}}"), nil, `unknown field "time"`)
}

func TestGenerateKeepsPace(t *testing.T) {
	for rate, want := range map[string]time.Duration{
		"10": 2 * time.Second, "1/3s": 60 * time.Second, "120/m": 10 * time.Second, "100_000/s": time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			flow := fmt.Sprintf(`flow: pace
nodes:
  in:  {use: generate, with: {count: 21, rate: %s}}
  out: {use: drop, in: in}
`, rate)
			start := time.Now()
			if r := flowtest.Run(t, flow, nil, flowtest.Setup{}); r.Err != nil {
				t.Fatal(r.Err)
			}
			if took := time.Since(start); took < want || took > want+2*time.Millisecond {
				t.Errorf("%s: 21 items took %s, want %s", rate, took, want)
			}
		})
	}
}
