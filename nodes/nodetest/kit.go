package nodetest

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A Kit runs flows with the kinds of some packs.
type Kit struct {
	packs    [][]nodes.Decl
	registry *nodes.Registry
	err      error            // of the declarations; it fails the first test that uses the kit
	worlds   map[string]World // by kind
}

// New gives a kit for packs.
func New(packs ...[]nodes.Decl) Kit {
	registry, err := nodes.NewRegistry(packs...)
	return Kit{packs: packs, registry: registry, err: err}
}

// Peers gives a kit that plays the peers of the examples of a kind, in Conform.
func (k Kit) Peers(kind string, world World) Kit {
	k.worlds = maps.Clone(k.worlds)
	if k.worlds == nil {
		k.worlds = map[string]World{}
	}
	k.worlds[kind] = world
	return k
}

// With gives a kit that has more packs, such as a source and a sink for one test.
func (k Kit) With(packs ...[]nodes.Decl) Kit {
	more := New(append(k.packs[:len(k.packs):len(k.packs)], packs...)...)
	more.worlds = k.worlds
	return more
}

// Registry is the kinds of the kit. What is wrong with their declarations fails the test.
func (k Kit) Registry(t testing.TB) *nodes.Registry {
	t.Helper()
	if k.err != nil {
		t.Fatal(k.err)
	}
	return k.registry
}

// Load compiles a flow in a new folder with the given files.
func (k Kit) Load(t testing.TB, flow string, files map[string]string) (*graph.Flow, diag.List) {
	t.Helper()
	f := newFixture(t, k.Registry(t), flow, files, Setup{})
	return f.flow, f.problems
}

// Run compiles a flow in a folder with the given files and runs it. Problems of the text
// and books that do not balance fail the test; an error of the run is in the result.
// Memory is made unreadable when it is released, so that whoever keeps what is not his
// shows it; therefore Run is not for parallel tests.
func (k Kit) Run(t testing.TB, flow string, files map[string]string, setup Setup) Result {
	t.Helper()
	r := k.Try(t, flow, files, setup)
	if r.Problems.HasErrors() {
		t.Fatal(r.Told())
	}
	return r
}

// Try is Run for texts that may have problems; they are in the result.
func (k Kit) Try(t testing.TB, flow string, files map[string]string, setup Setup) Result {
	t.Helper()
	return k.run(t, newFixture(t, k.Registry(t), flow, files, setup), setup)
}

// RunFlow runs a flow that is compiled already, in its own folder.
func (k Kit) RunFlow(t testing.TB, flow *graph.Flow, setup Setup) Result {
	t.Helper()
	return k.run(t, &fixture{t: t, dir: flow.Dir, spill: t.TempDir(), stdin: newStandardInput(setup.Stdin), flow: flow, server: setup.Server}, setup)
}

func (k Kit) run(t testing.TB, f *fixture, setup Setup) Result {
	t.Helper()
	if _, test := t.(*testing.T); test { // a benchmark would measure it
		record.Poison(true)
		t.Cleanup(func() { record.Poison(false) })
	}
	var operators Operators = k.Registry(t)
	if setup.Operators != nil {
		operators = setup.Operators
	}
	r := f.run(t.Context(), setup, operators)
	if wrong := r.Report.Balance(); r.Err == nil && len(wrong) > 0 {
		t.Errorf("%s: the books: %v", setup, wrong)
	}
	return r
}

// Check runs a flow in a few setups and compares files that it writes; Stdio is standard
// output.
func (k Kit) Check(t testing.TB, flow string, files, want map[string]string) {
	t.Helper()
	for _, setup := range Few() {
		r := k.Run(t, flow, files, setup)
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

// One is a flow of one node, called one, of a kind. It reads in.jsonl, of the type Item,
// and writes lines of JSON to standard output.
func One(item, kind, with string) string {
	return fmt.Sprintf(`flow: one
types: {Item: %s}
nodes:
  in:  {use: file.read, with: {path: in.jsonl, as: Item}}
  one: {use: %s, in: in, with: %s}
  out: {use: file.write, in: one, with: {path: "-", format: jsonl}}
`, item, kind, with)
}

// CheckOne is Check of One: in and want are lines of JSON.
func (k Kit) CheckOne(t testing.TB, item, kind, with, in, want string) {
	t.Helper()
	k.Check(t, One(item, kind, with), map[string]string{"in.jsonl": in}, map[string]string{Stdio: want})
}

// Refuse expects that a flow does not compile, and some of what the user is told.
func (k Kit) Refuse(t testing.TB, flow string, files map[string]string, want ...string) {
	t.Helper()
	_, list := k.Load(t, flow, files)
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

// Printed gives problems as a user sees them.
func Printed(list diag.List) string {
	var b strings.Builder
	if err := diag.Print(&b, list, diag.Style{}); err != nil {
		return err.Error()
	}
	return b.String()
}

// CPUTime is the processor time that the process has spent. A test that compares what two
// ways to do something cost takes it and not the clock: a busy machine does not change it much.
func CPUTime() time.Duration { return metrics.CPUTime() }
