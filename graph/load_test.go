package graph_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

var update = flag.Bool("update", false, "write what is printed into the files of testdata")

// kinds are those that come with flowrun and some whose ports are of all sorts.
func kinds(t testing.TB) *nodes.Registry {
	t.Helper()
	registry, err := nodes.NewRegistry(std.Nodes, testKinds)
	if err != nil {
		t.Fatal(err)
	}
	return registry
}

// printed loads a flow and gives its problems as a user sees them.
func printed(t testing.TB, name, text string, opts graph.Options) string {
	t.Helper()
	_, list := graph.Load(diag.NewSource(name, []byte(text)), kinds(t), opts)
	var b strings.Builder
	if err := diag.Print(&b, list, diag.Style{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Each file of testdata/problems is a flow, a line of three dashes, and what is
// printed for it: every problem, in the order of the file, with its place.
func TestProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/problems/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			flow, want, ok := strings.Cut(string(text), "\n---\n")
			if !ok {
				t.Fatal("there is no line of three dashes")
			}
			flow += "\n"
			var opts graph.Options
			if strings.Contains(flow, "GIVEN") {
				opts.Set = map[string]string{"GIVEN": "12"}
			}
			got := printed(t, "testdata/problems/flow.yaml", flow, opts)
			got = strings.ReplaceAll(got, "testdata/problems/", "")
			if *update {
				if err := os.WriteFile(file, []byte(flow+"---\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
