package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/control"
	"github.com/flowrun/flowrun/scheduler/metrics"
	"github.com/flowrun/flowrun/scheduler/tap"
)

// Operators gives the operator of a node. A nodes.Registry is one. Whoever stands in
// between may intercept the calls: see nodes.Intercept.
type Operators interface {
	Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error)
}

// A Run is one execution of a flow. Make it with New, call Run once; Stop and
// Stats may be called at any time from any goroutine.
type Run struct {
	lifetime
	flow    *graph.Flow
	options Options
	nodes   []*node // in the order of the flow: topological
	byNode  map[*graph.Node]*node
	edges   []*edge
	gate    *control.Gate   // of limits.workers
	memory  *control.Memory // of limits.memory
	shared  *nodes.Shared
	pausing pausing
	taps    tap.Set
	news    chan struct{} // wakes the observer; see events.go
	serial  *serial       // nil in a run on all cores
	epochs  *epochs       // nil: it has no cuts

	mu      sync.Mutex // guards lifetime.started too, until the nodes begin
	took    time.Duration
	failure error
	stopped bool
	ended   bool
}

// New builds a run and starts nothing. The flow must come from a Load without
// errors; a run belongs to it alone, for kinds keep state in their settings.
func New(f *graph.Flow, operators Operators, options Options) (*Run, error) {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Events == nil {
		options.Events = slog.New(slog.DiscardHandler)
	}
	options.Events = options.Events.With("flow", f.Name)
	if options.Stdin == nil {
		options.Stdin = os.Stdin
	}
	if options.Stdout == nil {
		options.Stdout = os.Stdout
	}
	if options.cpu == nil {
		options.cpu = metrics.CPUTime
	}
	r := &Run{flow: f, byNode: map[*graph.Node]*node{}, options: options, news: make(chan struct{}, 1), memory: control.NewMemory(int64(f.Limits.Memory), len(f.Edges)), shared: &nodes.Shared{}}
	if !options.Serial { // where one goroutine works inside the work of another node
		r.gate = control.NewGate(f.Limits.Workers)
	}
	byEdge := map[*graph.Edge]*edge{}
	for _, spec := range f.Edges {
		e := newEdge(&r.lifetime, spec, r.memory, options.SpillDir, &r.taps)
		r.edges = append(r.edges, e)
		byEdge[spec] = e
	}
	var wrong []error
	for _, spec := range f.Nodes {
		n, err := r.newNode(spec, operators, byEdge)
		if err != nil {
			wrong = append(wrong, err)
		}
		r.nodes = append(r.nodes, n)
		r.byNode[spec] = n
	}
	if r.epochs = newEpochs(r); r.epochs != nil && !options.Serial {
		for _, n := range r.nodes {
			if n.source() {
				n.order = newOrder(n) // which a cut has a place in
			}
		}
	}
	return r, errors.Join(wrong...)
}

func (r *Run) newNode(spec *graph.Node, operators Operators, byEdge map[*graph.Edge]*edge) (*node, error) {
	n := &node{workplace: workplace{life: &r.lifetime, gate: r.gate}, run: r, spec: spec, errorPort: len(spec.Out) - 1, workers: r.workersOf(spec), bell: newBell()}
	for _, in := range spec.In {
		var port []*edge
		for _, e := range in.Edges {
			byEdge[e].bell = n.bell
			port = append(port, byEdge[e])
		}
		n.in = append(n.in, port)
	}
	for _, out := range spec.Out {
		var port []*edge
		for _, e := range out.Edges {
			byEdge[e].refusal = n.shunned
			port = append(port, byEdge[e])
		}
		n.out = append(n.out, port)
	}
	e := &spec.Engine
	n.bucket = control.NewBucket(e.Rate, e.Batch.Given())
	if n.breaker = control.NewBreaker(e.Breaker, n.turnBreaker); n.breaker != nil {
		n.count.Breaker.Store(int32(metrics.Closed))
	}
	if n.bucket != nil && n.source() {
		n.pacing, n.unwantedNow = make(chan struct{}, 1), make(chan struct{})
	}
	n.env = &nodes.Env{
		Node: spec, Flow: r.flow, Workers: n.workers.Max, Stdin: r.options.Stdin, Stdout: r.options.Stdout,
		Log: r.options.Log.With("node", spec.ID), Seed: r.options.Seed,
		Retries:  &n.count.Retries,
		Stopping: func() <-chan struct{} { return r.sources.Done() },
		Await:    r.pausing.pass, Paused: &r.pausing.on,
		Shared: r.shared, Operators: operators.Operator, NoSync: r.options.NoSync, Endless: r.endless,
		Acknowledges: func() bool { return r.epochs.acknowledges() },
		Staged:       func(bytes int64) { r.epochs.stage(bytes) }, Cut: func() { r.epochs.ask() },
	}
	if err := n.operator(operators); err != nil {
		return n, n.wrap(err)
	}
	if n.workers.Max > 1 && e.Order != "strict" {
		n.sendToken, n.serialToken = make(chan struct{}, 1), make(chan struct{}, 1)
	}
	return n, nil
}

