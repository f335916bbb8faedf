package scheduler_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// Every place where the code of a kind can fail or panic.
func TestFailingPrograms(t *testing.T) {
	type place struct {
		name    string
		program nodes.Program
		source  bool
	}
	work := func(f func() error) func(context.Context) (nodes.Work, error) {
		return func(context.Context) (nodes.Work, error) {
			return func(context.Context, record.Data, any, nodes.Out) (any, error) { return nil, f() }, nil
		}
	}
	for _, how := range []string{"fails", "panics"} {
		f := func() error {
			if how == "panics" {
				panic("broken")
			}
			return errors.New("broken")
		}
		pass := func(_ context.Context, in record.Data, _ any, out nodes.Out) error { return out.Emit(0, in.Retain()) }
		for _, p := range []place{
			{"Open", nodes.Program{Open: func(context.Context) error { return f() }, Stages: []nodes.Stage{{Commit: pass}}}, false},
			{"Worker", nodes.Program{Stages: []nodes.Stage{{Worker: func(context.Context) (nodes.Work, error) { return nil, f() }}}}, false},
			{"Work", nodes.Program{Stages: []nodes.Stage{{Worker: work(f)}}}, false},
			{"Commit", nodes.Program{Stages: []nodes.Stage{{Commit: func(context.Context, record.Data, any, nodes.Out) error { return f() }}}}, false},
			{"Finish", nodes.Program{Stages: []nodes.Stage{{Commit: pass, Finish: func(context.Context, nodes.Out) error { return f() }}}}, false},
			{"Settle", nodes.Program{Stages: []nodes.Stage{{Commit: pass}}, Settle: func(bool) error { return f() }}, false},
			{"Run", nodes.Program{Run: func(context.Context, *nodes.IO) error { return f() }}, false},
			{"Next", nodes.Program{Stages: []nodes.Stage{{Next: func(context.Context) (any, error) { return nil, f() }}}}, true},
			{"Run of a source", nodes.Program{Run: func(context.Context, *nodes.IO) error { return f() }}, true},
		} {
			for _, workers := range []string{"1", "3", "3, order: none", "3, order: key, key: key"} {
				for _, serial := range []bool{false, true} {
					virtual(t, func(t *testing.T) {
						broken, in, text := portIn, "", `
  source: {use: emit, with: {count: 2000}}
  broken: {use: broken, in: source, workers: `+workers+`}
  sink:   {use: collect, in: broken}
`
						decl := kind("broken", func(*program, *nodes.Env) *nodes.Program { return &p.program }, broken)
						if p.source {
							decl = kind("broken", func(*program, *nodes.Env) *nodes.Program { return &p.program })
							text = strings.ReplaceAll(text, "  source: {use: emit, with: {count: 2000}}\n", "")
							text = strings.ReplaceAll(text, "in: source, ", in)
						}
						tr := try(t, text, scheduler.Options{Serial: serial}, decl)
						report, err := tr.execute(context.Background())
						want := "broken (broken): broken"
						if how == "panics" {
							want = "broken (broken): panic: broken\ngoroutine"
						}
						if err == nil || !strings.HasPrefix(err.Error(), want) {
							t.Errorf("%s %s, workers %s, serial %v: got %v, want %s", p.name, how, workers, serial, err, want)
						}
						if report.Outcome != "failed" {
							t.Errorf("%s %s: the outcome is %s", p.name, how, report.Outcome)
						}
						balanced(t, report)
						if events, want := tr.store.events, []string{"open sink", "settle sink false"}; p.name != "Settle" && !slices.Equal(events, want) {
							t.Errorf("%s %s: events %q, want %q", p.name, how, events, want)
						}
					})
				}
			}
		}
	}
}

// A sink that cannot be opened stops the run before a source is read.
func TestOpenBeforeReading(t *testing.T) {
	virtual(t, func(t *testing.T) {
		locked := kind("locked", func(*program, *nodes.Env) *nodes.Program {
			return &nodes.Program{Open: func(context.Context) error { return errors.New("permission denied") },
				Stages: []nodes.Stage{{Commit: func(context.Context, record.Data, any, nodes.Out) error { return nil }}}}
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

// Settle comes exactly once, after everything, in success too; a sink that fails
// to settle makes the others take their output back.
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
		full := kind("full", func(*program, *nodes.Env) *nodes.Program {
			return &nodes.Program{Settle: func(ok bool) error {
				if !ok {
					return nil
				}
				return errors.New("no space left")
			}, Stages: []nodes.Stage{{Commit: func(context.Context, record.Data, any, nodes.Out) error { return nil }}}}
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

// New reports every program that cannot be made.
func TestNewReportsEverything(t *testing.T) {
	s := &store{items: map[string][]item{}}
	bad := kind("bad", func(k *program, _ *nodes.Env) *nodes.Program {
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
			losing := nodes.Kind("losing", "Loses items.", &program{make: func(*program, *nodes.Env) *nodes.Program {
				return &nodes.Program{Stages: []nodes.Stage{{GoValues: true, Commit: func(_ context.Context, in record.Data, _ any, out nodes.Out) error {
					if values(in)[0].N == 0 {
						return nil
					}
					return out.Emit(0, in.Retain())
				}}}}
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
