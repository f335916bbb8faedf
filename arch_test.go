package flowrun_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/internal/arch"
)

const module = "github.com/flowrun/flowrun/"

// Arrows go one way, and only where a rule lets them: see package arch.
func TestArrowsGoOneWay(t *testing.T) {
	packages, err := arch.List(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range append(arch.Check(arch.Rules, packages), arch.CheckLibraries(arch.Sole, packages)...) {
		t.Error(wrong)
	}
}

// go-graphviz is 7 MB of binary that users of the library must not pay, by no detour.
func TestLibraryDoesNotDraw(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".", "./graph", "./nodes/...", "./scheduler/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(path, "github.com/goccy/go-graphviz") || path == module+"graph/render" || path == module+"web" {
			t.Errorf("the library imports %s", path)
		}
	}
}
