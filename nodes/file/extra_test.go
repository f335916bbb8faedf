package file_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// Data that the type of the rows has no field for: kept, left out and counted, or a bad
// row. A sampled type has error, a declared one drop.
func TestExtra(t *testing.T) {
	jsonl := `{"id":1,"note":"x","at":{"zip":1,"b":[true, null]}}
{"id":2,"at":{"x":"y"},"items":[{"n":1},{"n":2,"no\u0074e":"z"}]}
{"id":3}
{"id":"four","note":"x","more":1}
{"more":{},"id":5,"more":[1]}
`
	csv := "id,note,more\n1,x,\n2,\"y \"\"z\"\"\",NA\n3\nfour,,x\n5,\"\",\"NA\"\n"
	const nested = "as: '{id: int, at: {zip: int?}?, items: [{n: int}]?}'"
	for _, c := range []struct {
		file, text, with string
		good, bad        string
		dropped          string
	}{
		{"in.jsonl", jsonl, nested, `{"id":1,"at":{"zip":1},"items":null}
{"id":2,"at":{"zip":null},"items":[{"n":1},{"n":2}]}
{"id":3,"at":null,"items":null}
{"id":5,"at":null,"items":null}
`, `4: field "id": want int, got "four"`, "at.b 1, at.x 1, items[].note 1, more 2, note 1"},
		{"in.jsonl", jsonl, nested + ", extra: keep", `{"id":1,"at":{"zip":1,"extra":{"b":[true, null]}},"items":null,"extra":{"note":"x"}}
{"id":2,"at":{"zip":null,"extra":{"x":"y"}},"items":[{"n":1,"extra":null},{"n":2,"extra":{"no\u0074e":"z"}}],"extra":null}
{"id":3,"at":null,"items":null,"extra":null}
{"id":5,"at":null,"items":null,"extra":{"more":{},"more":[1]}}
`, `4: field "id": want int, got "four"`, ""},
		{"in.jsonl", jsonl, nested + ", extra: error", "{\"id\":3,\"at\":null,\"items\":null}\n",
			`1: unknown field "note"|2: field "at": unknown field "x"|4: field "id": want int, got "four"|5: unknown field "more"`, ""},
		{"in.jsonl", "{\"a\":1,\"extra\":7}\n", "as: {a: int}, extra: keep", "{\"a\":1,\"extra\":{\"extra\":7}}\n", "", ""},
		{"in.json", "[{\"a\":1,\n\"b\" : [1,\n2]}]\n", "as: {a: int}, extra: keep", "{\"a\":1,\"extra\":{\"b\" : [1,2]}}\n", "", ""},
		{"in.json", "[{\"a\":1,\n\"b\" : [1,\n2]}]\n", "as: {a: int}", "{\"a\":1}\n", "", "b 1"},
		{"in.jsonl", "{\"a\":1,\"b\":2}\n{\"a\":1}\n", "as: '{a: int, ...}', extra: error", "{\"a\":1}\n{\"a\":1}\n", "", "b 1"},
		{"in.csv", csv, "as: {id: int}, nulls: NA", "{\"id\":1}\n{\"id\":2}\n{\"id\":5}\n",
			`4: the row has 1 cells, want 3|5: field "id": want int, got "four"`, "more 3, note 3"},
		{"in.csv", csv, "as: {id: int}, nulls: NA, extra: keep", `{"id":1,"extra":{"note":"x","more":null}}
{"id":2,"extra":{"note":"y \"z\"","more":null}}
{"id":5,"extra":{"note":"","more":"NA"}}
`, `4: the row has 1 cells, want 3|5: field "id": want int, got "four"`, ""},
		{"in.csv", "1,2\n", "as: {a: int, b: int}, header: false, extra: keep", "{\"a\":1,\"b\":2,\"extra\":null}\n", "", ""},
		{"in.csv", "a,b\n1,2\n", "extra: error", "{\"a\":1,\"b\":2}\n", "", ""},
	} {
		for _, workers := range []int{1, 3} {
			w := world{dir: t.TempDir(), workers: workers}
			w.put(t, c.file, c.text)
			o := w.run(t, fmt.Sprintf(`
flow: extra
nodes:
  r: {use: file.read, with: {path: %s, %s}, on_error: dead}
  good: {use: file.write, in: r, with: {path: good.jsonl}}
  short: {use: map, in: r.errors, with: {set: {text: 'string(line) + ": " + error'}, select: [text]}}
  bad: {use: file.write, in: short, with: {path: bad.txt, format: lines}}
`, c.file, c.with))
			if o.Err != nil || o.Problems.HasErrors() {
				t.Errorf("%s: %s", c.with, o.Told())
				continue
			}
			var dropped []string
			counts := o.Report.Nodes[0].FieldsDropped
			for _, name := range slices.Sorted(maps.Keys(counts)) {
				dropped = append(dropped, fmt.Sprintf("%s %d", name, counts[name]))
			}
			bad := strings.ReplaceAll(strings.TrimSpace(w.file("bad.txt")), "\n", "|")
			if got := strings.Join(dropped, ", "); w.file("good.jsonl") != c.good || bad != c.bad || got != c.dropped {
				t.Errorf("%s\n%s%s\ndropped %s\nwant\n%s%s\ndropped %s", c.with, w.file("good.jsonl"), bad, got, c.good, c.bad, c.dropped)
			}
		}
	}
	w := world{dir: t.TempDir()}
	w.put(t, "in.jsonl", strings.Repeat("{\"id\":1,\"at\":{\"x\":1}}\n", 9_000)+"{\"id\":2,\"at\":{\"x\":1,\"y\":2}}\n"+strings.Repeat("{\"id\":1,\"at\":{\"x\":1}}\n", 20_000))
	w.refused(t, `
flow: behind
nodes:
  r: {use: file.read, with: {path: in.jsonl, sample: 8kB}}
  ids: {use: map, in: r, with: {select: [id]}}
  w: {use: file.write, in: ids, with: {path: out.jsonl}}
`, `in.jsonl:9001: field "at": unknown field "y"; the type was sampled from`)
	w = world{dir: t.TempDir()}
	w.put(t, "in.jsonl", "{\"a\":1,\"extra\":2}\n")
	w.refused(t, copyFlow("path: in.jsonl, extra: keep", "path: out.jsonl"), "E307", `extra: keep puts what is left of a row into a field "extra"`, "rest: {type: any, from: extra}")
}

