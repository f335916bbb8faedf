package file_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// manyRows are more than a run has in its hands at once.
const manyRows = 150_000

// stopRow is what a stopper sees of a row.
type stopRow struct {
	A int64
	B string
}

// A stopper passes rows on, and stops the run at one of them.
type stopper struct {
	At   int64 `yaml:"at" doc:"The row."`
	stop *atomic.Pointer[func()]
}

func (k *stopper) Map(_ context.Context, x stopRow) (stopRow, error) {
	if x.A == k.At {
		(*k.stop.Load())()
	}
	return x, nil
}

// stopping lets the flows of a world use the kind stop.
func (w world) stopping() world {
	k := &stopper{stop: new(atomic.Pointer[func()])}
	w.packs = append(w.packs, nodes.Map("stop", "Stops the run.", k))
	w.begun = func(stop func()) { k.stop.Store(&stop) }
	return w
}

// numberedRows gives rows with a from..to-1, as lines of JSON.
func numberedRows(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "{\"a\":%d,\"b\":\"v%d\"}\n", i, i%3)
	}
	return b.String()
}

// stopFlow reads with the given settings, stops at row 100 and writes.
func stopFlow(read, write string) string {
	return fmt.Sprintf(`flow: stopped
nodes:
  r: {use: file.read, with: {%s, as: {a: int, b: string}}}
  s: {use: stop, in: {from: r, capacity: 1000}, with: {at: 100}}
  w: {use: file.write, in: s, with: {%s}}
`, read, write)
}

// untouched expects a run that was cut short and has left the files as they were.
func (w world) untouched(t *testing.T, what string, o nodetest.Result, before map[string]string, unwritten ...string) {
	t.Helper()
	if o.Err != nodetest.ErrStopped || o.Report.Outcome != "stopped" {
		t.Errorf("%s: %s %s", what, o.Report.Outcome, o.Told())
	}
	w.holds(t, what, before)
	if len(o.Report.Files) > 0 || strings.Join(o.Report.Unwritten, " ") != strings.Join(unwritten, " ") {
		t.Errorf("%s: it says that it wrote %q and not %q, want %q", what, o.Report.Files, o.Report.Unwritten, unwritten)
	}
}

// files reads the whole folder.
func (w world) files(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range w.names(t) {
		all[name] = w.file(name)
	}
	return all
}

func (w world) holds(t *testing.T, what string, want map[string]string) {
	t.Helper()
	got := w.files(t)
	for name, text := range got {
		if before, was := want[name]; !was || before != text {
			t.Errorf("%s: %s has %d bytes, want %d", what, name, len(text), len(before))
		}
	}
	if len(got) < len(want) {
		t.Errorf("%s: of %d files there are %q", what, len(want), w.names(t))
	}
}

// A run that was stopped while it read files leaves those that it was to write as they were,
// in every way to write, but adds what it has to those that it was to add to. With Partial
// it writes what it has to all: whole rows, in their order.
func TestStopOfFiles(t *testing.T) {
	rows := numberedRows(0, manyRows)
	from := world{dir: t.TempDir()}
	from.put(t, "rows.jsonl", rows)
	from.put(t, "rows.jsonl.gz", packed(t, "gzip", rows))
	for _, c := range []stopOfFiles{
		{"rows.jsonl", "path: new/folder/out.jsonl", []string{"new/folder/out.jsonl"}},
		{"rows.jsonl", "path: old.jsonl", []string{"old.jsonl"}},
		{"rows.jsonl.gz", "path: old.jsonl", []string{"old.jsonl"}},
		{"rows*.jsonl", "path: old.jsonl.gz", []string{"old.jsonl.gz"}},
		{"rows.jsonl", "path: old.jsonl, append: true", []string{"old.jsonl"}},
		{"rows.jsonl", "path: old.csv, append: true", []string{"old.csv"}},
		{"rows.jsonl", "path: old.jsonl.gz, append: true", []string{"old.jsonl.gz"}},
		{"rows.jsonl", "path: none.jsonl, append: true", []string{"none.jsonl"}},
		{"rows.jsonl", "path: 'by/*.jsonl', split: b", []string{"by/v0.jsonl", "by/v1.jsonl", "by/v2.jsonl"}},
		{"rows.jsonl", "path: old.json", []string{"old.json"}},
	} {
		for _, setup := range setups {
			t.Run(fmt.Sprintf("%s, %s, %d workers", c.read, c.write, setup.workers), func(t *testing.T) {
				w := world{dir: t.TempDir(), workers: setup.workers, serial: setup.serial}.stopping()
				for name, text := range oldFiles {
					w.put(t, name, packed(t, packing(name), text))
				}
				c.run(t, w, stopFlow("path: "+filepath.Join(from.dir, c.read), c.write), rows)
			})
		}
	}
}

