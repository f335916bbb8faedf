package diff_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/diff"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

var update = flag.Bool("update", false, "write what is wanted into the files of testdata anew")

// load compiles a flow that may have errors.
func load(t *testing.T, name, text string) *graph.Flow {
	t.Helper()
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	flow, list := graph.Load(diag.NewSource(name, []byte(text)), registry, graph.Options{LookupEnv: func(string) (string, bool) { return "0", true }})
	if flow == nil || list.HasErrors() && !strings.Contains(t.Name(), "errors") {
		t.Fatal(list)
	}
	return flow
}

func text(t *testing.T, d *diff.Diff) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.Write(&b, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every file of testdata has two versions of a flow and what differs between them.
func TestPairs(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			about, rest, ok1 := strings.Cut(string(raw), "-- old --\n")
			before, rest, ok2 := strings.Cut(rest, "-- new --\n")
			after, want, ok3 := strings.Cut(rest, "-- want --\n")
			if !ok1 || !ok2 || !ok3 || about == "" {
				t.Fatal("want a sentence and the parts old, new and want")
			}
			d := diff.Compare(load(t, "old", before), load(t, "new", after))
			got := text(t, d)
			if *update {
				if err := os.WriteFile(path, []byte(strings.TrimSuffix(string(raw), want)+got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if again := text(t, diff.Compare(load(t, "old", before), load(t, "new", after))); again != got {
				t.Errorf("another time it is\n%s", again)
			}
			if d.Equal() != strings.Contains(got, "no difference\n") {
				t.Errorf("Equal is %v", d.Equal())
			}
			for _, side := range []string{before, after} {
				if d := diff.Compare(load(t, "old", side), load(t, "new", side)); !d.Equal() || text(t, d) != "no difference\n" {
					t.Errorf("a flow differs from itself:\n%s", text(t, d))
				}
			}
		})
	}
}

// Comparing the other way round turns every mark round.
func TestTurnedRound(t *testing.T) {
	a, b := load(t, "a", base), load(t, "b", strings.Replace(base, "even: {", "odd: {use: filter, in: n, with: {where: n % 2 == 1}}\n  even: {", 1))
	there, back := diff.Compare(a, b), diff.Compare(b, a)
	if got := there.Summary(); got != "1 node added; 1 edge added" {
		t.Errorf("there: %s", got)
	}
	if got := back.Summary(); got != "1 node removed; 1 edge removed" {
		t.Errorf("back: %s", got)
	}
}

const base = `
nodes:
  n: {use: generate, with: {count: 10}}
  even: {use: filter, in: n, with: {where: n % 2 == 0}}
  out: {use: drop, in: even}
`

func TestJSON(t *testing.T) {
	d := diff.Compare(load(t, "a", base), load(t, "b", strings.Replace(base, "count: 10", "count: 20", 1)))
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Nodes []struct {
			ID, Mark string
			Changes  []diff.Change
		}
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if n := got.Nodes[0]; n.ID != "n" || n.Mark != "changed" || len(n.Changes) != 1 || n.Changes[0].Old != "10" || n.Changes[0].New != "20" || n.Changes[0].OldLine != 3 {
		t.Errorf("%s", raw)
	}
}

// A flow that a program built has no text, and can be compared all the same.
func TestWithoutText(t *testing.T) {
	a, b := load(t, "a", base), load(t, "b", strings.Replace(base, "  out: {use: drop", "  end: {use: drop", 1))
	a.At, b.At = diag.Span{}, diag.Span{}
	if got := diff.Compare(a, b).Summary(); got != "1 node renamed" {
		t.Errorf("got %s", got)
	}
}

// Many nodes that nothing tells apart must not take for ever.
func TestManyTwins(t *testing.T) {
	flow := func(prefix string) *graph.Flow {
		var b strings.Builder
		b.WriteString("nodes:\n  n: {use: generate, with: {count: 10}}\n")
		for i := range 300 {
			b.WriteString("  " + prefix + strings.Repeat("x", i+1) + ": {use: drop, in: n}\n")
		}
		return load(t, "a", b.String())
	}
	d := diff.Compare(flow("a"), flow("b"))
	marks := map[diff.Mark]int{}
	for _, n := range d.Nodes {
		marks[n.Mark]++
	}
	if marks[diff.Renamed] != 300 || marks[diff.Same] != 1 {
		t.Errorf("%v", marks)
	}
}
