package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// around gives the operators of a registry, of which the node with the id has an
// interception.
type around struct {
	reg *nodes.Registry
	id  string
	put []nodes.Intercept
}

func (a around) Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error) {
	if n.ID == a.id {
		for _, i := range a.put {
			env.Intercept(i)
		}
	}
	return a.reg.Operator(n, env)
}

// intercepted is try with interceptions of one node.
func intercepted(t *testing.T, text string, opts scheduler.Options, id string, put []nodes.Intercept, extra ...nodes.Decl) *trial {
	t.Helper()
	tr := try(t, text, opts, extra...)
	var err error
	if tr.run, err = scheduler.New(tr.flow, around{tr.reg, id, put}, tr.opts); err != nil {
		t.Fatal(err)
	}
	return tr
}

var partNames = map[nodes.Part]string{
	nodes.PartOpen: "open", nodes.PartNext: "next", nodes.PartWork: "work", nodes.PartProcess: "process", nodes.PartTime: "time", nodes.PartEnd: "end", nodes.PartSettle: "settle",
}

// An interception sees every call of an operator, in its order, also where the operator
// has nothing to do.
func TestInterceptSeesCalls(t *testing.T) {
	for _, c := range []struct {
		id   string
		want []string
	}{
		{"source", []string{"open", "next", "process", "next", "process", "next", "process", "next"}},
		{"work", []string{"open", "work", "process", "work", "process", "work", "process", "end"}},
		{"sink", []string{"open", "process", "process", "process", "end"}},
	} {
		for _, serial := range []bool{false, true} {
			virtual(t, func(t *testing.T) {
				var mu sync.Mutex
				var got []string
				note := nodes.Intercept{Around: func(ctx context.Context, c nodes.Call, out nodes.Out, next func(context.Context, nodes.Out) error) error {
					mu.Lock()
					got = append(got, partNames[c.Part])
					mu.Unlock()
					return next(ctx, out)
				}}
				tr := intercepted(t, `
  source: {use: secondly}
  work:   {use: step, in: source}
  sink:   {use: keep, in: work}
`, scheduler.Options{Serial: serial}, c.id, []nodes.Intercept{note}, secondly("secondly", 3))
				tr.succeed()
				equal(t, "sink", tr.store.numbers("sink"), upTo(3))
				if !slices.Equal(got, c.want) {
					t.Errorf("%s, serial %v: saw %q, want %q", c.id, serial, got, c.want)
				}
			})
		}
	}
}

// An interception may fail in place of any call, panic, or end a source; the first one
// that was put in stands outside.
func TestInterceptInPlaceOfACall(t *testing.T) {
	in := func(part nodes.Part, f func() error) []nodes.Intercept {
		return []nodes.Intercept{
			{Around: func(ctx context.Context, c nodes.Call, out nodes.Out, next func(context.Context, nodes.Out) error) error {
				err := next(ctx, out)
				if err != nil && err != io.EOF {
					err = fmt.Errorf("outside: %w", err)
				}
				return err
			}},
			{Around: func(ctx context.Context, c nodes.Call, out nodes.Out, next func(context.Context, nodes.Out) error) error {
				if c.Part == part {
					return f()
				}
				return next(ctx, out)
			}},
		}
	}
	bad := func() error { return errBad }
	for _, c := range []struct {
		id   string
		put  []nodes.Intercept
		want string
		got  int
	}{
		{"source", in(nodes.PartOpen, bad), "source (secondly): outside: a bad item", 0},
		{"source", in(nodes.PartNext, bad), "source (secondly): outside: a bad item", 0},
		{"source", in(nodes.PartNext, func() error { return io.EOF }), "", 0},
		{"work", in(nodes.PartWork, bad), "work (step): outside: a bad item", 0},
		{"work", in(nodes.PartProcess, bad), "work (step): outside: a bad item", 1},
		{"work", in(nodes.PartEnd, bad), "work (step): outside: a bad item", 3},
		{"sink", in(nodes.PartProcess, bad), "sink (keep): outside: a bad item", 0},
	} {
		for _, workers := range []int{1, 3} {
			for _, serial := range []bool{false, true} {
				virtual(t, func(t *testing.T) {
					tr := intercepted(t, fmt.Sprintf(`
  source: {use: secondly}
  work:   {use: step, in: source, workers: %d}
  sink:   {use: keep, in: work}
`, workers), scheduler.Options{Serial: serial}, c.id, c.put, secondly("secondly", 3))
					_, err := tr.execute(t.Context())
					if (err == nil) != (c.want == "") || err != nil && (err.Error() != c.want || !errors.Is(err, errBad)) {
						t.Errorf("got %v, want %s", err, c.want)
					}
					if got := len(tr.store.numbers("sink")); got > c.got {
						t.Errorf("%s: %d items arrived, want at most %d", c.want, got, c.got)
					}
				})
			}
		}
	}
}

// What sees inputs before the operator may give it others, and report some as bad: on
// the worker that works on them, whatever the order.
func TestInterceptArrive(t *testing.T) {
	for _, workers := range []string{"1", "3", "3, order: none", "3, order: key, key: key"} {
		for _, serial := range []bool{false, true} {
			virtual(t, func(t *testing.T) {
				var mu sync.Mutex
				made := 0
				odd := nodes.Intercept{Arrive: func() func(context.Context, nodes.Input, nodes.Out) (record.Data, error) {
					mu.Lock()
					defer mu.Unlock()
					made++
					return func(_ context.Context, in nodes.Input, out nodes.Out) (record.Data, error) {
						var kept []item
						for i, x := range values(in.Data) {
							if x.N%2 == 0 {
								kept = append(kept, item{x.N + 100, x.Key})
							} else if err := out.Bad(nodes.BadItem{Err: errBad, Data: in.Data, Row: i}); err != nil {
								return nil, err
							}
						}
						return record.Wrap(kept), nil
					}
				}}
				tr := intercepted(t, `
  source: {use: emit, with: {count: 20}}
  work:   {use: step, in: source, on_error: skip, workers: `+workers+`}
  sink:   {use: keep, in: work}
`, scheduler.Options{Serial: serial}, "work", []nodes.Intercept{odd})
				report := tr.succeed()
				got := tr.store.numbers("sink")
				slices.Sort(got)
				equal(t, workers, got, []int64{100, 102, 104, 106, 108, 110, 112, 114, 116, 118})
				if n := node(t, report, "work"); n.Skipped != 10 || n.In != 20 || n.Used != 10 {
					t.Errorf("workers %s, serial %v: skipped %d, in %d, used %d", workers, serial, n.Skipped, n.In, n.Used)
				}
				if made == 0 {
					t.Error("nobody saw anything")
				}
			})
		}
	}
}
