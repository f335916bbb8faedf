package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/control"
	"github.com/flowrun/flowrun/scheduler/metrics"
	"github.com/flowrun/flowrun/scheduler/tap"
)

// This file is a run from outside: how it starts, is paused and stopped, ends, and what
// it tells meanwhile.

// Operators gives the operator of a node. A nodes.Registry is one. Whoever stands in
// between may intercept the calls: see nodes.Intercept.
type Operators interface {
	Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error)
}

// A Run is one execution of a flow. Make it with New, call Run once; Stop and
// Stats may be called at any time from any goroutine.
type Run struct {
	lifetime
	topology
	flow    *graph.Flow
	options Options
	gate    *control.Gate   // of limits.workers
	memory  *control.Memory // of limits.memory
	shared  *nodes.Resources
	valve   valve
	taps    tap.Set
	news    chan struct{} // wakes the observer; see events.go
	epochs  *epochs       // nil: it has no cuts

	mu      sync.Mutex // guards lifetime.started too, until the nodes begin
	took    time.Duration
	failure error
	stopped bool
	ended   bool
}

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
	r.valve.start()
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
			newSerial(&r.topology, &r.lifetime, r.epochs, r.guarded).run()
		} else {
			r.runAll()
		}
	}
	if cause := context.Cause(r.ctx); cause != nil {
		r.setFailure(cause)
	}
	r.audit()
	r.settle()
	if err := guard(r.shared.Close); err != nil {
		r.setFailure(err)
	}
	r.mu.Lock()
	r.took, r.ended = time.Since(r.started), true
	r.valve.end()
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
			r.fail(n.node, err)
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
	w := watch{&r.topology, &r.lifetime, r.options.Watch, r.options.Events}
	watcher.Go(func() { r.guarded(func() { w.run(over) }) })
	watcher.Go(func() { r.guarded(func() { follow(r.nodes, r.flow.Limits.Workers, &r.lifetime, over) }) })
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

// settle makes what the sinks wrote visible, or takes it back, but for what is to stay in
// any case. A sink that cannot make its output visible turns success into failure for those
// that come after it. Sources then learn that what they gave was taken for good, before they are closed; but for those
// that nobody wanted more of, for some of what they gave was thrown away. Neither is cut
// short by the run's own end.
func (r *Run) settle() {
	ctx := context.WithoutCancel(r.ctx)
	note := func(n *driver, err error) {
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
	if (thrown || r.firstFailure() != nil) && !r.options.Discard {
		for _, n := range r.nodes {
			note(n, n.keep(ctx))
		}
	}
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

// Pause makes the sources take nothing more until Resume; what is on its way goes
// on. A run may be paused before it starts. Stop ends a pause, and neither it nor
// cancelling waits for one. Once the run was stopped or has ended, Pause does
// nothing.
func (r *Run) Pause() {
	p := &r.valve
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gate == nil && !p.over {
		p.gate, p.since = make(chan struct{}), time.Now()
		p.on.Store(true)
	}
}

// Resume ends a pause.
func (r *Run) Resume() {
	p := &r.valve
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open()
}

// Paused reports whether the run is paused.
func (r *Run) Paused() bool { return r.valve.on.Load() }

// Stop ends the sources; what is on its way is worked off. Where all sources had come to
// their end, or have none, outputs become visible as in a run that ended by itself; else
// see ErrStopped. Once the run has ended it does nothing.
func (r *Run) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	r.stopped = true
	if r.stop != nil { // before the pause ends, or one more piece would slip in
		r.stop()
	}
	r.valve.end()
	select {
	case r.news <- struct{}{}:
	default: // the observer has been told and not looked yet
	}
}

// forfeited reports whether it is certain by now that no sink will commit: of a source that
// may yet turn out to have no end, that is so when it has ended.
func (r *Run) forfeited() bool {
	return r.cutShort() && (r.options.Discard || slices.ContainsFunc(r.nodes, func(n *driver) bool {
		return n.cut.Load() && (n.parts.Endless == nil || n.count.Ended.Load() && !n.parts.Endless.Endless())
	}))
}

// cutShort reports whether sinks are not to commit because the run was stopped.
func (r *Run) cutShort() bool {
	return r.partial() && !r.options.Partial || r.options.Discard && r.wasStopped()
}

func (r *Run) wasStopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

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
	case r.partial():
		report.Outcome = "stopped"
	default:
		report.Outcome = "done"
	}
	r.mu.Unlock()
	for _, n := range r.nodes {
		report.Nodes = append(report.Nodes, n.report(report.Took))
		if report.Outcome == "running" {
			continue
		}
		if last := &report.Nodes[len(report.Nodes)-1]; n.env.Unkept != nil {
			last.NotKept, last.Unconfirmed = n.env.Unkept()
		}
		if n.env.Outputs == nil {
			continue
		}
		for _, o := range n.env.Outputs() {
			if o.Written {
				report.Files = append(report.Files, o.Path)
			} else {
				report.Unwritten = append(report.Unwritten, o.Path)
			}
		}
	}
	for _, e := range r.edges {
		report.Edges = append(report.Edges, e.report())
	}
	if report.Cuts = r.epochs.stats(report.Took); report.Cuts != nil {
		r.epochs.mark(report.Nodes)
	}
	r.valve.mark(&report)
	report.Close()
	return report
}

