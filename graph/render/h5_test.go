package render_test

import (
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
	"bytes"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/diff"
	"github.com/flowrun/flowrun/graph/render"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

func TestH5(t *testing.T) {
	reg, _ := nodes.NewRegistry(std.Nodes)
	a, _ := filepath.Glob("../../flows/*.yaml")
	b, _ := filepath.Glob("../../flows/patterns/*.yaml")
	a = append(a, b...)
	load := func(p string, text []byte) (f *graph.Flow) {
		defer func() { if x := recover(); x != nil { t.Log("load panics", x); f = nil; os.WriteFile("/tmp/h5/panic.yaml", text, 0o644) } }()
		f, _ = graph.Load(diag.NewSource(p, text), reg, graph.Options{})
		return f
	}
	n, diffs := 0, 0
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); n++ {
		p := a[rand.IntN(len(a))]
		text, _ := os.ReadFile(p)
		lines := bytes.Split(text, []byte("\n"))
		for range 1 + rand.IntN(4) {
			i, j := rand.IntN(len(lines)), rand.IntN(len(lines))
			switch rand.IntN(4) {
			case 0:
				lines[i], lines[j] = lines[j], lines[i]
			case 1:
				lines[i] = nil
			case 2:
				if len(lines[i]) > 3 { k := rand.IntN(len(lines[i])); l := append([]byte(nil), lines[i]...); l[k] = "abc_:{}[], 0\"'"[rand.IntN(14)]; lines[i] = l }
			case 3:
				q, _ := os.ReadFile(a[rand.IntN(len(a))]); ql := bytes.Split(q, []byte("\n")); lines[i] = ql[rand.IntN(len(ql))]
			}
		}
		f, g := load(p, text), load(p, bytes.Join(lines, []byte("\n")))
		if f == nil || g == nil { continue }
		if !diff.Compare(f, f).Equal() || !diff.Compare(g, g).Equal() { t.Fatalf("self %s", bytes.Join(lines, []byte("\n"))) }
		for _, d := range []*diff.Diff{diff.Compare(f, g), diff.Compare(g, f)} {
			if !d.Equal() { diffs++ }
			d.Write(io.Discard, nil)
			s := render.FromDiff(d)
			if err := render.LayoutBuiltin(s); err != nil { t.Fatal(err) }
			if len(s.Cards) > 0 { if err := render.SVG(io.Discard, s, render.SVGOptions{}); err != nil { t.Fatal(err) } }
		}
	}
	t.Log(n, diffs)
}
