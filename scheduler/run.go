package scheduler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// Programs gives the program of a node. A nodes.Registry is one.
type Programs interface {
	Program(n *graph.Node, env *nodes.Env) (*nodes.Program, error)
}

// Options of a run. The zero value is that of `flowrun run`.
type Options struct {
	// Workers is for nodes that the flow gives no number and that may have
	// several; 0 leaves it to their kind.
	Workers int
	// Serial runs everything on one goroutine, one item at a time.
	Serial bool
	// Batch bounds how many items a piece of work has; 0: record.MaxRows. Tests
	// use it to show that output does not depend on it.
	Batch int
	// Watch is how long nothing may move before the run looks whether it is stuck;
	// 0: a second.
	Watch time.Duration

	Stdin  io.Reader
	Stdout io.Writer
	Log    *slog.Logger // of what kinds log; nil: nobody reads it
	Events *slog.Logger // of what happens to the run, see events.go; nil: nobody wants to know
	Seed   uint64       // of chance in kinds such as sample
	// SpillDir is where edges that spill put their overflow; "": the system's
	// folder for temporary files.
	SpillDir string

	cpu func() time.Duration // processor time of the process; tests set it
}

func (o *Options) batch() int {
	if o.Batch > 0 {
		return o.Batch
	}
	return record.MaxRows
}

// A Run is one execution of a flow. Make it with New, call Run once; Stop and
// Stats may be called at any time from any goroutine.
type Run struct {
	flow    *graph.Flow
	options Options
	nodes   []*node // in the order of the flow: topological
	edges   []*edge
	epoch   uint64
	gate    *gate // of limits.workers
	pool    *pool // of limits.memory
	pausing pausing
	tapping tapping
	news    chan struct{} // wakes the observer; see events.go
	serial  *serial       // nil in a run on all cores

	ctx     context.Context // of the whole run; cancelled by a failure
	cancel  context.CancelCauseFunc
	sources context.Context // of sources; cancelled by Stop too
	stop    context.CancelFunc

	mu      sync.Mutex
	started time.Time
	took    time.Duration
	failure error
	stopped bool
	ended   bool
}

// New builds a run and starts nothing. The flow must come from a Load without
// errors; a run belongs to it alone, for kinds keep state in their settings.
func New(f *graph.Flow, programs Programs, options Options) (*Run, error) {
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
	r := &Run{flow: f, options: options, news: make(chan struct{}, 1), pool: newPool(f.Limits, len(f.Edges))}
	if !options.Serial { // where one goroutine works inside the work of another node
		r.gate = newGate(f.Limits.Workers)
	}
	byEdge := map[*graph.Edge]*edge{}
	for _, spec := range f.Edges {
		e := newEdge(r, spec)
		r.edges = append(r.edges, e)
		byEdge[spec] = e
	}
	var wrong []error
	for _, spec := range f.Nodes {
		n, err := r.newNode(spec, programs, byEdge)
		if err != nil {
			wrong = append(wrong, err)
		}
		r.nodes = append(r.nodes, n)
	}
	return r, errors.Join(wrong...)
}

