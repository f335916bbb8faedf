package graph

import (
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has what a kind asks for while it is compiled that calls another kind by
// itself.

// Host checks a kind of the catalogue that the node will call by itself, such as the
// call of a service that a step of a workflow makes. It is checked as if it stood in
// the flow and read one edge, with its settings, its types and its permissions. name
// tells it from the others that the node hosts; in is the type of what it will be
// given, at is where the kind is named. The result is for nodes.Env.Host; it is nil if
// there is no such kind, or if it is none that can be called.
func (c *Inference) Host(name, kind string, with *config.Value, at diag.Span, in *types.Type) *Node {
	n := &Node{ID: c.Node.ID + "/" + name, Kind: kind, At: at, UseAt: at, Engine: DefaultEngine()}
	n.Engine.OnError = "fail"
	if !c.compiler.resolveKind(n, &config.Value{Kind: config.Mapping}) {
		return nil
	}
	n.Config = c.compiler.cat.New(kind)
	n.Spec.Config.DecodeAt(with, at, n.Config, c.list)
	if len(n.Spec.In) != 1 {
		c.list.Add(diag.Conflict, at, "%s cannot be called: it has %s", kind, countOf(len(n.Spec.In), "input")).
			WithHint("use a kind with one input")
		return nil
	}
	c.compiler.openPorts(n)
	port := n.In[0]
	port.Edges = []*Edge{{
		From: c.Node, FromPort: &Output{Port: Port{Name: name}, Carries: in}, To: n, ToPort: port,
		Type: in, Contract: DefaultContract(), At: at,
	}}
	c.compiler.checkArriving(n, port)
	c.compiler.infer(n)
	for _, out := range n.Out {
		out.Needed = AllFields()
	}
	if c.compiler.hosted == nil {
		c.compiler.hosted = map[*Node][]*Node{}
	}
	c.compiler.hosted[c.Node] = append(c.compiler.hosted[c.Node], n)
	return n
}

// countOf gives such as "no inputs" or "several inputs".
func countOf(n int, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "one " + what
	}
	return "several " + what + "s"
}
