package parquet

import (
	"fmt"

	"github.com/parquet-go/parquet-go/format"

	"github.com/flowrun/flowrun/graph/types"
)

// This file plans how the rows of a type are read from a file: which column gives which field,
// and what becomes of its values.

// A Plan says how rows of a type are read from one file.
type Plan struct {
	f     *File
	t     *types.Type
	slots []*slot // one for each field
}

// A slotKind is what a slot is.
type slotKind uint8

const (
	slotLeaf slotKind = iota
	slotRecord
	slotList
	slotAny     // whatever the column is, as JSON
	slotMissing // the file has no such column: null
)

// A slot is a place of the type, and what fills it.
type slot struct {
	kind   slotKind
	name   string // for messages, such as addr.city
	t      *types.Type
	def    int // the level from which on it is not null
	leaf   *leafPlan
	fields []*slot // of a record
	elem   *slot   // of a list; of slotAny: what is made JSON
	rep    int     // of a list: its level of repetition
	has    int     // of a list: the level from which on it has an element
}

// A ColumnError is that of a column which the file does not have, or which is something else
// than the type says.
type ColumnError struct {
	Field string // the field of the type
	Text  string
}

func (e *ColumnError) Error() string { return e.Text }

// Plan plans to read rows of type t, of which each field is a column of the file. Columns that
// the type does not have are not read.
func (f *File) Plan(t *types.Type) (*Plan, error) {
	p := &Plan{f: f, t: t}
	for _, field := range t.Fields {
		s, err := f.slotOf(f.root, field, "")
		if err != nil {
			return nil, err
		}
		p.slots = append(p.slots, s)
	}
	return p, nil
}

// Extra lists the columns that a type does not have.
func (f *File) Extra(t *types.Type) (names []string) {
	has := map[string]bool{}
	for _, field := range t.Fields {
		has[columnOf(field)] = true
	}
	for _, e := range f.root.children {
		if !has[e.name] {
			names = append(names, e.name)
		}
	}
	return names
}

// columnOf is the name of a field in the file.
func columnOf(f types.Field) string {
	if f.Reading != nil && f.Reading.From != "" {
		return f.Reading.From
	}
	return f.Name
}

// slotOf plans a field of a record.
func (f *File) slotOf(of *element, field types.Field, within string) (*slot, error) {
	name := within + field.Name
	column := columnOf(field)
	for _, e := range of.children {
		if e.name == column {
			return f.slot(e, field.Type, name)
		}
	}
	if field.Type.Nullable {
		return &slot{kind: slotMissing, name: name, t: field.Type}, nil
	}
	return nil, &ColumnError{Field: name, Text: fmt.Sprintf("the file has no column %q: write `%s: %s?` if it may be missing", column, field.Name, field.Type)}
}

// slot plans to read an element as a type.
func (f *File) slot(e *element, t *types.Type, name string) (*slot, error) {
	if e.repetition == format.Repeated && t.Kind == types.KindList {
		elem, err := f.once(e, t.Elem, name+"[]")
		return &slot{kind: slotList, name: name, t: t, def: e.def - 1, elem: elem, rep: e.rep, has: e.def}, err
	}
	if e.repetition == format.Repeated && t.Kind != types.KindAny {
		return nil, mismatch(e, t, name)
	}
	return f.once(e, t, name)
}

func mismatch(e *element, t *types.Type, name string) error {
	what := e.kind()
	if e.repetition == format.Repeated {
		what = "repeated " + what
	}
	return &ColumnError{Field: name, Text: fmt.Sprintf("field %q: column %q is %s in the file, which is not %s", name, e.path(), what, t.NotNull())}
}

// once plans to read an element that is there once.
func (f *File) once(e *element, t *types.Type, name string) (*slot, error) {
	switch {
	case t.Kind == types.KindAny && (e.isGroup || e.repetition == format.Repeated || e.logical.kind != logicalJSON):
		own, err := f.typeOf(e, types.Origin{})
		if err != nil {
			return nil, err
		}
		if own.Kind == types.KindAny { // nothing but nulls
			break
		}
		inner, err := f.slot(e, own, name)
		if err != nil {
			return nil, err
		}
		return &slot{kind: slotAny, name: name, t: t, def: e.def, elem: inner}, nil
	case e.isGroup && t.Kind == types.KindRecord && e.logical.kind != logicalList && e.logical.kind != logicalMap:
		return f.recordSlot(e, t, name)
	case e.isGroup && t.Kind == types.KindList && e.logical.kind == logicalList:
		if item, repeated := e.items(); item != nil {
			elem, err := f.once(item, t.Elem, name+"[]")
			return &slot{kind: slotList, name: name, t: t, def: e.def, elem: elem, rep: repeated.rep, has: repeated.def}, err
		}
	case e.isGroup && t.Kind == types.KindList && e.logical.kind == logicalMap:
		if entry := e.entries(); entry != nil {
			elem, err := f.once(entry, t.Elem, name+"[]")
			return &slot{kind: slotList, name: name, t: t, def: e.def, elem: elem, rep: entry.rep, has: entry.def}, err
		}
	}
	if e.isGroup {
		return nil, mismatch(e, t, name)
	}
	leaf, ok := planLeaf(e, t)
	if !ok {
		return nil, mismatch(e, t, name)
	}
	return &slot{kind: slotLeaf, name: name, t: t, def: e.def, leaf: leaf}, nil
}

func (f *File) recordSlot(e *element, t *types.Type, name string) (*slot, error) {
	s := &slot{kind: slotRecord, name: name, t: t, def: e.def}
	found := false
	for _, field := range t.Fields {
		c, err := f.slotOf(e, field, name+".")
		if err != nil {
			return nil, err
		}
		found = found || c.kind != slotMissing
		s.fields = append(s.fields, c)
	}
	if !found {
		return nil, &ColumnError{Field: name, Text: fmt.Sprintf("field %q: column %q has none of the fields of %s", name, e.path(), t)}
	}
	return s, nil
}

// leaves lists the slots of columns below a slot, those of the lists and records that they are
// in before each.
func (s *slot) leaves(path []*slot, give func(path []*slot)) {
	path = append(path[:len(path):len(path)], s)
	switch s.kind {
	case slotLeaf:
		give(path)
	case slotList:
		s.elem.leaves(path, give)
	case slotRecord:
		for _, f := range s.fields {
			f.leaves(path, give)
		}
	}
}

// Fits says why rows of a type cannot be read from the file.
func (f *File) Fits(t *types.Type) error {
	_, err := f.Plan(t)
	return err
}

// Bytes is how much the columns of a row group take that are read, unpacked.
func (p *Plan) Bytes(group int) (sum int64) {
	for _, s := range p.slots {
		if s.kind == slotAny {
			s = s.elem
		}
		s.leaves(nil, func(path []*slot) {
			sum += max(p.f.groups[group].chunks[path[len(path)-1].leaf.e.leaf].raw, 0)
		})
	}
	return sum
}
