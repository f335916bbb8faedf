package nodetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
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

// ConformAll checks every kind of a registry: see the laws of the package.
func ConformAll(t *testing.T, registry *nodes.Registry) {
	for _, kind := range registry.Kinds() {
		t.Run(kind, func(t *testing.T) { Conform(t, registry, kind) })
	}
}

// Conform checks one kind. The registry must have the other kinds of its examples
// too. It makes data unreadable when it is released, for all that runs meanwhile,
// so it is not for parallel tests.
func Conform(t *testing.T, registry *nodes.Registry, kind string) {
	t.Helper()
	spec, ok := registry.Spec(kind)
	if !ok {
		t.Fatalf("there is no kind %q", kind)
	}
	for _, wrong := range undocumented(spec) {
		t.Error(wrong)
	}
	for _, example := range spec.Examples {
		t.Run(strings.ReplaceAll(example.Title, "/", "_"), func(t *testing.T) {
			c := &conformance{registry: registry, kind: kind, example: example}
			if !c.loads(t) {
				return
			}
			c.sameUnderAllSetups(t)
			c.endsWithoutInput(t)
			for _, after := range []time.Duration{0, 5 * time.Millisecond, 25 * time.Millisecond, 65 * time.Millisecond} {
				c.killed(t, after)
				c.stopped(t, after)
			}
		})
	}
}

// A conformance is the check of one example.
type conformance struct {
	registry    *nodes.Registry
	kind        string
	example     graph.Example
	interleaves bool
}

// loads looks at the example without running it.
func (c *conformance) loads(t *testing.T) bool {
	t.Helper()
	e := newTrial(t, c.registry, c.example.Flow, c.example.Files)
	if len(e.problems) > 0 {
		t.Error(Result{Problems: e.problems}.explain())
		return !e.problems.HasErrors()
	}
	found := false
	for _, n := range e.flow.Nodes {
		found = found || n.Kind == c.kind
		c.interleaves = c.interleaves || n.Spec.Interleaves
	}
	if !found {
		t.Errorf("no node of the example is a %s", c.kind)
	}
	if len(c.example.Want) == 0 {
		t.Error("the example wants nothing, so it cannot fail")
	}
	return true
}

// virtual runs the flow in a bubble of virtual time, in which no goroutine may be
// left, and looks whether all data was given back: f reports whether that can be
// expected.
func (c *conformance) virtual(t *testing.T, what string, f func(t *testing.T, e *trial) bool) {
	t.Helper()
	record.Poison(true)
	before := record.Live()
	whole := false
	synctest.Test(t, func(t *testing.T) {
		whole = f(t, newTrial(t, c.registry, c.example.Flow, c.example.Files))
	})
	record.Poison(false)
	if left := record.Live() - before; left != 0 && whole {
		t.Errorf("%s: %d batches were never released", what, left)
	}
}

// sameUnderAllSetups compares the outputs with what the example wants and with
// each other.
func (c *conformance) sameUnderAllSetups(t *testing.T) {
	t.Helper()
	for _, setup := range Setups() {
		c.virtual(t, setup.String(), func(t *testing.T, e *trial) bool {
			r := e.run(t.Context(), setup, c.registry, nil)
			if r.Err != nil {
				t.Errorf("%s: %s", setup, r.explain())
				return false
			}
			for _, wrong := range compare(r.Outputs, c.example.Want, c.interleaves) {
				t.Errorf("%s: %s", setup, wrong)
			}
			return true
		})
		if t.Failed() {
			return // one setup is enough to look at
		}
	}
}

// endsWithoutInput runs the flow with sources that have nothing.
func (c *conformance) endsWithoutInput(t *testing.T) {
	t.Helper()
	var want map[string]string
	for _, setup := range []Setup{{Serial: true}, {Workers: 1}, {Workers: 7}} {
		what := setup.String() + ", with sources that have nothing"
		c.virtual(t, what, func(t *testing.T, e *trial) bool {
			r := e.run(t.Context(), setup, dry{c.registry}, nil)
			if r.Err != nil {
				t.Errorf("%s: %s", what, r.explain())
				return false
			}
			if want == nil {
				want = r.Outputs
			}
			for _, wrong := range compare(r.Outputs, want, c.interleaves) {
				t.Errorf("%s: %s", what, wrong)
			}
			return true
		})
	}
}

var errKilled = errors.New("killed by the test")

// killed cancels the run of the flow after a while.
func (c *conformance) killed(t *testing.T, after time.Duration) {
	t.Helper()
	for _, setup := range []Setup{{Workers: 3, Batch: 1, Capacity: 1}, {Workers: 1}, {Serial: true}} {
		what := fmt.Sprintf("%s, killed after %s", setup, after)
		c.virtual(t, what, func(t *testing.T, e *trial) bool {
			ctx, cancel := context.WithCancelCause(t.Context())
			timer := time.AfterFunc(after, func() { cancel(errKilled) })
			start := time.Now()
			r := e.run(ctx, setup, slowed{c.registry, 10 * time.Millisecond}, nil)
			took := time.Since(start)
			if timer.Stop() && r.Err == nil {
				return true // it was faster
			}
			switch {
			case !errors.Is(r.Err, errKilled):
				t.Errorf("%s: the error is %v", what, r.Err)
			case took > after+time.Second:
				t.Errorf("%s: it took %s to return", what, took-after)
			case len(r.Outputs) > 0 && r.Outputs[Stdio] == "" || len(r.Outputs) > 1:
				t.Errorf("%s: it left %s behind", what, names(r.Outputs))
			}
			for _, wrong := range r.Report.Balance() {
				t.Errorf("%s: %s", what, wrong)
			}
			return false // what a worker had made and not handed over is left to the garbage collector
		})
	}
}

// stopped stops the run of the flow after a while: what was read is worked off.
func (c *conformance) stopped(t *testing.T, after time.Duration) {
	t.Helper()
	for _, setup := range []Setup{{Workers: 3, Batch: 1, Capacity: 1}, {Workers: 1}, {Serial: true}} {
		what := fmt.Sprintf("%s, stopped after %s", setup, after)
		c.virtual(t, what, func(t *testing.T, e *trial) bool {
			var timer *time.Timer
			r := e.run(t.Context(), setup, slowed{c.registry, 10 * time.Millisecond}, func(run *scheduler.Run) {
				if after == 0 {
					run.Stop()
				}
				timer = time.AfterFunc(after, run.Stop)
			})
			timer.Stop()
			if r.Err != nil {
				t.Errorf("%s: %v", what, r.Err)
			}
			return true
		})
	}
}

// compare says how outputs differ from the wanted ones.
func compare(got, want map[string]string, interleaves bool) []string {
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		g, w := got[name], want[name]
		if interleaves {
			g, w = sortedLines(g), sortedLines(w)
		}
		if g != w {
			wrong = append(wrong, fmt.Sprintf("%s is\n%s\nwant\n%s", name, g, w))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, wanted := want[name]; !wanted {
			wrong = append(wrong, fmt.Sprintf("%s was written, and nobody wants it:\n%s", name, got[name]))
		}
	}
	return wrong
}

func sortedLines(text string) string {
	lines := strings.SplitAfter(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func names(outputs map[string]string) string {
	return strings.Join(slices.Sorted(maps.Keys(outputs)), ", ")
}
