package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/scheduler/history"
)

func TestKeep(t *testing.T) {
	folder(t, map[string]string{
		"sub/f.yaml":   "flow: short\nnodes:\n  n: {use: generate, with: {count: 100}}\n  some: {use: filter, in: n, on_error: skip, with: {where: 10 / (n - 7) > 0}}\n  out: {use: drop, in: some}\n",
		"sub/bad.yaml": "nodes:\n  n: {use: generate, with: {count: 100}}\n  some: {use: filter, in: n, with: {where: 10 / (n - 7) > 0}}\n  out: {use: drop, in: some}\n",
		"blocked":      "",
	})
	call("", "run", "-q", "sub/f.yaml").want(t, 0, "", "")
	call("", "runs").want(t, 0, "no run has been kept; flowrun run FLOW --keep keeps one\n", "")
	if _, err := os.Stat("sub/.flowrun"); err == nil {
		t.Fatal("a run that nobody asked to keep is kept")
	}
	call("", "run", "-q", "--keep", "sub/f.yaml").want(t, 0, "", "")
	call("", "run", "-q", "--keep", "sub/bad.yaml").want(t, 1, "", "flowrun: ...")
	call("", "run", "-q", "--ui=127.0.0.1:0", "sub/f.yaml").want(t, 0, "", "")
	call("", "run", "-q", "--ui=127.0.0.1:0", "--keep=false", "sub/f.yaml").want(t, 0, "", "")
	store := history.Open(history.Beside("sub/f.yaml"))
	heads, notes := store.List()
	outcomes := map[string]int{}
	for _, h := range heads {
		outcomes[h.Outcome]++
	}
	if len(heads) != 3 || notes != nil || outcomes["done"] != 2 || outcomes["failed"] != 1 {
		t.Fatalf("%+v %v", heads, notes)
	}
	for _, h := range heads {
		run, err := store.Load(h.ID)
		if err != nil {
			t.Fatal(err)
		}
		if run.Outcome == "failed" && !strings.HasPrefix(run.Error, "some (filter)") {
			t.Errorf("it failed with %q", run.Error)
		}
		if run.Outcome == "done" && (run.Items != 100 || run.Errors != 1 || len(run.Failures["some"]) != 1 || len(run.Report.Nodes) != 3) {
			t.Errorf("%+v %v", run.Head, run.Failures)
		}
	}
	r := call("", "runs", "sub")
	if lines := strings.Split(strings.TrimSpace(r.out), "\n"); r.code != 0 || r.err != "" || len(lines) != 4 || !strings.Contains(lines[0], "outcome") || !strings.Contains(r.out, heads[0].ID) {
		t.Errorf("exit %d %s\n%s", r.code, r.err, r.out)
	}
	if got := parse[[]history.Head](t, call("", "runs", "--json").out); len(got) != 3 || got[0].ID != heads[0].ID {
		t.Errorf("as JSON: %+v", got)
	}
	call("", "runs", "nowhere").want(t, 2, "", "flowrun: nowhere: there is no such folder\n")
	if err := os.Rename("sub/.flowrun/runs", "sub/elsewhere"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("sub", ".flowrun", "runs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	call("", "run", "-q", "--keep", "sub/f.yaml").want(t, 0, "", "the run is not kept: ...")
	call("", "run", "--keep", "--compare-serial", "sub/f.yaml").want(t, 2, "", "flowrun: --compare-serial runs the flow twice...")
}
