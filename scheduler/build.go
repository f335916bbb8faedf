package scheduler

import (
	"errors"
	"log/slog"
	"os"
	"runtime"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/control"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file builds a run from a flow: its nodes, edges and limits.

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
	r := &Run{flow: f, topology: topology{byNode: map[*graph.Node]*driver{}}, options: options, news: make(chan struct{}, 1), memory: control.NewMemory(int64(f.Limits.Memory), len(f.Edges)), shared: &nodes.Resources{}}
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
	if r.epochs = newEpochs(&r.topology, &r.lifetime, &r.options, r.fail); r.epochs != nil && !options.Serial {
		for _, n := range r.nodes {
			if n.source() {
				n.order = newOrder(n.node) // which a cut has a place in
			}
		}
	}
	return r, errors.Join(wrong...)
}

func (r *Run) newNode(spec *graph.Node, operators Operators, byEdge map[*graph.Edge]*edge) (*driver, error) {
	n := &node{
		workplace: workplace{life: &r.lifetime, gate: r.gate}, options: &r.options, valve: &r.valve, forfeited: r.forfeited, guarded: r.guarded,
		spec: spec, errorPort: len(spec.Out) - 1, workers: r.workersOf(spec), bell: newBell(),
	}
	n.fail = func(err error) { r.fail(n, err) }
	d := &driver{node: n}
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
		Await:    r.valve.pass, Paused: &r.valve.on,
		Network: r.options.Network, Shared: r.shared, Operators: operators.Operator, NoSync: r.options.NoSync, Endless: r.endless,
		Acknowledges: func() bool { return r.epochs.acknowledges() },
		Staged:       func(bytes int64) { r.epochs.stage(bytes) }, Cut: func() { r.epochs.ask() },
	}
	if err := n.operator(operators); err != nil {
		return d, n.wrap(err)
	}
	if n.workers.Max > 1 && e.Order != "strict" {
		n.sendToken, n.serialToken = make(chan struct{}, 1), make(chan struct{}, 1)
	}
	return d, nil
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
	if f := n.parts.InFlighter; f != nil && !n.options.Serial {
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
	if n.spec.Engine.Workers.Max == 0 && n.options.Workers == 0 {
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
	case spec.Workers().Max > 0:
		return spec.Workers()
	}
	return graph.FixedWorkers(1)
}
