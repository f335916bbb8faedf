// Package flowtest runs little flows in the tests of packs, the way a user does:
// from a text, in a folder with files.
package flowtest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A Setup is one way to run a flow. The zero value is that of `flowrun run`.
type Setup struct {
	Workers, Batch, Capacity int
	Serial                   bool
	Packs                    []nodes.Decl // kinds beside those of std
}

func (s Setup) String() string {
	if s.Serial {
		return "serial"
	}
	return fmt.Sprintf("workers %d, batch %d, capacity %d", s.Workers, s.Batch, s.Capacity)
}

// Setups are those under which output must be the same.
func Setups() []Setup {
	setups := []Setup{{Serial: true}}
	for _, workers := range []int{1, 2, 7} {
		for _, batch := range []int{1, 3, 1024} {
			for _, capacity := range []int{1, 16, 4096} {
				setups = append(setups, Setup{Workers: workers, Batch: batch, Capacity: capacity})
			}
		}
	}
	return setups
}

// A Result is what a flow has done.
type Result struct {
	Dir    string
	Stdout string
	Log    string
	Err    error
	Report metrics.Report
}

// File gives a file that the flow has written, "" if it has not.
func (r Result) File(name string) string {
	if name == "-" {
		return r.Stdout
	}
	text, err := os.ReadFile(filepath.Join(r.Dir, name))
	if err != nil {
		return ""
	}
	return string(text)
}

// Load compiles a flow in a new folder with the files.
func Load(t testing.TB, flow string, files map[string]string, packs ...nodes.Decl) (*graph.Flow, diag.List) {
	t.Helper()
	f, list, _ := load(t, flow, files, packs)
	return f, list
}

func load(t testing.TB, flow string, files map[string]string, packs []nodes.Decl) (*graph.Flow, diag.List, *nodes.Registry) {
	t.Helper()
	registry, err := nodes.NewRegistry(std.Nodes, packs)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, list := graph.Load(diag.NewSource(filepath.Join(dir, "flow.yaml"), []byte(flow)), registry, graph.Options{})
	return f, list, registry
}

// Run compiles and runs a flow. Problems of the text fail the test. Released memory
// is made unreadable, so that whoever keeps what is not his shows it.
func Run(t testing.TB, flow string, files map[string]string, setup Setup) Result {
	t.Helper()
	record.Poison(true)
	t.Cleanup(func() { record.Poison(false) })
	f, list, registry := load(t, flow, files, setup.Packs)
	if err := list.Err(); err != nil {
		t.Fatalf("%s", Printed(list))
	}
	if setup.Capacity > 0 {
		for _, e := range f.Edges {
			e.Contract.Capacity = setup.Capacity
		}
	}
	var stdout, log bytes.Buffer
	run, err := scheduler.New(f, registry, scheduler.Options{
		Workers: setup.Workers, Batch: setup.Batch, Serial: setup.Serial, Stdin: strings.NewReader(""), Stdout: &stdout,
		Log: slog.New(slog.NewJSONHandler(&log, nil)), SpillDir: t.TempDir(),
	})
	if err != nil {
		return Result{Dir: f.Dir, Err: err}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	report, err := run.Run(ctx)
	if wrong := report.Balance(); err == nil && len(wrong) > 0 {
		t.Errorf("%s: the books: %v", setup, wrong)
	}
	return Result{Dir: f.Dir, Stdout: stdout.String(), Log: log.String(), Err: err, Report: report}
}

// Printed gives problems as a user sees them.
func Printed(list diag.List) string {
	var b strings.Builder
	if err := diag.Print(&b, list, diag.Style{}); err != nil {
		return err.Error()
	}
	return b.String()
}

// Few are setups that differ as much as can be.
func Few() []Setup {
	return []Setup{{Serial: true}, {Workers: 1, Batch: 1, Capacity: 1}, {Workers: 2, Batch: 3, Capacity: 16}, {Workers: 7, Batch: 1, Capacity: 3}, {Workers: 7}}
}

// Check runs a flow in a few setups and compares what it writes.
func Check(t testing.TB, flow string, files, want map[string]string) {
	t.Helper()
	for _, setup := range Few() {
		r := Run(t, flow, files, setup)
		if r.Err != nil {
			t.Fatalf("%s: %v", setup, r.Err)
		}
		for name, text := range want {
			if got := r.File(name); got != text {
				t.Fatalf("%s: %s is\n%s\nwant\n%s", setup, name, got, text)
			}
		}
	}
}

// One is a flow of one node of a kind, which reads in.jsonl, of a type, and writes
// standard output: the usual test.
func One(typ, kind, with string) string {
	return fmt.Sprintf(`flow: one
types: {Item: %s}
nodes:
  in:  {use: file.read, with: {path: in.jsonl, as: Item}}
  one: {use: %s, in: in, with: %s}
  out: {use: file.write, in: one, with: {path: "-", format: jsonl}}
`, typ, kind, with)
}

// CheckOne checks One: input and output are lines of JSON.
func CheckOne(t testing.TB, typ, kind, with, in, want string) {
	t.Helper()
	Check(t, One(typ, kind, with), map[string]string{"in.jsonl": in}, map[string]string{"-": want})
}

// Refuse expects problems, given by parts of how they are printed.
func Refuse(t testing.TB, flow string, files map[string]string, want ...string) {
	t.Helper()
	_, list := Load(t, flow, files)
	printed := Printed(list)
	for _, w := range want {
		if !strings.Contains(printed, w) {
			t.Errorf("no word of %q in\n%s", w, printed)
		}
	}
	if !list.HasErrors() {
		t.Errorf("no problem was found:\n%s", printed)
	}
}
