package file_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// A failer passes rows on, and fails at one of them once it may.
type failer struct {
	At  int64 `yaml:"at" doc:"The row."`
	may func()
}

func (k *failer) Map(_ context.Context, x stopRow) (stopRow, error) {
	if x.A == k.At {
		if k.may != nil {
			k.may()
		}
		return x, errors.New("it is that row")
	}
	return x, nil
}

// breaking lets the flows of a world use the kind break.
func (w world) breaking() world {
	w.packs = append(w.packs, nodes.Map("break", "Fails.", &failer{}))
	return w
}

func failFlow(at int, write string) string {
	return fmt.Sprintf(`flow: failed
nodes:
  r: {use: file.read, with: {path: rows.jsonl, as: {a: int, b: string}}}
  f: {use: break, in: r, with: {at: %d}}
  w: {use: file.write, in: f, with: {%s}}
`, at, write)
}

func nodeOf(r *nodetest.Report, id string) *nodetest.NodeReport {
	for i := range r.Nodes {
		if r.Nodes[i].ID == id {
			return &r.Nodes[i]
		}
	}
	return nil
}

// A run that fails adds what has come to the files that it adds to, and says that it has; a
// file that is written as a whole stays as it was, and its rows are counted.
func TestWhatIsKeptOfARunThatFails(t *testing.T) {
	rows := numberedRows(0, manyRows)
	for _, write := range []string{"path: old.jsonl, append: true", "path: old.jsonl.gz, append: true", "path: old.csv, append: true",
		"path: old-*.jsonl, split: b, append: true", "path: old.jsonl", "path: old.jsonl, append: true, rotate: {bytes: 1MB}"} {
		for _, setup := range setups {
			t.Run(fmt.Sprintf("%s, %d workers", write, setup.workers), func(t *testing.T) {
				w := world{dir: t.TempDir(), workers: setup.workers, serial: setup.serial}.breaking()
				w.put(t, "rows.jsonl", rows)
				for name, text := range oldFiles {
					w.put(t, name, packed(t, packing(name), text))
				}
				o := w.run(t, failFlow(manyRows/2, write))
				if o.Err == nil || o.Report.Outcome != "failed" {
					t.Fatalf("%s %s", o.Report.Outcome, o.Told())
				}
				n := nodeOf(&o.Report, "w")
				there := int64(0)
				for _, name := range w.names(t) {
					if strings.HasPrefix(name, "old") {
						there += int64(strings.Count(unpacked(t, packing(name), w.file(name)), "\n"))
					}
					if strings.Contains(name, ".flowrun-") {
						t.Errorf("it leaves %s", name)
					}
				}
				there -= 4 // that were there, with the head of the csv file
				if strings.Contains(write, "append") == (n.NotKept > 0) || there != n.Used-n.NotKept || n.Used == 0 {
					t.Errorf("of %d rows %d were not kept, and %d are there", n.Used, n.NotKept, there)
				}
			})
		}
	}
}

// Where writing is what failed, nothing is added that ends in half a row.
func TestNothingIsKeptOfAFileThatCannotBeWritten(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "rows.jsonl", numberedRows(0, 1000))
	w.put(t, "out.jsonl", "old\n")
	k := &failer{At: 999, may: func() {
		os.RemoveAll(filepath.Join(w.dir, "out.jsonl"))
		os.Mkdir(filepath.Join(w.dir, "out.jsonl"), 0o777)
	}}
	w.packs = append(w.packs, nodes.Map("break", "Fails.", k))
	o := w.run(t, failFlow(999, "path: out.jsonl, append: true"))
	if n := nodeOf(&o.Report, "w"); o.Err == nil || !strings.Contains(o.Err.Error(), "it is that row") || n.NotKept != n.Used {
		t.Errorf("%s: of %d rows %d were not kept", o.Told(), n.Used, n.NotKept)
	}
	for _, name := range w.names(t) {
		if strings.Contains(name, ".flowrun-") {
			t.Errorf("it leaves %s", name)
		}
	}
}
