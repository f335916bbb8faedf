package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// The tests of this package write flows as a user does and run them in virtual
// time: nothing sleeps, and a goroutine that is left over fails the test.

// An item is what travels in the flows of the tests.
type item struct {
	N   int64
	Key string
}

var errBad = errors.New("a bad item")

// A store is what the sinks of one run have seen.
type store struct {
	mu     sync.Mutex
	items  map[string][]item
	times  map[string][]time.Duration // since the first Write or Read
	data   map[string][]record.Data   // not retained: for comparing pointers only
	events []string
	start  time.Time
}

func (s *store) keep(id string, items ...item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range items {
		s.items[id] = append(s.items[id], x)
		s.times[id] = append(s.times[id], time.Since(s.start))
	}
}

func (s *store) event(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, fmt.Sprintf(format, args...))
}

func (s *store) numbers(id string) []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []int64
	for _, x := range s.items[id] {
		all = append(all, x.N)
	}
	return all
}

// emit is a source: items 0, 1, ... with the keys a, b, c in turn. One without an end says
// so when it is stopped: it returns nil.
type emit struct {
	Count int           `yaml:"count" doc:"How many; 0 is no end."`
	Every time.Duration `yaml:"every" doc:"The wait before each."`
	Deaf  bool          `yaml:"deaf" doc:"Looks at nothing but the error of emit."`
	Fail  bool          `yaml:"fail" doc:"Fails at the end."`
	Boom  bool          `yaml:"boom" doc:"Panics at the end."`
	s     *store
	env   *nodes.Env
}

func (k *emit) Open(_ context.Context, env *nodes.Env) error { k.env = env; return nil }

func (k *emit) Read(ctx context.Context, emit func(item) error) error {
	for i := 0; k.Count == 0 || i < k.Count; i++ {
		if k.Every > 0 && !k.Deaf {
			select {
			case <-time.After(k.Every):
			case <-ctx.Done():
				return k.stopped(ctx.Err())
			}
		} else if k.Every > 0 {
			time.Sleep(k.Every)
		}
		x := item{int64(i), string(rune('a' + i%3))}
		if err := emit(x); err != nil {
			return k.stopped(err)
		}
		k.s.keep(k.env.Node.ID, x)
	}
	if k.Fail {
		return errBad
	}
	if k.Boom {
		panic("boom")
	}
	return nil
}

func (k *emit) stopped(err error) error {
	if k.Count == 0 {
		return nil
	}
	return err
}

// step is a Mapper that takes its time and fails as it is told.
type step struct {
	Delays []time.Duration `yaml:"delays" lone:"true" doc:"How long item N takes: entry N modulo the number of entries."`
	Fail   []int           `yaml:"fail" lone:"true" doc:"Items that fail."`
	Tries  int             `yaml:"tries" doc:"How often an item of fail fails before it succeeds; 0: always."`
	Panic  []int           `yaml:"panic" lone:"true" doc:"Items that panic."`
	Add    int64           `yaml:"add" doc:"What is added."`
	Stuck  bool            `yaml:"stuck" doc:"Bad items wait for ever instead of failing."`
	failed map[int64]int
}

func (k *step) Map(ctx context.Context, x item) (item, error) {
	if len(k.Delays) > 0 {
		select {
		case <-time.After(k.Delays[int(x.N)%len(k.Delays)]):
		case <-ctx.Done():
			return x, ctx.Err()
		}
	}
	if slices.Contains(k.Panic, int(x.N)) {
		panic(fmt.Sprintf("item %d", x.N))
	}
	if slices.Contains(k.Fail, int(x.N)) {
		if k.failed == nil {
			k.failed = map[int64]int{}
		}
		if k.failed[x.N]++; k.Tries == 0 || k.failed[x.N] <= k.Tries {
			if k.Stuck {
				<-ctx.Done()
				return x, ctx.Err()
			}
			return x, fmt.Errorf("%w: %d", errBad, x.N)
		}
	}
	x.N += k.Add
	return x, nil
}

// copies is an Expander.
type copies struct {
	Times int `yaml:"times" doc:"How often each item leaves."`
}

func (k *copies) Expand(_ context.Context, x item, emit func(item) error) error {
	for range k.Times {
		if err := emit(x); err != nil {
			return err
		}
	}
	return nil
}

// keep is a sink.
type keep struct {
	Delay time.Duration `yaml:"delay" doc:"How long an item takes."`
	Fail  []int         `yaml:"fail" lone:"true" doc:"Items that fail."`
	s     *store
	env   *nodes.Env
}

func (k *keep) Open(_ context.Context, env *nodes.Env) error { k.env = env; return nil }

