package nodetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// This file holds kinds to the laws of the package.

// Conform checks kinds of the kit: see the laws of the package. The kit must have the other
// kinds of their examples too. It makes data unreadable when it is released, for all that
// runs meanwhile, so it is not for parallel tests.
func (k Kit) Conform(t *testing.T, kinds ...nodes.Decl) {
	t.Helper()
	registry := k.Registry(t)
	for _, d := range kinds {
		t.Run(d.Spec.Kind, func(t *testing.T) { conform(t, registry, d.Spec.Kind, k.worlds[d.Spec.Kind]) })
	}
}

func conform(t *testing.T, registry *nodes.Registry, kind string, world World) {
	spec, ok := registry.Spec(kind)
	if !ok {
		t.Fatalf("there is no kind %q in the kit", kind)
	}
	for _, wrong := range undocumented(spec) {
		t.Error(wrong)
	}
	for _, example := range spec.Examples {
		t.Run(strings.ReplaceAll(example.Title, "/", "_"), func(t *testing.T) {
			for _, wrong := range checkExample(t, registry, kind, example, world) {
				t.Error(wrong)
			}
		})
	}
}

// A conformance is the check of one example.
type conformance struct {
	t           *testing.T
	registry    *nodes.Registry
	kind        string
	example     graph.Example
	files       map[string]string // the input
	world       World             // the peers; nil: there are none
	interleaves bool
	sources     []string // nodes of the kind
	stateful    []string
	holders     []string
	problems    []string
}

// checkExample lists what is wrong with an example of a kind. After the first of
// its checks that finds something it does not go on.
func checkExample(t *testing.T, registry *nodes.Registry, kind string, example graph.Example, world World) []string {
	c := newConformance(t, registry, kind, example)
	c.world = world
	checks := []func(){c.loads, c.sameUnderAllSetups, c.sameWithManyItems, c.endsWithoutInput, c.goesOn}
	for _, after := range []time.Duration{0, 5 * time.Millisecond, 25 * time.Millisecond, 65 * time.Millisecond} {
		checks = append(checks, func() { c.killed(after) }, func() { c.stopped(after) })
	}
	return c.check(checks...)
}

func newConformance(t *testing.T, registry *nodes.Registry, kind string, example graph.Example) *conformance {
	return &conformance{t: t, registry: registry, kind: kind, example: example, files: example.Files}
}

// server answers as the example says; nil if it needs nobody who answers.
func (c *conformance) server() http.Handler {
	if c.example.Answers == nil {
		return nil
	}
	return Answering(c.example.Answers)
}

func (c *conformance) check(checks ...func()) []string {
	for _, check := range checks {
		if check(); len(c.problems) > 0 {
			break
		}
	}
	return c.problems
}

