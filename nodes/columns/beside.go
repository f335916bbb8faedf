package columns

import (
	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file puts the fields of several inputs beside each other in one record.

// A Source says where a field of a record comes from that several inputs make
// together.
type Source struct {
	Edge int // of the port in
	Col  int // of the record there; -1: the whole item
}

// Beside makes the record of kinds that put one item of each edge of the port in
// beside each other: their fields, or, with as, the items whole under a name for
// each edge. how is the word for where such an item comes from. With optional, any
// of them may be missing. The record is nil if something is wrong, which it reports.
func Beside(c *graph.Inference, as []config.Name, how string, optional bool) (*types.Type, []Source) {
	edges := c.Node.Input("in").Edges
	if len(as) > 0 && len(as) != len(edges) {
		c.List().Add(diag.WrongValue, as[0].At, "as has %d names for %d inputs", len(as), len(edges))
		return nil, nil
	}
	out := types.Record()
	var sources []Source
	add := func(f types.Field, from Source, e *graph.Edge) {
		f.Type = f.Type.WithOpt(optional)
		if first, clash := out.Field(f.Name); clash {
			c.List().Add(diag.NameClash, e.At, "two fields would be called %q", f.Name).
				WithNote(first.Origin.At, "the other one: %s", first.Type).
				WithHint("keep the items whole with `as`, one name for each input, or rename the field first")
		}
		out.Fields, sources = append(out.Fields, f), append(sources, from)
	}
	for i, e := range edges {
		switch {
		case e.Type.Kind == types.KindError:
			return nil, nil
		case e.Type.Kind == types.KindOpaque:
			c.List().Add(diag.TypeMismatch, e.At, "%s cannot look into items of %s: it is a Go type that no record can hold", c.Node.ID, e.Type)
			return nil, nil
		case len(as) > 0:
			add(types.Field{Name: as[i].Value, Type: e.Type, Origin: c.Origin(how, as[i].At)}, Source{i, -1}, e)
		case !e.Type.IsRecord():
			c.List().Add(diag.TypeMismatch, e.At, "%s combines records, got %s", c.Node.ID, e.Type).
				WithHint("name the inputs with `as`, one name for each")
			return nil, nil
		default:
			for col, f := range e.Type.Fields {
				add(f, Source{i, col}, e)
			}
		}
	}
	return out, sources
}

// NeedsBeside says what such a kind needs: whole items, or the fields that later
// nodes read.
func NeedsBeside(c *graph.Needs, as []config.Name) {
	if len(as) > 0 {
		c.In("in", graph.AllFields())
		return
	}
	c.In("in", c.Out("out"))
}
