package flowrun

import (
	"context"
	"fmt"
	"reflect"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/internal/gosource"
	"github.com/flowrun/flowrun/nodes"
)

// A node is what compile turns into a graph.Node.
type node struct {
	id   string
	at   gosource.Place
	spec graph.Spec // of a node of the library

	operator func(env *nodes.Env) (nodes.Operator, error) // of a node of the library
	takes    []reflect.Type                               // the items of its inputs
	failed   []failedAs                                   // who reads its failed items
	letters  func(items []nodes.BadItem) record.Data      // what Failures gives; nil: it is not read
	reset    func()                                       // of a sink that keeps what it got: a run begins
	over     func()                                       // of a source that is waited for: a run has ended

	kind     string // of a node of the catalogue
	settings any    // of a node of the catalogue

	wrong    []string                  // what is wrong with its arguments
	engine   []setting[graph.Engine]   // what the options say of the node
	contract []setting[graph.Contract] // and of its edges
	wires    []wire
}

// wrongFailures says what is wrong with how the failed items of a node are read, and
// where.
func (n *node) wrongFailures() (wrong string, at gosource.Place) {
	for _, f := range n.failed {
		first := n.failed[0]
		switch {
		case f.item != first.item:
			return fmt.Sprintf("its failed items are read by %s already: take the same for all readers", first), f.at
		case f.item == nil:
			continue
		case n.kind != "":
			return fmt.Sprintf("it is a node of the catalogue (%s), whose items are records: read them by Errors", n.kind), f.at
		case len(n.takes) == 0:
			return "it is a source: no item can fail on it", f.at
		}
		for _, t := range n.takes {
			if t != f.item && (f.item.Kind() != reflect.Interface || !t.Implements(f.item)) {
				return fmt.Sprintf("it takes items of type %s, so its failed items are Failures[%s], not %s", t, t, f), f.at
			}
		}
	}
	return "", gosource.Place{}
}

// caller gives the line of the program that called this package.
func caller() gosource.Place { return gosource.Caller(ownPath) }

var ownPath = reflect.TypeFor[Graph]().PkgPath()

// A wire is an edge to be.
type wire struct {
	from     port
	in       string
	contract []setting[graph.Contract]
	idle     []setting[graph.Engine] // options of an edge that are for nodes
	at       gosource.Place
}

// spread is a node of one input whose workers share nothing.
func spread[I any](kind, summary, id string, worker func(env *nodes.Env) nodes.Worker, out ...graph.Port) *node {
	n := &node{
		id:   id,
		spec: graph.Spec{Kind: kind, Summary: summary, Out: out},
		operator: func(env *nodes.Env) (nodes.Operator, error) {
			return nodes.Spread(func(context.Context) (nodes.Worker, error) { return worker(env), nil }), nil
		},
	}
	takes[I](n, "in", graph.Port{})
	return n
}

// serial is a node whose function sees one item at a time in the order of the
// input: it may keep state. operator is called once a run.
func serial[I, O any](kind, summary, id string, operator func(env *nodes.Env) nodes.Operator) *node {
	n := &node{
		id:       id,
		spec:     graph.Spec{Kind: kind, Summary: summary, Workers: graph.Single, Untried: graph.KeepsState, Out: []graph.Port{typed[O]("out")}},
		operator: func(env *nodes.Env) (nodes.Operator, error) { return operator(env), nil },
	}
	takes[I](n, "in", graph.Port{})
	return n
}

// takes gives a node an input for items of a Go type; p says what else the port is.
func takes[T any](n *node, name string, p graph.Port) {
	t := typed[T](name)
	p.Name, p.Type, p.Go = t.Name, t.Type, t.Go
	n.spec.In = append(n.spec.In, p)
	n.takes = append(n.takes, reflect.TypeFor[T]())
}

// typed is a port for items of a Go type. A struct that is a record is called by its
// Go name.
func typed[T any](name string) graph.Port {
	g := reflect.TypeFor[T]()
	if g == reflect.TypeFor[ItemError]() {
		return graph.Port{Name: name, Type: graph.ErrorItem, Go: true}
	}
	t := types.FromGo(g)
	if t.IsRecord() && types.IsWord(g.Name()) {
		t = t.Named(g.Name())
	}
	return graph.Port{Name: name, Type: t, Go: true}
}
