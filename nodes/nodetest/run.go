package nodetest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// Stdio is the name of standard input among the files of a flow, and of standard
// output among its outputs.
const Stdio = "-"

// A Setup is one way to run a flow. The zero value is that of `flowrun run`.
type Setup struct {
	Workers  int // of nodes for which the flow does not say
	Batch    int // items in a piece of work, at most
	Capacity int // of every edge
	Serial   bool
}

func (s Setup) String() string {
	if s.Serial {
		return "serial"
	}
	return fmt.Sprintf("workers %d, batch %d, capacity %d", s.Workers, s.Batch, s.Capacity)
}

// Setups are those under which outputs must be the same. The first one is the
// serial run, which is the oracle for the others.
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

// A Result is what came of a flow.
type Result struct {
	Problems diag.List // of the text; with errors among them nothing was run
	Report   metrics.Report
	Err      error             // of the run, or that of Problems
	Outputs  map[string]string // text by path; files that were there and did not change are not in it
}

// Run runs the text of a flow in a new folder with the given files and gives its
// outputs. Whatever goes wrong fails the test.
func Run(t testing.TB, registry *nodes.Registry, flow string, files map[string]string) map[string]string {
	t.Helper()
	r := Try(t, registry, flow, files, Setup{})
	if r.Err != nil {
		t.Fatal(r.explain())
	}
	return r.Outputs
}

// Try is Run under a setup, for flows that may fail: it fails the test only if
// the folder cannot be used.
func Try(t testing.TB, registry *nodes.Registry, flow string, files map[string]string, setup Setup) Result {
	t.Helper()
	e := newTrial(t, registry, flow, files)
	return e.run(t.Context(), setup, registry, nil)
}

// explain gives what went wrong as a user sees it.
func (r Result) explain() string {
	if r.Err == nil || r.Problems.HasErrors() {
		var b strings.Builder
		diag.Print(&b, r.Problems, diag.Style{})
		return b.String()
	}
	return r.Err.Error()
}

// A trial is a flow in a folder of its own, about to run once.
type trial struct {
	t        testing.TB
	dir      string
	files    map[string]string
	stdin    standardInput
	flow     *graph.Flow
	problems diag.List
}

// standardInput is a text, and so has an end, which the flow can see.
type standardInput struct {
	*bufio.Reader
	all *strings.Reader
}

// Len is how much was not read yet.
func (s standardInput) Len() int { return s.all.Len() }

func newStandardInput(text string) standardInput {
	all := strings.NewReader(text)
	return standardInput{bufio.NewReader(all), all}
}

// newTrial writes the files and compiles the flow.
func newTrial(t testing.TB, registry *nodes.Registry, flow string, files map[string]string) *trial {
	t.Helper()
	e := &trial{t: t, dir: t.TempDir(), files: files, stdin: newStandardInput(files[Stdio])}
	for name, text := range files {
		if name == Stdio {
			continue
		}
		path := filepath.Join(e.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e.flow, e.problems = graph.Load(diag.NewSource(filepath.Join(e.dir, "flow.yaml"), []byte(flow)), registry, graph.Options{Stdin: e.stdin.Reader})
	return e
}

// run runs the flow. begun, if not nil, gets the run before it starts.
func (e *trial) run(ctx context.Context, setup Setup, operators scheduler.Operators, begun func(*scheduler.Run)) Result {
	e.t.Helper()
	if err := e.problems.Err(); err != nil {
		return Result{Problems: e.problems, Err: err}
	}
	if setup.Capacity > 0 {
		for _, edge := range e.flow.Edges {
			edge.Contract.Capacity = setup.Capacity
		}
	}
	var stdout bytes.Buffer
	r := Result{Problems: e.problems}
	run, err := scheduler.New(e.flow, operators, scheduler.Options{
		Workers: setup.Workers, Batch: setup.Batch, Serial: setup.Serial,
		Stdin: e.stdin, Stdout: &stdout, SpillDir: e.dir,
	})
	if err != nil {
		r.Err = err
		return r
	}
	if begun != nil {
		begun(run)
	}
	r.Report, r.Err = run.Run(ctx)
	r.Outputs = e.outputs()
	if stdout.Len() > 0 {
		r.Outputs[Stdio] = stdout.String()
	}
	return r
}

// outputs reads the files that are new or changed.
func (e *trial) outputs() map[string]string {
	outputs := map[string]string{}
	err := filepath.WalkDir(e.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(e.dir, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if before, was := e.files[name]; !was || before != string(text) {
			outputs[name] = string(text)
		}
		return nil
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return outputs
}

// removed lists the files that were there before the run and are not any more.
func (e *trial) removed() []string {
	var gone []string
	for name := range e.files {
		if _, err := os.Stat(filepath.Join(e.dir, name)); name != Stdio && err != nil {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	return gone
}
