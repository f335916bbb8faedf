package flowrun

import "github.com/flowrun/flowrun/nodes"

// An Arg is what Use takes after the settings: a Stream or Records to read, either
// of them at a port by In, or an Option.
type Arg interface{ apply(n *node) }

func (o Option) apply(n *node) { o(n) }

func (p port) apply(n *node) {
	p.graph()
	n.wires = append(n.wires, wire{from: p, at: caller()})
}

// In says which input port of a node reads an output, for kinds that have several
// of them; its options are those of the edge.
func In(name string, from Output, opts ...Option) Arg {
	var n node
	for _, o := range opts {
		o(&n)
	}
	return inPort{wire{from: from.output(), in: name, contract: n.contract, idle: n.engine, at: caller()}}
}

type inPort struct{ wire }

func (p inPort) apply(n *node) {
	p.from.graph()
	n.wires = append(n.wires, p.wire)
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

// As gives records as values of a Go type: a struct whose fields are paired with
// those of the records by name, or any type for streams of a single value. It is
// an error of the check if the records cannot be that.
func As[T any](in Records, id string, opts ...Option) Stream[T] {
	n := spread[T]("go.as", "Gives records as Go values.", id, nodes.AsValues[T], typed[T]("out"))
	n.spec.Conserves, n.spec.Lines.Fails = true, "never" // of itself: what it is given may not fit T
	n.spec.Untried = "only converts items, which gives the same result each time"
	return first[T](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}
