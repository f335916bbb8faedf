package window

import (
	"strconv"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/quantity"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file has the stride of a window, and the type of what arrives.

// A stride is a duration or a number of items.
type stride struct {
	span  time.Duration
	items int
	at    diag.Span // zero: not given
}

// DecodeConfig implements config.Decoder.
func (s *stride) DecodeConfig(v *config.Value, list *diag.List) {
	s.at = v.Span
	if v.Kind == config.Scalar {
		if items, err := strconv.Atoi(v.Text); err == nil && items > 0 {
			s.items = items
			return
		}
		if span, err := quantity.Duration(v.Text); err == nil && span >= time.Millisecond {
			s.span = span
			return
		}
	}
	s.at = diag.Span{}
	list.Add(diag.WrongValue, v.Span, "want a duration of 1ms or more, or a number of items, got %s", v.Describe()).WithHint("write 15m, or 10")
}

// ConfigType implements config.Describer.
func (stride) ConfigType() (string, map[string]any) {
	return "duration or number of items", map[string]any{"type": []any{"string", "integer"}}
}

// boundOf gives the type that holds the items of all edges of a port, nil if there
// is none.
func boundOf(c *graph.Inference, port string) *types.Type {
	edges := c.Node.Input(port).Edges
	for _, e := range edges {
		switch {
		case e.Type == nil || e.Type.Kind == types.KindError:
			return nil
		case e.Type.Kind == types.KindOpaque:
			c.List().Add(diag.TypeMismatch, e.At, "%s cannot look into items of %s: it is a Go type that no record can hold", c.Node.ID, e.Type)
			return nil
		}
	}
	bound, _ := columns.Bound(c, edges)
	return bound
}
