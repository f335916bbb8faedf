package flowrun_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A doer is what the functions of a node do with an item: nothing, fail, or take an
// hour. It notes when they are called.
type doer struct {
	deed
	mu    sync.Mutex
	start time.Time
	calls []time.Duration // when they began
	taken time.Duration   // when a source was first acknowledged; 0: never
}

// A deed is what a doer does; slowFirst is slow for the first call alone. paced says
// that the items come one each second.
type deed struct{ fails, slow, slowFirst, paced bool }

var errDoes = errors.New("it fails")

func (d *doer) do(ctx context.Context) error {
	d.mu.Lock()
	d.calls = append(d.calls, time.Since(d.start))
	slow := d.slow || d.slowFirst && len(d.calls) == 1
	d.mu.Unlock()
	if slow {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Hour):
		}
	}
	if d.fails {
		return errDoes
	}
	return nil
}

// must is do for functions that give no error.
func (d *doer) must() {
	if err := d.do(context.Background()); err != nil {
		panic(err)
	}
}

// steady is a source that goes on after a position, a sink and the like.
type steady struct{ *doer }

func (s steady) ReadFrom(_ context.Context, _ flowrun.Position, emit func(int, flowrun.Position) error) error {
	for i := range items {
		if s.paced {
			time.Sleep(time.Second)
		}
		if err := emit(i, flowrun.Position{byte(i)}); err != nil {
			return err
		}
	}
	return nil
}

func (s steady) Taken(flowrun.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == 0 {
		s.taken = time.Since(s.start)
	}
	return nil
}

func (s steady) Write(ctx context.Context, _ []int) error { return s.do(ctx) }

// items is how many items there are.
const items = 40

type stream = flowrun.Stream[int]

// small does not hold every number.
type small struct {
	N int8 `flow:"n"`
}

