package avro

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hamba/avro/v2"

	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file plans how rows of a type are written by a schema.

// A target is a place of the schema, and what the type has for it.
type target struct {
	kind   targetKind
	place  string
	t      *types.Type
	n      *node
	null   int64 // the branch of a union that is null
	branch int64 // the branch of a union that is written; -1: there is no union

	unit        int64 // nanoseconds of an integer, of times
	least, most int64 // of integers
	up          int64 // of decimals: what they are multiplied with
	words       map[string]int64
	parts       []part
	elem        *target
}

// A targetKind is how a target is written.
type targetKind uint8

const (
	targetInt targetKind = iota
	targetBool
	targetFloat32
	targetFloat64
	targetText
	targetFixed
	targetWord
	targetDecimal
	targetSpan
	targetUUID
	targetRecord
	targetList
	targetMap
)

// A part is a field of a record of the schema: what is written there.
type part struct {
	from   int // the field of the type
	target *target
	same   []byte // what is written where target is nil
}

func misfit(place, hint, format string, args ...any) error {
	where := "the items"
	if place != "" {
		where = fmt.Sprintf("field %q", place)
	}
	return &text.FitError{Text: where + ": " + fmt.Sprintf(format, args...), Hint: hint}
}

// aim plans to write values of type t by a node.
func aim(n *node, t *types.Type, place string) (*target, error) {
	if n.kind != kindUnion {
		if t.Nullable {
			return nil, misfit(place, "fill it in before, such as "+nameOf(place)+" ?? 0, or let the schema have a union with null there", "it may be null, and the schema has %s there", n.called())
		}
		return aimOne(n, t, place)
	}
	null := slices.IndexFunc(n.branches, func(b *node) bool { return b.kind == kindNull })
	if t.Nullable && null < 0 {
		return nil, misfit(place, "fill it in before, such as "+nameOf(place)+" ?? 0, or let the schema have null in the union", "it may be null, and the schema has %s there", n.called())
	}
	var first error
	for i, b := range n.branches {
		if i == null {
			continue
		}
		s, err := aimOne(b, t.NotNull(), place)
		if err == nil {
			s.t, s.null, s.branch = t, int64(null), int64(i)
			return s, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = misfit(place, "", "the schema has nothing but null there")
	}
	return nil, first
}

// nameOf is how an expression calls the field at a place, without what it is in.
func nameOf(place string) string {
	for i := len(place) - 1; i >= 0; i-- {
		if place[i] == '.' {
			return place[i+1:]
		}
	}
	return place
}

// aimOne plans to write values that are not null by a node that is no union.
func aimOne(n *node, t *types.Type, place string) (*target, error) {
	s := &target{place: place, t: t, n: n, branch: -1, null: -1}
	var err error
	switch {
	case n.kind == kindRecord && t.Kind == types.KindRecord:
		s.kind = targetRecord
		return s, s.record()
	case n.kind == kindArray && t.Kind == types.KindList:
		s.kind = targetList
		s.elem, err = aim(n.elem, t.Elem, place+"[]")
		return s, err
	case n.kind == kindMap && isEntries(t):
		s.kind = targetMap
		s.elem, err = aim(n.elem, t.Elem.Fields[1].Type, place+"[].value")
		return s, err
	}
	ok, hint := s.scalar()
	if !ok {
		return nil, misfit(place, hint, "%s cannot be written as %s, which the schema has there", t, n.called())
	}
	return s, nil
}

// isEntries reports whether a type is what a map is read as.
func isEntries(t *types.Type) bool {
	return t.Kind == types.KindList && t.Elem.Kind == types.KindRecord && !t.Elem.Nullable && len(t.Elem.Fields) == 2 &&
		t.Elem.Fields[0].Name == "key" && t.Elem.Fields[0].Type.Kind == types.KindString && !t.Elem.Fields[0].Type.Nullable && t.Elem.Fields[1].Name == "value"
}

func (s *target) record() error {
	for _, f := range s.t.Fields {
		if f.Type.IsReply() {
			continue
		}
		if _, ok := s.n.field(f.Name); !ok {
			hint := "leave it out by a map before, with drop: [" + f.Name + "]"
			if s.place != "" {
				hint = "leave it out by a map before"
			}
			return misfit(within(s.place, f.Name), hint, "the schema has no such field")
		}
	}
	for _, want := range s.n.fields {
		i := s.t.Index(want.name)
		if i < 0 || s.t.Fields[i].Type.IsReply() {
			same, err := want.absent()
			if err != nil {
				return misfit(within(s.place, want.name), "add it by a map before, or give it a default in the schema", "the schema has it, and the items have not")
			}
			s.parts = append(s.parts, part{same: same})
			continue
		}
		c, err := aim(want.node, s.t.Fields[i].Type, within(s.place, want.name))
		if err != nil {
			return err
		}
		s.parts = append(s.parts, part{from: i, target: c})
	}
	return nil
}

// absent is what is written for a field that items do not have: its default, or null.
func (f field) absent() ([]byte, error) {
	if f.avro.HasDefault() {
		return avro.Marshal(f.avro.Type(), f.avro.Default())
	}
	switch f.node.kind {
	case kindNull:
		return nil, nil
	case kindUnion:
		if i := slices.IndexFunc(f.node.branches, func(b *node) bool { return b.kind == kindNull }); i >= 0 {
			return appendLong(nil, int64(i)), nil
		}
	}
	return nil, misfit(f.name, "", "it has no default")
}

// scalar says how a value is written that is not made of others; if it cannot be, what to do.
func (s *target) scalar() (ok bool, hint string) {
	n, t := s.n, s.t
	name := nameOf(s.place)
	s.least, s.most = -1<<63, 1<<63-1
	if n.kind == kindInt {
		s.least, s.most = -1<<31, 1<<31-1
	}
	integer := n.kind == kindInt || n.kind == kindLong
	switch t.Kind {
	case types.KindBool:
		s.kind = targetBool
		return n.kind == kindBool, ""
	case types.KindInt:
		s.kind = targetInt
		if n.kind == kindFloat || n.kind == kindDouble {
			return false, "float(" + name + ") makes a float of it"
		}
		return integer && n.logical == "", ""
	case types.KindFloat:
		s.kind = targetFloat64
		if n.kind == kindFloat {
			s.kind = targetFloat32
		}
		return n.kind == kindFloat || n.kind == kindDouble, ""
	case types.KindString, types.KindEnum, types.KindBytes:
		return s.text()
	case types.KindAny:
		s.kind = targetText
		return n.logical == logicalJSON, "string(" + name + ") makes a text of it"
	case types.KindDate:
		s.kind = targetInt
		return n.logical == "date", "string(" + name + ") makes a text of it"
	case types.KindTime:
		s.kind, s.unit = targetInt, units[n.logical]
		return isStamp(n), "unix_ms(" + name + ") makes a number of it, string(" + name + ") a text"
	case types.KindDuration:
		return s.duration(integer), ""
	case types.KindDecimal:
		s.kind = targetDecimal
		if n.logical != "decimal" || n.precision > 18 || n.scale < t.Scale || n.precision-n.scale < t.Precision-t.Scale {
			return false, "float(" + name + ") makes a float of it, string(" + name + ") a text"
		}
		s.up = pow10(n.scale - t.Scale)
		return true, ""
	}
	return false, ""
}

// text is scalar for texts and bytes.
func (s *target) text() (ok bool, hint string) {
	n, t := s.n, s.t
	s.kind = targetText
	switch {
	case n.kind == kindEnum && t.Kind != types.KindBytes:
		s.kind, s.words = targetWord, map[string]int64{}
		for i, w := range n.symbols {
			s.words[w] = int64(i)
		}
		if t.Kind == types.KindEnum && !covers(n.symbols, t.Words) {
			return false, fmt.Sprintf("it has the words %s", strings.Join(n.symbols, ", "))
		}
		return true, ""
	case n.kind == kindFixed && n.logical == "uuid" && t.Kind == types.KindString:
		s.kind = targetUUID
		return true, ""
	case n.kind == kindFixed && n.logical == "":
		s.kind = targetFixed
		return true, ""
	case n.kind == kindString && t.Kind == types.KindBytes:
		return false, "string(" + nameOf(s.place) + ") makes a text of it"
	}
	return n.kind == kindString && n.logical != logicalJSON || n.kind == kindBytes && n.logical == "", ""
}

func (s *target) duration(integer bool) bool {
	s.kind, s.unit = targetInt, units[s.n.logical]
	switch s.n.logical {
	case "duration":
		s.kind = targetSpan
		return true
	case "time-millis", "time-micros":
		return true
	}
	s.unit = 1 // nanoseconds, for which Avro has no type
	return integer && s.n.logical == "" && s.n.kind == kindLong
}