func (k *keep) Write(ctx context.Context, in []item) error {
	for _, x := range in {
		if k.Delay > 0 {
			select {
			case <-time.After(k.Delay):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if slices.Contains(k.Fail, int(x.N)) {
			return fmt.Errorf("%w: %d", errBad, x.N)
		}
		k.s.keep(k.env.Node.ID, x)
	}
	return nil
}

// An opKind is a kind whose operator is made by a function of the test.
type opKind struct {
	Mode string `yaml:"mode" doc:"What it does; each test has its own."`
	make func(k *opKind, env *nodes.Env) *op
}

func (k *opKind) Operator(env *nodes.Env) (nodes.Operator, error) {
	return k.make(k, env).operator(), nil
}

// Infer passes the type of the first input on; a source gives items.
func (k *opKind) Infer(c *graph.Inference) {
	t := nodes.Map("x", "X.", &step{}).Spec.Out[0].Type
	if len(c.Node.In) > 0 {
		t = c.In(c.Node.In[0].Name)
	}
	for _, p := range c.Node.Out[:len(c.Node.Out)-1] {
		c.Out(p.Name, t)
	}
}

// kind declares a kind with the given inputs and the outputs out and other.
func kind(name string, make func(k *opKind, env *nodes.Env) *op, in ...graph.Port) nodes.Decl {
	opts := []nodes.Option{nodes.OutPort(graph.Port{Name: "out", Any: true, Side: true})}
	for _, p := range in {
		opts = append(opts, nodes.InPort(p))
	}
	return nodes.Kind(name, "For a test.", &opKind{make: make}, opts...)
}

// A trial is one flow about to run.
type trial struct {
	t     testing.TB
	flow  *graph.Flow
	reg   *nodes.Registry
	opts  scheduler.Options
	store *store
	run   *scheduler.Run
}

// try loads a flow. The kinds are emit, step, copies, keep, and those of extra.
func try(t testing.TB, text string, opts scheduler.Options, extra ...nodes.Decl) *trial {
	t.Helper()
	return tryWith(t, text, opts, func(*graph.Flow) {}, extra...)
}

// tryWith is try for a flow that is changed before it runs.
func tryWith(t testing.TB, text string, opts scheduler.Options, change func(*graph.Flow), extra ...nodes.Decl) *trial {
	t.Helper()
	s := &store{items: map[string][]item{}, times: map[string][]time.Duration{}, data: map[string][]record.Data{}}
	reg, err := nodes.NewRegistry([]nodes.Decl{
		nodes.Read("emit", "Emits items.", &emit{s: s}),
		nodes.Map("step", "Takes a step.", &step{}),
		nodes.Expand("copies", "Copies items.", &copies{}),
		nodes.Write("keep", "Keeps items.", &keep{s: s}),
		first, collect(s),
	}, extra)
	if err != nil {
		t.Fatal(err)
	}
	flow, list := graph.Load(diag.NewSource("test.yaml", []byte("flow: test\nnodes:\n"+text)), reg, graph.Options{})
	if list.HasErrors() {
		var b strings.Builder
		diag.Print(&b, list, diag.Style{})
		t.Fatal(b.String())
	}
	change(flow)
	if opts.SpillDir == "" {
		opts.SpillDir = t.TempDir()
	}
	tr := &trial{t: t, flow: flow, reg: reg, opts: opts, store: s}
	if tr.run, err = scheduler.New(flow, reg, opts); err != nil {
		t.Fatal(err)
	}
	return tr
}

func (tr *trial) execute(ctx context.Context) (metrics.Report, error) {
	tr.store.start = time.Now()
	return tr.run.Run(ctx)
}

// succeed runs the flow, which must end well with books that balance.
func (tr *trial) succeed() metrics.Report {
	tr.t.Helper()
	report, err := tr.execute(context.Background())
	if err != nil || report.Outcome != "done" {
		tr.t.Fatalf("%s: %v", report.Outcome, err)
	}
	balanced(tr.t, report)
	return report
}

// cutShort runs the flow, which must be stopped before one of its sources has come to its
// end, with books that balance.
func (tr *trial) cutShort() metrics.Report {
	tr.t.Helper()
	report, err := tr.execute(context.Background())
	if err != scheduler.ErrStopped || report.Outcome != "stopped" || report.Error != "" {
		tr.t.Fatalf("%s %q: %v", report.Outcome, report.Error, err)
	}
	balanced(tr.t, report)
	return report
}

func balanced(t testing.TB, report metrics.Report) {
	t.Helper()
	if len(report.Unbalanced) > 0 {
		t.Errorf("the books: %s", strings.Join(report.Unbalanced, "; "))
	}
}

func node(t testing.TB, r metrics.Report, id string) metrics.NodeReport {
	t.Helper()
	for _, n := range r.Nodes {
		if n.ID == id {
			return n
		}
	}
	t.Fatalf("no node %s in the report", id)
	return metrics.NodeReport{}
}

func edge(t testing.TB, r metrics.Report, from, to string) metrics.EdgeReport {
	t.Helper()
	for _, e := range r.Edges {
		if e.From == from && e.To == to {
			return e
		}
	}
	t.Fatalf("no edge %s -> %s in the report", from, to)
	return metrics.EdgeReport{}
}

// virtual runs a test in virtual time, with poisoned memory, and looks whether all
// data was released.
func virtual(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	record.Poison(true)
	before := record.Live()
	synctest.Test(t, f)
	record.Poison(false)
	if left := record.Live() - before; left != 0 && !t.Failed() {
		t.Errorf("%d batches were never released", left)
	}
}

// every looks at a run again and again, until stop, which waits for the last look.
func every(d time.Duration, look func()) (stop func()) {
	over := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		ticker := time.NewTicker(d)
		defer ticker.Stop()
		for {
			select {
			case <-over:
				return
			case <-ticker.C:
				look()
			}
		}
	})
	return func() {
		close(over)
		watcher.Wait()
	}
}

