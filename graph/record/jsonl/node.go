package jsonl

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// A node is the plan for the values of one place in a row: a field, the items of
// a list, the row itself.
type node struct {
	typ    *types.Type
	name   string // of the field
	wanted string // the type, for messages
	format text.TimeFormat

	instead []byte         // JSON that is read in place of null, with a newline; nil: none
	reading *types.Reading // that instead is from

	elem   *node   // of a list
	object *object // of a record

	closed bool // it has records that may have no further fields, whoever reads them

	col  *record.Column // of the batch that is filled; nil: not needed
	room int            // of a list: rows that its Elem has room for
}

// An object is the plan for a record.
type object struct {
	fields []*node        // in the order of the type
	slots  map[string]int // from the name in the data to the place in fields
	open   bool           // unknown fields are allowed
	needed int            // fields that have a column

	// What is left of the object that is read, under text.ExtraKeep: the plan of its
	// last field, nil without, and the text of the object that it becomes.
	extra *node
	rest  []byte

	// Keys as they came, the first time each. A file mostly has one order, so the
	// key that followed last time is compared before anything is looked up.
	order []key
	known map[string]int // the place in order

	// seen[i] is the number of the object in which field i was last met.
	seen   []uint64
	number uint64

	others int64 // values of unknown keys beyond those in order
}

// A key of the data.
type key struct {
	text string // with quotes and colon
	slot int    // the place in fields, or unknown

	dropped int64 // values of an unknown key
}

// The slots of keys that are no fields.
const (
	unknown  = -1 // it stands in the order of keys
	stranger = -2 // it does not, for that is full
)

// maxKeys bounds the keys that a scanner learns.
const maxKeys = 1024

func newNode(f types.Field, opts Options) (*node, error) {
	n := &node{typ: f.Type, name: f.Name, wanted: f.Type.NotNull().String()}
	var err error
	switch f.Type.Kind {
	case types.KindTime, types.KindDate:
		n.format, err = text.FormatOf(f)
		n.wanted = n.format.String()
	case types.KindList:
		n.elem, err = newNode(types.Field{Type: f.Type.Elem, Reading: formatOnly(f.Reading)}, opts)
		n.wanted = "an array"
	case types.KindRecord:
		n.object, err = newObject(f.Type, opts)
		n.wanted = "an object"
	case types.KindAny, types.KindBool, types.KindInt, types.KindFloat, types.KindString,
		types.KindDuration, types.KindBytes, types.KindDecimal, types.KindEnum:
	default:
		err = fmt.Errorf("JSON has no %s", f.Type)
	}
	n.closed = n.elem != nil && n.elem.closed || n.object != nil && n.object.closed()
	if f.Reading != nil && f.Reading.Has {
		n.reading, n.instead = f.Reading, defaultJSON(n, f.Reading.Default)
	}
	return n, err
}

// timed reports whether the values have a format.
func (n *node) timed() bool {
	return n.typ.Kind == types.KindTime || n.typ.Kind == types.KindDate
}

// formatOnly is what the items of a list have of the reading of the list.
func formatOnly(r *types.Reading) *types.Reading {
	if r == nil || r.Format == "" && r.Zone == "" {
		return nil
	}
	return &types.Reading{Format: r.Format, Zone: r.Zone}
}

// defaultJSON writes a default as the data would have it.
func defaultJSON(n *node, word string) []byte {
	quoted := false
	switch n.typ.Kind {
	case types.KindString, types.KindEnum, types.KindBytes:
		quoted = true
	case types.KindTime, types.KindDate:
		quoted = !n.format.Number()
	case types.KindDuration, types.KindDecimal:
		quoted = text.NumberEnd([]byte(word), 0) != len(word)
	}
	if quoted {
		return append(AppendString(nil, word), '\n')
	}
	return []byte(word + "\n")
}

func newObject(t *types.Type, opts Options) (*object, error) {
	o := &object{slots: map[string]int{}, known: map[string]int{}, open: t.Open || opts.Extra != text.ExtraError, seen: make([]uint64, len(t.Fields))}
	for i, f := range t.Fields {
		n, err := newNode(f, opts)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", f.Name, err)
		}
		from := f.Name
		if f.Reading != nil && f.Reading.From != "" {
			from = f.Reading.From
		}
		if opts.Extra == text.ExtraKeep && i == len(t.Fields)-1 {
			o.extra = n
			o.fields = append(o.fields, n)
			break
		}
		if j, twice := o.slots[from]; twice {
			return nil, fmt.Errorf("fields %q and %q are both read from %q", t.Fields[j].Name, f.Name, from)
		}
		o.slots[from] = i
		o.fields = append(o.fields, n)
	}
	return o, nil
}

// closed reports whether the record, or one in it, may have no further fields.
func (o *object) closed() bool {
	return !o.open || slices.ContainsFunc(o.fields, func(f *node) bool { return f.closed })
}

// checkDefaults reads every default once, into a column of its own.
func (s *Scanner) checkDefaults(n *node) error {
	if n.object != nil {
		for _, f := range n.object.fields {
			if err := s.checkDefaults(f); err != nil {
				return err
			}
		}
	}
	if n.elem != nil {
		if err := s.checkDefaults(n.elem); err != nil {
			return err
		}
	}
	if n.instead == nil {
		return nil
	}
	n.bind(record.NewColumn(n.typ), 1)
	s.src = n.instead
	if string(s.src) == "null\n" {
		return fmt.Errorf("field %q: %w", n.name, &text.DefaultError{Reading: n.reading, Reason: "the default is null"})
	}
	if end := s.value(n, 0, 0); end < 0 || end != len(s.src)-1 {
		s.forget()
		reason := fmt.Sprintf("the default %s is no %s", s.src[:len(s.src)-1], n.typ.NotNull())
		return fmt.Errorf("field %q: %w", n.name, &text.DefaultError{Reading: n.reading, Reason: reason})
	}
	return nil
}

// bind makes the node write to col, with room for rows.
func (n *node) bind(col *record.Column, rows int) {
	n.col, n.room = col, 0
	if col == nil {
		if n.object != nil {
			n.object.needed = 0
		}
		return
	}
	if n.elem != nil {
		n.elem.bind(col.Elem, 0)
	}
	if n.object != nil {
		n.object.bind(col.Fields, 0)
	}
	if rows > 0 {
		col.Resize(rows)
	}
}

// bind binds every field to its column.
func (o *object) bind(cols []*record.Column, rows int) {
	o.needed = 0
	for i, f := range o.fields {
		f.bind(cols[i], rows)
		if cols[i] != nil {
			o.needed++
		}
	}
}

// trim cuts the column to the rows that were read; what a bad row left behind them
// goes.
func (n *node) trim(rows int) {
	c := n.col
	if c == nil {
		return
	}
	n.col = nil
	c.Resize(rows)
	switch {
	case n.elem != nil:
		items := 0
		if rows > 0 {
			items = int(c.Ends[rows-1])
		}
		n.elem.trim(items)
	case n.object != nil:
		for _, f := range n.object.fields {
			f.trim(rows)
		}
	}
}