// A stopOfFiles is a flow that is stopped while it reads.
type stopOfFiles struct {
	read, write string
	unwritten   []string
}

// oldFiles are there before, some of them packed.
var oldFiles = map[string]string{
	"old.jsonl": "{\"a\":7,\"b\":\"old\"}\n", "old.csv": "a,b\n7,old\n", "old.jsonl.gz": "{\"a\":7,\"b\":\"old\"}\n", "by/v0.jsonl": "old\n",
}

func packing(name string) string {
	if strings.HasSuffix(name, ".gz") {
		return "gzip"
	}
	return ""
}

func (c stopOfFiles) run(t *testing.T, w world, flow, rows string) {
	t.Helper()
	var unwritten []string
	for _, name := range c.unwritten {
		unwritten = append(unwritten, nodes.ShortPath(filepath.Join(w.dir, name)))
	}
	before := w.files(t)
	if strings.Contains(c.write, "append") {
		c.partly(t, w, "added", w.run(t, flow), rows, before, unwritten)
		os.Remove(filepath.Join(w.dir, c.unwritten[0]))
		for name, text := range before {
			w.put(t, name, text)
		}
	} else {
		w.untouched(t, "whole", w.run(t, flow), before, unwritten...)
	}
	w.partial = true
	c.partly(t, w, "partial", w.run(t, flow), rows, before, unwritten)
}

// partly expects a part of the rows in the files, and all that was processed.
func (c stopOfFiles) partly(t *testing.T, w world, what string, o nodetest.Result, rows string, before map[string]string, unwritten []string) {
	t.Helper()
	if o.Err != nodetest.ErrStopped || o.Report.Outcome != "stopped" || len(o.Report.Unwritten) > 0 || !slices.Equal(o.Report.Files, unwritten) {
		t.Errorf("%s: %s %s, it says that it wrote %q and not %q", what, o.Report.Outcome, o.Told(), o.Report.Files, o.Report.Unwritten)
	}
	name := c.unwritten[0]
	got := unpacked(t, packing(name), w.file(name))
	if strings.Contains(c.write, "append") {
		var was bool
		if got, was = strings.CutPrefix(got, oldFiles[name]); !was {
			t.Errorf("%s: the old rows are gone: %.100q", what, got)
		}
	}
	n := strings.Count(got, "\n")
	if strings.Contains(c.write, "split") {
		n *= 3
	}
	if n <= 100 || n >= manyRows-3 || !strings.HasPrefix(c.whole(rows), strings.TrimSuffix(got, "\n]\n")) {
		t.Errorf("%s: %d rows, %.100q ... %.100q", what, n, got, got[max(0, len(got)-100):])
	}
	if names := w.names(t); len(names) > len(before)+len(unwritten) || slices.ContainsFunc(names, func(s string) bool { return strings.Contains(s, ".flowrun-") }) {
		t.Errorf("%s: there are %q", what, names)
	}
	for i := range o.Report.Nodes {
		if n := &o.Report.Nodes[i]; n.ID == "w" && (n.NotKept != 0 || n.In != int64(n.Used)) {
			t.Errorf("%s: of %d rows %d were not kept", what, n.In, n.NotKept)
		}
	}
}

