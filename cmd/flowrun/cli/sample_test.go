package cli_test

import (
	"fmt"
	"strings"
	"testing"
)

// What a sample decided is told by check and by types, and what a type left out by run.
func TestSampleIsTold(t *testing.T) {
	var many strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&many, "{\"id\":%d,\"x\":\"yes\"}\n", i)
	}
	folder(t, map[string]string{
		"many.jsonl": many.String(),
		"few.jsonl":  "{\"id\":1,\"note\":\"x\",\"at\":{\"zip\":1}}\n{\"id\":2,\"note\":null}\n",
		"sampled.yaml": `
flow: sampled
nodes:
  r: {use: file.read, with: {path: many.jsonl}}
  m: {use: map, in: r, with: {select: [id]}}
  w: {use: drop, in: m}
`,
		"declared.yaml": `
flow: declared
nodes:
  r: {use: file.read, with: {path: few.jsonl, as: {id: int}}}
  w: {use: drop, in: r}
`,
	})
	check := call("", "check", "sampled.yaml")
	if check.code != 0 || !strings.Contains(check.out, "sampled.yaml: ok, 3 nodes, 2 edges\n  r: its type was sampled from ") || !strings.Contains(check.out, " rows at the beginning, in the middle and at the end of many.jsonl\n") {
		t.Errorf("check says %s%s", check.out, check.err)
	}
	types := call("", "types", "sampled.yaml")
	for _, want := range []string{
		"# sampled from ", " rows at the beginning, in the middle and at the end of many.jsonl; to pin it, paste",
		"# a value of a field that is not read need not be of its type; `validate: all` on the node checks them, too",
	} {
		if !strings.Contains(types.out, want) {
			t.Errorf("types does not say %q:\n%s", want, types.out)
		}
	}
	if out := call("", "types", "sampled.yaml", "--json").out; !strings.Contains(out, `"unread": "unchecked"`) || !strings.Contains(out, `"sampled": "`) {
		t.Errorf("types --json: %s", out)
	}
	run := call("", "run", "declared.yaml")
	if want := "left out    r: fields that its type does not have: note (2 values), at (1 value)\n"; run.code != 0 || !strings.Contains(run.out+run.err, want) {
		t.Errorf("run does not say %q:\n%s%s", want, run.out, run.err)
	}
	if run := call("", "run", "--report", "-", "declared.yaml"); !strings.Contains(strings.Join(strings.Fields(run.out), ""), `"fields_dropped":{"at":1,"note":2}`) {
		t.Errorf("no counts in the report: %s", run.out)
	}
}

// A row that does not fit the type which eval has inferred is told with the remedy.
func TestEvalSaysThatItHasSampled(t *testing.T) {
	rows := strings.Repeat("{\"id\":1}\n", 1000) + "{\"id\":\"x\"}\n"
	want := "row 1001: field \"id\": want int, got \"x\"\n  hint: the type was inferred from the first rows, 1000 at most; --type '{id: int}' is that type, to be changed\n"
	if r := call(rows, "eval", "id + 1"); r.code != 1 || r.err != want {
		t.Errorf("exit %d, says %q", r.code, r.err)
	}
	if r := call(rows, "eval", "id + 1", "--type", "{id: int}"); r.code != 1 || strings.Contains(r.err, "hint") {
		t.Errorf("exit %d, says %q", r.code, r.err)
	}
}
