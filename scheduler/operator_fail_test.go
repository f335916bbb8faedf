package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// A closedWorker is a worker with a method Close.
type closedWorker struct {
	nodes.WorkFunc
	close func() error
}

func (w closedWorker) Close() error { return w.close() }

// pass gives on what comes, or was taken.
func pass(_ context.Context, in nodes.Input, out nodes.Out) error {
	if in.Data == nil {
		return out.Emit(0, batchOf(item{N: 1}))
	}
	return out.Emit(0, in.Data.Retain())
}

// Every place where the code of a kind can fail or panic.
func TestFailingOperators(t *testing.T) {
	type place struct {
		name   string
		op     op
		source bool
		panics bool // it cannot fail otherwise
	}
	idle := func(context.Context, nodes.Input, nodes.Out) (any, error) { return nil, nil }
	for _, how := range []string{"fails", "panics"} {
		f := func() error {
			if how == "panics" {
				panic("broken")
			}
			return errors.New("broken")
		}
		worker := func(context.Context) (nodes.Worker, error) { return nil, f() }
		closed := func(context.Context) (nodes.Worker, error) { return closedWorker{idle, f}, nil }
		work := func(context.Context, nodes.Input, nodes.Out) (any, error) { return nil, f() }
		process := func(context.Context, nodes.Input, nodes.Out) error { return f() }
		made := func(context.Context, nodes.Input, nodes.Out) (any, error) { return 1, nil }
		end := func(context.Context, nodes.EndedEdge, nodes.Out) error { return f() }
		next := func(context.Context) (any, error) { return nil, f() }
		one := func(context.Context) (any, error) { return 1, nil }
		now := time.Unix(1, 0) // at once
		for _, p := range []place{
			{name: "Open", op: op{open: f, process: pass}},
			{name: "NewWorker", op: op{worker: worker}},
			{name: "Work", op: op{work: work}},
			{name: "Close of a worker", op: op{worker: closed}},
			{name: "Process", op: op{process: process}},
			{name: "Process of what was made", op: op{work: made, process: process}},
			{name: "End", op: op{process: pass, end: end}},
			{name: "End with workers", op: op{work: idle, end: end}},
			{name: "Close", op: op{process: pass, close: f}},
			{name: "Seal", op: op{process: pass, seal: f}},
			{name: "Commit", op: op{process: pass, commit: f}},
			{name: "OnTime", op: op{process: pass, due: func() time.Time { return now }, onTime: func(context.Context, time.Time, nodes.Out) error { return f() }}},
			{name: "Due", op: op{process: pass, due: func() time.Time { f(); return now }, onTime: func(context.Context, time.Time, nodes.Out) error { return nil }}, panics: true},
			{name: "Wants", op: op{process: pass, wants: func(int, int) bool { f(); return true }}, panics: true},
			{name: "Wants with workers", op: op{work: idle, wants: func(int, int) bool { f(); return true }}, panics: true},
			{name: "Next", op: op{next: next}, source: true},
			{name: "Next with workers", op: op{next: next, work: idle}, source: true},
			{name: "Process of a source", op: op{next: one, process: process}, source: true},
			{name: "Work of a source", op: op{next: one, work: work}, source: true},
		} {
			if p.panics && how == "fails" {
				continue
			}
			for _, workers := range []string{"1", "3", "3, order: none", "3, order: key, key: key"} {
				for _, serial := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s %s, workers %s, serial %v", p.name, how, workers, serial), func(t *testing.T) {
						virtual(t, func(t *testing.T) { failingOperator(t, p.op, p.source, workers, serial, how) })
					})
				}
			}
		}
	}
}

// failingOperator runs a flow with an operator that fails or panics.
func failingOperator(t *testing.T, o op, isSource bool, workers string, serial bool, how string) {
	text := `
  source: {use: emit, with: {count: 2000}}
  broken: {use: broken, in: source, workers: ` + workers + `}
  sink:   {use: collect, in: broken}
`
	decl := kind("broken", func(*opKind, *nodes.Env) *op { return &o }, portIn)
	if isSource {
		decl = kind("broken", func(*opKind, *nodes.Env) *op { return &o })
		text = strings.ReplaceAll(text, "  source: {use: emit, with: {count: 2000}}\n", "")
		text = strings.ReplaceAll(text, "in: source, ", "")
	}
	tr := try(t, text, scheduler.Options{Serial: serial}, decl)
	report, err := tr.execute(context.Background())
	want := "broken (broken): broken"
	if how == "panics" {
		want = "broken (broken): panic: broken\ngoroutine"
	}
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if report.Outcome != "failed" {
		t.Errorf("the outcome is %s", report.Outcome)
	}
	balanced(t, report)
	if events, want := tr.store.events, []string{"open sink", "settle sink false"}; !slices.Equal(events, want) {
		t.Errorf("events %q, want %q", events, want)
	}
}

