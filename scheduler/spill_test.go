package scheduler_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// tens is a source of n batches of ten records.
func tens(n int) nodes.Decl {
	return kind("tens", func(*opKind, *nodes.Env) *op {
		return &op{next: numbering(n), process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
			from := 10 * in.Made.(int)
			return out.Emit(0, batchOf(numbered(from, from+10)...))
		}}
	})
}

// slowMerge takes a second for each batch of any of its edges.
var slowMerge = kind("merge", func(*opKind, *nodes.Env) *op {
	return &op{process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
		time.Sleep(time.Second)
		return out.Emit(0, in.Data.Retain())
	}}
}, graph.Port{Name: "in", Any: true, Arity: graph.Many})

// An edge that spills never makes its sender wait, keeps the order, and holds no
// more in memory than its bytes.
func TestSpill(t *testing.T) {
	for _, c := range []struct{ source, bytes string }{
		{"tens", "1KB"}, {"tens", "20KB"}, {"tens", "64MB"}, {"emit, with: {count: 2000}", "1KB"},
	} {
		for _, capacity := range []int{1, 7, 500} {
			virtual(t, func(t *testing.T) {
				tr := try(t, fmt.Sprintf(`
  source: {use: %s}
  slow:   {use: keep, in: {from: source, capacity: %d, bytes: %s, on_full: spill}, with: {delay: 1ms}}
  fast:   {use: keep, in: source}
`, c.source, capacity, c.bytes), scheduler.Options{}, tens(200))
				done := make(chan struct{})
				var files []string
				go func() { defer close(done); tr.succeed() }()
				synctest.Wait()
				if n := len(tr.store.numbers("fast")); n != 2000 {
					t.Errorf("%s, capacity %d: the fast branch waits for the slow one after %d items", c.source, capacity, n)
				}
				files, _ = filepath.Glob(filepath.Join(tr.opts.SpillDir, "*"))
				if len(files) > 0 {
					t.Errorf("a file is left in sight: %q", files)
				}
				<-done
				equal(t, "slow", tr.store.numbers("slow"), upTo(2000))
				if e := edge(t, tr.run.Stats(), "source.out", "slow.in"); e.Spilled == 0 || e.Received != 2000 {
					t.Errorf("spilled %d, received %d", e.Spilled, e.Received)
				}
			})
		}
	}
}

// Records and Go values on one edge keep their order through memory and file.
func TestSpillOfBothForms(t *testing.T) {
	virtual(t, func(t *testing.T) {
		mixed := kind("mixed", func(*opKind, *nodes.Env) *op {
			return &op{next: numbering(100), process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
				i := in.Made.(int)
				items := numbered(10*i, 10*i+10)
				if i%3 == 0 {
					return out.Emit(0, record.Wrap(items))
				}
				return out.Emit(0, batchOf(items...))
			}}
		})
		tr := try(t, `
  source: {use: mixed}
  slow:   {use: keep, in: {from: source, capacity: 1, bytes: 1KB, on_full: spill}, with: {delay: 1s}}
`, scheduler.Options{}, mixed)
		tr.succeed()
		equal(t, "slow", tr.store.numbers("slow"), upTo(1000))
	})
}

// The reader may be faster now and slower then; nothing overtakes.
func TestSpillComesAndGoes(t *testing.T) {
	virtual(t, func(t *testing.T) {
		bursts := kind("bursts", func(*opKind, *nodes.Env) *op {
			return &op{next: numbering(60), process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
				i := in.Made.(int)
				if i%20 == 19 {
					time.Sleep(200 * time.Second) // in which the reader catches up
				}
				return out.Emit(0, batchOf(numbered(10*i, 10*i+10)...))
			}}
		})
		tr := try(t, `
  source: {use: bursts}
  slow:   {use: keep, in: {from: source, capacity: 10, bytes: 1KB, on_full: spill}, with: {delay: 500ms}}
`, scheduler.Options{}, bursts)
		tr.succeed()
		equal(t, "slow", tr.store.numbers("slow"), upTo(600))
	})
}

// A merge reads edges that spill and edges that block side by side.
func TestSpillIntoMany(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  a:    {use: tens}
  b:    {use: emit, with: {count: 500, every: 100ms}}
  c:    {use: emit, with: {count: 300}}
  all:  {use: merge, in: [{from: a, capacity: 5, bytes: 1KB, on_full: spill}, {from: b, on_full: spill, capacity: 3}, {from: c, capacity: 20}]}
  sink: {use: keep, in: all}
`, scheduler.Options{}, tens(100), slowMerge)
		tr.succeed()
		got := tr.store.numbers("sink")
		slices.Sort(got)
		want := slices.Concat(upTo(1000), upTo(500), upTo(300))
		slices.Sort(want)
		equal(t, "sink, sorted", got, want)
	})
}

func TestSpillWithoutDisk(t *testing.T) {
	virtual(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "gone")
		tr := try(t, `
  source: {use: tens}
  slow:   {use: keep, in: {from: source, capacity: 1, bytes: 1KB, on_full: spill}, with: {delay: 1s}}
`, scheduler.Options{SpillDir: dir}, tens(100))
		report, err := tr.execute(context.Background())
		if err == nil || !strings.HasPrefix(err.Error(), "source (tens): ") || !strings.Contains(err.Error(), dir) {
			t.Errorf("got %v, want the node and the folder %s", err, dir)
		}
		balanced(t, report)
	})
}

// What is stored is read back or reported, never lost in silence: here the disk
// takes the file away again. Such a file shows under the descriptors of the process.
func TestSpillDamaged(t *testing.T) {
	const fds = "/proc/self/fd"
	if _, err := os.ReadDir(fds); err != nil {
		t.Skip("no ", fds)
	}
	for _, merged := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			text := `
  source: {use: tens}
  slow:   {use: merge, in: {from: source, capacity: 1, bytes: 1KB, on_full: spill}}
`
			if merged {
				text = `
  source: {use: tens}
  more:   {use: emit, with: {count: 10, every: 10s}}
  slow:   {use: merge, in: [{from: source, capacity: 1, bytes: 1KB, on_full: spill}, more]}
`
			}
			tr := try(t, text, scheduler.Options{}, tens(100), slowMerge)
			time.AfterFunc(5*time.Second, func() {
				entries, _ := os.ReadDir(fds)
				cut := 0
				for _, e := range entries {
					path := filepath.Join(fds, e.Name())
					if target, _ := os.Readlink(path); strings.HasPrefix(target, tr.opts.SpillDir) {
						if err := os.Truncate(path, 100); err != nil {
							t.Error(err)
						}
						cut++
					}
				}
				if cut != 1 {
					t.Errorf("%d overflow files are open", cut)
				}
			})
			_, err := tr.execute(context.Background())
			if err == nil || !strings.Contains(err.Error(), "slow (merge): the overflow of a queue cannot be read back") {
				t.Errorf("got %v", err)
			}
		})
	}
}
