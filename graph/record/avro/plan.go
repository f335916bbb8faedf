package avro

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file plans how the rows of a type are read by a schema.

// A slotKind is how a slot is read.
type slotKind uint8

const (
	slotInt slotKind = iota
	slotFloat32
	slotFloat64
	slotIntFloat // an integer that is read as a float
	slotBool
	slotText
	slotWord    // a symbol of an enum
	slotDecimal // bytes
	slotSpan    // months, days and milliseconds
	slotUUID    // 16 bytes
	slotRecord
	slotList
	slotMap
	slotUnion
	slotNull
	slotAny
)

// A slot is a place of the type, and what the schema has there.
type slot struct {
	kind  slotKind
	place string
	t     *types.Type
	n     *node
	unit  int64 // nanoseconds of an integer, of times
	days  bool  // the integer is a date
	up    int64 // of decimals: what they are multiplied with
	most  int64 // of decimals: the first that has too many digits
	utf8  bool  // the text must be UTF-8
	json  bool  // the text must be JSON
	words []string
	steps []step
	gone  []int // fields of a record that the schema does not have
	elem  *slot
	of    []*slot // branches of a union
}

// A step is a field of a record of the schema: what is read from it, and where to.
type step struct {
	slot *slot // nil: it is left out
	to   int
	n    *node
}

// A Plan says how rows of a type are read by one schema.
type Plan struct {
	t    *types.Type
	root *slot
}

// Plan plans to read rows of type t. Fields that it does not have are left out.
func (f *File) Plan(t *types.Type) (*Plan, error) {
	s, err := planner{"the file"}.plan(f.root, t, "", 0)
	if err != nil {
		return nil, err
	}
	return &Plan{t, s}, nil
}

// Fits says why rows of a type cannot be read from the file.
func (f *File) Fits(t *types.Type) error {
	_, err := f.Plan(t)
	return err
}

