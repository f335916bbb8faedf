package graph

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is the pass that connects: it makes the edges that `in` names.

// connect makes the edges that `in` names. A node's `in` is a source, a list of
// sources, a mapping with `from` (a source with a contract), or a mapping of
// ports to any of these.
func (c *compiler) connect() {
	for _, n := range c.flow.Nodes {
		in := c.wiring[n]
		if n.Spec == nil {
			c.checkSources(in)
			continue
		}
		switch {
		case in.IsNull():
		case len(n.In) == 0:
			c.list.Add(diag.UnknownPort, in.Span, "%s reads from nothing: %s has no input", n.ID, n.Kind).
				WithHint("remove `in`")
			continue
		case in.Kind == config.Mapping && !in.Has("from"):
			c.connectPorts(n, in)
		default:
			c.connectSole(n, in)
		}
		c.checkInputs(n, in)
	}
}

// checkSources looks at the sources of a node whose kind is unknown, and so its ports: no
// edge can be made of them, but they may be wrong as well.
func (c *compiler) checkSources(in *config.Value) {
	switch {
	case in.IsNull():
	case in.Kind == config.Sequence:
		for _, item := range in.Items {
			c.checkSources(item)
		}
	case in.Kind == config.Mapping && !in.Has("from"):
		for _, e := range in.Entries {
			if !contractSchema().Has(e.Key) {
				c.checkSources(e.Value)
			}
		}
	default:
		contract := DefaultContract()
		if ref, _ := c.readEdge(in, &contract); ref != nil {
			c.source(ref)
		}
	}
}

// connectPorts reads `in: {left: a, right: b}`.
func (c *compiler) connectPorts(n *Node, in *config.Value) {
	for _, e := range in.Entries {
		p := n.Input(e.Key)
		if p == nil {
			d := c.list.Add(diag.UnknownPort, e.KeySpan, "%s has no input %q", n.Kind, e.Key)
			if contractSchema().Has(e.Key) {
				d.WithHint("a contract needs its source: in: {from: NODE, %s: ...}", e.Key)
			} else {
				d.DidYouMean(e.Key, n.inputNames())
			}
			continue
		}
		c.connectPort(n, p, e.Value)
	}
}

// connectSole wires the one input that a node has.
func (c *compiler) connectSole(n *Node, in *config.Value) {
	if len(n.In) > 1 {
		var ports []string
		for _, p := range n.In {
			ports = append(ports, p.Name+": NODE")
		}
		c.list.Add(diag.UnknownPort, in.Span, "%s has %d inputs, say which", n.Kind, len(n.In)).
			WithHint("in: {%s}", strings.Join(ports, ", "))
		// Take it for the first, so that what comes later is still looked at.
	}
	c.connectPort(n, n.In[0], in)
}

func (c *compiler) connectPort(n *Node, p *Input, in *config.Value) {
	if in.Kind != config.Sequence {
		c.connectEdge(n, p, in)
		return
	}
	if p.Arity != Many && len(in.Items) > 1 {
		c.list.Add(diag.PortTaken, in.Items[1].Span, "%s.%s takes one edge, got %d", n.ID, p.Name, len(in.Items)).
			WithHint("put a merge, concat or zip before it")
	}
	for i, item := range in.Items {
		if p.Arity == Many || i == 0 {
			c.connectEdge(n, p, item)
		}
	}
}

func (c *compiler) connectEdge(n *Node, p *Input, in *config.Value) {
	contract := DefaultContract()
	ref, rest := c.readEdge(in, &contract)
	if ref == nil {
		return
	}
	from, port := c.source(ref)
	if from == nil {
		return
	}
	c.add(&Edge{ID: len(c.flow.Edges), From: from, To: n, FromPort: port, ToPort: p, Contract: contract, At: ref.Span}, rest)
}

// readEdge reads an edge as it is written: its source, nil after a problem, and its
// contract, nil if there is none.
func (c *compiler) readEdge(in *config.Value, contract *Contract) (ref, rest *config.Value) {
	ref = in
	if in.Kind == config.Mapping {
		if ref = in.Get("from"); ref == nil {
			c.list.Add(diag.MissingKey, in.Span, "an edge needs its source").WithHint("in: {from: NODE, capacity: 4096}")
			return nil, nil
		}
		rest = &config.Value{Kind: config.Mapping, Span: in.Span}
		for _, e := range in.Entries {
			if e.Key != "from" {
				rest.Entries = append(rest.Entries, e)
			}
		}
		c.readContract(contract, rest, in.Span)
	}
	if ref.Kind != config.Scalar {
		c.list.Add(diag.WrongValue, ref.Span, "want the id of a node, got %s", ref.Describe())
		return nil, nil
	}
	return ref, rest
}

