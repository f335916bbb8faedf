package web

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

// What is too much to keep goes, the flow used longest ago first; what the list says of
// it stays, and a page of its own compiles it again.
func TestFlowsThatAreTooMuch(t *testing.T) {
	const size = 1000
	var paths []string
	for _, name := range []string{"a", "b", "c"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(strings.Repeat("#", size)), 0o600); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	compiled := map[string]int{}
	c := newFlowCache(func(path string) (*graph.Flow, diag.List) {
		compiled[filepath.Base(path)]++
		return &graph.Flow{Name: "flow " + path, At: diag.Span{Source: diag.NewSource(path, []byte("one\ntwo"))}}, nil
	}, 2*size)
	get := func(path string, whole bool) *compiledFlow {
		t.Helper()
		e, err := c.get(t.Context(), path, whole)
		if err != nil {
			t.Fatal(err)
		}
		if whole && (e.flow == nil || len(e.page.Lines) != 2) || e.page.Name != "flow "+path {
			t.Errorf("%s: %+v", path, e)
		}
		return e
	}
	for _, path := range []string{paths[0], paths[1], paths[0], paths[2]} {
		get(path, true)
	}
	if e := get(paths[1], false); !e.thin || e.flow != nil || e.page.Lines != nil || compiled["b"] != 1 {
		t.Errorf("b is still there, or was compiled %d times: %+v", compiled["b"], e)
	}
	if get(paths[1], true); compiled["b"] != 2 {
		t.Errorf("b was compiled %d times", compiled["b"])
	}
	if e := get(paths[0], false); !e.thin {
		t.Error("a was used longest ago, and is still there")
	}
	if e := get(paths[2], true); e.thin || compiled["c"] != 1 || len(c.thin) != 1 {
		t.Errorf("c was compiled %d times, and %d flows are thin", compiled["c"], len(c.thin))
	}
	c.begin(paths[2:])
	if c.find(paths[0]) != nil || c.find(paths[1]) != nil || c.find(paths[2]) == nil {
		t.Error("the wrong flows are forgotten")
	}
}
