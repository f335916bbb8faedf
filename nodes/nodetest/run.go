package nodetest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
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

// This file runs flows in tests, in files and settings of their own.

// Stdio is the name of standard input among the files of a flow, and of standard
// output among its outputs.
const Stdio = "-"

// ErrStopped is the error of a run that was stopped before its sources had come to their
// end.
var ErrStopped = scheduler.ErrStopped

// Operators make the operators of a run. A registry does.
type Operators = scheduler.Operators

// What a run says of itself, and of each of its nodes.
type (
	Report     = metrics.Report
	NodeReport = metrics.NodeReport
)

// A Setup is one way to run a flow. The zero value is that of `flowrun run`.
type Setup struct {
	Workers  int // of nodes for which the flow does not say
	Batch    int // items in a batch, at most
	Capacity int // of every edge
	Serial   bool

	Partial bool // write the files of a run that is stopped
	Discard bool // write no file, whatever becomes of the run

	Dir    string    // the folder of the flow; "": a new one
	Stdin  io.Reader // nil: the file Stdio
	Stdout io.Writer // nil: the result has it
	Log    io.Writer // if not nil, gets what kinds log while they do; the result has it all the same

	// World, if not nil, plays the peers of the flow, on a network of its own.
	World World

	// Begun, if not nil, is called before the run starts, with a function that stops it.
	Begun func(stop func())

	// Server answers all that the flow asks over the network, without a network: see
	// Answering. nil: the flow is left to the network of the machine.
	Server http.Handler

	// Operators, if not nil, make the operators in place of the registry of the kit.
	Operators Operators
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

// Few are setups that differ as much as can be.
func Few() []Setup {
	return []Setup{{Serial: true}, {Workers: 1, Batch: 1, Capacity: 1}, {Workers: 2, Batch: 3, Capacity: 16}, {Workers: 7, Batch: 1, Capacity: 3}, {Workers: 7}}
}

// A Result is what came of a flow.
type Result struct {
	Problems diag.List // of the text; with errors among them nothing was run
	Report   Report
	Err      error  // of the run, or that of Problems
	Dir      string // the folder of the flow
	Stdout   string
	Log      string // what kinds have logged, as lines of JSON

	fixture *fixture
}

// File reads a file of the folder, "" if it is not there. Stdio is standard output.
func (r Result) File(name string) string {
	if name == Stdio {
		return r.Stdout
	}
	if text, sent := r.server().Sent()[name]; sent {
		return text
	}
	text, err := os.ReadFile(filepath.Join(r.Dir, name))
	if err != nil {
		return ""
	}
	return string(text)
}

// server is the one of the example, an empty one if there is none.
func (r Result) server() *Server {
	if s, ok := r.fixture.server.(*Server); ok {
		return s
	}
	return Answering(nil)
}

// Outputs reads all files that were not given, or are not as they were, and standard
// output, and what was sent to the server of an example.
func (r Result) Outputs() map[string]string {
	outputs := r.fixture.outputs()
	if r.Stdout != "" {
		outputs[Stdio] = r.Stdout
	}
	maps.Copy(outputs, r.server().Sent())
	return outputs
}

// Told is all that the user is told: the problems of the text and the error of the run.
func (r Result) Told() string {
	told := Printed(r.Problems)
	if r.Err != nil && !r.Problems.HasErrors() {
		told += r.Err.Error()
	}
	return told
}

// A fixture is a flow in a folder, about to run once.
type fixture struct {
	t        testing.TB
	dir      string
	spill    string // where edges put their overflow
	files    map[string]string
	stdin    standardInput
	flow     *graph.Flow
	problems diag.List
	world    World        // of the example; nil: it has no peers
	network  *Network     // where the world is
	server   http.Handler // answers all that the flow asks; nil: nobody does
}

// standardInput has an end that the flow can see if what it reads has one.
type standardInput struct {
	*bufio.Reader
	of io.Reader
}

func newStandardInput(r io.Reader) standardInput {
	size := 1 << 20
	switch text := r.(type) {
	case nil:
		return newStandardInput(strings.NewReader(""))
	case *strings.Reader:
		size = min(size, text.Len()+1)
	}
	return standardInput{bufio.NewReaderSize(r, size), r}
}

// Stat describes a file.
func (s standardInput) Stat() (os.FileInfo, error) {
	if f, ok := s.of.(*os.File); ok {
		return f.Stat()
	}
	return nil, errors.ErrUnsupported
}

// Len is how much is left of a text, -1 of anything else.
func (s standardInput) Len() int {
	if text, ok := s.of.(*strings.Reader); ok {
		return text.Len()
	}
	return -1
}

// newFixture writes the files and compiles the flow.
func newFixture(t testing.TB, registry *nodes.Registry, flow string, files map[string]string, setup Setup) *fixture {
	t.Helper()
	if setup.Stdin == nil {
		setup.Stdin = strings.NewReader(files[Stdio])
	}
	e := &fixture{t: t, dir: setup.Dir, files: files, stdin: newStandardInput(setup.Stdin), server: setup.Server}
	if e.dir == "" {
		e.dir = t.TempDir()
	}
	e.spill = e.dir
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

// onNetwork is the network of the flow; nil: that of the system.
func (e *fixture) onNetwork() nodes.Network {
	switch {
	case e.network != nil:
		return e.network
	case e.server != nil:
		return serverNetwork{NewNetwork(), e.server}
	}
	return nil
}

// run runs the flow.
func (e *fixture) run(ctx context.Context, setup Setup, operators Operators) Result {
	e.t.Helper()
	r := Result{Problems: e.problems, Err: e.problems.Err(), Dir: e.dir, fixture: e}
	if r.Err != nil {
		return r
	}
	if setup.Capacity > 0 {
		for _, edge := range e.flow.Edges {
			edge.Contract.Capacity = setup.Capacity
		}
	}
	var stdout, log bytes.Buffer
	logs := io.Writer(&log)
	if setup.Log != nil {
		logs = io.MultiWriter(&log, setup.Log)
	}
	if setup.Stdout == nil {
		setup.Stdout = &stdout
	}
	world := setup.World
	if world == nil {
		world = e.world
	}
	if world != nil {
		e.network = NewNetwork()
	}
	run, err := scheduler.New(e.flow, operators, scheduler.Options{
		Workers: setup.Workers, Batch: setup.Batch, Serial: setup.Serial, Partial: setup.Partial, Discard: setup.Discard,
		Stdin: e.stdin, Stdout: setup.Stdout, Log: slog.New(slog.NewJSONHandler(logs, nil)), SpillDir: e.spill,
		Network: e.onNetwork(),
	})
	if err != nil {
		r.Err = err
		return r
	}
	if setup.Begun != nil {
		setup.Begun(run.Stop)
	}
	end := func() {}
	if world != nil {
		end = world.begin(ctx, e.network, run.Stop)
	}
	r.Report, r.Err = run.Run(ctx)
	end()
	r.Stdout, r.Log = stdout.String(), log.String()
	return r
}

// outputs reads the files that are new or changed.
func (e *fixture) outputs() map[string]string {
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
func (e *fixture) removed() []string {
	var gone []string
	for name := range e.files {
		if _, err := os.Stat(filepath.Join(e.dir, name)); name != Stdio && err != nil {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	return gone
}