// operator makes the operator of the node and finds its parts.
func (n *node) operator(operators Operators) error {
	err := guard(func() error {
		op, err := operators.Operator(n.spec, n.env)
		if err != nil {
			return err
		}
		n.parts, err = nodes.PartsOf(op)
		return err
	})
	if n.parts.Parallel == nil {
		n.workers = graph.FixedWorkers(1)
	}
	switch {
	case err != nil:
		return err
	case n.source() && n.parts.Puller == nil:
		return errNoSource
	}
	for _, i := range n.env.Intercepts() {
		n.watched = n.watched || i.Around != nil
	}
	if f := n.parts.InFlighter; f != nil && !n.run.options.Serial {
		err = guard(func() error { n.atMost(f.MaxInFlight()); return nil })
	}
	return err
}

// errNoSource is a fault of a kind.
var errNoSource = errors.New("the kind has no inputs, and its operator has no method Next")

// atMost bounds the workers by what the operator bears, and raises them to it if the
// flow does not say.
func (n *node) atMost(calls int) {
	calls = max(1, calls)
	if n.spec.Engine.Workers.Max == 0 && n.run.options.Workers == 0 {
		n.workers = graph.FixedWorkers(calls)
	}
	n.workers.Min, n.workers.Max = min(n.workers.Min, calls), min(n.workers.Max, calls)
	n.env.Workers = n.workers.Max
}

// workersOf is the number of workers of a node.
func (r *Run) workersOf(spec *graph.Node) graph.WorkerRange {
	switch {
	case spec.Spec.Workers == graph.Single || r.options.Serial:
		return graph.FixedWorkers(1)
	case spec.Engine.Workers.Max > 0:
		return spec.Engine.Workers
	case r.options.Workers > 0:
		return graph.FixedWorkers(r.options.Workers)
	case spec.Spec.Workers == graph.PerCore:
		return graph.FixedWorkers(runtime.GOMAXPROCS(0))
	}
	return graph.FixedWorkers(1)
}

// ErrStuck is the cause of a run in which every node waited for another one.
var ErrStuck = errors.New("the flow is stuck")

// ErrStopped says that a run was stopped before one of its sources had come to its end:
// what it made is a part of what it should have been, and no sink has committed it unless
// Options.Partial says so.
var ErrStopped = errors.New("stopped before its end")

// Run executes the flow and returns when every goroutine it started has ended. The
// error is the first failure, as a *Failure that names the node; cancelling ctx
// kills the run, and its cause is the error then. A run that Stop has ended gives
// ErrStopped, unless all sources had come to their end or have none. The report is whole
// in any case.
func (r *Run) Run(ctx context.Context) (metrics.Report, error) {
	r.mu.Lock()
	r.lifetime.begin(ctx)
	r.pausing.start()
	stopped := r.stopped
	for _, n := range r.nodes {
		until := r.ctx
		if len(n.in) == 0 {
			until = r.sources
		}
		n.inputCtx, n.cancelInput = context.WithCancel(until)
	}
	r.mu.Unlock()
	ended := r.observe()
	defer r.cancel(nil)
	defer r.stop()
	if stopped {
		r.stop()
	}
	defer context.AfterFunc(r.ctx, r.interrupt)()
	if err := r.open(); err == nil {
		if r.options.Serial {
			r.runSerial()
		} else {
			r.runAll()
		}
	}
	if cause := context.Cause(r.ctx); cause != nil {
		r.setFailure(cause)
	}
	r.audit()
	r.settle()
	r.mu.Lock()
	r.took, r.ended = time.Since(r.started), true
	r.pausing.end()
	r.endTaps()
	failure := r.failure
	r.mu.Unlock()
	report := r.Stats()
	ended(&report, failure)
	if failure == nil && report.Outcome == "stopped" {
		failure = ErrStopped
	}
	return report, failure
}

