package nodetest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

// A faulty kind passes records on, but for one fault.
type faulty struct {
	Unused bool `yaml:"unused" doc:"Says nothing."`
	make   func(env *nodes.Env) nodes.Operator
}

func (k *faulty) Infer(c *graph.Inference) { c.Out("out", c.In("in")) }

func (k *faulty) Operator(env *nodes.Env) (nodes.Operator, error) { return k.make(env), nil }

// process makes a serial operator.
func process(f func(ctx context.Context, in *record.Batch, out nodes.Out) error) func(*nodes.Env) nodes.Operator {
	return func(*nodes.Env) nodes.Operator { return serially(f) }
}

func serially(f func(ctx context.Context, in *record.Batch, out nodes.Out) error) nodes.Operator {
	return nodes.Serially(func(ctx context.Context, in nodes.Input, out nodes.Out) error {
		return f(ctx, in.Data.(*record.Batch), out)
	})
}

func works(work func(ctx context.Context, in *record.Batch, out nodes.Out) error) func(*nodes.Env) nodes.Operator {
	return func(*nodes.Env) nodes.Operator {
		return nodes.Each(func() (func(context.Context, *record.Batch, nodes.Out) error, error) { return work, nil })
	}
}

func pass(_ context.Context, in *record.Batch, out nodes.Out) error { return out.Emit(0, in.Retain()) }

// An endedOp does something when its input has ended.
type endedOp struct {
	nodes.Operator
	end func() error
}

func (o endedOp) End(context.Context, nodes.EndedEdge, nodes.Out) error { return o.end() }

// A misspeltOp has an End that the engine would not find.
type misspeltOp struct{ nodes.Operator }

func (misspeltOp) End(context.Context, nodes.Out) error { return nil }

// An abortOp does something when its output is to be taken back, and knows whether the run
// was killed.
type abortOp struct {
	nodes.Operator
	ctx   context.Context
	abort func(killed bool) error
}

func (o *abortOp) Open(ctx context.Context) error     { o.ctx = ctx; return nil }
func (*abortOp) Seal(context.Context, uint64) error   { return nil }
func (*abortOp) Commit(context.Context, uint64) error { return nil }
func (*abortOp) Lasts() bool                          { return true }
func (o *abortOp) Abort(context.Context) error        { return o.abort(o.ctx.Err() != nil) }

// aborts makes an operator that passes records on and does something with the file of a
// flow that was stopped.
func aborts(name string, f func(path string) error) func(*nodes.Env) nodes.Operator {
	return func(env *nodes.Env) nodes.Operator {
		return &abortOp{Operator: serially(pass), abort: func(killed bool) error {
			if killed {
				return nil
			}
			return f(env.Path(name))
		}}
	}
}

// single gives one row of a batch n times.
func single(b *record.Batch, n int) *record.Batch {
	d := record.New(b.Type)
	arena := d.Arena()
	for range n {
		d.AppendRow(b, b.Row(0), arena)
	}
	return d
}

const faultyFlow = `flow: faulty
nodes:
  in:   {use: file.read, with: {path: in.jsonl}}
  kind: {use: faulty, in: in}
  out:  {use: file.write, in: kind, with: {path: out.jsonl}}
`

var faultyLines = strings.Repeat(`{"a":1,"b":"one"}`+"\n"+`{"a":2,"b":"two"}`+"\n"+`{"a":3,"b":"three"}`+"\n", 3)