// RecentErrors gives the last items that failed on a node, the one that stopped the run too.
func (r *Run) RecentErrors(node string) []ItemError {
	for _, n := range r.nodes {
		if n.spec.ID == node {
			n.mu.Lock()
			recent := slices.Clone(n.recent)
			n.mu.Unlock()
			for i := range recent {
				e := &recent[i]
				e.Hint, e.cause = hintOf(e.cause), nil
				if e.At = e.at.String(); e.at != n.spec.At { // what a node is as a whole helps nobody
					e.Excerpt = diag.Excerpt(e.at, redact.Source)
				}
			}
			return recent
		}
	}
	return nil
}

// Tap opens a tap on an edge, which is named by its place in the edges of the flow.
// Close it. Of an edge that has ended there is nothing more to see: Next gives
// io.EOF.
func (r *Run) Tap(edge int, o TapOptions) (*Tap, error) {
	if edge < 0 || edge >= len(r.edges) {
		return nil, fmt.Errorf("the flow has no edge %d", edge)
	}
	return r.edges[edge].taps.Open(o)
}

// TapBetween is Tap for an edge that is named by its ports, such as late.out and
// named.left.
func (r *Run) TapBetween(from, to string, o TapOptions) (*Tap, error) {
	for i, e := range r.edges {
		if e.spec.String() == from+" -> "+to {
			return r.Tap(i, o)
		}
	}
	return nil, fmt.Errorf("the flow has no edge %s -> %s", from, to)
}

// endTaps ends those that the ends of edges have left, as in a run that could not
// begin.
func (r *Run) endTaps() {
	for _, e := range r.edges {
		e.taps.End()
	}
}

// observe tells that the run begins, and from then on what happens to it. What it
// returns tells how the run ended; nothing of it is left then.
func (r *Run) observe() (end func(*metrics.Report, error)) {
	if !r.options.Events.Enabled(context.Background(), slog.LevelError) {
		return func(*metrics.Report, error) {}
	}
	r.options.Events.Info("run started", "nodes", len(r.nodes), "edges", len(r.edges))
	o := newObserver(r.options.Events, r.RecentErrors)
	over := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() { o.watch(r.Stats, r.news, over) })
	return func(report *metrics.Report, failure error) {
		close(over)
		watcher.Wait()
		if r.wasStopped() && o.phase != metrics.Draining { // it was soon over
			o.log.Info(string(metrics.Draining))
			o.phase = metrics.Draining
		}
		o.look(report, true)
		o.end(report, failure)
	}
}
