package file

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

// TestEnclosed reads below the folder of a flow that is enclosed and nowhere else,
// by whatever trick.
func TestEnclosed(t *testing.T) {
	outer := t.TempDir()
	inner := filepath.Join(outer, "served")
	for path, text := range map[string]string{
		"secret.csv": "password\nhunter2\n", "served/data/a.csv": "id\n1\n", "served/sub/b.csv": "id\n2\n",
		"served/.env": "KEY=hunter2\n", "served/.git/config": "a\n",
	} {
		full := filepath.Join(outer, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"out.csv": "../secret.csv", "far.csv": filepath.Join(outer, "secret.csv"), "up": "..", "in.csv": "data/a.csv"} {
		if err := os.Symlink(target, filepath.Join(inner, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(inner)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	registry, err := nodes.NewRegistry(Nodes)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"../data/a.csv": "", "b.csv": "", "*.csv": "", "../{data,sub}/*.csv": "", "../in.csv": "", "../nothing/../data/a.csv": "",
		"../../secret.csv": "outside the folder", "../out.csv": "outside the folder", "../far.csv": "outside the folder",
		"../up/secret.csv": "outside the folder", "../../*.csv": "outside the folder", "/etc/passwd": "outside the folder",
		filepath.Join(outer, "secret.csv"): "outside the folder", "/dev/stdin": "outside the folder", "/et[c]/*": "outside the folder",
		"../up/*.csv": "cannot be read", "../../served/data/a.csv": "outside the folder", "../b.csv": "there is no file",
		"../.env": "hidden files", "../.git/config": "hidden files", "../.*": "hidden files", "../.gi[t]/*": "cannot be read",
	} {
		text := "nodes:\n  r:\n    use: file.read\n    with: {path: '" + path + "', format: csv}\n  w:\n    use: file.write\n    in: r\n    with: {path: o.csv}\n"
		flow, list := graph.Load(diag.NewSource("sub/flow.yaml", []byte(text)), registry, graph.Options{Root: root})
		switch said := printed(list); {
		case want == "" && list.HasErrors(), want != "" && !strings.Contains(said, want):
			t.Errorf("%s: %q, want %q", path, said, want)
		case strings.Contains(said, "password") || strings.Contains(strings.ReplaceAll(said, path, ""), outer):
			t.Errorf("%s: the message says too much: %s", path, said)
		}
		if want == "" {
			if _, err := registry.Operator(flow.Node("w"), &nodes.Env{Node: flow.Node("w"), Flow: flow}); !errors.Is(err, nodes.ErrEnclosed) {
				t.Errorf("%s: an enclosed flow may write: %v", path, err)
			}
		}
	}
}

// printed is what the reader of the list sees.
func printed(list diag.List) string {
	var b strings.Builder
	diag.Print(&b, list, diag.Style{})
	return b.String()
}
