package sql

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// One row with a value of each type, one with nulls.
const (
	allTypes = `{id: int, f: float?, d: 'decimal(12,2)?', big: 'decimal(18,4)?', b: bool?, s: string?, e: 'enum(red|blue)?', at: time?, day: date?, took: duration?, raw: bytes?, any: any, tags: '[string]?', deep: '{x: int}?'}`
	allRows  = `{"id":1,"f":0.1,"d":1234567890.12,"big":12345678901234.5678,"b":true,"s":"a\tb\\n\n\"c' ü\u0001","e":"red","at":"2026-01-02T03:04:05.123456Z","day":"2026-01-02","took":"1h30m0.5s","raw":"AP8Q","any":{"k":[1,null,"x"]},"tags":["a,b","c\"d","","NULL"],"deep":{"x":7}}
{"id":2,"f":null,"d":null,"big":null,"b":null,"s":null,"e":null,"at":null,"day":null,"took":null,"raw":null,"any":null,"tags":null,"deep":null}
{"id":9223372036854775807,"f":-1e+300,"d":-0.01,"big":-99999999999999.9999,"b":false,"s":"","e":"blue","at":"1969-12-31T23:59:59Z","day":"0001-01-01","took":"-30m0s","raw":"","any":"text","tags":[],"deep":{"x":-1}}
`
)

// What is written is read again, in a table that the flow makes, with types that the
// database tells.
func TestRoundTrip(t *testing.T) {
	eachDatabase(t, func(t *testing.T, d dialect) {
		dir := t.TempDir()
		url, s := database(t, d, dir)
		if d != sqlite {
			run(t, s, "DROP TABLE IF EXISTS things")
		}
		rows := allRows
		if d == mysql { // its dates begin with the year 1000
			rows = strings.Replace(rows, "0001-01-01", "1000-01-01", 1)
		}
		write := "flow: w\ntypes: {T: " + allTypes + "}\nnodes:\n  in: {use: file.read, with: {path: in.jsonl, as: T}}\n  out: {use: sql.write, in: in, with: {url: URL, table: things, create: true, key: id, mode: MODE}}\n"
		for _, mode := range []string{"insert", "upsert", "update"} {
			r := perform(t, dir, url, strings.Replace(write, "MODE", mode, 1), map[string]string{"in.jsonl": rows})
			if r.Err != nil {
				t.Fatalf("%s: %v\n%s", mode, r.Err, r.Log)
			}
		}
		read := "flow: r\ntypes: {T: " + allTypes + "}\nnodes:\n  in: {use: sql.read, with: {url: URL, query: 'SELECT * FROM things ORDER BY id'AS}}\n  out: {use: file.write, in: in, with: {path: out.jsonl}}\n"
		r := perform(t, dir, url, strings.Replace(read, "AS", ", as: T", 1), nil)
		if got := r.File("out.jsonl"); r.Err != nil || got != rows {
			t.Errorf("with as: %v\ngot  %s\nwant %s", r.Err, got, rows)
		}
		f, list := load(t, dir, url, strings.Replace(read, "AS", "", 1), nil)
		if list.HasErrors() {
			t.Fatal(nodetest.Printed(list))
		}
		want := map[dialect]string{
			sqlite:   "{id: int, f: float?, d: decimal(12,2)?, big: decimal(18,4)?, b: bool?, s: string?, e: string?, at: time?, day: date?, took: duration?, raw: bytes?, any: any, tags: any, deep: any}",
			postgres: "{id: int, f: float?, d: decimal(12,2)?, big: decimal(18,4)?, b: bool?, s: string?, e: string?, at: time?, day: date?, took: duration?, raw: bytes?, any: any, tags: any, deep: any}",
			mysql:    "{id: int, f: float?, d: decimal(12,2)?, big: decimal(18,4)?, b: bool?, s: string?, e: string?, at: time?, day: date?, took: duration?, raw: bytes?, any: any, tags: any, deep: any}",
		}[d]
		if got := f.Node("in").Output("out").Carries.String(); got != want {
			t.Errorf("asked:\ngot  %s\nwant %s", got, want)
		}
		if r := kit.RunFlow(t, f, nodetest.Setup{}); r.Err != nil || r.File("out.jsonl") != rows {
			t.Errorf("asked: %v\ngot  %s\nwant %s", r.Err, r.File("out.jsonl"), rows)
		}
	})
}

// A row that the database refuses goes to errors, with the cause, and costs no other row.
func TestBadRows(t *testing.T) {
	eachDatabase(t, func(t *testing.T, d dialect) {
		dir := t.TempDir()
		url, s := database(t, d, dir)
		if d != sqlite {
			run(t, s, "DROP TABLE IF EXISTS bad")
		}
		run(t, s, "CREATE TABLE bad (id INTEGER PRIMARY KEY, name VARCHAR(5) NOT NULL, price DOUBLE PRECISION CHECK (price > 0))")
		var in strings.Builder
		want := 0
		for i := range 3000 {
			name, price, id := "'ok'", "1", i
			switch {
			case i%100 == 7:
				price, want = "-1", want+1
			case i%100 == 50:
				name, want = "null", want+1
			case i%1000 == 999:
				id, want = i-1, want+1
			}
			fmt.Fprintf(&in, "{\"id\":%d,\"name\":%s,\"price\":%s}\n", id, strings.ReplaceAll(name, "'", `"`), price)
		}
		r := perform(t, dir, url, `flow: bad
types: {T: {id: int, name: string?, price: float}}
nodes:
  in: {use: file.read, with: {path: in.jsonl, as: T}}
  db: {use: sql.write, in: in, on_error: dead, with: {url: URL, table: bad}}
  bad: {use: file.write, in: db.errors, with: {path: bad.jsonl}}
`, map[string]string{"in.jsonl": in.String()})
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		got := strings.Count(r.File("bad.jsonl"), "\n")
		n, err := collect(context.Background(), s, "SELECT count(*) FROM bad")
		if err != nil || got != want || n[0][0] != fmt.Sprint(3000-want) {
			t.Errorf("%d bad rows, want %d; %v in the table, want %d (%v)\n%.600s", got, want, n, 3000-want, err, r.File("bad.jsonl"))
		}
	})
}

