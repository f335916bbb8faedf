package file_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// kit runs flows with all kinds that come with flowrun.
var kit = nodetest.New(std.Nodes)

// A world is a folder with a flow, and what its standard input and output are.
type world struct {
	dir     string
	stdin   io.Reader
	stdout  io.Writer // nil: kept for the result
	workers int
	serial  bool
	packs   []nodes.Decl
	partial bool
	discard bool
	begun   func(stop func())
}

// put writes a file of the folder.
func (w world) put(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// file reads a file of the folder; "" if it is not there.
func (w world) file(name string) string {
	text, _ := os.ReadFile(filepath.Join(w.dir, name))
	return string(text)
}

// names lists all files of the folder, hidden ones too.
func (w world) names(t testing.TB) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(w.dir, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// run loads and runs a flow as the program does.
func (w world) run(t testing.TB, flow string) nodetest.Result {
	t.Helper()
	more := kit
	if w.packs != nil {
		more = kit.With(w.packs)
	}
	return more.Try(t, flow, nil, nodetest.Setup{
		Dir: w.dir, Workers: w.workers, Serial: w.serial, Partial: w.partial, Discard: w.discard, Stdin: w.stdin, Stdout: w.stdout, Begun: w.begun,
	})
}

// copyFlow reads and writes standard output.
func copyFlow(read, write string) string {
	return fmt.Sprintf("flow: copy\nnodes:\n  r: {use: file.read, with: {%s}}\n  w: {use: file.write, in: r, with: {%s}}\n", read, write)
}

// setups are the ways to run that must all read the same.
var setups = []world{{workers: 1}, {workers: 3}, {serial: true}}

// reads expects what a file.read with some settings gives, as lines of JSON, in all
// setups.
func (w world) reads(t testing.TB, with, want string) {
	t.Helper()
	stdin := ""
	if w.stdin != nil {
		text, _ := io.ReadAll(w.stdin)
		stdin = string(text)
	}
	for _, setup := range setups {
		w.workers, w.serial, w.stdin = setup.workers, setup.serial, strings.NewReader(stdin)
		w.readsOnce(t, with, want)
	}
}

func (w world) readsOnce(t testing.TB, with, want string) {
	t.Helper()
	o := w.run(t, copyFlow(with, `path: "-", format: jsonl`))
	if o.Err != nil || o.Problems.HasErrors() {
		t.Fatalf("%s: %s", with, o.Told())
	}
	if o.Stdout != want {
		t.Fatalf("%s, %d workers: got\n%.2000s\nwant\n%.2000s", with, w.workers, o.Stdout, want)
	}
}

// refused expects that a flow does not run to its end, and what is said of it.
func (w world) refused(t testing.TB, flow string, want ...string) nodetest.Result {
	t.Helper()
	o := w.run(t, flow)
	if o.Err == nil && !o.Problems.HasErrors() {
		t.Errorf("no problem was found:\n%s", o.Told())
	}
	says(t, o.Told(), want...)
	return o
}

func says(t testing.TB, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("no word of %q in\n%s", w, text)
		}
	}
}

func packed(t testing.TB, compress, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch compress {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zstd":
		var err error
		if w, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	default:
		return text
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func unpacked(t testing.TB, compress, text string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(text)
	var err error
	switch compress {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}
