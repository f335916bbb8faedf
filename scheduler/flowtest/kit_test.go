package flowtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

// registry gives the kinds of std and some more.
func registry(t testing.TB, more ...nodes.Decl) *nodes.Registry {
	t.Helper()
	r, err := nodes.NewRegistry(std.Nodes, more)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// folder writes a flow, a test of it and other files into a folder of their own.
func folder(t testing.TB, flow, test string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{"flow.yaml": flow, "flow_test.yaml": test}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// outcome runs a test file and says what came of it, as a user reads it: the problems of
// the file, or for each case `pass NAME` or `FAIL NAME` with its differences.
func outcome(t testing.TB, flow, test string, files map[string]string, more ...nodes.Decl) string {
	t.Helper()
	record.Poison(true) // who keeps what is not his shows it
	t.Cleanup(func() { record.Poison(false) })
	dir := folder(t, flow, test, files)
	path := filepath.Join(dir, "flow_test.yaml")
	f, problems := Load(diag.NewSource(path, []byte(test)), registry(t, more...), Options{})
	var b strings.Builder
	diag.Print(&b, problems, diag.Style{})
	if f != nil {
		defer f.Close()
	}
	if !problems.HasErrors() {
		for _, c := range f.Cases {
			if tt, ok := t.(*testing.T); ok {
				c.Virtual = func(f func()) { synctest.Test(tt, func(*testing.T) { f() }) }
			}
			r := c.Run()
			if len(r.Differences) == 0 {
				b.WriteString("pass " + c.Name + "\n")
				continue
			}
			b.WriteString("FAIL " + c.Name + "\n")
			diag.Print(&b, r.Differences, diag.Style{})
		}
	}
	return strings.ReplaceAll(b.String(), dir+string(filepath.Separator), "")
}

// says checks an outcome line by line: each of the lines must be there, in order.
func says(t testing.TB, got string, want ...string) {
	t.Helper()
	rest := got
	for _, w := range want {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			t.Errorf("no %q (in this order) in\n%s", w, got)
			return
		}
		rest = after
	}
}
