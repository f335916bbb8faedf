package flowrun

import (
	"context"
	"errors"
	"reflect"
	"sync"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A Graph is a flow that a program builds. Functions of this package add nodes to
// it; one goroutine at a time may do so. It can be checked, drawn and run any
// number of times, one run after the other.
type Graph struct {
	name   string
	at     place
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
	flow, operators, list := g.compile()
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

// Check gives everything that is wrong with the graph, and warnings about what
// works but looks like a mistake, each with its place in the program.
func (g *Graph) Check() diag.List {
	_, _, list := g.compile()
	return list
}

// Flow gives the graph as the engine sees it: for package render to draw, for
// tools to look at. Each call makes a new one. In a graph with errors it shows
// what could be made of it.
func (g *Graph) Flow() *graph.Flow {
	flow, _, _ := g.compile()
	return flow
}

// A Stream is the typed output of a node. It stands for the items, it does not
// hold them: every function that is given the stream adds a reader, and every
// reader gets every item. Only functions of this package make streams.
type Stream[T any] struct{ port }

// Records is the output of a node of the catalogue: a stream whose type is known
// when the graph is checked, not when the program is compiled. As makes a Stream
// of it.
type Records struct{ port }

// Port gives another output port of the same node, such as a branch of a route.
func (r Records) Port(name string) Records {
	return Records{port{g: r.g, n: r.n, name: name}}
}

// An Output is a Stream or Records.
type Output interface {
	Arg
	output() port
}

// A port is an output of a node.
type port struct {
	g    *Graph
	n    *node
	name string // "" is the port that need not be named
}

func (p port) output() port { return p }

// graph gives the graph of a port that somebody reads.
func (p port) graph() *Graph {
	if p.g == nil {
		panic("flowrun: this Stream or Records was not made by flowrun")
	}
	return p.g
}

// A node is what Graph.compile turns into a graph.Node.
type node struct {
	id   string
	at   place
	spec graph.Spec // of a node of the library

	operator func(env *nodes.Env) (nodes.Operator, error) // of a node of the library
	takes    []reflect.Type                               // the items of its inputs
	failed   []failedAs                                   // who reads its failed items
	letters  func(items []nodes.BadItem) record.Data      // what Failures gives; nil: it is not read
	reset    func()                                       // of a sink that keeps what it got: a run begins
	over     func()                                       // of a source that is waited for: a run has ended

	kind     string // of a node of the catalogue
	settings any    // of a node of the catalogue

	wrong    []string  // what is wrong with its arguments
	engine   []setting // what the options say of the node
	contract []setting // and of its edges
	wires    []wire
}

// A wire is an edge to be.
type wire struct {
	from     port
	in       string
	contract []setting
	idle     []setting // options of an edge that are for nodes
	at       place
}

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

// first gives the output of a node that has one.
func first[T any](g *Graph, n *node) Stream[T] { return Stream[T]{port{g: g, n: n}} }
