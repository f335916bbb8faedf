package flows_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler/flowtest"
)

// Every shipped flow has a test file, and its tests pass: `flowrun test flows`.
func TestFlowTests(t *testing.T) {
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*.yaml", "patterns/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatal("flows are missing", err)
		}
		for _, path := range paths {
			if !strings.HasSuffix(path, flowtest.Suffix) {
				t.Run(strings.TrimSuffix(path, ".yaml"), func(t *testing.T) { runTests(t, registry, strings.TrimSuffix(path, ".yaml")+flowtest.Suffix) })
			}
		}
	}
}

func runTests(t *testing.T, registry *nodes.Registry, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal("the flow has no tests: ", err)
	}
	file, problems := flowtest.Load(diag.NewSource(path, text), registry, flowtest.Options{})
	if file != nil {
		defer file.Close()
	}
	if problems.HasErrors() {
		t.Fatal(printed(problems))
	}
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			c.Virtual = func(f func()) { synctest.Test(t, func(*testing.T) { f() }) }
			if r := c.Run(); len(r.Differences) > 0 {
				t.Error(printed(r.Differences))
			}
		})
	}
}

func printed(list diag.List) string {
	var b strings.Builder
	if err := diag.Print(&b, list, diag.Style{}); err != nil {
		return err.Error()
	}
	return b.String()
}