// Exit removes what the run would leave behind if the process ended now. It is for a run
// that was killed and has not ended yet, and returns at once; the run is of no use then.
func (r *Run) Exit() { r.shared.Exit() }

// open opens every node, those downstream first, so that a sink that cannot be written
// stops the run before a source is read.
func (r *Run) open() error {
	for _, n := range slices.Backward(r.nodes) {
		n.opened = true
		err := n.call(r.ctx, nodes.Call{Part: nodes.PartOpen}, nil, func(ctx context.Context, _ nodes.Out) error {
			if n.parts.Starter == nil {
				return nil
			}
			return n.parts.Starter.Open(ctx)
		})
		if err == nil && n.parts.Recoverer != nil {
			err = guard(func() error { return n.parts.Recoverer.Recover(r.ctx, 0) })
		}
		if err != nil {
			r.fail(n, err)
			return err
		}
	}
	return nil
}

// runAll runs every node on goroutines of its own.
func (r *Run) runAll() {
	var all sync.WaitGroup
	for _, n := range slices.Backward(r.nodes) {
		all.Go(func() { r.guarded(func() { n.main(r.ctx) }) })
	}
	over := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() { r.guarded(func() { r.watch(over) }) })
	watcher.Go(func() { r.guarded(func() { r.scale(over) }) })
	if r.epochs != nil {
		watcher.Go(func() { r.guarded(func() { r.epochs.coordinate(over) }) })
	}
	all.Wait()
	close(over)
	watcher.Wait()
	for _, e := range r.edges {
		e.empty(r.ctx.Err() == nil)
	}
}

// guarded turns a panic of the engine itself into a failure of the run: what is written
// is given up then, which a process that crashes leaves to the next one.
func (r *Run) guarded(f func()) {
	if err := guard(func() error { f(); return nil }); err != nil {
		r.cancel(err)
		r.interrupt()
	}
}

// audit checks the books of a run that went well. If they do not balance, items
// were lost, and that is a failure before any output becomes visible.
func (r *Run) audit() {
	report := r.Stats()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure != nil {
		return
	}
	if report.Outcome = "done"; r.partial() {
		report.Outcome = "stopped"
	}
	if wrong := report.Balance(); len(wrong) > 0 {
		r.failure = fmt.Errorf("the books do not balance: %s", strings.Join(wrong, "; "))
	}
}

// settle makes what the sinks wrote visible, or takes it back. A sink that cannot make
// its output visible turns success into failure for those that come after it. Sources
// then learn that what they gave was taken for good, before they are closed; but for those
// that nobody wanted more of, for some of what they gave was thrown away. Neither is cut
// short by the run's own end.
func (r *Run) settle() {
	ctx := context.WithoutCancel(r.ctx)
	note := func(n *node, err error) {
		if err != nil {
			r.setFailure(n.wrap(err))
		}
	}
	for _, n := range r.nodes {
		if n.parts.Acknowledger == nil {
			note(n, n.close()) // of those that were opened and never began
		}
	}
	thrown := r.cutShort()
	for _, n := range r.nodes {
		note(n, n.settle(ctx, r.firstFailure() == nil && !thrown))
	}
	for _, n := range r.nodes {
		if n.parts.Acknowledger == nil {
			continue
		}
		if !r.options.NoAcks && !thrown && n.owes() && !n.done.Load() && !n.shed.Load() && r.firstFailure() == nil {
			note(n, n.acknowledge(n.at().position))
		}
		note(n, n.close())
	}
}

// fail records the first failure and kills the run. Errors that only echo the kill
// are not failures.
func (r *Run) fail(n *node, err error) {
	if r.ctx.Err() != nil {
		return
	}
	r.cancel(n.wrap(err))
	r.interrupt()
}

// interrupt tells everybody who is between two items to look whether there is to be a
// next one. It is called once the run is over, so nobody can miss it.
func (r *Run) interrupt() {
	for _, n := range r.nodes {
		n.interrupt.Store(true)
	}
}

func (r *Run) setFailure(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure == nil {
		r.failure = err
	}
}

func (r *Run) firstFailure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure
}
