package cli_test

import (
	"os"
	"strings"
	"testing"
)

// idleFlow has a setting that has no effect.
var idleFlow = strings.Replace(ordersFlow, "    workers: 2\n", "    retry: {attempts: 3}\n", 1)

const idleWarning = "idle.yaml:8:5: warning: retry has no effect on large: filter works on whole batches of records, and an expression gives the same result each time [W505]\n"

// A warning is said once, and with --strict nothing is run.
func TestStrict(t *testing.T) {
	files := ordersFiles()
	files["idle.yaml"] = idleFlow
	files["idle_test.yaml"] = "tests: [{name: it ends}]\n"
	folder(t, files)
	for _, c := range []struct {
		args  string
		code  int
		parts string // of standard output and standard error, in order
	}{
		{"check idle.yaml", 0, "idle.yaml: ok, 3 nodes, 2 edges, 1 warning"},
		{"check idle.yaml --strict", 2, idleWarning + ";idle.yaml: 1 warning\n"},
		{"run idle.yaml --strict", 2, idleWarning + ";idle.yaml: 1 warning; nothing was run\n"},
		{"run idle.yaml -q --strict", 2, idleWarning},
		{"run idle.yaml --compare-serial --strict", 2, idleWarning + ";nothing was run\n"},
		{"run idle.yaml --json --strict", 2, `"outcome": "refused";"error": "the flow has warnings, which --strict takes for errors";"code": "W505"`},
		{"run idle.yaml --log json --strict", 2, `"code":"W505"`},
		{"run orders.yaml --strict", 0, "done"},
		{"run idle.yaml", 0, idleWarning + ";orders: done"},
		{"run idle.yaml -q", 0, ""},
		{"test idle.yaml", 0, "ok    idle_test.yaml: 1 test"},
		{"test idle.yaml --strict", 2, "FAIL  idle_test.yaml: the file cannot be run\n;" + idleWarning},
		{"test idle.yaml --strict --json", 2, `"code": "W505"`},
	} {
		r := call("", strings.Fields(c.args)...)
		rest, ok := r.out+r.err, true
		for _, part := range strings.Split(c.parts, ";") {
			if _, rest, ok = strings.Cut(rest, part); !ok {
				t.Errorf("%s: no %q in\n%s%s", c.args, part, r.out, r.err)
				break
			}
		}
		if r.code != c.code || c.args == "run idle.yaml" && strings.Count(r.err, "W505") != 1 || c.args == "run idle.yaml -q" && r.err != "" {
			t.Errorf("%s: exit %d, want %d\n%s%s", c.args, r.code, c.code, r.out, r.err)
		}
		if _, err := os.Stat("large.jsonl"); (err == nil) != (strings.HasPrefix(c.args, "run") && c.code == 0) {
			t.Errorf("%s: %v", c.args, err)
		}
		os.Remove("large.jsonl")
	}
}

// A report in a file has the warnings, which were printed elsewhere.
func TestReportsHaveWarnings(t *testing.T) {
	files := ordersFiles()
	files["idle.yaml"] = idleFlow
	folder(t, files)
	if r := call("", "run", "idle.yaml", "--report", "run.txt"); r.code != 0 {
		t.Fatalf("exit %d\n%s", r.code, r.err)
	}
	text, err := os.ReadFile("run.txt")
	if want := "  warning     idle.yaml:8:5: retry has no effect on large: filter works on"; err != nil || !strings.Contains(string(text), want) {
		t.Errorf("no %q in\n%s%v", want, text, err)
	}
}
