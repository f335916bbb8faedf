package flows_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/render"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler/flowtest"
)

// Each flow of patterns/ has a drawing, which is what `flowrun render` draws of it.
func TestPatternDrawings(t *testing.T) {
	paths, err := filepath.Glob("patterns/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal("flows are missing", err)
	}
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[string]bool{}
	for _, path := range paths {
		if strings.HasSuffix(path, flowtest.Suffix) {
			continue
		}
		file := filepath.Join("patterns", "drawings", strings.TrimSuffix(filepath.Base(path), ".yaml")+".svg")
		drawn[file] = true
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		flow, list := graph.Load(diag.NewSource(path, text), registry, graph.Options{})
		if list.HasErrors() {
			t.Errorf("%s has errors", path)
			continue
		}
		scene := render.FromFlow(flow)
		if err := render.Layout(t.Context(), scene); err != nil {
			t.Fatal(err)
		}
		var svg bytes.Buffer
		if err := render.SVG(&svg, scene, render.SVGOptions{}); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(file, svg.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if old, err := os.ReadFile(file); err != nil || !bytes.Equal(old, svg.Bytes()) {
			t.Errorf("%s is not the drawing of %s: look at what `make golden` changes", file, path)
		}
	}
	files, _ := filepath.Glob("patterns/drawings/*")
	for _, file := range files {
		if !drawn[file] {
			t.Errorf("%s is the drawing of no flow", file)
		}
	}
}
