package columns

import (
	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file finds the type of what arrives at an input.

// Bound gives the type that holds the items of several edges, nil of none. If there is no
// such type it reports that, and ok is false.
func Bound(c *graph.Inference, edges []*graph.Edge) (bound *types.Type, ok bool) {
	var first *graph.Edge // of the bound's type
	for _, e := range edges {
		if bound == nil {
			bound, first = e.Type, e
			continue
		}
		b, err := types.Bound(bound, e.Type)
		if err != nil {
			c.List().Add(diag.TypeMismatch, e.At, "%s cannot combine %s and %s: %s", c.Node.ID, first.From.ID, e.From.ID, err).
				WithNote(first.At, "%s gives %s", first.From.ID, first.Type).WithNote(e.At, "%s gives %s", e.From.ID, e.Type).
				WithHint("convert or rename the field first, with map")
			return nil, false
		}
		bound = b
	}
	return bound, true
}

// Items gives the type that arrives at an input, whatever it is, except that a Go
// type which no record can hold is a problem and gives the Error type.
func Items(c *graph.Inference, port string) *types.Type {
	t := c.In(port)
	if t.Kind != types.KindOpaque {
		return t
	}
	c.List().Add(diag.TypeMismatch, c.Node.Input(port).Edges[0].At, "%s cannot look into items of %s: it is a Go type that no record can hold", c.Node.ID, t)
	return types.Error
}
