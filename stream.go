package flowrun

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

// An Arg is what Use takes after the settings: a Stream or Records to read, either
// of them at a port by In, or an Option.
type Arg interface{ apply(n *node) }

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

func (p port) apply(n *node) {
	p.graph()
	n.wires = append(n.wires, wire{from: p, at: caller()})
}

// first gives the output of a node that has one.
func first[T any](g *Graph, n *node) Stream[T] { return Stream[T]{port{g: g, n: n}} }
