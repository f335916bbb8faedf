package avro

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hamba/avro/v2"

	"github.com/flowrun/flowrun/graph/types"
)

// This file reads schemas, and finds what they are in the types of flows.

// A kind is what a node of a schema is.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindInt
	kindLong
	kindFloat
	kindDouble
	kindBytes
	kindString
	kindFixed
	kindEnum
	kindArray
	kindMap
	kindRecord
	kindUnion
)

// A node is a schema, or a part of one. A record may be in itself.
type node struct {
	kind     kind
	name     string // of a record, an enum or a fixed
	fields   []field
	elem     *node // of an array or a map
	branches []*node
	symbols  []string
	size     int
	logical  string

	precision, scale int // of a decimal

	open bool // its type is being found: it is in itself
}

type field struct {
	name string
	node *node
	avro *avro.Field
}

// maxSchema is how large a schema may be, in bytes, and maxNesting how deep.
const (
	maxSchema  = 16 << 20
	maxNesting = 64
)

var errDeep = errors.New("the schema is nested too deep")

// parse reads a schema.
func parse(text []byte) (*node, error) {
	if deep(text) {
		return nil, errDeep
	}
	s, err := avro.ParseBytesWithCache(text, "", &avro.SchemaCache{})
	if err != nil {
		return nil, fmt.Errorf("the schema cannot be read: %s", strings.TrimPrefix(err.Error(), "avro: "))
	}
	return newNode(s, map[avro.Schema]*node{})
}