// Each fault is found, by the check that is there for it.
func TestKitFindsFaults(t *testing.T) {
	var counter atomic.Int64
	for _, c := range []struct {
		name string
		make func(*nodes.Env) nodes.Operator
		opts []nodes.Option
		want string // in the first problem; "": none is found
	}{
		{"none", process(pass), nil, ""},
		{"loses the last item", process(func(_ context.Context, in *record.Batch, out nodes.Out) error {
			if in.Len() == 1 {
				return nil
			}
			return out.Emit(0, in.Slice(0, in.Len()-1))
		}), nil, "out.jsonl is"},
		{"sees batches", process(func(_ context.Context, in *record.Batch, out nodes.Out) error {
			for i := range in.Len() {
				if i < 5 {
					if err := out.Emit(0, in.Slice(i, i+1)); err != nil {
						return err
					}
				}
			}
			return nil
		}), nil, "workers 1, batch 1024, capacity 16: out.jsonl is"},
		{"loses items and says that it conserves", process(func(_ context.Context, in *record.Batch, out nodes.Out) error { return nil }),
			[]nodes.Option{nodes.Conserves()}, "the books do not balance"},
		{"keeps what it was given", func(*nodes.Env) nodes.Operator {
			var kept []*record.Batch
			keep := func(_ context.Context, in *record.Batch, _ nodes.Out) error {
				kept = append(kept, in)
				return nil
			}
			return endedOp{serially(keep), func() error {
				for _, b := range kept {
					if b.Type == nil {
						return fmt.Errorf("a batch is gone")
					}
				}
				return nil
			}}
		}, nil, "a batch is gone"},
		{"keeps text", func(*nodes.Env) nodes.Operator {
			last := ""
			return serially(func(_ context.Context, in *record.Batch, out nodes.Out) error {
				d := single(in, in.Len())
				for i := range d.Rows {
					d.Cols[1].Str[i] = last
				}
				last = in.Cols[1].Str[in.Row(0)]
				return out.Emit(0, d)
			})
		}, nil, "out.jsonl is"},
		{"gives no reference back", process(func(_ context.Context, in *record.Batch, out nodes.Out) error {
			in.Retain()
			return out.Emit(0, in.Retain())
		}), nil, "batches were never released"},
		{"numbers items in its workers", works(func(_ context.Context, in *record.Batch, out nodes.Out) error {
			d := single(in, in.Len())
			for i := range d.Rows {
				d.Cols[0].Int[i] = counter.Add(1)
			}
			return out.Emit(0, d)
		}), nil, "out.jsonl is"},
		{"waits whatever happens", process(func(_ context.Context, in *record.Batch, out nodes.Out) error {
			time.Sleep(2 * time.Second)
			return out.Emit(0, in.Retain())
		}), nil, "to return"},
		{"leaves a goroutine", process(func(ctx context.Context, in *record.Batch, out nodes.Out) error {
			go func() { <-make(chan int) }()
			return pass(ctx, in, out)
		}), nil, "blocked goroutines remain"},
		{"fails without input", func(*nodes.Env) nodes.Operator {
			seen := false
			see := func(ctx context.Context, in *record.Batch, out nodes.Out) error {
				seen = true
				return pass(ctx, in, out)
			}
			return endedOp{serially(see), func() error {
				if !seen {
					panic("nothing came")
				}
				return nil
			}}
		}, nil, "with sources that have nothing: kind (faulty): panic: nothing came"},
		{"misspells a method", func(*nodes.Env) nodes.Operator { return misspeltOp{serially(pass)} }, nil, "the method End of operator nodetest.misspeltOp is"},
		{"cannot be killed", func(*nodes.Env) nodes.Operator {
			return &abortOp{Operator: serially(pass), abort: func(killed bool) error {
				if killed {
					panic("it was killed")
				}
				return nil
			}}
		}, nil, ""}, // the kill is the first failure, so this one is not seen
		{"cannot be stopped", aborts("", func(string) error { panic("it was stopped") }), nil,
			"stopped after 0s: the outcome is failed, the error kind (faulty): panic: it was stopped"},
		{"writes a file when it is stopped", aborts("part.jsonl", func(path string) error { return os.WriteFile(path, nil, 0o600) }), nil,
			"stopped after 0s: it left part.jsonl behind"},
		{"writes over a file when it is stopped", aborts("out.jsonl", func(path string) error { return os.WriteFile(path, nil, 0o600) }), nil,
			"stopped after 0s: it left out.jsonl behind"},
		{"removes a file when it is stopped", aborts("out.jsonl", os.Remove), nil,
			"stopped after 0s: out.jsonl, which was there before, is gone"},
		{"says that it wrote when it was stopped", func(env *nodes.Env) nodes.Operator {
			env.Outputs = func() []nodes.Output { return []nodes.Output{{Path: "x", Written: true}} }
			return serially(pass)
		}, nil, "killed after 0s: it says that it wrote x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := append([]nodes.Option{nodes.InPort(graph.Port{Name: "in", Doc: "In."}), nodes.OutPort(graph.Port{Name: "out", Doc: "Out."})}, c.opts...)
			registry, err := nodes.NewRegistry(std.Nodes, []nodes.Decl{nodes.Kind("faulty", "Has a fault.", &faulty{make: c.make}, opts...)})
			if err != nil {
				t.Fatal(err)
			}
			got := checkExample(t, registry, "faulty", graph.Example{
				Flow: faultyFlow, Files: map[string]string{"in.jsonl": faultyLines}, Want: map[string]string{"out.jsonl": faultyLines},
			}, nil)
			switch {
			case c.want == "" && len(got) > 0:
				t.Errorf("found %q", got)
			case c.want != "" && (len(got) == 0 || !strings.Contains(got[0], c.want)):
				t.Errorf("found %.500q, want %q", got, c.want)
			}
		})
	}
}

