package flowrun

import (
	"context"
	"errors"
	"sync"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/internal/gosource"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A Graph is a flow that a program builds. Functions of this package add nodes to
// it; one goroutine at a time may do so. It can be checked, drawn and run any
// number of times, one run after the other.
type Graph struct {
	name   string
	at     gosource.Place
	packs  [][]nodes.Decl
	nodes  []*node
	limits Limits

	mu      sync.Mutex
	run     *scheduler.Run // the current one, or the last one
	running bool
}

// New begins a graph. The packs hold the kinds that Use may name: std.Nodes has
// all that flowrun ships. A graph of Go functions alone needs none.
func New(name string, packs ...[]nodes.Decl) *Graph {
	return &Graph{name: name, at: caller(), packs: packs}
}

// A Report says what a run did, node by node and edge by edge.
type Report = metrics.Report

// Options of a run, such as the seed of chance or a logger for kinds that log. The
// zero value is good.
type Options = scheduler.Options

// Limits bound a graph as a whole; a zero sets no bound. Workers is how many
// tasks all nodes together work on at once; nodes that have something to
// do take turns. Memory is how many bytes wait on all edges together: half of it
// is shared out among the edges, the other half is for whoever needs more.
type Limits = graph.Limits

// Limit bounds the graph as a whole, in every run from now on.
func (g *Graph) Limit(l Limits) { g.limits = l }

// add adds a node of the library, which reads from the wires.
func (g *Graph) add(n *node, opts []Option, wires ...wire) *node {
	n.at = caller()
	for _, o := range opts {
		o(n)
	}
	for _, w := range wires {
		w.at = n.at
		n.wires = append(n.wires, w)
	}
	g.nodes = append(g.nodes, n)
	return n
}

// Use adds a node of a kind of the catalogue. The settings are YAML, as they stand
// under `with` in a flow file, or a map or struct that can be written so; nil takes
// the defaults. What follows are the streams to read, and options:
//
//	late := g.Use("late", "filter", "where: delay > 15", flights, flowrun.Workers(2))
//	both := g.Use("both", "join", "on: {origin: iata}", flowrun.In("left", late), flowrun.In("right", airports))
//
// A kind that takes several edges at one port reads the streams in their order.
// Streams of structs are records: see types.FromGo for how their fields are named.
func (g *Graph) Use(id, kind string, settings any, args ...Arg) Records {
	n := &node{id: id, kind: kind, settings: settings, at: caller()}
	for _, a := range args {
		a.apply(n)
	}
	g.nodes = append(g.nodes, n)
	return Records{port{g: g, n: n}}
}

// Check gives everything that is wrong with the graph, and warnings about what
// works but looks like a mistake, each with its place in the program.
func (g *Graph) Check() diag.List {
	_, _, list := compile(g)
	return list
}

// Flow gives the graph as the engine sees it: for package render to draw, for
// tools to look at. Each call makes a new one. In a graph with errors it shows
// what could be made of it.
func (g *Graph) Flow() *graph.Flow {
	flow, _, _ := compile(g)
	return flow
}

// Run checks the graph and executes it. It returns when every goroutine of the
// run has ended: after the last item, after Stop and what was on its way, or, when
// an item fails or ctx is cancelled, at once.
//
// A graph that is wired wrongly does not run: the error is then a diag.List of
// everything that is wrong, which diag.Print shows with the lines of the program.
// Otherwise it is the first failure, which names the node and the item; errors.Is
// and errors.As see the error that a function returned.
func (g *Graph) Run(ctx context.Context) (Report, error) { return g.RunWith(ctx, Options{}) }

// RunWith is Run with options.
func (g *Graph) RunWith(ctx context.Context, options Options) (Report, error) {
	flow, operators, list := compile(g)
	if err := list.Err(); err != nil {
		return Report{Flow: g.name, Outcome: "failed", Error: err.Error()}, err
	}
	run, err := scheduler.New(flow, operators, options)
	if err != nil {
		return Report{Flow: g.name, Outcome: "failed", Error: err.Error()}, err
	}
	if err := g.begin(run); err != nil {
		return Report{Flow: g.name, Outcome: "failed", Error: err.Error()}, err
	}
	defer g.end()
	report, err := run.Run(ctx)
	for _, d := range list { // no errors: it ran
		report.Warnings = append(report.Warnings, d.Error())
	}
	return report, err
}

func (g *Graph) begin(run *scheduler.Run) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running {
		return errors.New("the graph is running already")
	}
	g.run, g.running = run, true
	for _, n := range g.nodes {
		if n.reset != nil {
			n.reset()
		}
	}
	return nil
}

func (g *Graph) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running = false
	for _, n := range g.nodes {
		if n.over != nil {
			n.over()
		}
	}
}

// Stop ends the sources of the current run, and what is on its way is worked off.
//
// To be stopped is the end of a source that has no other: of Chan and Push, of a node of
// the catalogue such as a tick without a count, and of a Func or ReadFrom whose function
// returns nil then. If all are of that kind, or had come to their end, or nobody wanted
// more of them, Run returns without an error.
//
// Of any other source a stop makes the run a part of what it should have been: of Slice and
// Seq, and of a Func or ReadFrom whose function returns an error, such as that of emit. Run
// then returns ErrStopped, and no sink of the catalogue makes visible what it was given,
// unless Options.Partial says so; functions of the program have had it already.
//
// Stop may be called from any goroutine; without a run it does nothing.
func (g *Graph) Stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running {
		g.run.Stop()
	}
}

// Pause makes the sources of the current run take nothing more until Resume; what is
// on its way goes on. Stop and cancelling do not wait for a pause. It may be called
// from any goroutine; without a run it does nothing.
func (g *Graph) Pause() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running {
		g.run.Pause()
	}
}

// Resume ends a pause.
func (g *Graph) Resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running {
		g.run.Resume()
	}
}

// Stats reports on the current run as it is now, or on the last one. It may be
// called from any goroutine.
func (g *Graph) Stats() Report {
	g.mu.Lock()
	run := g.run
	g.mu.Unlock()
	if run == nil {
		return Report{Flow: g.name}
	}
	return run.Stats()
}
