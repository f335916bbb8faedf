package graph

import (
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// A Builder makes a flow without a text: a program adds nodes and edges one by
// one and says where each was written. Everything is checked as if it stood in a
// file, by the same passes as Load, and nothing is reported before Build.
type Builder struct {
	c      *compiler
	failed map[*Node]bool // there is a message already that says why an input has no edge
}

// NewBuilder begins a flow. Kinds that Use names are found in the catalogue.
// Paths in settings are relative to the working folder.
func NewBuilder(name string, cat Catalog, at diag.Span) *Builder {
	c := &compiler{
		cat: cat, byID: map[string]*Node{}, root: &config.Value{Kind: config.Mapping},
		flow: &Flow{Name: name, Dir: ".", At: at, Types: map[string]*types.Type{}},
	}
	c.checkFlowName(name, at)
	return &Builder{c: c, failed: map[*Node]bool{}}
}

// Words says what a program calls what messages would call as in a flow file: keys of
// settings, and advice in which they stand.
func (b *Builder) Words(words map[string]string) { b.c.words = words }

// Use adds a node of a kind of the catalogue. with holds its settings; it may be nil. A
// node of a kind that is not known is added too, so that the rest can still be looked at.
// at is where its id is written, useAt where its kind is.
//
// engine is DefaultEngine with what the program says, and written names the keys that it
// has set, each with its place, as a mapping whose values do not matter; nil: none.
func (b *Builder) Use(id, kind string, with *config.Value, engine Engine, written *config.Value, at, useAt diag.Span) *Node {
	n := b.declare(id, kind, engine, written, at)
	n.UseAt = useAt
	if b.c.resolveKind(n, &config.Value{Kind: config.Mapping}) {
		n.Config = b.c.cat.New(kind)
		b.c.readSettings(n, with)
		b.c.checkWorkers(n, written)
	}
	b.c.openPorts(n)
	return n
}

// SetLimits bounds the flow as a whole.
func (b *Builder) SetLimits(l Limits) { b.c.flow.Limits = l }

// Own adds a node that no catalogue knows: spec says what it is. Its settings are
// nil.
func (b *Builder) Own(id string, spec *Spec, engine Engine, written *config.Value, at diag.Span) *Node {
	n := b.declare(id, spec.Kind, engine, written, at)
	n.Spec = spec
	b.c.checkWorkers(n, written)
	b.c.openPorts(n)
	return n
}

func (b *Builder) declare(id, kind string, engine Engine, written *config.Value, at diag.Span) *Node {
	n := &Node{ID: id, Kind: kind, At: at, UseAt: at, Engine: engine}
	b.c.checkID(id, at)
	if other := b.c.byID[id]; other != nil {
		b.c.list.Add(diag.DuplicateKey, at, "there are two nodes %q", id).WithNote(other.At, "the first one")
	} else {
		b.c.byID[id] = n
	}
	engineSchema().Check(written, &n.Engine, &b.c.list)
	b.c.checkEngine(n, written)
	b.c.flow.Nodes = append(b.c.flow.Nodes, n)
	return n
}

// Connect adds an edge from an output port to an input port; "" names the port
// that a flow file may leave out. contract is DefaultContract with what the program says,
// and written as for Use. A nil from stands for a source that the caller has reported.
func (b *Builder) Connect(from *Node, out string, to *Node, in string, contract Contract, written *config.Value, at diag.Span) {
	if from == nil {
		b.failed[to] = true
		return
	}
	port := b.output(from, out, at)
	p := b.input(to, in, at)
	if port == nil || p == nil {
		b.failed[to] = true
		return
	}
	if p.Arity != Many && len(p.Edges) > 0 {
		b.c.list.Add(diag.PortTaken, at, "%s.%s takes one edge", to.ID, p.Name).WithHint("put a merge, concat or zip before it")
		return
	}
	e := &Edge{ID: len(b.c.flow.Edges), From: from, FromPort: port, To: to, ToPort: p, Contract: contract, At: at}
	contractSchema().Check(written, &e.Contract, &b.c.list)
	e.Contract.Given = written.Has("on_full")
	b.c.add(e, written)
}

// output finds the port that an edge begins at, as `source` does for a text.
func (b *Builder) output(from *Node, name string, at diag.Span) *Output {
	if from.Spec == nil { // its kind is unknown, so are its ports
		return &Output{Port: Port{Name: name}, Carries: types.Error}
	}
	if p := from.Output(name); p != nil {
		return p
	}
	names := from.outputNames()
	switch {
	case name != "":
		b.c.list.Add(diag.UnknownPort, at, "%s (%s) has no output %q", from.ID, from.Kind, name).DidYouMean(name, append(names, ErrorPort))
	case from.Output("out") != nil:
		return from.Output("out")
	case len(names) == 1:
		return from.Out[0]
	case len(names) == 0:
		b.c.list.Add(diag.UnknownPort, at, "%s (%s) has no output to read", from.ID, from.Kind)
	default:
		b.c.list.Add(diag.UnknownPort, at, "%s (%s) has several outputs, say which", from.ID, from.Kind).DidYouMean("", names)
	}
	return nil
}

// input finds the port that an edge ends at.
func (b *Builder) input(to *Node, name string, at diag.Span) *Input {
	if to.Spec == nil {
		return nil
	}
	if p := to.Input(name); p != nil {
		return p
	}
	switch names := to.inputNames(); {
	case len(to.In) == 0:
		b.c.list.Add(diag.UnknownPort, at, "%s reads from nothing: %s has no input", to.ID, to.Kind)
	case name != "":
		b.c.list.Add(diag.UnknownPort, at, "%s has no input %q", to.Kind, name).DidYouMean(name, names)
	case len(to.In) == 1:
		return to.In[0]
	default:
		b.c.list.Add(diag.UnknownPort, at, "%s has %d inputs, say which", to.Kind, len(to.In)).DidYouMean("", names)
	}
	return nil
}

// Build runs the passes that follow the wiring of a file and gives the flow with
// everything that was found. A Builder builds once.
func (b *Builder) Build() (*Flow, diag.List) {
	for _, n := range b.c.flow.Nodes {
		if n.Spec != nil && !b.failed[n] {
			b.c.checkInputs(n, nil)
		}
	}
	wired := false
	for _, p := range passes {
		if wired {
			p.run(b.c)
		}
		wired = wired || p.name == "connect"
	}
	b.c.list.Sort()
	return b.c.flow, b.c.list
}
