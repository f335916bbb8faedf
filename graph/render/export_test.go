package render

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the wanted texts anew")

// golden compares a text with the file that holds what is wanted.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func TestExports(t *testing.T) {
	for name, sample := range map[string]func() *Scene{"late": lateFlights, "plant": plant, "hostile": hostile} {
		for ext, draw := range map[string]func(io.Writer, *Scene) error{"dot": DOT, "mmd": Mermaid} {
			var b bytes.Buffer
			if err := draw(&b, sample()); err != nil {
				t.Fatal(err)
			}
			golden(t, name+"."+ext, b.Bytes())
		}
	}
}

// Graphviz itself reads what DOT writes: as many nodes and edges as there are,
// and the ids that they have. (An id with a backslash is written with two, and
// Graphviz keeps both.)
func TestGraphvizReadsDOT(t *testing.T) {
	for _, sample := range []func() *Scene{lateFlights, plant, hostile} {
		s := sample()
		var b bytes.Buffer
		if err := DOT(&b, s); err != nil {
			t.Fatal(err)
		}
		out, err := callGraphviz(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var j struct {
			Objects []struct{ Name, ID, Label string }
			Edges   []struct{ ID string }
		}
		if err := json.Unmarshal(out, &j); err != nil {
			t.Fatal(err)
		}
		names := map[string]string{}
		for _, o := range j.Objects {
			names[o.Name] = o.Label
		}
		for _, c := range s.Cards {
			label, ok := names[strings.ReplaceAll(c.ID, `\`, `\\`)]
			if !ok {
				t.Errorf("no node %q", c.ID)
			}
			// What Graphviz cannot read as HTML it shows as the node's name, silently.
			if !strings.HasPrefix(label, "<table") {
				t.Errorf("label of %q: %.60q", c.ID, label)
			}
		}
		if len(j.Edges) != len(s.Wires) {
			t.Errorf("%d edges, want %d", len(j.Edges), len(s.Wires))
		}
	}
}

// Nothing of the user's stands in a Mermaid text unescaped that could end its
// quotes, begin an entity, or be read as HTML.
func TestHostileTextInMermaid(t *testing.T) {
	var b bytes.Buffer
	if err := Mermaid(&b, hostile()); err != nil {
		t.Fatal(err)
	}
	_, chart, _ := strings.Cut(b.String(), "flowchart LR\n")
	for line := range strings.Lines(chart) {
		line = strings.NewReplacer("<b>", "", "</b>", "", "<br>", "").Replace(strings.TrimSpace(line))
		if strings.Count(line, `"`)%2 != 0 || strings.Count(line, `"`) > 2 {
			t.Errorf("quotes: %s", line)
		}
		if start, end := strings.IndexByte(line, '"'), strings.LastIndexByte(line, '"'); start >= 0 {
			if strings.ContainsAny(line[start+1:end], "<>`\\{}[]|") {
				t.Errorf("unescaped: %s", line)
			}
		}
	}
}
