package file_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// A regular file on standard input whose rows were all read is a whole one, as a file
// that the flow opens itself is.
func TestStdinAtItsEnd(t *testing.T) {
	for range 20 {
		w := world{dir: t.TempDir()}.stopping()
		rows := numberedRows(0, 1500)
		w.put(t, "rows.jsonl", rows)
		f, err := os.Open(filepath.Join(w.dir, "rows.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		w.stdin = f
		o := w.run(t, stopFlow(`path: "-", format: jsonl`, "path: out.jsonl"))
		if o.Err != nil || w.file("out.jsonl") != rows {
			t.Fatalf("%s %s, %d bytes", o.Report.Outcome, o.Told(), len(w.file("out.jsonl")))
		}
	}
}

type lateSource struct{}

type lateRow struct{ A int64 }

func (*lateSource) Read(ctx context.Context, emit func(lateRow) error) error {
	<-ctx.Done()
	time.Sleep(time.Second) // closes a connection
	return nil
}

// The same as a user sees it: the outcome is "done", and both files are there.
func TestDoneAndNothingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world{dir: t.TempDir()}.stopping()
		w.packs = append(w.packs, nodes.Read("late", "Lets go late.", &lateSource{}))
		o := w.run(t, `flow: two
nodes:
  l: {use: late}
  d: {use: drop, in: l}
  g: {use: generate, with: {rate: 10, set: {a: n, b: string(n)}}}
  s: {use: stop, in: g, with: {at: 20}}
  w: {use: file.write, in: s, with: {path: out.jsonl}}
`)
		if o.Err != nil || w.file("out.jsonl") == "" || len(o.Report.Unwritten) > 0 {
			t.Errorf("%s %s: %d bytes, unwritten %q", o.Report.Outcome, o.Told(), len(w.file("out.jsonl")), o.Report.Unwritten)
		}
	})
}