// deep reports whether a text of JSON is nested deeper than a parser should follow.
func deep(text []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > 8*maxNesting {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

var primitives = map[avro.Type]kind{
	avro.Null: kindNull, avro.Boolean: kindBool, avro.Int: kindInt, avro.Long: kindLong, avro.Float: kindFloat,
	avro.Double: kindDouble, avro.Bytes: kindBytes, avro.String: kindString,
}

func newNode(s avro.Schema, seen map[avro.Schema]*node) (*node, error) {
	if r, ok := s.(*avro.RefSchema); ok {
		s = r.Schema()
	}
	if n := seen[s]; n != nil {
		return n, nil
	}
	n := &node{}
	seen[s] = n
	var err error
	switch s := s.(type) {
	case *avro.RecordSchema:
		n.kind, n.name = kindRecord, s.Name()
		for _, f := range s.Fields() {
			c, err := newNode(f.Type(), seen)
			if err != nil {
				return nil, err
			}
			n.fields = append(n.fields, field{f.Name(), c, f})
		}
	case *avro.ArraySchema:
		n.kind = kindArray
		n.elem, err = newNode(s.Items(), seen)
	case *avro.MapSchema:
		n.kind = kindMap
		n.elem, err = newNode(s.Values(), seen)
	case *avro.UnionSchema:
		n.kind = kindUnion
		for _, b := range s.Types() {
			c, err := newNode(b, seen)
			if err != nil {
				return nil, err
			}
			n.branches = append(n.branches, c)
		}
	case *avro.EnumSchema:
		n.kind, n.name, n.symbols = kindEnum, s.Name(), s.Symbols()
	case *avro.FixedSchema:
		n.kind, n.name, n.size = kindFixed, s.Name(), s.Size()
		n.mean(s.Logical(), s.Prop)
		if n.size < 0 {
			err = errors.New("a fixed of a negative size")
		}
	default:
		k, ok := primitives[s.Type()]
		if !ok {
			return nil, fmt.Errorf("a type %s, which is not known", s.Type())
		}
		n.kind = k
		if p, ok := s.(*avro.PrimitiveSchema); ok {
			n.mean(p.Logical(), p.Prop)
		}
	}
	return n, err
}

// logicalJSON is what flowrun calls a string that is JSON. Avro has no name for that, and readers
// take a logical type that they do not know for what it is made of.
const logicalJSON = "json"

// mean notes the logical type. The library does not know the newer ones.
func (n *node) mean(l avro.LogicalSchema, prop func(string) any) {
	n.logical, _ = prop("logicalType").(string)
	switch n.logical {
	case "timestamp-nanos", "local-timestamp-nanos":
		if n.kind != kindLong {
			n.logical = ""
		}
	case logicalJSON:
		if n.kind != kindString {
			n.logical = ""
		}
	case "uuid":
		if n.kind != kindFixed || n.size != 16 {
			n.logical = ""
		}
	default:
		n.logical = ""
	}
	if l == nil {
		return
	}
	n.logical = string(l.Type())
	if d, ok := l.(*avro.DecimalLogicalSchema); ok {
		n.precision, n.scale = d.Precision(), d.Scale()
	}
}

// typ gives the type of a node. An error names the place, and why no type holds it.
func (n *node) typ(place string, origin types.Origin) (*types.Type, error) {
	if n.open {
		return nil, fmt.Errorf("field %q is a %s in a %s, which flowrun has no type for: name the fields to read with `as`, without it or as any", place, n.name, n.name)
	}
	n.open = true
	defer func() { n.open = false }()
	switch n.kind {
	case kindNull:
		return types.Any, nil
	case kindBool:
		return types.Bool, nil
	case kindFloat, kindDouble:
		return types.Float, nil
	case kindEnum:
		return types.Enum(n.symbols...), nil
	case kindArray:
		elem, err := n.elem.typ(place+"[]", origin)
		if err != nil {
			return nil, err
		}
		return types.List(elem), nil
	case kindMap:
		value, err := n.elem.typ(place+"[].value", origin)
		if err != nil {
			return nil, err
		}
		return types.List(types.Record(types.Field{Name: "key", Type: types.String, Origin: origin}, types.Field{Name: "value", Type: value, Origin: origin})), nil
	case kindRecord:
		var fields []types.Field
		for _, f := range n.fields {
			t, err := f.node.typ(within(place, f.name), origin)
			if err != nil {
				return nil, err
			}
			fields = append(fields, types.Field{Name: f.name, Type: t, Origin: origin})
		}
		return types.Record(fields...), nil
	case kindUnion:
		return n.union(place, origin)
	}
	return n.scalar(place)
}

func within(place, name string) string {
	if place == "" {
		return name
	}
	return place + "." + name
}

// scalar gives the type of a value that may mean something else than it is.
func (n *node) scalar(place string) (*types.Type, error) {
	switch n.logical {
	case "decimal":
		if n.precision > 18 {
			return nil, fmt.Errorf("field %q is a decimal of %d digits, and flowrun has 18: name the fields to read with `as`, without it or as bytes", place, n.precision)
		}
		return types.Decimal(n.precision, n.scale), nil
	case "date":
		return types.Date, nil
	case "time-millis", "time-micros", "duration":
		return types.Duration, nil
	case "timestamp-millis", "timestamp-micros", "timestamp-nanos", "local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos":
		return types.Time, nil
	case "uuid":
		return types.String, nil
	case logicalJSON:
		return types.Any, nil
	}
	switch n.kind {
	case kindInt, kindLong:
		return types.Int, nil
	case kindString:
		return types.String, nil
	}
	return types.Bytes, nil
}

// union gives the type that has all branches: any, if no other one does.
func (n *node) union(place string, origin types.Origin) (t *types.Type, err error) {
	null := false
	for _, b := range n.branches {
		if b.kind == kindNull {
			null = true
			continue
		}
		own, err := b.typ(place, origin)
		if err != nil {
			return nil, err
		}
		if t == nil {
			t = own
			continue
		}
		if t, err = types.Bound(t, own); err != nil {
			return types.Any, nil
		}
	}
	if t == nil {
		return types.Any, nil
	}
	return t.WithOpt(null), nil
}

// called is how messages call what a node is.
func (n *node) called() string {
	name := []string{"null", "boolean", "int", "long", "float", "double", "bytes", "string", "fixed", "enum", "array", "map", "record", "union"}[n.kind]
	switch {
	case n.logical == "decimal":
		return fmt.Sprintf("%s of decimal(%d,%d)", name, n.precision, n.scale)
	case n.logical != "":
		return name + " of " + n.logical
	case n.kind == kindUnion:
		var all []string
		for _, b := range n.branches {
			all = append(all, b.called())
		}
		return "union of " + strings.Join(all, ", ")
	}
	return name
}