// A sink that cannot be opened stops the run before a source is read.
func TestOpenBeforeReading(t *testing.T) {
	virtual(t, func(t *testing.T) {
		locked := kind("locked", func(*opKind, *nodes.Env) *op {
			return &op{open: func() error { return errors.New("permission denied") }}
		}, portIn)
		tr := try(t, `
  source: {use: emit, with: {count: 10}}
  sink:   {use: locked, in: source}
`, scheduler.Options{}, locked)
		_, err := tr.execute(context.Background())
		if err == nil || err.Error() != "sink (locked): permission denied" {
			t.Errorf("got %v", err)
		}
		if read := tr.store.numbers("source"); len(read) > 0 {
			t.Errorf("%d items were read", len(read))
		}
	})
}

// Sinks are settled exactly once, after everything, in success too; one that cannot
// make its output visible makes the others take theirs back.
func TestSettle(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit, with: {count: 10}}
  a:      {use: collect, in: source}
  b:      {use: collect, in: source}
`, scheduler.Options{})
		tr.succeed()
		if got, want := tr.store.events, []string{"open b", "open a", "settle a true", "settle b true"}; !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
	})
	virtual(t, func(t *testing.T) {
		full := kind("full", func(*opKind, *nodes.Env) *op {
			return &op{commit: func() error { return errors.New("no space left") }}
		}, portIn)
		tr := try(t, `
  source: {use: emit, with: {count: 10}}
  a:      {use: full, in: source}
  b:      {use: collect, in: source}
`, scheduler.Options{}, full)
		report, err := tr.execute(context.Background())
		if err == nil || err.Error() != "a (full): no space left" || report.Outcome != "failed" {
			t.Errorf("got %v, the report says %s", err, report.Outcome)
		}
		if got, want := tr.store.events, []string{"open b", "settle b false"}; !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

// New reports every operator that cannot be made.
func TestNewReportsEverything(t *testing.T) {
	s := &store{items: map[string][]item{}}
	bad := kind("bad", func(k *opKind, _ *nodes.Env) *op {
		panic("no " + k.Mode)
	}, portIn)
	reg, err := nodes.NewRegistry([]nodes.Decl{nodes.Read("emit", "Emits.", &emit{s: s}), bad})
	if err != nil {
		t.Fatal(err)
	}
	flow, list := graph.Load(source(`
flow: test
nodes:
  source: {use: emit}
  a:      {use: bad, in: source, with: {mode: tea}}
  b:      {use: bad, in: source, with: {mode: milk}}
`), reg, graph.Options{})
	if list.HasErrors() {
		t.Fatal(list)
	}
	_, err = scheduler.New(flow, reg, scheduler.Options{})
	for _, want := range []string{"a (bad): panic: no tea", "b (bad): panic: no milk"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A kind that loses items although it says that it conserves them fails the flow,
// before any output becomes visible.
func TestLostItemsAreAFailure(t *testing.T) {
	for _, serial := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			losing := nodes.Kind("losing", "Loses items.", &opKind{make: func(*opKind, *nodes.Env) *op {
				return &op{process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
					if values(in.Data)[0].N == 0 {
						return nil
					}
					return out.Emit(0, in.Data.Retain())
				}}
			}}, nodes.Conserves(), nodes.InPort(portIn), nodes.OutPort(portOut("out")))
			tr := try(t, `
  source: {use: emit, with: {count: 2000}}
  losing: {use: losing, in: source}
  sink:   {use: collect, in: losing}
`, scheduler.Options{Serial: serial}, losing)
			report, err := tr.execute(t.Context())
			if err == nil || !strings.HasPrefix(err.Error(), "the books do not balance: losing took 2000 items and gave ") || report.Outcome != "failed" {
				t.Errorf("got %v, the outcome is %s", err, report.Outcome)
			}
			if want := []string{"open sink", "settle sink false"}; !slices.Equal(tr.store.events, want) {
				t.Errorf("events %q, want %q", tr.store.events, want)
			}
		})
	}
}