// Extra lists the fields that a type does not have.
func (f *File) Extra(t *types.Type) (names []string) {
	for _, have := range f.root.fields {
		if !slices.ContainsFunc(t.Fields, func(want types.Field) bool { return columnOf(want) == have.name }) {
			names = append(names, have.name)
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

// without is the plan for rows of which only some fields are needed; a nil needed wants all.
func (p *Plan) without(needed []bool) *slot {
	if needed == nil || p.root.kind != slotRecord {
		return p.root
	}
	part := *p.root
	part.steps, part.gone = nil, nil
	for _, s := range p.root.steps {
		if s.slot != nil && !needed[s.to] {
			s.slot = nil
		}
		part.steps = append(part.steps, s)
	}
	for _, i := range p.root.gone {
		if needed[i] {
			part.gone = append(part.gone, i)
		}
	}
	return &part
}

// A planner makes a plan.
type planner struct {
	what string // has the schema, in messages: "the file"
}

func (p planner) plan(n *node, t *types.Type, place string, depth int) (*slot, error) {
	s := &slot{place: place, t: t, n: n}
	fits := false
	var err error
	switch {
	case depth > maxNesting:
	case t.Kind == types.KindAny && n.logical == logicalJSON:
		s.kind, s.json, fits = slotText, true, true
	case t.Kind == types.KindAny && isOption(n, logicalJSON):
		s.kind, fits = slotUnion, true
		for _, b := range n.branches {
			s.of = append(s.of, &slot{kind: slotText, json: true, place: place, t: t, n: b})
			if b.kind == kindNull {
				s.of[len(s.of)-1] = &slot{kind: slotNull, place: place, t: t}
			}
		}
	case t.Kind == types.KindAny:
		s.kind, fits = slotAny, true
	case n.kind == kindUnion:
		s.kind, fits = slotUnion, true
		for _, b := range n.branches {
			if b.kind == kindNull {
				s.of = append(s.of, &slot{kind: slotNull, place: place, t: t})
				continue
			}
			branch, err := p.plan(b, t, place, depth+1)
			if err != nil {
				return nil, err
			}
			s.of = append(s.of, branch)
		}
	case n.kind == kindRecord && t.Kind == types.KindRecord:
		return s, p.record(s, depth)
	case n.kind == kindArray && t.Kind == types.KindList:
		s.kind, fits = slotList, true
		s.elem, err = p.plan(n.elem, t.Elem, place+"[]", depth+1)
	case n.kind == kindMap && t.Kind == types.KindList && t.Elem.Kind == types.KindRecord && len(t.Elem.Fields) == 2 &&
		t.Elem.Fields[0].Name == "key" && t.Elem.Fields[0].Type.Kind == types.KindString && t.Elem.Fields[1].Name == "value":
		s.kind, fits = slotMap, true
		s.elem, err = p.plan(n.elem, t.Elem.Fields[1].Type, place+"[].value", depth+1)
	case n.kind == kindNull:
		s.kind, fits = slotNull, t.Nullable
	case n.kind >= kindArray:
	default:
		fits = s.scalar()
	}
	if !fits {
		where := "the rows"
		if place != "" {
			where = fmt.Sprintf("field %q", place)
		}
		return nil, &text.FitError{Text: fmt.Sprintf("%s: %s has %s there, which is not %s", where, p.what, n.called(), t.NotNull())}
	}
	return s, err
}

func (p planner) record(s *slot, depth int) error {
	s.kind = slotRecord
	for i, want := range s.t.Fields {
		if !slices.ContainsFunc(s.n.fields, func(have field) bool { return have.name == columnOf(want) }) {
			if !want.Type.Nullable {
				return &text.FitError{Text: fmt.Sprintf("%s has no field %q: write `%s: %s?` if it may be missing", p.what, within(s.place, columnOf(want)), want.Name, want.Type)}
			}
			s.gone = append(s.gone, i)
		}
	}
	for _, have := range s.n.fields {
		at := step{n: have.node}
		for i, want := range s.t.Fields {
			if columnOf(want) != have.name {
				continue
			}
			if at.slot != nil {
				return &text.FitError{Text: fmt.Sprintf("field %q is read twice", within(s.place, have.name))}
			}
			c, err := p.plan(have.node, want.Type, within(s.place, want.Name), depth+1)
			if err != nil {
				return err
			}
			at.slot, at.to = c, i
		}
		s.steps = append(s.steps, at)
	}
	return nil
}

// scalar says how a value is read that is not made of others; false if it cannot be.
func (s *slot) scalar() bool {
	n, t := s.n, s.t
	integer := n.kind == kindInt || n.kind == kindLong
	switch t.Kind {
	case types.KindBool:
		s.kind = slotBool
		return n.kind == kindBool
	case types.KindInt:
		s.kind = slotInt
		return integer && n.logical == ""
	case types.KindFloat:
		switch {
		case n.kind == kindFloat:
			s.kind = slotFloat32
		case n.kind == kindDouble:
			s.kind = slotFloat64
		default:
			s.kind = slotIntFloat
			return integer && n.logical == ""
		}
		return true
	case types.KindBytes:
		s.kind = slotText
		return n.kind == kindBytes || n.kind == kindFixed || n.kind == kindString
	case types.KindString, types.KindEnum:
		if t.Kind == types.KindEnum && !(n.kind == kindEnum && covers(t.Words, n.symbols)) {
			s.words = t.Words
		}
		switch {
		case n.kind == kindEnum:
			s.kind = slotWord
		case n.kind == kindFixed && n.logical == "uuid":
			s.kind = slotUUID
		default:
			s.kind, s.utf8 = slotText, true
			return n.kind == kindString || n.kind == kindBytes && n.logical == ""
		}
		return true
	case types.KindDate:
		s.kind, s.days = slotInt, true
		return n.logical == "date"
	case types.KindTime:
		s.kind, s.unit = slotInt, units[n.logical]
		return isStamp(n)
	case types.KindDuration:
		if n.logical == "duration" {
			s.kind = slotSpan
			return true
		}
		s.kind, s.unit = slotInt, units[n.logical]
		if n.kind == kindLong && n.logical == "" {
			s.unit = 1 // nanoseconds, for which Avro has no type
			return true
		}
		return n.logical == "time-millis" || n.logical == "time-micros"
	case types.KindDecimal:
		s.kind = slotDecimal
		if n.logical != "decimal" || n.precision > 18 || n.scale > t.Scale || n.precision-n.scale > t.Precision-t.Scale {
			return false
		}
		s.up, s.most = pow10(t.Scale-n.scale), pow10(n.precision)
		return true
	}
	return false
}

// isOption reports whether a node is null or one other thing, of a logical type.
func isOption(n *node, logical string) bool {
	if n.kind != kindUnion {
		return false
	}
	for _, b := range n.branches {
		if b.kind != kindNull && b.logical != logical {
			return false
		}
	}
	return true
}

func covers(words, symbols []string) bool {
	for _, s := range symbols {
		if !slices.Contains(words, s) {
			return false
		}
	}
	return true
}

var units = map[string]int64{
	"timestamp-millis": 1e6, "timestamp-micros": 1e3, "timestamp-nanos": 1,
	"local-timestamp-millis": 1e6, "local-timestamp-micros": 1e3, "local-timestamp-nanos": 1,
	"time-millis": 1e6, "time-micros": 1e3,
}

// isStamp reports whether a node is a moment in time.
func isStamp(n *node) bool { return units[n.logical] > 0 && !strings.HasPrefix(n.logical, "time-") }

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}