// A file whose columns do not fit a type that was sampled before it came is no reason to
// end a run that keeps bad items: all its rows are bad.
func TestRowsOfAnotherHeader(t *testing.T) {
	f, list := kit.Load(t, `
flow: late
nodes:
  r: {use: file.read, with: {path: '*.csv'}, on_error: dead}
  good: {use: file.write, in: r, with: {path: good.jsonl}}
  bad: {use: file.write, in: r.errors, with: {path: bad.jsonl}}
`, map[string]string{"1.csv": "a,b\n1,2\n", "2.csv": "a,b\n3,4\n"})
	if list.HasErrors() {
		t.Fatal(list)
	}
	w := world{dir: f.Dir}
	w.put(t, "1.csv", "")
	w.put(t, "2.csv", "b,c\n3,4\n5,6\n")
	o := kit.RunFlow(t, f, nodetest.Setup{})
	bad := w.file("bad.jsonl")
	if o.Err != nil || w.file("good.jsonl") != "" || strings.Count(bad, "\n") != 2 || !strings.Contains(bad, `has no column \"a\"`) || !strings.Contains(bad, `"line":3`) {
		t.Errorf("%v\n%s", o.Err, bad)
	}
}

// What is checked of a row does not depend on its format, and depends on who reads it
// only where validate says so.
func TestValidate(t *testing.T) {
	for _, c := range []struct {
		file, text, with string
		good, bad        int
	}{
		{"in.csv", "id,amount\n1,2.5\n2,abc\n", "as: {id: int, amount: float}", 2, 0},
		{"in.csv", "id,amount\n1,2.5\n2,abc\n", "as: {id: int, amount: float}, validate: read", 2, 0},
		{"in.csv", "id,amount\n1,2.5\n2,abc\n", "as: {id: int, amount: float}, validate: all", 1, 1},
		{"in.csv", "id,amount\n1,2.5\n2,\n", "as: {id: int, amount: float}, validate: all", 1, 1},
		{"in.jsonl", "{\"id\":1,\"amount\":2.5}\n{\"id\":2,\"amount\":\"abc\"}\n", "as: {id: int, amount: float}", 2, 0},
		{"in.jsonl", "{\"id\":1,\"amount\":2.5}\n{\"id\":2,\"amount\":\"abc\"}\n", "as: {id: int, amount: float}, validate: all", 1, 1},
		{"in.jsonl", "{\"id\":1,\"amount\":2.5}\n{\"id\":2}\n", "as: {id: int, amount: float}, validate: all", 1, 1},
		{"in.jsonl", "{\"id\":1,\"at\":{\"x\":1}}\n{\"id\":2,\"at\":{\"y\":1}}\n", "as: {id: int, at: {x: int}}, validate: all", 1, 1},
		{"in.jsonl", "{\"id\":1,\"at\":{\"x\":1}}\n{\"id\":2,\"at\":{\"x\":\"one\",\"y\":1}}\n", "as: {id: int, at: {x: int}}", 2, 0},
		{"in.jsonl", "{\"id\":1,\"at\":{\"x\":1}}\n{\"id\":2,\"at\":{\"x\":\"one\"}}\n", "as: {id: int, at: {x: int}}, extra: error", 2, 0},
		{"in.jsonl", "{\"id\":1,\"at\":{\"x\":1}}\n{\"id\":2,\"at\":{\"x\":1,\"y\":1}}\n", "as: {id: int, at: {x: int}}, extra: error", 1, 1},
		{"in.json", "[{\"id\":1,\"at\":[{\"x\":1}]},\n{\"id\":2,\"at\":[{\"x\":1},\n{\"y\":1}]}]\n", "as: {id: int, at: [{x: int}]}, extra: error", 1, 1},
	} {
		w := world{dir: t.TempDir()}
		w.put(t, c.file, c.text)
		o := w.run(t, fmt.Sprintf(`
flow: validate
nodes:
  r: {use: file.read, with: {path: %s, %s}, on_error: dead}
  m: {use: map, in: r, with: {select: [id]}}
  good: {use: file.write, in: m, with: {path: good.jsonl}}
  bad: {use: file.write, in: r.errors, with: {path: bad.jsonl}}
`, c.file, c.with))
		if o.Err != nil || strings.Count(w.file("good.jsonl"), "\n") != c.good || strings.Count(w.file("bad.jsonl"), "\n") != c.bad {
			t.Errorf("%s %s: %s%s%s", c.file, c.with, w.file("good.jsonl"), w.file("bad.jsonl"), o.Told())
		}
	}
}
