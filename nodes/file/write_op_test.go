package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// newWriteOp makes and opens the operator of a file.write with some settings.
func newWriteOp(t *testing.T, dir, with string) *writeOp {
	t.Helper()
	registry, err := nodes.NewRegistry(Nodes)
	if err != nil {
		t.Fatal(err)
	}
	putFile(t, dir, "in.jsonl", `{"a":1}`+"\n")
	text := "flow: f\nnodes:\n  r: {use: file.read, with: {path: in.jsonl}}\n  w: {use: file.write, in: r, with: {" + with + "}}\n"
	flow, list := graph.Load(diag.NewSource(filepath.Join(dir, "flow.yaml"), []byte(text)), registry, graph.Options{})
	if list.HasErrors() {
		t.Fatal(printed(list))
	}
	op, err := registry.Operator(flow.Node("w"), &nodes.Env{Node: flow.Node("w"), Flow: flow, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	o := op.(*writeOp)
	if err := o.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return o
}

// put writes records {a: int}.
func (o *writeOp) put(t *testing.T, numbers ...int64) {
	t.Helper()
	b := record.New(types.Record(types.Field{Name: "a", Type: types.Int}))
	defer b.Release()
	b.Rows = len(numbers)
	b.Cols[0].Resize(b.Rows)
	copy(b.Cols[0].Int, numbers)
	w, err := o.NewWorker(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	made, err := w.Work(t.Context(), nodes.Input{Data: b}, &rowLog{})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Process(t.Context(), nodes.Input{Data: b, Made: made}, &rowLog{}); err != nil {
		t.Fatal(err)
	}
}

func textOfFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		return "none"
	}
	if !strings.HasSuffix(path, ".gz") {
		return string(text)
	}
	z, err := gzip.NewReader(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if _, err := z.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A file is complete when it is sealed, whether its input came to its end or not, and
// stands under its name when it is committed, once or twice. Nothing takes it back
// then; until then, nothing is left of it.
func TestWriteCommits(t *testing.T) {
	for _, c := range []struct{ with, path, before, want string }{
		{"path: out.json", "out.json", "none", "[\n{\"a\":1},\n{\"a\":2}\n]\n"},
		{"path: out.csv.gz", "out.csv.gz", "none", "a\n1\n2\n"},
		{"path: 'out*.jsonl', split: a", "out1.jsonl", "none", "{\"a\":1}\n"},
		{"path: out.jsonl, append: true", "out.jsonl", "old\n", "old\n{\"a\":1}\n{\"a\":2}\n"},
	} {
		for _, ends := range []bool{true, false} {
			for _, commits := range []bool{true, false} {
				dir := t.TempDir()
				want := c.want
				if !commits {
					want = c.before
				}
				if c.before != "none" {
					putFile(t, dir, c.path, c.before)
				}
				o := newWriteOp(t, dir, c.with)
				o.put(t, 1)
				o.put(t, 2)
				o.finishRun(t, ends, commits)
				if got := textOfFile(t, filepath.Join(dir, c.path)); got != want {
					t.Errorf("%s, ends: %v, commits: %v: got %q, want %q", c.with, ends, commits, got, want)
				}
				for _, out := range o.outputs() {
					if out.Written != commits {
						t.Errorf("%s, commits: %v: it says %+v", c.with, commits, out)
					}
				}
				if parts, _ := filepath.Glob(filepath.Join(dir, ".*")); len(parts) > 0 {
					t.Errorf("%s: left behind: %v", c.with, parts)
				}
			}
		}
	}
}

// finishRun makes the calls at the end of a run, those that may come twice twice.
func (o *writeOp) finishRun(t *testing.T, ends, commits bool) {
	t.Helper()
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(o.Flush(ctx))
	if ends {
		check(o.End(ctx, nodes.EndedEdge{Last: true}, &rowLog{}))
	}
	check(o.Flush(ctx))
	check(o.Seal(ctx, 1))
	if commits {
		check(o.Commit(ctx, 1))
		check(o.Commit(ctx, 1))
	}
	check(o.Abort(ctx))
	check(o.Abort(ctx))
}
