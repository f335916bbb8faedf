//go:build unix

package file_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// A conversation is a run whose standard input and output are pipes; without workers
// it is serial.
type conversation struct {
	in    io.WriteCloser
	out   *bufio.Reader
	ended chan nodetest.Result
	stop  func()
}

func converse(t *testing.T, dir, flow string, workers int) *conversation {
	t.Helper()
	inRead, inWrite := io.Pipe()
	outRead, outWrite := io.Pipe()
	c := &conversation{in: inWrite, out: bufio.NewReader(outRead), ended: make(chan nodetest.Result, 1)}
	w := world{dir: dir, stdin: inRead, stdout: outWrite, workers: workers, serial: workers == 0, begun: func(stop func()) { c.stop = stop }}
	go func() {
		o := w.run(t, flow)
		outWrite.Close()
		c.ended <- o
	}()
	return c
}

// ask writes a text and expects a line for it.
func (c *conversation) ask(t *testing.T, text, want string) {
	t.Helper()
	if _, err := io.WriteString(c.in, text); err != nil {
		t.Fatal(err)
	}
	if got, err := c.out.ReadString('\n'); got != want {
		t.Fatalf("%q gave %q, %v", text, got, err)
	}
}

// A row that comes from standard input goes out before the next one comes.
func TestStdinAnswersAtOnce(t *testing.T) {
	for _, workers := range []int{0, 1, 4} {
		c := converse(t, t.TempDir(), copyFlow(`path: "-", format: csv, as: {a: int}`, `path: "-", format: jsonl`), workers)
		c.ask(t, "a\n1\n", "{\"a\":1}\n")
		c.ask(t, "2\n", "{\"a\":2}\n")
		if _, err := io.WriteString(c.in, "3"); err != nil { // half a row waits
			t.Fatal(err)
		}
		c.ask(t, "3\n4", "{\"a\":33}\n")
		c.in.Close()
		if rest, _ := io.ReadAll(c.out); string(rest) != "{\"a\":4}\n" {
			t.Errorf("the rest is %q", rest)
		}
		if o := <-c.ended; o.Err != nil {
			t.Error(o.Told())
		}
	}
}

// The sample of standard input waits for its first row, not for its header only.
func TestStdinSample(t *testing.T) {
	c := converse(t, t.TempDir(), copyFlow(`path: "-", format: csv`, `path: "-", format: jsonl`), 1)
	for _, text := range []string{"a", ",b\n", "\n", "1,"} {
		if _, err := io.WriteString(c.in, text); err != nil {
			t.Fatal(err)
		}
	}
	c.ask(t, "x\n", "{\"a\":1,\"b\":\"x\"}\n")
	c.in.Close()
	if o := <-c.ended; o.Err != nil {
		t.Error(o.Told())
	}
}

// A run that is stopped does not wait for standard input, which may be silent for
// good: that is the end of it.
func TestStdinStop(t *testing.T) {
	for _, workers := range []int{0, 1, 2} {
		c := converse(t, t.TempDir(), copyFlow(`path: "-", format: jsonl, as: {a: int}`, `path: "-", format: jsonl`), workers)
		c.ask(t, "{\"a\":1}\n", "{\"a\":1}\n")
		c.stop()
		if o := <-c.ended; o.Err != nil || o.Report.Outcome != "done" {
			t.Errorf("%d workers: %s %s", workers, o.Report.Outcome, o.Told())
		}
		c.in.Close()
	}
}