func (c *conformance) wrong(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// loads looks at the example without running it.
func (c *conformance) loads() {
	e := newFixture(c.t, c.registry, c.example.Flow, c.files, Setup{Server: c.server()})
	if len(e.problems) > 0 {
		c.wrong("%s", Printed(e.problems))
		return
	}
	found := false
	for _, n := range e.flow.Nodes {
		c.interleaves = c.interleaves || n.Spec.Interleaves
		if n.Kind == c.kind {
			found = true
			c.looksAt(e, n)
		}
	}
	if !found {
		c.wrong("no node of the example is a %s", c.kind)
	}
	if (c.example.Peer != "") != (c.world != nil) {
		c.wrong("the example says that its peer is %q; nobody plays it (Kit.Peers), or nobody should", c.example.Peer)
	}
	if len(c.example.Want) == 0 {
		c.wrong("the example wants nothing, so it cannot fail")
	}
}

// looksAt finds out what the operator of a node can do.
func (c *conformance) looksAt(e *fixture, n *graph.Node) {
	parts, err := e.operator(c.registry, n)
	switch {
	case err != nil:
		c.wrong("%s: %v", n.ID, err)
	case len(n.In) == 0:
		if parts.Seeker != nil || parts.Acknowledger == nil { // else its positions are for acknowledgements
			c.sources = append(c.sources, n.ID)
		}
	}
	if err == nil {
		c.promises(e, n, parts)
	}
	if parts.Stateful != nil {
		c.stateful = append(c.stateful, n.ID)
	}
}

// goesOn checks what a run after this one needs: sources that go on where they were, and
// operators that go on with the state they had; and those that must not be acknowledged
// too soon.
func (c *conformance) goesOn() {
	for _, id := range c.sources {
		c.resumes(id)
	}
	for _, id := range c.stateful {
		c.restores(id)
	}
	for _, id := range c.holders {
		c.holds(id)
	}
}

// run runs a fixture and counts its workers.
func (c *conformance) run(ctx context.Context, what string, e *fixture, setup Setup, operators Operators) Result {
	var open atomic.Int64
	r := e.run(ctx, setup, countOperators{operators, &open})
	if n := open.Load(); n != 0 {
		c.wrong("%s: %d workers were not closed", what, n)
	}
	return r
}

// virtual runs the flow in a bubble of virtual time, in which no goroutine may be
// left, and looks whether all data was given back: f reports whether that can be
// expected.
func (c *conformance) virtual(what string, f func(e *fixture) bool) {
	record.Poison(true)
	defer record.Poison(false)
	before := record.Live()
	whole := false
	defer func() {
		if p := recover(); p != nil { // of synctest, when goroutines are left
			c.wrong("%s: %v", what, p)
		}
	}()
	synctest.Test(c.t, func(t *testing.T) {
		e := newFixture(t, c.registry, c.example.Flow, c.files, Setup{Server: c.server()})
		e.world = c.world
		whole = f(e)
	})
	if left := record.Live() - before; left != 0 && whole {
		c.wrong("%s: %d batches were never released", what, left)
	}
}

// sameUnderAllSetups compares the outputs with what the example wants and with
// each other.
func (c *conformance) sameUnderAllSetups() {
	for _, setup := range Setups() {
		c.virtual(setup.String(), func(e *fixture) bool {
			r := c.run(e.t.Context(), setup.String(), e, setup, c.registry)
			if r.Err != nil {
				c.wrong("%s: %s", setup, r.Told())
				return false
			}
			for _, wrong := range compare(r.Outputs(), c.example.Want, c.interleaves) {
				c.wrong("%s: %s", setup, wrong)
			}
			return true
		})
		if len(c.problems) > 0 {
			return // one setup is enough to look at
		}
	}
}

// sameWithManyItems runs the flow with its input repeated, for an example has few
// items, and compares with the serial run. It may fail, but then everywhere.
func (c *conformance) sameWithManyItems() {
	defer func(before map[string]string) { c.files = before }(c.files)
	c.files = repeated(c.files, 40)
	var want map[string]string
	var failed error // of the serial run
	for _, setup := range []Setup{
		{Serial: true}, {Workers: 1, Batch: 1, Capacity: 1}, {Workers: 1, Batch: 1024, Capacity: 4096}, {Workers: 2, Batch: 3, Capacity: 16},
		{Workers: 7, Batch: 1, Capacity: 16}, {Workers: 7, Batch: 1024, Capacity: 1}, {Workers: 7, Batch: 1024, Capacity: 4096},
	} {
		what := setup.String() + ", with its input 40 times"
		c.virtual(what, func(e *fixture) bool {
			r := c.run(e.t.Context(), what, e, setup, c.registry)
			switch {
			case setup.Serial:
				want, failed = r.Outputs(), r.Err
			case (r.Err == nil) != (failed == nil):
				c.wrong("%s: the error is %v, in the serial run %v", what, r.Err, failed)
			case r.Err == nil:
				for _, wrong := range compare(r.Outputs(), want, c.interleaves) {
					c.wrong("%s: %s", what, wrong)
				}
			}
			return r.Err == nil
		})
		if len(c.problems) > 0 {
			return
		}
	}
}

// repeated gives files with their lines n times, those of CSV without the header.
func repeated(files map[string]string, n int) map[string]string {
	many := map[string]string{}
	for name, text := range files {
		head := ""
		if strings.HasSuffix(name, ".csv") {
			head, text, _ = strings.Cut(text, "\n")
			head += "\n"
		}
		times := n
		if !strings.HasSuffix(text, "\n") {
			times = 1 // no lines
		}
		many[name] = head + strings.Repeat(text, times)
	}
	return many
}

// endsWithoutInput runs the flow with sources that have nothing.
func (c *conformance) endsWithoutInput() {
	var want map[string]string
	for _, setup := range []Setup{{Serial: true}, {Workers: 1}, {Workers: 7}} {
		what := setup.String() + ", with sources that have nothing"
		c.virtual(what, func(e *fixture) bool {
			r := c.run(e.t.Context(), what, e, setup, dryOperators{c.registry})
			if r.Err != nil {
				c.wrong("%s: %s", what, r.Told())
				return false
			}
			if want == nil {
				want = r.Outputs()
			}
			for _, wrong := range compare(r.Outputs(), want, c.interleaves) {
				c.wrong("%s: %s", what, wrong)
			}
			return true
		})
	}
}

var errKilled = errors.New("killed by the test")

// withOldOutputs lets the files that the flow is to write be there already, until the
// function that it returns is called.
func (c *conformance) withOldOutputs() (undo func()) {
	before := c.files
	c.files = maps.Clone(before)
	if c.files == nil {
		c.files = map[string]string{}
	}
	for name, text := range c.example.Want {
		if _, read := c.files[name]; !read && name != Stdio && !strings.Contains(name, "://") {
			c.files[name] = text + text // what an append accepts, and no run gives
		}
	}
	return func() { c.files = before }
}

// leftAlone checks that a run which did not come to its end has left the folder as it was,
// and that its books balance.
func (c *conformance) leftAlone(what string, e *fixture, r Result) {
	outputs := r.Outputs()
	delete(outputs, Stdio) // it is written as items come
	for name := range r.server().Sent() {
		delete(outputs, name) // and so is what is sent
	}
	if len(outputs) > 0 {
		c.wrong("%s: it left %s behind", what, names(outputs))
	}
	if len(r.Report.Files) > 0 {
		c.wrong("%s: it says that it wrote %s", what, strings.Join(r.Report.Files, ", "))
	}
	for _, name := range e.removed() {
		c.wrong("%s: %s, which was there before, is gone", what, name)
	}
	for _, wrong := range r.Report.Balance() {
		c.wrong("%s: %s", what, wrong)
	}
}

// killed cancels the run of the flow after a while.
func (c *conformance) killed(after time.Duration) {
	defer c.withOldOutputs()()
	for _, setup := range []Setup{{Workers: 3, Batch: 1, Capacity: 1}, {Workers: 1}, {Serial: true}} {
		what := fmt.Sprintf("%s, killed after %s", setup, after)
		c.virtual(what, func(e *fixture) bool {
			ctx, cancel := context.WithCancelCause(e.t.Context())
			timer := time.AfterFunc(after, func() { cancel(errKilled) })
			start := time.Now()
			r := c.run(ctx, what, e, setup, slowOperators{c.registry, 10 * time.Millisecond})
			took := time.Since(start)
			if timer.Stop(); r.Err == nil && took <= after {
				return true // it was faster
			}
			switch {
			case !errors.Is(r.Err, errKilled):
				c.wrong("%s: the error is %v", what, r.Err)
			case took > after+time.Second:
				c.wrong("%s: it took %s to return", what, took-after)
			}
			c.leftAlone(what, e, r)
			return false // what a worker had made and not handed over is left to the garbage collector
		})
	}
}

// stopped stops the run of the flow after a while: what was read is worked off. Where a
// source was cut short the run says so, and what it made gets no name.
func (c *conformance) stopped(after time.Duration) {
	defer c.withOldOutputs()()
	for _, setup := range []Setup{{Workers: 3, Batch: 1, Capacity: 1}, {Workers: 1}, {Serial: true}} {
		what := fmt.Sprintf("%s, stopped after %s", setup, after)
		c.virtual(what, func(e *fixture) bool {
			var timer *time.Timer
			setup.Begun = func(stop func()) {
				if after == 0 {
					stop()
				}
				timer = time.AfterFunc(after, stop)
			}
			r := c.run(e.t.Context(), what, e, setup, slowOperators{c.registry, 10 * time.Millisecond})
			timer.Stop()
			switch {
			case r.Err == nil && r.Report.Outcome == "done":
				for _, name := range slices.Sorted(maps.Keys(r.Outputs())) {
					if strings.Contains(name, ".flowrun-") {
						c.wrong("%s: it left %s behind", what, name)
					}
				}
				for _, wrong := range r.Report.Balance() {
					c.wrong("%s: %s", what, wrong)
				}
			case r.Err == ErrStopped && r.Report.Outcome == "stopped":
				c.leftAlone(what, e, r)
			default:
				c.wrong("%s: the outcome is %s, the error %v", what, r.Report.Outcome, r.Err)
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