// functions are those that take options, each as a node that is called it.
var functions = map[string]func(g *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any{
	"Slice": func(g *flowrun.Graph, _ stream, _ *doer, opts ...flowrun.Option) any {
		return flowrun.Slice(g, "it", upTo(items), opts...)
	},
	"Chan": func(g *flowrun.Graph, _ stream, _ *doer, opts ...flowrun.Option) any {
		ch := make(chan int, items)
		for i := range items {
			ch <- i
		}
		close(ch)
		return flowrun.Chan(g, "it", ch, opts...)
	},
	"Seq": func(g *flowrun.Graph, _ stream, _ *doer, opts ...flowrun.Option) any {
		return flowrun.Seq(g, "it", slices.Values(upTo(items)), opts...)
	},
	"Func": func(g *flowrun.Graph, _ stream, d *doer, opts ...flowrun.Option) any {
		return flowrun.Func(g, "it", func(ctx context.Context, emit func(int) error) error {
			return steady{d}.ReadFrom(ctx, nil, func(i int, _ flowrun.Position) error { return emit(i) })
		}, opts...)
	},
	"ReadFrom": func(g *flowrun.Graph, _ stream, d *doer, opts ...flowrun.Option) any {
		return flowrun.ReadFrom(g, "it", steady{d}, opts...)
	},
	"Push": func(g *flowrun.Graph, _ stream, _ *doer, opts ...flowrun.Option) any {
		p := flowrun.Push[int](g, "it", opts...)
		for i := range items {
			p.TrySubmit(i)
		}
		p.Close()
		return p.Stream
	},
	"Map": func(_ *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		return flowrun.Map(in, "it", func(ctx context.Context, x int) (int, error) { return x, d.do(ctx) }, opts...)
	},
	"Apply": func(_ *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		return flowrun.Apply(in, "it", func(x int) int { d.must(); return x }, opts...)
	},
	"Filter": func(_ *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		return flowrun.Filter(in, "it", func(int) bool { d.must(); return true }, opts...)
	},
	"FlatMap": func(_ *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		return flowrun.FlatMap(in, "it", func(ctx context.Context, x int, emit func(int)) error { emit(x); return d.do(ctx) }, opts...)
	},
	"Fork": func(g *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		a, b := flowrun.Fork(in, "it", func(ctx context.Context, x int, first, _ func(int)) error { first(x); return d.do(ctx) }, opts...)
		flowrun.Drop(b, "rest")
		return a
	},
	"Split": func(g *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		a, b := flowrun.Split(in, "it", func(int) bool { d.must(); return true }, opts...)
		flowrun.Drop(b, "rest")
		return a
	},
	"Join": func(g *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		return flowrun.Join(in, in, "it", itself, itself, func(x, _ int) int { d.must(); return x }, opts...)
	},
	"OuterJoin": func(g *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		return flowrun.OuterJoin(in, in, "it", itself, itself, func(x, _ *int) int { d.must(); return *x }, flowrun.Left, opts...)
	},
	"SemiJoin": func(g *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		return flowrun.SemiJoin(in, in, "it", func(x int) int { d.must(); return x }, itself, opts...)
	},
	"AntiJoin": func(g *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		return flowrun.AntiJoin(in, in, "it", func(x int) int { d.must(); return x }, itself, opts...)
	},
	"Zip": func(g *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		return flowrun.Zip(in, in, "it", func(x, _ int) int { d.must(); return x }, opts...)
	},
	"Merge": func(_ *flowrun.Graph, in stream, _ *doer, opts ...flowrun.Option) any {
		return flowrun.Merge([]stream{in, in}, "it", opts...)
	},
	"Concat": func(_ *flowrun.Graph, in stream, _ *doer, opts ...flowrun.Option) any {
		return flowrun.Concat([]stream{in, in}, "it", opts...)
	},
	"Connect": func(g *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		on := func(_ *int, x int, emit func(int)) error { emit(x); return d.do(context.Background()) }
		return flowrun.Connect(in, in, "it", on, on, nil, opts...)
	},
	"As": func(g *flowrun.Graph, _ stream, d *doer, opts ...flowrun.Option) any {
		settings := "count: 40"
		if d.fails {
			settings = "{count: 40, set: {n: n + 1000}}"
		} else if d.paced {
			settings = "{count: 40, rate: 1}"
		}
		return flowrun.As[small](g.Use("records", "generate", settings), "it", opts...)
	},
	"Collect": func(g *flowrun.Graph, in stream, _ *doer, opts ...flowrun.Option) any {
		return flowrun.Collect(in, "it", opts...)
	},
	"Each": func(g *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		flowrun.Each(in, "it", func(ctx context.Context, _ int) error { return d.do(ctx) }, opts...)
		return nil
	},
	"Write": func(g *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		flowrun.Write(in, "it", steady{d}.Write, opts...)
		return nil
	},
	"WriteTo": func(g *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		flowrun.WriteTo(in, "it", steady{d}, opts...)
		return nil
	},
	"Drop": func(g *flowrun.Graph, in stream, _ *doer, opts ...flowrun.Option) any {
		flowrun.Drop(in, "it", opts...)
		return nil
	},
	"Fold": func(g *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		return flowrun.Fold(in, "it", itself, func(*int, int) error { return d.do(context.Background()) }, opts...)
	},
	"Reduce": func(g *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		return flowrun.Reduce(in, "it", func(int) int { d.must(); return 0 }, func(a, _ int) int { return a }, opts...)
	},
	"Scan": func(g *flowrun.Graph, in stream, d *doer, opts ...flowrun.Option) any {
		return flowrun.Scan(in, "it", itself, func(_ *int, x int, emit func(int)) error { emit(x); return d.do(context.Background()) }, opts...)
	},
	"Batch": func(g *flowrun.Graph, in stream, _ *doer, opts ...flowrun.Option) any {
		return flowrun.Batch(in, "it", 2, opts...)
	},
	"Limit": func(g *flowrun.Graph, in stream, _ *doer, opts ...flowrun.Option) any {
		return flowrun.Limit(in, "it", items, opts...)
	},
}

// A trial is an option and how its effect shows.
type trial struct {
	option string // as check calls it
	with   []flowrun.Option
	does   deed
	effect func(with, without result) bool
}

var trials = []trial{
	{"Workers", []flowrun.Option{flowrun.Workers(3)}, deed{}, func(with, without result) bool {
		return with.node.Workers == 3 && without.node.Workers == 1
	}},
	{"Unordered", []flowrun.Option{flowrun.Unordered(), flowrun.Workers(4)}, deed{slowFirst: true}, func(with, _ result) bool {
		return with.calls > 1 && with.last < time.Minute
	}},
	{"Timeout", []flowrun.Option{flowrun.Timeout(time.Second), flowrun.OnError(flowrun.Skip)}, deed{slow: true}, func(with, _ result) bool {
		return with.node.Skipped > 0 && with.took < 5*time.Minute
	}},
	{"Retry", []flowrun.Option{flowrun.Retry(flowrun.RetryPolicy{Attempts: 3}), flowrun.OnError(flowrun.Skip)}, deed{fails: true}, func(with, _ result) bool {
		return with.node.Retries > 0
	}},
	{"OnError", []flowrun.Option{flowrun.OnError(flowrun.Skip)}, deed{fails: true}, func(with, without result) bool {
		return without.err != nil && with.err == nil && with.node.Skipped > 0
	}},
	{"Rate", []flowrun.Option{flowrun.Rate(1, time.Second)}, deed{}, func(with, without result) bool {
		return with.took-without.took > 30*time.Second
	}},
	{"Breaker", []flowrun.Option{flowrun.Breaker(1, time.Minute), flowrun.OnError(flowrun.Skip)}, deed{fails: true}, func(with, _ result) bool {
		return with.node.Openings > 0
	}},
	{"Batched", []flowrun.Option{flowrun.Batched(flowrun.BatchPolicy{Count: 20})}, deed{paced: true}, func(with, without result) bool {
		return with.early == 0 && without.early > 0
	}},
	{"AckEarly", []flowrun.Option{flowrun.AckEarly()}, deed{paced: true}, func(with, without result) bool {
		return with.taken > 0 && with.taken < without.taken
	}},
}

// unseen are effects that nothing here could show.
var unseen = map[string]bool{"As/Unordered": true}

// Every option acts on a function of the library, or is refused, or Check says that it
// has no effect; and just one of the three. Report has the warnings too.
func TestOptionsActOrSayThatTheyDoNot(t *testing.T) {
	for _, name := range withOptions(t) {
		if functions[name] == nil {
			t.Errorf("%s is not tried", name)
		}
	}
	for name, build := range functions {
		for _, test := range trials {
			t.Run(name+"/"+test.option, func(t *testing.T) {
				without, with := perform(t, build, &test, nil), perform(t, build, &test, test.with)
				acts := !with.list.HasErrors() && test.effect(with, without)
				warned := with.says(test.option)
				count := 0
				for _, is := range []bool{acts, warned, with.list.HasErrors()} {
					if is {
						count++
					}
				}
				if without.says(test.option) || count != 1 && !(count == 0 && unseen[name+"/"+test.option]) {
					t.Errorf("acts: %v, warned: %v, refused: %v: %v", acts, warned, with.list.HasErrors(), with.list)
				}
				if !with.list.HasErrors() && len(with.warnings) != len(with.list) {
					t.Errorf("the report has the warnings %q, and Check gives %v", with.warnings, with.list)
				}
			})
		}
	}
}

// withOptions lists the functions of the library that make a node with options.
func withOptions(t *testing.T) (names []string) {
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || f.Name.Name == "In" || len(f.Type.Params.List) == 0 {
				continue
			}
			last := f.Type.Params.List[len(f.Type.Params.List)-1]
			if e, ok := last.Type.(*ast.Ellipsis); ok {
				if elem, ok := e.Elt.(*ast.Ident); ok && elem.Name == "Option" {
					names = append(names, f.Name.Name)
				}
			}
		}
	}
	if len(names) < 25 {
		t.Errorf("only %d functions take options", len(names))
	}
	return names
}