// A pipe in the file system is read as standard input is: not opened before the
// run, and left when the run is stopped.
func TestReadPipe(t *testing.T) {
	w := world{dir: t.TempDir()}
	path := filepath.Join(w.dir, "pipe.jsonl")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	w.refused(t, copyFlow("path: pipe.jsonl", "path: out.jsonl"), "pipe.jsonl cannot be inferred", "declare it")
	rows := strings.Repeat("{\"a\":1}\n", 100_000)
	go func() {
		if f, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil {
			io.WriteString(f, rows)
			f.Close()
		}
	}()
	o := w.run(t, copyFlow("path: pipe.jsonl, as: {a: int}", "path: out.jsonl"))
	if o.Err != nil || w.file("out.jsonl") != rows {
		t.Errorf("%d bytes, %s", len(w.file("out.jsonl")), o.Told())
	}
	if got := o.Report.Nodes[0]; got.Done != int64(len(rows)) || got.Total != 0 {
		t.Errorf("%d of %d bytes", got.Done, got.Total)
	}
	c := converse(t, w.dir, copyFlow("path: pipe.jsonl, as: {a: int}", `path: "-", format: jsonl`), 2)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c.in = f
	c.ask(t, "{\"a\":1}\n", "{\"a\":1}\n")
	c.stop()
	if o := <-c.ended; o.Err != nil || o.Report.Outcome != "done" {
		t.Error(o.Report.Outcome, o.Told())
	}
}

// A reader that goes away ends the node that writes to it, and nothing else.
func TestBrokenPipe(t *testing.T) {
	for _, format := range []string{"jsonl", "csv", "json", "csv, compress: gzip", "csv, compress: zstd"} {
		for _, serial := range []bool{false, true} {
			r, out, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			w := world{dir: t.TempDir(), stdout: out, serial: serial, workers: 2}
			rows := strings.Repeat(someRows, 5_000)
			w.put(t, "rows.jsonl", rows)
			o := w.run(t, fmt.Sprintf(`
flow: two
nodes:
  r: {use: file.read, with: {path: rows.jsonl, as: {a: int, b: string}}}
  one: {use: file.write, in: r, with: {path: "-", format: %s}}
  two: {use: file.write, in: r, with: {path: out.jsonl}}
`, format))
			out.Close()
			if o.Err != nil || w.file("out.jsonl") != rows {
				t.Errorf("%s: %d bytes, %s", format, len(w.file("out.jsonl")), o.Told())
			}
			// Alone, the flow ends early.
			r, out, err = os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			w.stdout = out
			if o := w.run(t, copyFlow("path: rows.jsonl, as: {a: int, b: string}", `path: "-", format: `+format)); o.Err != nil {
				t.Errorf("%s: %s", format, o.Told())
			}
			out.Close()
		}
	}
}

// A full disk is reported with the name of the file; devices are written to as they
// are, and stay.
func TestDevices(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	w := world{dir: t.TempDir()}
	for _, rows := range []string{someRows, strings.Repeat(someRows, 50_000)} {
		w.put(t, "rows.jsonl", rows)
		for _, with := range []string{"path: /dev/full, format: csv", "path: /dev/full, format: csv, compress: gzip", "path: full.csv", "path: full.csv, append: true"} {
			os.Symlink("/dev/full", filepath.Join(w.dir, "full.csv"))
			w.refused(t, writeFlow(with), "/dev/full: no space left on device")
		}
		if o := w.run(t, writeFlow("path: /dev/null, format: csv")); o.Err != nil {
			t.Error(o.Told())
		}
	}
	if info, err := os.Stat("/dev/null"); err != nil || info.Mode().IsRegular() {
		t.Fatal("/dev/null is no device any more")
	}
	if o := w.run(t, copyFlow("path: /dev/null, format: jsonl, as: {a: int}", "path: none.jsonl")); o.Err != nil {
		t.Error(o.Told())
	}
}

// A file that meets the limit of its size in the middle fails, and is removed.
func TestDiskFull(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "rows.jsonl", strings.Repeat(someRows, 900_000))
	w.put(t, "old.csv", "a,b\n")
	limited(t, 6_000_000, func() {
		for _, with := range []string{"path: out.csv", "path: old.csv", "path: old.csv, append: true"} {
			w.refused(t, writeFlow(with), ".csv: file too large")
		}
	})
	if got := strings.Join(w.names(t), " "); got != "old.csv rows.jsonl" || w.file("old.csv") != "a,b\n" {
		t.Errorf("there are %q", got)
	}
}

// limited runs with a limit on the size of files. The test must not be parallel.
func limited(t *testing.T, bytes uint64, run func()) {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Skip(err)
	}
	limit := old
	limit.Cur = bytes
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Skip(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old)
	run()
}
