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
