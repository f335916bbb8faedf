package cli_test

import (
	"os"
	"strings"
	"testing"
)

// A failed item is told with its place in the flow, the expression with carets, its file
// and line, a hint of its own, and without its secrets: whether it stops the run, is left
// out or is sent on, for people and for programs.
func TestFailedItems(t *testing.T) {
	const computed = `types: {R: '{id: int, t: string, password: string}'}
nodes:
  src: {use: file.read, with: {path: in.csv, as: R}}
  m:
    use: map
    on_error: FATE
    in: src
    with:
      set:
        y: id + 1
        n: int(t) * 2
  out: {use: file.write, in: m, with: {path: out.jsonl}}
`
	const sampled = `nodes:
  src: {use: file.read, on_error: FATE, with: {path: big.jsonl, sample: 4KB}}
  out: {use: file.write, in: src, with: {path: out.jsonl}}
`
	big := strings.Repeat(`{"id":1}`+"\n", 20000) + `{"id":2,"refund":12.5,"token":"hunter2"}` + "\n" + strings.Repeat(`{"id":3}`+"\n", 40000)
	excerpt := "11 |         n: int(t) * 2\n      |            ^^^^^^^^^^\n"
	for name, c := range map[string]struct {
		flow, node string
		want, json []string
		place      string
	}{
		"expression": {flow: computed, node: "m", place: "f.yaml:11:12",
			want: []string{`"abc" is not an int`, "11 |         n: int(t) * 2\n", "|            ^^^^^^^^^^\n", `{"id":2,"t":"abc","password":"•••"}`},
			json: []string{`"at": "f.yaml:11:12"`, `"excerpt": "   ` + strings.ReplaceAll(excerpt, "\n", `\n`) + `"`, `\"password\":\"•••\"`}},
		"sampled": {flow: sampled, node: "src", place: "f.yaml:2:3",
			want: []string{`unknown field "refund"`, "big.jsonl:20001", "hint: `extra: keep` keeps such fields", "would take the row", `•••`},
			json: []string{`"at": "f.yaml:2:3"`, `"file": "big.jsonl"`, `"line": 20001`, "\"hint\": \"`extra: keep` keeps such fields"}},
	} {
		folder(t, map[string]string{"in.csv": "id,t,password\n1,2,x\n2,abc,hunter2\n", "big.jsonl": big})
		for _, fate := range []string{"fail", "skip", "dead"} {
			write(t, "f.yaml", strings.Replace(c.flow, "FATE", fate, 1))
			r := call("", "run", "f.yaml")
			for _, want := range c.want {
				if !strings.Contains(r.err, want) {
					t.Errorf("%s, %s: no %q in\n%s", name, fate, want, r.err)
				}
			}
			generic := "hint: on_error: skip leaves such items out, on_error: dead sends them to " + c.node + ".errors"
			if fate == "fail" && (!strings.Contains(r.err, generic) || !strings.Contains(r.err, "flowrun: "+c.place+": "+c.node)) {
				t.Errorf("%s: no generic hint or no place in\n%s", name, r.err)
			}
			j := call("", "run", "f.yaml", "--json")
			for _, want := range c.json {
				if !strings.Contains(j.err, want) {
					t.Errorf("%s, %s: no %q in\n%s", name, fate, want, j.err)
				}
			}
			if strings.Contains(j.err, `"stopped": true`) != (fate == "fail") {
				t.Errorf("%s, %s: the item that stopped the run is not marked, or another one is\n%s", name, fate, j.err)
			}
			if strings.Contains(r.err+j.err, "hunter2") {
				t.Errorf("%s, %s: a secret is shown", name, fate)
			}
		}
	}
}

// The secrets of a row of csv that cannot be read are those under secret names in its header.
func TestSecretsOfBadRows(t *testing.T) {
	for _, c := range []struct{ header, row, as, want string }{
		{"id,password,t\n", "x,hunter2,y\n", "{id: int}", "x,•••,y"},
		{"id,pw,t\n", "x,hunter2,y\n", "{id: int, password: {type: string, from: pw}}", "x,•••,y"},
		{"", "x,hunter2,y\n", "{id: int, password: string, t: string}, header: false", "x,•••,y"},
		{"id,password,t\n", "1,\"hunter2\n\"\"hunter2\",\"y\"\"z\",8\n", "{id: int}", `1,•••,"y""z",8`},
		{"id,t,password\n", "1,\"y\"z,hunter2\n", "{id: int}", "1,•••"},
		{"id,t,password\n", "x,y" + strings.Repeat("y", 5000) + ",hunter2\n", "{id: int}, max_record: 4kB", "x,yyyy"},
		{"id,password,t\n", "1,hunter2" + strings.Repeat("y", 5000) + ",y\n", "{id: int}, max_record: 4kB", "1,•••"},
		{"id,name,t\n", "x,ada,y\n", "{id: int}", "x,ada,y"},
	} {
		folder(t, map[string]string{"in.csv": c.header + c.row, "f.yaml": "nodes:\n  s: {use: file.read, on_error: FATE, with: {path: in.csv, as: " + c.as + "}}\n  b: {use: file.write, in: s, with: {path: out.jsonl}}\n"})
		for _, fate := range []string{"fail", "skip", "dead"} {
			write(t, "g.yaml", strings.Replace(read(t, "f.yaml"), "FATE", fate, 1))
			r := call("", "run", "g.yaml")
			j := call("", "run", "g.yaml", "--json")
			if !strings.Contains(strings.ReplaceAll(r.err, `\"`, `"`), c.want) || strings.Contains(r.err+j.err, "hunter2") {
				t.Errorf("%s%s, %s: want %s, got\n%s%s", c.header, c.row, fate, c.want, r.err, j.err)
			}
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