// A result is what came of a graph.
type result struct {
	list     diag.List
	warnings []string
	err      error
	node     metrics.NodeReport
	took     time.Duration
	calls    int           // of the function
	last     time.Duration // when the last one began
	early    int64         // items that were worked on after five seconds
	taken    time.Duration // when the source was first acknowledged; 0: never
}

func (r *result) says(option string) bool {
	return slices.ContainsFunc(r.list, func(d diag.Diagnostic) bool {
		return d.Code == diag.Ineffective && strings.HasPrefix(d.Message, option+" has no effect on it: ")
	})
}

// perform checks and runs a graph in virtual time.
func perform(t *testing.T, build func(*flowrun.Graph, stream, *doer, ...flowrun.Option) any, test *trial, opts []flowrun.Option) (r result) {
	synctest.Test(t, func(t *testing.T) {
		g := flowrun.New("trial", std.Nodes)
		d := &doer{deed: test.does, start: time.Now()}
		in := flowrun.Func(g, "in", func(_ context.Context, emit func(int) error) error {
			for i := range items {
				if test.does.paced {
					time.Sleep(time.Second)
				}
				if err := emit(i); err != nil {
					return err
				}
			}
			return nil
		})
		end(build(g, in, d, opts...))
		if r.list = slices.DeleteFunc(g.Check(), func(d diag.Diagnostic) bool { return d.Code == diag.UnusedNode }); r.list.HasErrors() {
			return
		}
		over := make(chan struct{})
		go func() {
			defer close(over)
			var report flowrun.Report
			report, r.err = g.Run(t.Context())
			r.warnings = slices.DeleteFunc(report.Warnings, func(w string) bool { return strings.Contains(w, "nothing reads in:") })
			r.node, r.took = nodeOf(report), report.Took
		}()
		time.Sleep(5*time.Second + time.Millisecond)
		r.early = nodeOf(g.Stats()).Used
		<-over
		r.taken = d.taken
		if r.calls = len(d.calls); r.calls > 0 {
			r.last = d.calls[r.calls-1]
		}
	})
	return r
}