// The modes do what they say, also with a key that comes twice in a batch, and twice.
func TestModes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, d dialect) {
		dir := t.TempDir()
		url, s := database(t, d, dir)
		if d != sqlite {
			run(t, s, "DROP TABLE IF EXISTS modes")
		}
		run(t, s, "CREATE TABLE modes (a INTEGER, b VARCHAR(10), n INTEGER, PRIMARY KEY (a, b))", "INSERT INTO modes VALUES (1, 'x', 0), (2, 'y', 0), (3, 'z', 0)")
		write := func(mode, rows string) {
			t.Helper()
			for range 2 {
				r := perform(t, dir, url, `flow: modes
types: {T: {a: int, b: string?, n: int}}
nodes:
  in: {use: file.read, with: {path: in.json, as: T}}
  db: {use: sql.write, in: in, on_error: skip, with: {url: URL, table: modes, mode: `+mode+`, key: [a, b]}}
`, map[string]string{"in.json": rows})
				if r.Err != nil {
					t.Fatalf("%s: %v", mode, r.Err)
				}
				if mode == "delete" && r.Report.Nodes[1].Errors() != 1 {
					t.Errorf("%d errors, want the row without a key", r.Report.Nodes[1].Errors())
				}
			}
		}
		write("upsert", `{"a":1,"b":"x","n":1}{"a":4,"b":"q","n":4}{"a":1,"b":"x","n":5}`)
		write("update", `{"a":2,"b":"y","n":7}{"a":9,"b":"y","n":7}{"a":2,"b":"y","n":8}`)
		write("delete", `{"a":3,"b":"z","n":0}{"a":3,"b":"nobody","n":0}{"a":3,"b":null,"n":0}`)
		got, err := collect(context.Background(), s, "SELECT a, b, n FROM modes ORDER BY a")
		if want := "[[1 x 5] [2 y 8] [4 q 4]]"; err != nil || fmt.Sprint(got) != want {
			t.Errorf("got %v, want %s (%v)", got, want, err)
		}
	})
}

// Rows are looked up by keys of two columns, with a cache and without.
func TestLookup(t *testing.T) {
	eachDatabase(t, func(t *testing.T, d dialect) {
		dir := t.TempDir()
		url, s := database(t, d, dir)
		if d != sqlite {
			run(t, s, "DROP TABLE IF EXISTS looked")
		}
		run(t, s, "CREATE TABLE looked (id INTEGER, kind VARCHAR(10), name VARCHAR(20) NOT NULL)", "INSERT INTO looked VALUES (1, 'a', 'one'), (2, 'b', 'two'), (2, 'b', 'too'), (3, 'a', 'three')")
		in := `{"n":1,"k":"a"}{"n":2,"k":"b"}{"n":3,"k":"a"}{"n":1,"k":"a"}{"n":4,"k":"a"}{"n":null,"k":"a"}`
		for with, want := range map[string]string{
			"":                            `{"n":1,"k":"a","name":"one"} {"n":3,"k":"a","name":"three"} {"n":1,"k":"a","name":"one"} {"n":4,"k":"a","name":null} {"n":null,"k":"a","name":null} `,
			", cache: {items: 2}":         `{"n":1,"k":"a","name":"one"} {"n":3,"k":"a","name":"three"} {"n":1,"k":"a","name":"one"} {"n":4,"k":"a","name":null} {"n":null,"k":"a","name":null} `,
			", kind: inner, prefix: its_": `{"n":1,"k":"a","its_name":"one"} {"n":3,"k":"a","its_name":"three"} {"n":1,"k":"a","its_name":"one"} `,
		} {
			r := perform(t, dir, url, `flow: lookup
types: {T: {n: int?, k: string}}
nodes:
  in: {use: file.read, with: {path: in.json, as: T}}
  db: {use: sql.lookup, in: in, on_error: skip, with: {url: URL, table: looked, on: {n: id, k: kind}`+with+`}}
  out: {use: file.write, in: db, with: {path: out.jsonl}}
`, map[string]string{"in.json": in})
			if got := strings.ReplaceAll(r.File("out.jsonl"), "\n", " "); r.Err != nil || got != want || r.Report.Nodes[1].Errors() != 1 {
				t.Errorf("%s: %v, %d errors\ngot  %s\nwant %s", with, r.Err, r.Report.Nodes[1].Errors(), got, want)
			}
		}
	})
}
