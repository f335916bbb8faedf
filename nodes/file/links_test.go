package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/file"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// ** goes round no circle of links and reads the files beside them, and those behind other
// links; it warns of a link that it leaves out.
func TestLinksOfPatterns(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "data/1.csv", "a\n1\n")
	w.put(t, "data/sub/2.csv", "a\n2\n")
	w.put(t, "far/3.csv", "a\n3\n")
	for name, target := range map[string]string{"data/sub/up": "..", "data/self": "self", "data/top": "../..", "data/far": "../far", "data/.x": ".x", "data/sub/here": "."} {
		if err := os.Symlink(target, filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	w.reads(t, "path: 'data/**/*.csv'", `{"a":1}`+"\n"+`{"a":3}`+"\n"+`{"a":2}`+"\n")
	o := w.run(t, copyFlow("path: 'data/**/*.csv'", `path: "-", format: jsonl`))
	says(t, o.Told(), `"data/**/*.csv" does not follow the link data/self: it leads to itself [W510]`,
		"data/sub/here: it leads to a folder that it is in", "data/top: it leads to a folder that it is in")
	if strings.Contains(o.Told(), ".x") {
		t.Errorf("a hidden link is told of: %s", o.Told())
	}
}

// Where a flow sees one folder only, ** leaves out links that lead out of it, and no more.
func TestLinksThatLeadOut(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "in/data/1.csv", "a\n1\n")
	w.put(t, "out/2.csv", "secret\n2\n")
	for name, target := range map[string]string{"in/data/out": "../../out", "in/data/out.csv": "../../out/2.csv"} {
		if err := os.Symlink(target, filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(filepath.Join(w.dir, "in"))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	registry, err := nodes.NewRegistry(file.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	flow, list := graph.Load(diag.NewSource("flow.yaml", []byte(copyFlow("path: 'data/**/*.csv'", "path: o.csv"))), registry, graph.Options{Root: root})
	if list.HasErrors() {
		t.Fatal(nodetest.Printed(list))
	}
	says(t, nodetest.Printed(list), "data/out: it leads out of the folder", "data/out.csv: it leads out of the folder")
	if got := flow.Nodes[0].Output("out").Carries.String(); got != "{a: int}" {
		t.Error(got)
	}
}

// A pattern reads a file once that it names twice by links; two names without a link are
// two files, and what is named without a pattern is read as often as it is named.
func TestPatternsReadFilesOnce(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "data/b/1.csv", "a\n1\n")
	w.put(t, "data/b/2.csv", "a\n2\n")
	w.put(t, "far/3.csv", "a\n3\n")
	if err := os.Link(filepath.Join(w.dir, "data/b/1.csv"), filepath.Join(w.dir, "data/b/hard.csv")); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"data/a": "b", "data/c": "../data/b", "data/b/latest.csv": "2.csv", "data/far1": "../far", "data/far2": "far1"} {
		if err := os.Symlink(target, filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	row := func(ns ...string) string { return `{"a":` + strings.Join(ns, "}\n{\"a\":") + "}\n" }
	for _, c := range []struct{ path, want, warning string }{
		{"'data/**/*.csv'", row("1", "2", "1", "3"), "reads files once that it names a second time by links, 10 of them, such as data/a/1.csv, which is data/b/1.csv [W510]"},
		{"'data/b/*.csv'", row("1", "2", "1"), `"data/b/*.csv" reads data/b/2.csv once: data/b/latest.csv is the same file, by a link [W510]`},
		{"'data/a/*.csv'", row("1", "2", "1"), `reads data/a/2.csv once`},
		{"'data/far?/*.csv'", row("3"), `reads data/far1/3.csv once: data/far2/3.csv is the same file`},
		{"'data/far1/*.csv'", row("3"), ""},
		{"[data/b/2.csv, data/b/latest.csv, data/b/2.csv]", row("2", "2", "2"), ""},
	} {
		w.reads(t, "path: "+c.path, c.want)
		o := w.run(t, copyFlow("path: "+c.path, `path: "-", format: jsonl`))
		if got := o.Told(); !strings.Contains(got, c.warning) || c.warning == "" && strings.Contains(got, "W510") {
			t.Errorf("%s: no word of %q in %s", c.path, c.warning, got)
		}
	}
}

// Links to nothing, and to themselves, are told as what they are.
func TestLinksToNothing(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "data/1.csv", "a\n1\n")
	for name, target := range map[string]string{"data/dead.csv": "gone.csv", "nodir": "there/isnt", "self/x.csv": "x.csv"} {
		os.MkdirAll(filepath.Dir(filepath.Join(w.dir, name)), 0o777)
		if err := os.Symlink(target, filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	w.put(t, "self/1.csv", "a\n1\n")
	for path, want := range map[string]string{
		"data/dead.csv":  "dead.csv is a link to gone.csv, which is not there [E401]",
		"'data/*.csv'":   "dead.csv is a link to gone.csv, which is not there [E401]",
		"nodir/some.csv": "nodir is a link to there/isnt, which is not there [E401]",
		"data/deed.csv":  `did you mean "data/dead.csv"?`,
	} {
		o := w.refused(t, copyFlow("path: "+path, "path: out.csv"), want)
		if path != "data/deed.csv" && strings.Contains(o.Told(), "did you mean") {
			t.Errorf("%s: %s", path, o.Told())
		}
	}
	w.reads(t, "path: 'self/*.csv'", `{"a":1}`+"\n")
	says(t, w.run(t, copyFlow("path: 'self/*.csv'", "path: out.csv")).Told(), `does not follow the link self/x.csv: it leads to itself [W510]`)
}
