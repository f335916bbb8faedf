package graph_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

// Looked names what types were learnt from, whether it is there or not, and nothing
// that is looked at when the flow is loaded.
func TestLooked(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data.csv")
	if err := os.WriteFile(data, []byte("id\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := "nodes:\n  a: {use: file.read, with: {path: data.csv}}\n  b: {use: file.read, with: {path: none.csv}}\n  out: {use: drop, in: a}\n"
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, load := range map[string]func() (*graph.Flow, diag.List){
		"open": func() (*graph.Flow, diag.List) {
			return graph.Load(diag.NewSource(filepath.Join(dir, "f.yaml"), []byte(text)), kinds(t), graph.Options{})
		},
		"enclosed": func() (*graph.Flow, diag.List) {
			return graph.Load(diag.NewSource("f.yaml", []byte(text)), kinds(t), graph.Options{Root: root})
		},
	} {
		flow, _ := load()
		// The folder is looked through for names that are like the missing one.
		want := []string{dir, data, filepath.Join(dir, "none.csv")}
		if got := flow.Looked(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if _, err := flow.Stat("elsewhere"); err == nil || !slices.Equal(flow.Looked(), want) {
			t.Errorf("%s: later looks are noted: %q", name, flow.Looked())
		}
	}
}
