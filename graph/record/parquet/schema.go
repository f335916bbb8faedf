package parquet

import (
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go/format"

	"github.com/flowrun/flowrun/graph/types"
)

// This file finds what the columns of a file are in the types of flows.

// Type gives the type of the rows. A column that may be null, but by the statistics of the
// file has no null, is not nullable. An error names a column that no type can hold.
func (f *File) Type(origin types.Origin) (*types.Type, error) {
	if t := f.own(origin); t != nil {
		return t, nil
	}
	var fields []types.Field
	seen := map[string]bool{}
	for _, e := range f.root.children {
		t, err := f.typeOf(e, origin)
		if err != nil {
			return nil, err
		}
		if seen[e.name] {
			return nil, fmt.Errorf("two columns are called %q", e.name)
		}
		seen[e.name] = true
		fields = append(fields, types.Field{Name: e.name, Type: t, Origin: origin})
	}
	return types.Record(fields...), nil
}

// own gives the type that flowrun has written the rows of, if the file still has it.
func (f *File) own(origin types.Origin) *types.Type {
	t, err := types.Parse(f.typ, nil)
	if err != nil || !t.IsRecord() || len(t.Fields) != len(f.root.children) || f.Fits(t) != nil {
		return nil
	}
	return from(t, origin)
}

// from gives the fields of a type an origin.
func from(t *types.Type, origin types.Origin) *types.Type {
	c := *t
	if t.Elem != nil {
		c.Elem = from(t.Elem, origin)
	}
	c.Fields = nil
	for _, f := range t.Fields {
		c.Fields = append(c.Fields, types.Field{Name: f.Name, Type: from(f.Type, origin), Origin: origin})
	}
	return &c
}

func (f *File) typeOf(e *element, origin types.Origin) (*types.Type, error) {
	if e.repetition == format.Repeated {
		elem, err := f.single(e, origin)
		if err != nil {
			return nil, err
		}
		return types.List(elem), nil
	}
	t, err := f.single(e, origin)
	if err != nil {
		return nil, err
	}
	return t.WithOpt(e.repetition == format.Optional && !f.hasNoNull(e)), nil
}

// hasNoNull reports whether the statistics say so of a column. Only of one that is not
// nested do they say it of the rows.
func (f *File) hasNoNull(e *element) bool {
	if e.leaf < 0 || e.parent != f.root || e.logical.kind == logicalNull {
		return false
	}
	for _, g := range f.groups {
		if g.rows > 0 && g.chunks[e.leaf].nulls != 0 {
			return false
		}
	}
	return f.rows > 0
}

// single gives the type of an element that is there, once.
func (f *File) single(e *element, origin types.Origin) (*types.Type, error) {
	if !e.isGroup {
		return leafType(e)
	}
	switch e.logical.kind {
	case logicalList:
		if elem, _ := e.items(); elem != nil {
			t, err := f.typeOf(elem, origin)
			if elem.repetition == format.Repeated {
				t, err = f.single(elem, origin)
			}
			if err != nil {
				return nil, err
			}
			return types.List(t), nil
		}
	case logicalMap:
		if entry := e.entries(); entry != nil {
			t, err := f.single(entry, origin)
			if err != nil {
				return nil, err
			}
			return types.List(t), nil
		}
	case logicalOther:
		return nil, e.unknown(e.logical.name)
	}
	if len(e.children) == 0 {
		return nil, fmt.Errorf("column %q is a group without columns, which flowrun has no type for: name the fields to read with `as`", e.path())
	}
	var fields []types.Field
	seen := map[string]bool{}
	for _, c := range e.children {
		t, err := f.typeOf(c, origin)
		if err != nil {
			return nil, err
		}
		if seen[c.name] {
			return nil, fmt.Errorf("two columns are called %q", c.path())
		}
		seen[c.name] = true
		fields = append(fields, types.Field{Name: c.name, Type: t, Origin: origin})
	}
	return types.Record(fields...), nil
}

// items gives the element that a list is of, and the one that is repeated: often a group
// around it, which old writers left out or named in ways of their own.
func (e *element) items() (elem, repeated *element) {
	if len(e.children) != 1 || e.children[0].repetition != format.Repeated {
		return nil, nil
	}
	repeated = e.children[0]
	if repeated.isGroup && len(repeated.children) == 1 && repeated.name != "array" && repeated.name != e.name+"_tuple" {
		return repeated.children[0], repeated
	}
	return repeated, repeated
}

// entries gives the group that is repeated for each entry of a map.
func (e *element) entries() *element {
	if len(e.children) != 1 || e.children[0].repetition != format.Repeated || !e.children[0].isGroup {
		return nil
	}
	return e.children[0]
}

func (e *element) unknown(what string) error {
	if what == "" {
		what = "of a type that came later than this flowrun"
	}
	return fmt.Errorf("column %q is %s, which flowrun has no type for: name the fields to read with `as`, without it", e.path(), what)
}

// leafType is what the values of a leaf are.
func leafType(e *element) (*types.Type, error) {
	l := e.logical
	integer := e.typ == format.Int32 || e.typ == format.Int64
	bytes := e.typ == format.ByteArray || e.typ == format.FixedLenByteArray
	switch {
	case l.kind == logicalNull:
		return types.Any.Opt(), nil
	case l.kind == logicalString && bytes, l.kind == logicalEnum && bytes:
		return types.String, nil
	case l.kind == logicalUUID && e.typ == format.FixedLenByteArray && e.length == 16:
		return types.String, nil
	case l.kind == logicalJSON && bytes:
		return types.Any, nil
	case l.kind == logicalDecimal && (integer || bytes):
		if l.precision < 1 || l.precision > 18 || l.scale < 0 || l.scale > l.precision {
			return nil, e.unknown(fmt.Sprintf("DECIMAL(%d,%d)", l.precision, l.scale))
		}
		return types.Decimal(l.precision, l.scale), nil
	case l.kind == logicalDate && e.typ == format.Int32:
		return types.Date, nil
	case l.kind == logicalTime && integer && l.unit > 0:
		return types.Duration, nil
	case l.kind == logicalTimestamp && e.typ == format.Int64 && l.unit > 0, e.typ == format.Int96:
		return types.Time, nil
	case l.kind == logicalFloat16 && e.typ == format.FixedLenByteArray && e.length == 2:
		return types.Float, nil
	case l.kind == logicalInterval:
		return nil, e.unknown("INTERVAL")
	case l.kind == logicalOther:
		return nil, e.unknown(l.name)
	case integer:
		return types.Int, nil
	case e.typ == format.Float || e.typ == format.Double:
		return types.Float, nil
	case e.typ == format.Boolean:
		return types.Bool, nil
	}
	return types.Bytes, nil
}

// kind is how messages call what a column holds.
func (e *element) kind() string {
	if e.isGroup {
		switch e.logical.kind {
		case logicalList:
			return "a list"
		case logicalMap:
			return "a map"
		}
		return "a group"
	}
	l := e.logical
	switch l.kind {
	case logicalDecimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", l.precision, l.scale)
	case logicalInt:
		if l.unsigned {
			return fmt.Sprintf("UINT_%d", l.bits)
		}
		return fmt.Sprintf("INT_%d", l.bits)
	case logicalNone:
		return e.typ.String()
	case logicalOther:
		return l.name
	}
	return strings.ToUpper([]string{"", "string", "enum", "json", "bson", "uuid", "", "date", "time", "timestamp", "", "float16", "null", "interval"}[l.kind])
}