// readContract reads what stands beside the source of an edge.
func (c *compiler) readContract(into *Contract, tree *config.Value, at diag.Span) {
	contractSchema().DecodeAt(tree, at, into, &c.list)
	into.Given = tree.Has("on_full")
}

// add adds an edge; tree is its contract as it is written, nil if there is none.
func (c *compiler) add(e *Edge, tree *config.Value) {
	if c.contracts == nil {
		c.contracts = map[*Edge]*config.Value{}
	}
	c.contracts[e] = tree
	c.flow.Edges = append(c.flow.Edges, e)
	e.FromPort.Edges = append(e.FromPort.Edges, e)
	e.ToPort.Edges = append(e.ToPort.Edges, e)
}

// source resolves `node` or `node.port`.
func (c *compiler) source(ref *config.Value) (*Node, *Output) {
	id, portName, dotted := strings.Cut(ref.Text, ".")
	from := c.byID[id]
	if from == nil {
		d := c.list.Add(diag.UnknownNode, ref.Span, "unknown node %q", id)
		var ids []string
		for _, n := range c.flow.Nodes {
			ids = append(ids, n.ID)
		}
		d.DidYouMean(id, ids)
		return nil, nil
	}
	if from.Spec == nil { // its kind is unknown, so are its ports
		port := &Output{Port: Port{Name: portName}, Carries: types.Error}
		return from, port
	}
	ports := from.outputNames()
	if _, branches := from.Config.(Brancher); branches && c.misread[from] && (!dotted || from.Output(portName) == nil) {
		return from, &Output{Port: Port{Name: portName}, Carries: types.Error} // it may be one of those that could not be read
	}
	at := ref.Span
	if dotted {
		at = ref.At(len([]rune(id))+1, len([]rune(portName)))
	}
	switch {
	case dotted:
		if p := from.Output(portName); p != nil {
			return from, p
		}
		d := c.list.Add(diag.UnknownPort, at, "%s (%s) has no output %q", id, from.Kind, portName)
		if len(ports) == 0 {
			d.WithHint("%s passes nothing on", from.Kind)
		} else {
			d.DidYouMean(portName, append(ports, ErrorPort))
		}
	case len(ports) == 0:
		c.list.Add(diag.UnknownPort, at, "%s (%s) has no output to read", id, from.Kind).
			WithHint("only its failed items can be read: %s.%s", id, ErrorPort)
	case from.Output("out") != nil:
		return from, from.Output("out")
	case len(ports) == 1:
		return from, from.Out[0]
	default:
		c.list.Add(diag.UnknownPort, at, "%s (%s) has several outputs, say which", id, from.Kind).
			WithHint("one of %s.%s", id, strings.Join(ports, ", "+id+"."))
	}
	return nil, nil
}

// misnamed reports whether `in` names a port that is not there: the one that is
// missing was probably meant.
func misnamed(n *Node, in *config.Value) bool {
	if in == nil || in.Kind != config.Mapping || in.Has("from") {
		return false
	}
	return slices.ContainsFunc(in.Entries, func(e config.Entry) bool { return n.Input(e.Key) == nil })
}

// checkInputs reports inputs without an edge and single inputs with several.
func (c *compiler) checkInputs(n *Node, in *config.Value) {
	for _, p := range n.In {
		if len(p.Edges) > 0 || p.Arity == Optional || misnamed(n, in) {
			continue
		}
		at := n.At
		if written := wiringOf(p, in); written != nil {
			if written.Kind != config.Sequence || len(written.Items) > 0 {
				continue // it is wrong: there is a message already
			}
			at = written.Span
		}
		d := c.list.Add(diag.PortUnwired, at, "%s has no source for its input %q", n.ID, p.Name)
		if len(n.In) == 1 {
			d.WithHint("add `in: NODE`")
		} else {
			d.WithHint("add `in: {%s: NODE}`", p.Name)
		}
	}
}

// wiringOf gives what `in` says of a port, nil if nothing.
func wiringOf(p *Input, in *config.Value) *config.Value {
	switch {
	case in.IsNull():
		return nil
	case in.Kind == config.Mapping && !in.Has("from"):
		return in.Get(p.Name)
	}
	return in
}