func (r *Run) newNode(spec *graph.Node, programs Programs, byEdge map[*graph.Edge]*edge) (*node, error) {
	n := &node{run: r, spec: spec, errorPort: len(spec.Out) - 1, workers: r.workersOf(spec)}
	if n.workers.Max > 1 && spec.Engine.Order != "strict" {
		n.sendToken, n.commitToken = make(chan struct{}, 1), make(chan struct{}, 1)
	}
	for _, in := range spec.In {
		var port []*edge
		for _, e := range in.Edges {
			port = append(port, byEdge[e])
		}
		n.in = append(n.in, port)
	}
	for _, out := range spec.Out {
		var port []*edge
		for _, e := range out.Edges {
			byEdge[e].sender = n
			port = append(port, byEdge[e])
		}
		n.out = append(n.out, port)
	}
	n.env = &nodes.Env{
		Node: spec, Flow: r.flow, Workers: n.workers.Max, Stdin: r.options.Stdin, Stdout: r.options.Stdout,
		Log: r.options.Log.With("node", spec.ID), Seed: r.options.Seed,
		Retries:  &n.count.Retries,
		Stopping: func() <-chan struct{} { return r.sources.Done() },
	}
	err := guard(func() (err error) { n.program, err = programs.Program(spec, n.env); return err })
	if err == nil {
		err = n.protect()
	}
	if err != nil {
		return n, n.wrap(err)
	}
	return n, nil
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

// Run executes the flow and returns when every goroutine it started has ended. The
// error is the first failure, as a *Failure that names the node; cancelling ctx
// kills the run, and its cause is the error then. The report is whole in any case.
func (r *Run) Run(ctx context.Context) (metrics.Report, error) {
	r.mu.Lock()
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	r.sources, r.stop = context.WithCancel(r.ctx)
	r.started = time.Now()
	r.pausing.start()
	stopped := r.stopped
	for _, n := range r.nodes {
		until := r.ctx
		if len(n.in) == 0 {
			until = r.sources
		}
		n.taking, n.dismiss = context.WithCancel(until)
	}
	r.mu.Unlock()
	ended := r.observe()
	defer r.cancel(nil)
	defer r.stop()
	if stopped {
		r.stop()
	}
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
	return report, failure
}

// open calls the Open of every node, those downstream first, so that a sink that
// cannot be written stops the run before a source is read.
func (r *Run) open() error {
	for _, n := range slices.Backward(r.nodes) {
		n.opened = true
		if n.program.Open == nil {
			continue
		}
		if err := guard(func() error { return n.program.Open(r.ctx) }); err != nil {
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
		all.Go(func() { n.work(r.ctx) })
	}
	over := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() { r.watch(over) })
	watcher.Go(func() { r.scale(over) })
	all.Wait()
	close(over)
	watcher.Wait()
	for _, e := range r.edges {
		e.empty(r.ctx.Err() == nil)
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
	if report.Outcome = "done"; r.stopped {
		report.Outcome = "stopped"
	}
	if wrong := report.Balance(); len(wrong) > 0 {
		r.failure = fmt.Errorf("the books do not balance: %s", strings.Join(wrong, "; "))
	}
}

// settle tells every node how the flow ended. A sink that cannot make its output
// visible turns success into failure for those that come after it.
func (r *Run) settle() {
	for _, n := range r.nodes {
		if !n.opened || n.program.Settle == nil {
			continue
		}
		ok := r.firstFailure() == nil
		if err := guard(func() error { return n.program.Settle(ok) }); err != nil {
			r.setFailure(n.wrap(err))
		}
	}
}

// fail records the first failure and kills the run. Errors that only echo the kill
// are not failures.
func (r *Run) fail(n *node, err error) {
	if r.ctx.Err() != nil {
		return
	}
	r.cancel(n.wrap(err))
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

// Stop ends the sources; what is on its way is worked off, and outputs become
// visible as in a run that ended by itself. Once the run has ended it does nothing.
func (r *Run) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	r.stopped = true
	r.pausing.end()
	if r.stop != nil {
		r.stop()
	}
	select {
	case r.news <- struct{}{}:
	default: // the observer has been told and not looked yet
	}
}

// clock is the time since the run began.
func (r *Run) clock() time.Duration { return time.Since(r.started) }

// Stats gives a report of now.
func (r *Run) Stats() metrics.Report {
	r.mu.Lock()
	report := metrics.Report{Flow: r.flow.Name, Outcome: "running", Started: r.started, Took: r.took}
	switch {
	case !r.ended && !r.started.IsZero():
		report.Took, report.Draining = time.Since(r.started), r.stopped
		if cause := context.Cause(r.ctx); cause != nil {
			report.Error = cause.Error()
		}
	case !r.ended:
	case r.failure != nil:
		report.Outcome, report.Error = "failed", r.failure.Error()
	case r.stopped:
		report.Outcome = "stopped"
	default:
		report.Outcome = "done"
	}
	r.mu.Unlock()
	for _, n := range r.nodes {
		report.Nodes = append(report.Nodes, n.report(report.Took))
		if n.env.Wrote != nil && report.Outcome != "running" && report.Outcome != "failed" {
			report.Files = append(report.Files, n.env.Wrote()...)
		}
	}
	for _, e := range r.edges {
		report.Edges = append(report.Edges, e.report())
	}
	r.pausing.mark(&report)
	report.Close()
	return report
}

func (n *node) report(took time.Duration) metrics.NodeReport {
	c := &n.count
	latency := c.Latency.Snapshot()
	workers := max(c.Workers.Load(), 1)
	whole := float64(max(took, 1)) * float64(workers)
	if n.workers.Elastic() {
		whole = float64(max(n.timeOfAll(), 1))
	}
	share := func(ns int64) float64 { return min(1, max(0, float64(ns)/whole)) }
	rep := metrics.NodeReport{
		ID: n.spec.ID, Kind: n.spec.Kind, State: "running", Workers: int(workers), Most: int(c.Most.Load()), Resized: c.Resized.Load(),
		In: c.In.Load(), Out: c.Out.Load(), Used: c.Used.Load(), Filtered: c.Filtered.Load(),
		Skipped: c.Skipped.Load(), Dead: c.Dead.Load(), Failed: c.Failed.Load(), Retries: c.Retries.Load(),
		Busy: share(c.Busy.Load()), Blocked: share(c.Blocked.Load()), Starved: share(c.Starved.Load()),
		P50: latency.Quantile(0.5), P99: latency.Quantile(0.99), Latency: latency,
		BusyTime: time.Duration(c.Busy.Load()), BlockedTime: time.Duration(c.Blocked.Load()), StarvedTime: time.Duration(c.Starved.Load()),
		Began: moment(c.Began.Load()), Finished: moment(c.Finished.Load()),
		Limited: share(c.Limited.Load() * workers), Breaker: metrics.BreakerState(c.Breaker.Load()), Openings: c.Openings.Load(),
		Conserves: n.spec.Spec.Conserves, Source: len(n.in) == 0,
	}
	if c.Ended.Load() {
		rep.State = "done"
	}
	if !rep.Source {
		rep.Held = max(0, rep.In-rep.Used-rep.Filtered-rep.Errors())
	}
	if n.env.Progress != nil {
		rep.Done, rep.Total = n.env.Progress()
	}
	return rep
}

// moment is a time that a counter holds, zero if it holds none.
func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

func (e *edge) report() metrics.EdgeReport {
	c := &e.count
	wait := c.Wait.Snapshot()
	rep := metrics.EdgeReport{
		From: e.spec.From.ID + "." + e.spec.FromPort.Name, To: e.spec.To.ID + "." + e.spec.ToPort.Name,
		Capacity: e.spec.Contract.Capacity, Items: c.Items.Load(), Bytes: c.Bytes.Load(), Peak: c.Peak.Load(),
		Sent: c.Sent.Load(), Received: c.Received.Load(), Unwanted: c.Unwanted.Load(), Dropped: c.Dropped.Load(), Spilled: c.Spilled.Load(),
		WaitP50: wait.Quantile(0.5), WaitP99: wait.Quantile(0.99), Wait: wait,
	}
	if rep.Items > 0 {
		rep.Oldest = max(0, e.run.clock()-time.Duration(c.Oldest.Load()))
	}
	return rep
}

// RecentErrors gives the last items that failed on a node without stopping it.
func (r *Run) RecentErrors(node string) []ItemError {
	for _, n := range r.nodes {
		if n.spec.ID == node {
			n.mu.Lock()
			defer n.mu.Unlock()
			return slices.Clone(n.recent)
		}
	}
	return nil
}
