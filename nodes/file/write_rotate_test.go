package file_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// rotated gives what numbered files have, one after the other, without their heads.
func (w world) rotated(t *testing.T, format, head string) (text string, files int) {
	t.Helper()
	for files = 0; ; files++ {
		part := w.file(fmt.Sprintf(format, files+1))
		if part == "" {
			return text, files
		}
		if strings.HasSuffix(format, ".gz") {
			part = unpacked(t, "gzip", part)
		}
		rest, ok := strings.CutPrefix(part, head)
		if !ok || rest == "" {
			t.Fatalf("%s is\n%.200s", fmt.Sprintf(format, files+1), part)
		}
		text += rest
	}
}

// Files end with the batch that makes them large enough, and all rows are in them, in order.
// A second run begins behind the last file, or goes on with it if it adds.
func TestRotateByBytes(t *testing.T) {
	rows := numberedRows(0, 8_000)
	var cells strings.Builder
	for i := range 8_000 {
		fmt.Fprintf(&cells, "%d,v%d\n", i, i%3)
	}
	for _, c := range []struct{ path, more, format, head, want string }{
		{"out/a.jsonl", "", "out/a-%06d.jsonl", "", rows},
		{"out/a.csv", "", "out/a-%06d.csv", "a,b\n", cells.String()},
		{"a.jsonl.gz", "", "a-%06d.jsonl.gz", "", rows},
		{"a.csv", ", append: true", "a-%06d.csv", "a,b\n", cells.String()},
		{"a.jsonl.gz", ", append: true", "a-%06d.jsonl.gz", "", rows},
	} {
		for _, setup := range setups {
			w := world{dir: t.TempDir(), workers: setup.workers, serial: setup.serial}
			w.put(t, "rows.jsonl", rows)
			size := "20kB"
			if strings.HasSuffix(c.path, ".gz") {
				size = "1kB"
			}
			flow := copyFlow("path: rows.jsonl, as: {a: int, b: string}", "path: "+c.path+", rotate: {bytes: "+size+"}"+c.more)
			o := w.run(t, flow)
			if o.Err != nil {
				t.Fatal(o.Told())
			}
			text, files := w.rotated(t, c.format, c.head)
			if text != c.want || files < 2 || len(o.Report.Files) != files || len(w.names(t)) != files+1 {
				t.Errorf("%s: %d files, %d bytes; the report tells of %d, there are %q", c.path, files, len(text), len(o.Report.Files), w.names(t))
			}
			if o = w.run(t, flow); o.Err != nil {
				t.Fatal(o.Told())
			}
			if text, files2 := w.rotated(t, c.format, c.head); text != c.want+c.want || files2 > 2*files+1 {
				t.Errorf("%s, the second time: %d files, %d bytes", c.path, files2, len(text))
			}
		}
	}
	w := world{dir: t.TempDir()}
	w.put(t, "rows.jsonl", rows)
	o := w.run(t, copyFlow("path: rows.jsonl, as: {a: int, b: string}", "path: 'by/*.json', split: b, rotate: {bytes: 10kB}"))
	if o.Err != nil {
		t.Fatal(o.Told())
	}
	w.reads(t, "path: 'by/v1-*.json', as: {a: int}", func() string {
		var b strings.Builder
		for i := 1; i < 8_000; i += 3 {
			fmt.Fprintf(&b, "{\"a\":%d}\n", i)
		}
		return b.String()
	}())
	w.refused(t, copyFlow("path: rows.jsonl", "path: '-', format: jsonl, rotate: {bytes: 1kB}"), "no name that rotate could number")
	for _, nothing := range []string{"{}", "{bytes: 0}", "{every: 0s}"} {
		w.refused(t, copyFlow("path: rows.jsonl", "path: a.jsonl, rotate: "+nothing), "")
	}
	w.refused(t, copyFlow("path: rows.jsonl", "path: a.jsonl, rotate: {}"), "write rotate: {bytes: 100MB} or rotate: {every: 1h}")
}

// A flow that fails keeps the files that were complete, whole, and nothing of the last one.
func TestRotateFailed(t *testing.T) {
	w := world{dir: t.TempDir()}
	rows := numberedRows(0, 100_000)
	w.put(t, "rows.jsonl", rows+"not JSON\n")
	o := w.run(t, copyFlow("path: rows.jsonl, as: {a: int, b: string}", "path: a.jsonl, rotate: {bytes: 100kB}"))
	if o.Err == nil {
		t.Fatal("it did not fail")
	}
	text, files := w.rotated(t, "a-%06d.jsonl", "")
	if files == 0 || !strings.HasPrefix(rows, text) || len(w.names(t)) != files+1 {
		t.Errorf("%d files, %d bytes, there are %q", files, len(text), w.names(t))
	}
}

// Files end when they have had their time, in a flow without an end as well; while nothing
// comes, none is begun.
func TestRotateByTime(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := world{dir: dir}
		w.packs = append(w.packs, nodes.Read("pulse", "Gives a row at 0, 1, 2 and 30 s.", &pulse{}))
		early := make(chan []string, 1)
		w.begun = func(stop func()) {
			time.AfterFunc(20*time.Second, func() { early <- w.names(t) })
			time.AfterFunc(time.Minute, stop)
		}
		o := w.run(t, `
flow: f
nodes:
  p: {use: pulse}
  w: {use: file.write, in: p, with: {path: a.jsonl, rotate: {every: 1500ms}}}
`)
		if o.Err != nil || o.Report.Outcome != "done" {
			t.Fatal(o.Told())
		}
		names := <-early
		text, files := w.rotated(t, "a-%06d.jsonl", "")
		if files != 3 || text != "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n{\"n\":30}\n" || len(names) != 2 {
			t.Errorf("%d files:\n%s; after 20 s there were %q\n%s", files, text, names, o.Told())
		}
	})
}

type pulse struct{}

type beat struct{ N int64 }

func (*pulse) Read(ctx context.Context, emit func(beat) error) error {
	last := int64(0)
	for _, n := range []int64{0, 1, 2, 30} {
		select {
		case <-time.After(time.Duration(n-last) * time.Second):
		case <-ctx.Done():
			return nil
		}
		if last = n; emit(beat{n}) != nil {
			return nil
		}
	}
	<-ctx.Done()
	return nil
}