func nodeOf(r flowrun.Report) metrics.NodeReport {
	for _, n := range r.Nodes {
		if n.ID == "it" {
			return n
		}
	}
	return metrics.NodeReport{}
}

// end reads what a node gives, if it gives anything.
func end(out any) {
	switch s := out.(type) {
	case stream:
		flowrun.Drop(s, "end")
	case flowrun.Stream[small]:
		flowrun.Drop(s, "end")
	case flowrun.Stream[[]int]:
		flowrun.Drop(s, "end")
	case flowrun.Stream[flowrun.Entry[int, int]]:
		flowrun.Drop(s, "end")
	}
}

// What Check says has the place of the option and its name, and an edge says that an
// option of the node is none of its own.
func TestOptionsWithoutEffectHaveAPlace(t *testing.T) {
	g := flowrun.New("effects", std.Nodes)
	in := flowrun.Slice(g, "in", upTo(3))
	sums := flowrun.Fold(in, "sums", itself, func(*int, int) error { return nil },
		flowrun.Retry(flowrun.RetryPolicy{Attempts: 3}))
	flowrun.Drop(sums, "end", flowrun.Aging(time.Second))
	g.Use("late", "drop", nil, flowrun.In("in", in, flowrun.Workers(3)))
	flowrun.Each(in, "each", func(context.Context, int) error { return nil },
		flowrun.Retry(flowrun.RetryPolicy{Attempts: 3, InitialInterval: time.Minute}))
	want := `
effects_test.go:#:11: warning: Retry has no effect on sums: go.fold keeps a state, which a try that failed may have changed [W505]
    # | flowrun.Retry(flowrun.RetryPolicy{Attempts: 3}))
      |         ^^^^^
  hint: do what may fail in a node before it
effects_test.go:#:36: warning: Aging has no effect on sums.out -> end.in: the edge has no priority that it could raise [W505]
    # | flowrun.Drop(sums, "end", flowrun.Aging(time.Second))
      |                                   ^^^^^
  hint: give Priority as well, or leave Aging out
effects_test.go:#:58: warning: Workers has no effect on an edge of late: it is an option of the node [W505]
    # | g.Use("late", "drop", nil, flowrun.In("in", in, flowrun.Workers(3)))
      |                                                         ^^^^^^^
  hint: give it to Use, not to In
effects_test.go:#:11: InitialInterval is 1m0s, longer than MaxInterval, which is 10s [E106]
    # | flowrun.Retry(flowrun.RetryPolicy{Attempts: 3, InitialInterval: time.Minute}))
      |         ^^^^^
  hint: MaxInterval is 10s by default: raise it to at least 1m0s
`
	if got := "\n" + printed(t, g.Check()); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
}
