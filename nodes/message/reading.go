package message

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is the part of the settings that says what items are made of messages.

// Reading says what items are made of messages.
type Reading struct {
	As     graph.TypeRef `yaml:"as" doc:"The type of the items: a declared one, or written out. raw needs none: its items are {body: bytes}, or one field of type string or bytes with the name that as says. avro and protobuf need none either: theirs is that of the schema, of which as may take some fields."`
	Format string        `yaml:"format" enum:"json|raw|avro|protobuf" doc:"What a message is: one JSON object, bytes as they are, or a record packed by the schema of the setting schema."`
	Packing
	Versions config.Map[string] `yaml:"versions" doc:"Of avro with framing: confluent: the files of other schemas that messages were written by, by the ids that the registry has given them, such as {3: order-1.avsc}."`
	Meta     config.Map[string] `yaml:"meta" doc:"Fields that tell of the message itself: {field: property}. The properties are listed below."`

	versions map[int64]codec
}

// A Property is something that a broker knows of a message beside its body.
type Property struct {
	Name string
	Type *types.Type // string, int, bool or time, perhaps nullable
	Doc  string
}

// Headers says by a property whose name begins so that there are headers: header.NAME.
const Headers = "header."

// A Shape is what Reading comes to for the items of a flow: the body, then the properties
// that the flow asks for.
type Shape struct {
	Body, Out *types.Type
	Asked     []Property // in the order of the fields behind those of the body
}

// Infer gives the shape of items for a broker whose messages have some properties. What is
// wrong is reported, and the type of the items is an error then.
func (r *Reading) Infer(c *graph.Inference, known []Property) Shape {
	failed := Shape{Out: types.Error}
	body := r.body(c)
	if body == nil {
		return failed
	}
	s := Shape{Body: body, Out: &types.Type{Kind: types.KindRecord, Fields: slices.Clone(body.Fields)}}
	for _, m := range r.Meta {
		p, ok := propertyOf(known, m.Value)
		switch {
		case !ok:
			c.List().Add(diag.WrongValue, m.At, "messages have no property %q", m.Value).WithHint("they have %s", list(known))
			return failed
		case s.Out.Index(m.Key) >= 0:
			c.List().Add(diag.NameClash, m.At, "the items have a field %q already", m.Key)
			return failed
		}
		s.Asked = append(s.Asked, p)
		s.Out.Fields = append(s.Out.Fields, types.Field{Name: m.Key, Type: p.Type, Origin: c.Origin("the "+p.Name+" of the message", m.At)})
	}
	return s
}

// body is the type of what stands in a body; nil if that is wrong, which is reported.
func (r *Reading) body(c *graph.Inference) *types.Type {
	as := c.Type(r.As)
	r.idle(c, r.Format)
	if len(r.Versions) > 0 && !packed(r.Format) {
		c.List().Warn(diag.Ineffective, r.Versions[0].At, "%s: versions has no effect here", c.Node.ID).WithHint("it is for format: avro")
	}
	switch {
	case as != nil && as.Kind == types.KindError:
		return nil
	case packed(r.Format):
		return r.unpacked(c, as)
	case r.Format == FormatRaw && as == nil:
		return types.Record(types.Field{Name: "body", Type: types.Bytes, Origin: c.Origin("of the message", c.Node.At)})
	case r.Format == FormatRaw:
		if !as.IsRecord() || len(as.Fields) != 1 || as.Fields[0].Type.Kind != types.KindString && as.Fields[0].Type.Kind != types.KindBytes {
			c.List().Add(diag.WrongType, c.Node.At, "a raw message is one field of type string or bytes, got %s", as).WithHint("as: '{body: bytes}', or leave it out")
			return nil
		}
	case as == nil:
		c.List().Add(diag.MissingKey, c.Node.At, "the key %q is required", "as").WithHint("write the type of a message, such as as: '{id: int, amount: float}', or format: raw")
		return nil
	case !as.IsRecord():
		c.List().Add(diag.WrongType, c.Node.At, "a message must be a record, got %s", as)
		return nil
	}
	return as
}

// unpacked is the type of a body that is packed by a schema, as the schema or `as` says.
func (r *Reading) unpacked(c *graph.Inference, as *types.Type) *types.Type {
	if !r.load(c, r.Format) || !r.loadVersions(c) {
		return nil
	}
	if as == nil {
		if as = r.typ(c); as == nil {
			return nil
		}
	}
	at := r.Schema.At
	if !r.As.YAML.IsNull() {
		at = r.As.YAML.Span
	}
	if !as.IsRecord() {
		c.List().Add(diag.WrongType, at, "a message must be a record, got %s", as)
		return nil
	}
	for _, f := range as.Fields {
		if t := f.Reading; t != nil && (t.Format != "" || t.Zone != "" || t.Has) {
			c.List().Add(diag.Conflict, at, "field %q: format, zone and default are for text; a field of format %s takes `from` alone", f.Name, r.Format).
				WithHint("set it by a map behind the node")
			return nil
		}
	}
	if !r.fits(c, as, at) {
		return nil
	}
	return as
}

func propertyOf(known []Property, name string) (Property, bool) {
	for _, p := range known {
		if header, ok := strings.CutPrefix(name, Headers); ok && p.Name == Headers && header != "" {
			p.Name = name
			return p, true
		}
		if p.Name == name && name != Headers {
			return p, true
		}
	}
	return Property{}, false
}

func list(known []Property) string {
	var names []string
	for _, p := range known {
		if p.Name == Headers {
			names = append(names, "header.NAME")
			continue
		}
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}