// whole is what a run that is not stopped writes to the first of its files.
func (c stopOfFiles) whole(rows string) string {
	switch {
	case strings.Contains(c.write, "split"):
		var b strings.Builder
		for line := range strings.Lines(rows) {
			if strings.Contains(line, "v0") {
				b.WriteString(line)
			}
		}
		return b.String()
	case strings.Contains(c.write, ".csv"):
		return strings.NewReplacer(`{"a":`, "", `"b":"`, "", `"}`, "").Replace(rows)
	case strings.HasSuffix(c.write, ".json"):
		return "[\n" + strings.ReplaceAll(rows, "\n", ",\n")
	}
	return rows
}

// A file whose rows were all read is a whole one, although nobody had found its end when
// the run was stopped; so are several, but not if one of them was not read at all.
func TestStopAtTheEndOfFiles(t *testing.T) {
	for _, c := range []struct {
		files int
		whole bool
	}{{1, true}, {3, true}, {60, false}} {
		for _, setup := range setups {
			what := fmt.Sprintf("%d files, %d workers", c.files, setup.workers)
			w := world{dir: t.TempDir(), workers: setup.workers, serial: setup.serial}.stopping()
			all := ""
			for i := range c.files {
				rows := numberedRows(1500*i, 1500*(i+1)) // more than an edge takes at once
				w.put(t, fmt.Sprintf("in/%03d.jsonl", i), rows)
				all += rows
			}
			w.put(t, "out.jsonl", "old\n")
			before := w.files(t)
			// It is stopped in the last file of few, and long before that of many.
			flow := strings.Replace(stopFlow("path: 'in/*.jsonl'", "path: out.jsonl"), "at: 100", fmt.Sprintf("at: %d", 1500*(min(c.files, 3)-1)+100), 1)
			o := w.run(t, flow)
			if !c.whole {
				w.untouched(t, what, o, before, nodes.ShortPath(filepath.Join(w.dir, "out.jsonl")))
				continue
			}
			if o.Err != nil || o.Report.Outcome != "done" || w.file("out.jsonl") != all {
				t.Errorf("%s: %s %s, %d bytes of %d", what, o.Report.Outcome, o.Told(), len(w.file("out.jsonl")), len(all))
			}
		}
	}
}

// Standard input has an end if it is a file or a text, and none if it is a pipe: then to
// be stopped is the end of it, and what has come is written.
func TestStopOfStandardInput(t *testing.T) {
	rows := numberedRows(0, manyRows)
	for _, what := range []string{"text", "file", "pipe"} {
		for _, setup := range setups {
			w := world{dir: t.TempDir(), workers: setup.workers, serial: setup.serial}.stopping()
			w.put(t, "rows.jsonl", rows)
			w.put(t, "out.jsonl", "old\n")
			before := w.files(t)
			done := make(chan struct{})
			switch what {
			case "text":
				w.stdin = strings.NewReader(rows)
				close(done)
			case "file":
				f, err := os.Open(filepath.Join(w.dir, "rows.jsonl"))
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				w.stdin = f
				close(done)
			case "pipe":
				r, feed := io.Pipe()
				w.stdin = r
				go func() { defer close(done); io.WriteString(feed, rows) }()
				defer func() { r.Close(); <-done }()
			}
			o := w.run(t, stopFlow(`path: "-", format: jsonl`, "path: out.jsonl"))
			name := nodes.ShortPath(filepath.Join(w.dir, "out.jsonl"))
			if what != "pipe" {
				w.untouched(t, what, o, before, name)
				continue
			}
			got := w.file("out.jsonl")
			if o.Err != nil || o.Report.Outcome != "done" || !strings.HasPrefix(rows, got) || strings.Count(got, "\n") <= 100 || !slices.Equal(o.Report.Files, []string{name}) {
				t.Errorf("%s: %s %s, %d bytes, it says that it wrote %q", what, o.Report.Outcome, o.Told(), len(got), o.Report.Files)
			}
			if got := strings.Join(w.names(t), " "); got != "out.jsonl rows.jsonl" {
				t.Errorf("%s: there are %s", what, got)
			}
		}
	}
}

