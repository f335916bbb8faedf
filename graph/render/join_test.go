package render_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/render"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

// Flows are joined where one writes what another reads, and nowhere else.
func TestJoin(t *testing.T) {
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	os.Mkdir(filepath.Join(dir, "sub"), 0o755)
	for _, name := range []string{"sub/x.jsonl", "y.jsonl", "other.jsonl"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var flows []*graph.Flow
	for i, text := range []string{
		"flow: a\nnodes:\n  in: {use: generate, with: {count: 1, set: {id: n}}}\n  out: {use: file.write, in: in, with: {path: sub/x.jsonl}}\n  too: {use: file.write, in: in, with: {path: alone.jsonl}}\n",
		"flow: b\nnodes:\n  in: {use: file.read, with: {path: ./sub/../sub/x.jsonl, as: '{id: int}'}}\n  out: {use: file.write, in: in, with: {path: y.jsonl}}\n",
		"flow: c\nnodes:\n  in: {use: file.read, with: {path: [y.jsonl, other.jsonl], as: '{id: int}'}}\n  out: {use: file.write, in: in, with: {path: '-', format: jsonl}}\n",
	} {
		f, list := graph.Load(diag.NewSource(filepath.Join(dir, fmt.Sprint(i, ".yaml")), []byte(text)), registry, graph.Options{})
		if list.HasErrors() {
			t.Fatal(list)
		}
		flows = append(flows, f)
	}
	s, joined := render.Join(flows)
	if err := render.Layout(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	var got []string
	name := func(e int) string {
		c := s.Cards[e]
		return strings.TrimPrefix(c.Cluster+"."+c.ID, ".")
	}
	for _, w := range s.Wires {
		got = append(got, name(w.From.Card)+" "+name(w.To.Card))
	}
	want := "a.in a.out, a.in a.too, b.in b.out, c.in c.out, a.out x.jsonl, x.jsonl b.in, b.out y.jsonl, y.jsonl c.in"
	if !joined || strings.Join(got, ", ") != want || s.Title != "a + b + c" || len(s.Clusters) != 3 {
		t.Errorf("%s of %d clusters:\ngot  %s\nwant %s", s.Title, len(s.Clusters), strings.Join(got, ", "), want)
	}
}
