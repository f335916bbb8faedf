package flows_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/flowtest"
)

// runPattern runs a flow of patterns/ in a folder of its own, beside which lies
// data/, and gives what it wrote, by path below out/.
func runPattern(t *testing.T, name string, options scheduler.Options) map[string]string {
	t.Helper()
	top := t.TempDir()
	dir := filepath.Join(top, "patterns")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{filepath.Join(top, "data"): "data", filepath.Join(dir, "data"): filepath.Join("patterns", "data")} {
		data, err := filepath.Abs(to)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(data, link); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join("patterns", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	flow, found := graph.Load(diag.NewSource(filepath.Join(dir, name+".yaml"), text), registry, graph.Options{})
	if len(found) > 0 {
		var b strings.Builder
		diag.Print(&b, found, diag.Style{})
		t.Fatalf("%s has diagnostics:\n%s", name, b.String())
	}
	var stdout bytes.Buffer
	options.Stdin, options.Stdout = strings.NewReader(""), &stdout
	run, err := scheduler.New(flow, registry, options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	if stdout.Len() > 0 {
		got["-"] = stdout.String()
	}
	files, _ := filepath.Glob(filepath.Join(dir, "out", "*"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		got[filepath.Base(f)] = string(b)
	}
	return got
}

// The flows of patterns/ give what patterns/expected/ says, however they are run.
func TestPatterns(t *testing.T) {
	paths, err := filepath.Glob("patterns/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal("flows are missing", err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, flowtest.Suffix) {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(name, func(t *testing.T) {
			expected := filepath.Join("..", "patterns", "expected", name) // as seen from expected/
			want := readExpected(t, expected)
			for _, options := range []scheduler.Options{{Workers: 1}, {Workers: 2}, {Workers: 7}, {Serial: true}, {Workers: 3, Batch: 5}} {
				got := runPattern(t, name, options)
				if *update && options.Workers == 1 {
					writeExpected(t, expected, got)
					want = got
				}
				compare(t, fmt.Sprintf("workers %d, serial %v, batch %d", options.Workers, options.Serial, options.Batch), got, want)
			}
		})
	}
}