// With Discard nothing gets a name, also where the stop is no error.
func TestStopDiscards(t *testing.T) {
	for _, write := range []string{"path: out.jsonl", "path: out.jsonl, append: true"} {
		r, feed := io.Pipe()
		done := make(chan struct{})
		go func() { defer close(done); io.WriteString(feed, numberedRows(0, manyRows)) }()
		w := world{dir: t.TempDir(), stdin: r, discard: true}.stopping()
		w.put(t, "out.jsonl", "old\n")
		o := w.run(t, stopFlow(`path: "-", format: jsonl`, write))
		if o.Err != nil || o.Report.Outcome != "done" || len(o.Report.Files) > 0 || len(o.Report.Unwritten) != 1 {
			t.Errorf("%s: %s %s, it says that it wrote %q and not %q", write, o.Report.Outcome, o.Told(), o.Report.Files, o.Report.Unwritten)
		}
		w.holds(t, write, map[string]string{"out.jsonl": "old\n"})
		r.Close()
		<-done
	}
}

// One source that was cut short is enough: nothing is written, although the other one has
// no end.
func TestStopOfTwoSources(t *testing.T) {
	r, feed := io.Pipe()
	done := make(chan struct{})
	go func() { defer close(done); io.WriteString(feed, numberedRows(manyRows, manyRows+10)) }()
	w := world{dir: t.TempDir(), stdin: r}.stopping()
	w.put(t, "rows.jsonl", numberedRows(0, manyRows))
	before := w.files(t)
	o := w.run(t, stopFlow("path: rows.jsonl", "path: out.jsonl")+`
  i: {use: file.read, with: {path: "-", format: jsonl, as: {a: int, b: string}}}
  o: {use: file.write, in: i, with: {path: other.jsonl}}
`)
	w.untouched(t, "two", o, before, nodes.ShortPath(filepath.Join(w.dir, "out.jsonl")), nodes.ShortPath(filepath.Join(w.dir, "other.jsonl")))
	r.Close()
	<-done
}

// After a stop nothing leaves a file.read faster than its rate. What a file has left does not
// leave at all; what a pipe has given all does.
func TestStopHoldsTheRateOfFiles(t *testing.T) {
	rows := numberedRows(0, 40)
	for _, partial := range []bool{false, true} {
		for _, setup := range setups {
			synctest.Test(t, func(t *testing.T) {
				w := world{dir: t.TempDir(), workers: setup.workers, serial: setup.serial, partial: partial}
				w.begun = func(stop func()) { time.AfterFunc(1050*time.Millisecond, stop) }
				w.put(t, "rows.jsonl", rows)
				before := w.files(t)
				o := w.run(t, rateFlow("rows.jsonl"))
				if o.Report.Took != 1050*time.Millisecond {
					t.Errorf("a file: it took %s", o.Report.Took)
				}
				if !partial {
					w.untouched(t, "a file", o, before, nodes.ShortPath(filepath.Join(w.dir, "out.jsonl")))
				} else if want := numberedRows(0, 11); o.Err != nodetest.ErrStopped || w.file("out.jsonl") != want {
					t.Errorf("a file, partial: %s, %q", o.Told(), w.file("out.jsonl"))
				}

				r, feed := io.Pipe()
				defer feed.Close()
				w.stdin = r
				go io.WriteString(feed, rows)
				o = w.run(t, rateFlow(`"-", format: jsonl`))
				if o.Err != nil || o.Report.Outcome != "done" || o.Report.Took != 3900*time.Millisecond || w.file("out.jsonl") != rows {
					t.Errorf("a pipe: %s after %s: %s, %q", o.Report.Outcome, o.Report.Took, o.Told(), w.file("out.jsonl"))
				}
			})
		}
	}
}

func rateFlow(path string) string {
	return `flow: slow
nodes:
  r: {use: file.read, with: {path: ` + path + `, as: {a: int, b: string}}, rate: 10/s}
  w: {use: file.write, in: r, with: {path: out.jsonl}}
`
}