// upTo gives 0, 1, ... n-1.
func upTo(n int) []int64 {
	all := make([]int64, n)
	for i := range all {
		all[i] = int64(i)
	}
	return all
}

func equal(t testing.TB, what string, got, want []int64) {
	t.Helper()
	if !slices.Equal(got, want) {
		if len(got) > 50 || len(want) > 50 {
			t.Errorf("%s: %d items, want %d", what, len(got), len(want))
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Errorf("  item %d is %d, want %d", i, got[i], want[i])
					break
				}
			}
			return
		}
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// A firstKind is the kind of a limit.
type firstKind struct {
	opKind
	Count int `yaml:"count" doc:"How many items."`
}

func (k *firstKind) Operator(*nodes.Env) (nodes.Operator, error) {
	left := k.Count
	return nodes.Serially(func(_ context.Context, in nodes.Input, out nodes.Out) error {
		n := min(left, in.Data.Len())
		left -= n
		if err := out.Emit(0, in.Data.Slice(0, n)); err != nil || left > 0 {
			return err
		}
		return nodes.ErrDone
	}), nil
}

var first = nodes.Kind("first", "Takes the first items.", &firstKind{}, nodes.Conserves(), nodes.Workers(graph.Single),
	nodes.InPort(graph.Port{Name: "in", Any: true}), nodes.OutPort(graph.Port{Name: "out", Any: true}))

// collect is a sink that sees the data itself.
func collect(s *store) nodes.Decl {
	return nodes.Kind("collect", "Collects data.", &opKind{make: func(_ *opKind, env *nodes.Env) *op {
		return &op{
			open: func() error { s.event("open %s", env.Node.ID); return nil },
			process: func(_ context.Context, in nodes.Input, _ nodes.Out) error {
				s.mu.Lock()
				s.data[env.Node.ID] = append(s.data[env.Node.ID], in.Data)
				s.mu.Unlock()
				for _, x := range values(in.Data) {
					s.keep(env.Node.ID, x)
				}
				return nil
			},
			commit: func() error { s.event("settle %s true", env.Node.ID); return nil },
			abort:  func() error { s.event("settle %s false", env.Node.ID); return nil },
		}
	}}, nodes.InPort(graph.Port{Name: "in", Any: true}), nodes.Workers(graph.Single))
}

// values gives the items in data of either form.
func values(d record.Data) []item {
	xs := record.ItemsOf(d, new(record.Pool[item]), nil)
	defer xs.Release()
	return slices.Clone(xs.V)
}

// numbering is the next of a source that gives 0, 1, ... n-1.
func numbering(n int) func(context.Context) (any, error) {
	i := -1
	return func(context.Context) (any, error) {
		if i++; i == n {
			return nil, io.EOF
		}
		return i, nil
	}
}

// batchOf makes a batch of items.
func batchOf(items ...item) *record.Batch {
	t := nodes.Map("x", "X.", &step{}).Spec.Out[0].Type
	x := record.Wrap(items)
	defer x.Release()
	return x.ToBatch(t, nil)
}

func numbered(from, to int) []item {
	var items []item
	for i := from; i < to; i++ {
		items = append(items, item{int64(i), string(rune('a' + i%3))})
	}
	return items
}

var portIn = graph.Port{Name: "in", Any: true}

func portOut(name string) graph.Port { return graph.Port{Name: name, Any: true} }

func source(text string) *diag.Source { return diag.NewSource("test.yaml", []byte(text)) }
