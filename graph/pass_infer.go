package graph

import (
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is the pass that finds the types on ports, forward, and then the fields
// that are needed, backward.

// inferTypes finds the type on every port, in topological order. In a flow with
// a cycle it goes by the order of the file, and what is not known yet is the
// Error type.
func (c *compiler) inferTypes() {
	for _, n := range c.flow.Nodes {
		for _, in := range n.In {
			for _, e := range in.Edges {
				e.Type = e.FromPort.Carries
			}
			c.checkArriving(n, in)
		}
		c.checkKey(n)
		c.infer(n)
		c.carryReplies(n)
	}
}

// infer asks a kind what comes out for what arrives.
func (c *compiler) infer(n *Node) {
	if k, ok := n.Config.(Inferer); ok {
		k.Infer(c.inference(n))
		return
	}
	c.inferBySignature(n)
}

// inference is the view of a node on the graph.
func (c *compiler) inference(n *Node) *Inference {
	return &Inference{Node: n, Flow: c.flow, list: &c.list, compiler: c}
}

// checkArriving holds what arrives against what the port asks for.
func (c *compiler) checkArriving(n *Node, in *Input) {
	if in.Type == nil || in.Type.Kind == types.KindVar {
		return
	}
	for _, e := range in.Edges {
		why, ok := types.Fits(e.Type, in.Type)
		if ok {
			continue
		}
		d := c.list.Add(diag.TypeMismatch, e.At, "%s.%s takes %s, but %s.%s gives %s: %s",
			n.ID, in.Name, in.Type, e.From.ID, e.FromPort.Name, e.Type, why)
		noteOrigins(d, e.Type, in.Type)
	}
}

// checkKey looks for the fields of order: key in what arrives.
func (c *compiler) checkKey(n *Node) {
	if n.Engine.Order != "key" {
		return
	}
	look := c.inference(n)
	for _, in := range n.In {
		t := look.Record(in.Name)
		for _, name := range n.Engine.Key {
			look.Field(name, t)
		}
	}
}

// noteOrigins says where the fields that do not fit came from.
func noteOrigins(d *diag.Diagnostic, got, want *types.Type) {
	for _, f := range got.Fields {
		g, asked := want.Field(f.Name)
		if !asked {
			continue
		}
		if _, ok := types.Fits(f.Type, g.Type); !ok && f.Origin.How != "" {
			d.WithNote(f.Origin.At, "%s is %s: %s", f.Name, f.Type, describeOrigin(f.Origin))
		}
	}
}

func describeOrigin(o types.Origin) string {
	if o.Node == "" {
		return o.How
	}
	return o.How + " by " + o.Node
}

// inferBySignature serves kinds whose ports are fixed, or bound by a variable.
func (c *compiler) inferBySignature(n *Node) {
	bound := map[string]*types.Type{}
	for _, in := range n.In {
		if in.Type != nil && in.Type.Kind == types.KindVar && bound[in.Type.Var] == nil {
			bound[in.Type.Var] = in.Arriving()
		}
	}
	for _, out := range n.Out {
		switch {
		case out.Type == nil:
		case out.Type.Kind == types.KindVar:
			if t := bound[out.Type.Var]; t != nil {
				out.Carries = t
			}
		default:
			out.Carries = out.Type
		}
	}
}

// gatherNeeds finds, backward, which fields each port must carry. A kind that
// does not say needs what its port asks for, or everything.
func (c *compiler) gatherNeeds() {
	var written []writtenReply
	for i := len(c.flow.Nodes) - 1; i >= 0; i-- {
		n := c.flow.Nodes[i]
		needs := &Needs{node: n, in: map[string]Fields{}}
		if k, ok := n.Config.(Needer); ok && !c.list.HasErrors() {
			k.Needs(needs)
		} else {
			for _, in := range n.In {
				needs.in[in.Name] = askedFor(in)
			}
		}
		failed := n.Output(ErrorPort)
		for _, in := range n.In {
			if failed != nil && len(failed.Edges) > 0 { // items that failed are shown whole
				needs.in[in.Name] = AllFields()
			}
			for _, name := range n.Engine.Key {
				needs.in[in.Name] = needs.in[in.Name].With(name.Value)
			}
		}
		for _, in := range n.In {
			if !c.list.HasErrors() {
				written = append(written, writtenReplies(n, in, needs.in[in.Name])...)
			}
			for _, e := range in.Edges {
				e.FromPort.Needed = e.FromPort.Needed.Union(needs.in[in.Name])
				if e.Contract.Rank != nil {
					e.FromPort.Needed = e.FromPort.Needed.With(e.Contract.Rank.Fields()...)
				}
			}
		}
	}
	for _, w := range written {
		w.report(&c.list)
	}
}

func askedFor(in *Input) Fields {
	if in.Type != nil && in.Type.IsRecord() && !in.Type.Open {
		return FieldSet(in.Type.FieldNames()...)
	}
	return AllFields()
}
