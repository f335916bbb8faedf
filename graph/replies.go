package graph

import (
	"slices"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has what the passes for types and for needed fields do about replies: error
// ports carry them, and no sink writes them. Whether each request gets an answer is found in
// pass_answers.go.

// carryReplies gives the error port of a node the replies of what comes in, under the names
// that they have there, so that requests which fail can be answered as well.
func (c *compiler) carryReplies(n *Node) {
	failed := n.Output(ErrorPort)
	if failed == nil || failed.Go {
		return
	}
	for _, in := range n.In {
		for _, e := range in.Edges {
			switch {
			case e.Type == nil:
			case e.Type.Kind == types.KindError && c.hasReplies(): // nobody knows whether it has one
				failed.Carries = types.Error
				return
			case e.Type.IsRecord():
				for _, f := range e.Type.Fields {
					if f.Type.IsReply() {
						failed.Carries = withReply(failed.Carries, f)
					}
				}
			}
		}
	}
}

// hasReplies reports whether a node of the flow makes replies, as far as its types are known.
func (c *compiler) hasReplies() bool {
	for _, n := range c.flow.Nodes {
		for _, out := range n.Out {
			if out.Carries.IsRecord() && slices.ContainsFunc(out.Carries.Fields, func(f types.Field) bool { return f.Type.IsReply() }) {
				return true
			}
		}
	}
	return false
}

// withReply adds a field to a record; the types of two of one name are put together.
func withReply(t *types.Type, f types.Field) *types.Type {
	out := types.Record(slices.Clone(t.Fields)...)
	f.Type = f.Type.Opt() // what failed may be a result, or have come by another input
	i := t.Index(f.Name)
	if i < 0 {
		out.Fields = append(out.Fields, f)
		return out
	}
	if bound, err := types.Bound(t.Fields[i].Type, f.Type); err == nil {
		out.Fields[i].Type = bound
	}
	return out
}

// A writtenReply is a reply that a sink would write.
type writtenReply struct {
	edge  *Edge
	field string
}

// writtenReplies finds the replies among the fields that a sink needs, which does not answer
// by them.
func writtenReplies(n *Node, in *Input, needs Fields) (written []writtenReply) {
	if _, ok := n.Config.(Answerer); ok || len(n.Out) != 1 || in.Any || in.Type != nil {
		return nil
	}
	for _, e := range in.Edges {
		switch {
		case e.Type == nil || !e.Type.HoldsReply():
		case !e.Type.IsRecord():
			written = append(written, writtenReply{e, ""})
		default:
			for _, f := range e.Type.Fields {
				if f.Type.HoldsReply() && needs.Has(f.Name) {
					written = append(written, writtenReply{e, f.Name})
				}
			}
		}
	}
	return written
}

// report says that a reply cannot be written.
func (w writtenReply) report(list *diag.List) {
	to := w.edge.To
	if w.field == "" {
		list.Add(diag.TypeMismatch, w.edge.At, "%s (%s) cannot write %s: a reply is no data", to.ID, to.Kind, w.edge.Type)
		return
	}
	list.Add(diag.TypeMismatch, w.edge.At, "%s (%s) cannot write the field %s: a reply is no data", to.ID, to.Kind, types.Quote(w.field)).
		WithHint("leave it out: put {use: map, with: {drop: [%s]}} before %s", types.Quote(w.field), to.ID)
}