func TestKitFindsBadExamples(t *testing.T) {
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	flow := "flow: x\nnodes:\n  a: {use: generate, with: {count: 1}}\n  b: {use: file.write, in: a, with: {path: \"-\", format: jsonl}}\n"
	want := map[string]string{Stdio: "{\"n\":0}\n"}
	for _, c := range []struct {
		name, kind string
		example    graph.Example
		want       string
	}{
		{"good", "generate", graph.Example{Flow: flow, Want: want}, ""},
		{"another kind", "filter", graph.Example{Flow: flow, Want: want}, "no node of the example is a filter"},
		{"no output", "generate", graph.Example{Flow: flow}, "wants nothing"},
		{"more output", "generate", graph.Example{Flow: flow + "  c: {use: file.write, in: a, with: {path: c.jsonl}}\n", Want: want}, "nobody wants it"},
		{"another output", "generate", graph.Example{Flow: flow, Want: map[string]string{Stdio: "{}\n"}}, "want\n{}"},
		{"an error", "generate", graph.Example{Flow: strings.Replace(flow, "in: a", "in: aa", 1), Want: want}, "unknown node"},
		{"a warning", "generate", graph.Example{Flow: "types: {T: int}\n" + flow, Want: want}, "never used"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(checkExample(t, registry, c.kind, c.example, nil), "\n")
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

func TestKitFindsMissingDocs(t *testing.T) {
	d := nodes.Kind("Bad kind", "No period", &faulty{}, nodes.Doc("Nor here"), nodes.InPort(graph.Port{Name: "in"}),
		nodes.OutPort(graph.Port{Name: "out", Doc: "Fine."}), nodes.Lines("", "always", "never.", "sometimes"),
		nodes.Example(graph.Example{}))
	got := strings.Join(undocumented(&d.Spec), "\n")
	want := strings.Join([]string{
		`"Bad kind" is no name of a kind`,
		`the documentation of the kind does not end with a period: "No period"`,
		`the documentation of the kind does not end with a period: "Nor here"`,
		`input in has no documentation`,
		`it does not say when it emits`,
		`when it ends is a clause without a period, not "never."`,
		`an example has no title`,
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A flow runs in a folder with files, and what comes of it can be looked at.
func TestRun(t *testing.T) {
	kit := New(std.Nodes)
	const flow = `
nodes:
  a: {use: file.read, with: {path: "-", format: jsonl}}
  b: {use: file.write, in: a, with: {path: sub/b.csv}}
  c: {use: file.write, in: a, with: {path: "-", format: jsonl}}
`
	r := kit.Run(t, flow, map[string]string{Stdio: "{\"x\":1}\n", "other.txt": "untouched"}, Setup{})
	if got := r.Outputs(); r.Err != nil || len(got) != 2 || got["sub/b.csv"] != "x\n1\n" || got[Stdio] != "{\"x\":1}\n" {
		t.Errorf("got %q, %v", got, r.Err)
	}
	if r.File("other.txt") != "untouched" || r.File("sub/b.csv") != "x\n1\n" || r.File("none") != "" || r.File(Stdio) != r.Stdout {
		t.Error("files are not what they are")
	}
	again := kit.Run(t, flow, nil, Setup{Dir: r.Dir, Stdin: strings.NewReader("{\"x\":2}\n")})
	if again.Err != nil || again.Dir != r.Dir || r.File("sub/b.csv") != "x\n2\n" {
		t.Errorf("again in its folder: %q, %v", r.File("sub/b.csv"), again.Err)
	}
	r = kit.Try(t, "nodes:\n  a: {use: nothing}\n", nil, Setup{})
	if r.Err == nil || !strings.Contains(r.Told(), `flow.yaml:2:12: unknown kind "nothing"`) {
		t.Errorf("got %v", r.Told())
	}
}

// A run can be stopped, also by a kind, and a flow that was compiled can be run.
func TestRunIsStopped(t *testing.T) {
	kit := New(std.Nodes)
	flow, list := kit.Load(t, "nodes:\n  a: {use: tick, with: {every: 1s, count: 9}}\n  b: {use: file.write, in: a, with: {path: b.csv}}\n", nil)
	if list.HasErrors() {
		t.Fatal(list)
	}
	synctest.Test(t, func(t *testing.T) {
		r := kit.RunFlow(t, flow, Setup{Begun: func(stop func()) { time.AfterFunc(3500*time.Millisecond, stop) }})
		if r.Err != ErrStopped || r.Report.Took != 3500*time.Millisecond || len(r.Outputs()) != 0 {
			t.Errorf("%v after %s, there are %q", r.Err, r.Report.Took, r.Outputs())
		}
	})
}

// Kinds of one test stand beside those of the kit, which stays as it is.
func TestKitWithMore(t *testing.T) {
	kit := New(std.Nodes)
	more := kit.With([]nodes.Decl{nodes.Map("same", "Gives what it gets.", &sameItem{})})
	const flow = "nodes:\n  a: {use: generate, with: {count: 1}}\n  b: {use: same, in: a}\n  c: {use: log, in: b}\n"
	if r := more.Run(t, flow, nil, Setup{}); r.Err != nil || !strings.Contains(r.Log, `"item":{"N":0}`) {
		t.Errorf("%v, %s", r.Err, r.Log)
	}
	kit.Refuse(t, flow, nil, `unknown kind "same"`)
}

type sameItem struct{}

func (*sameItem) Map(_ context.Context, x struct{ N int64 }) (struct{ N int64 }, error) {
	return x, nil
}
