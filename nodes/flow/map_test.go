package flow_test

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
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
		t.Run(with, func(t *testing.T) { kit.CheckOne(t, item, "map", with, in, want) })
	}
}

func TestMapSettings(t *testing.T) {
	in := map[string]string{"in.jsonl": ""}
	for with, want := range map[string][]string{
		`{select: [d]}`:                          {`unknown field "d"`},
		`{select: [a, a]}`:                       {`selected twice`},
		`{drop: [beta]}`:                         {`unknown field "beta"`, "there is a, b"},
		`{select: [a], drop: [b]}`:               {"select says which fields stay"},
		`{drop: [a, b]}`:                         {"no field is left"},
		`{drop: [a], set: {a: b}}`:               {"dropped, and computed"},
		`{rename: {a: b}}`:                       {`two fields would be called "b"`},
		`{rename: {a: c}, set: {c: a}}`:          {`two fields would be called "c"`},
		`{rename: {a: c}, set: {a: b}}`:          {"renamed, and computed by set under its old name"},
		`{rename: {a: c}, drop: [a]}`:            {"renamed, but is not kept"},
		`{rename: {a: c}, select: [b]}`:          {"renamed, but is not kept"},
		`{set: {c: aa + 1}}`:                     {`unknown field "aa"`, "there is a, b", "flow.yaml:5:43"},
		`{rename: {x: c}}`:                       {`unknown field "x"`},
		`{sett: {c: a}}`:                         {`unknown key "sett"`, `did you mean "set"?`},
		`{select: [d], set: {d: x}}`:             {`unknown field "x"`},
		`{set: {d: d}}`:                          {`unknown field "d"`},
		`{select: [a, c], set: {d: a, "c": b}}`:  nil,
		`{select: [ä], set: {ä: a}, rename: {}}`: nil,
	} {
		t.Run(with, func(t *testing.T) {
			flow := nodetest.One("{a: int, b: int}", "map", with)
			if want == nil {
				if _, list := kit.Load(t, flow, in); list.HasErrors() {
					t.Fatal(nodetest.Printed(list))
				}
				return
			}
			kit.Refuse(t, flow, in, want...)
		})
	}
}

// A setting that cannot be read is the only thing that is told.
func TestMapMisread(t *testing.T) {
	for _, with := range []string{"{select: {a: 1}}", "{select: [[a]]}"} {
		_, list := kit.Load(t, nodetest.One("{a: int, b: int}", "map", with), map[string]string{"in.jsonl": ""})
		if len(list) != 1 || !strings.Contains(nodetest.Printed(list), "want a name") {
			t.Errorf("%s: %s", with, nodetest.Printed(list))
		}
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
	kit.Check(t, flow, map[string]string{"in.jsonl": `{"a":1,"b":"no int","c":1}` + "\n"}, map[string]string{"-": `{"e":2}` + "\n"})
}
