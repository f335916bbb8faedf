package protobuf

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file plans how rows of a type are read from messages.

// A slotKind is how a slot is read.
type slotKind uint8

const (
	slotNumber slotKind = iota // also of an enum, and a bool
	slotText
	slotWord // the name of a value of an enum
	slotRecord
	slotList
	slotMap
	slotTime
	slotDuration
	slotWrapped
	slotAny
)

// A slot is a place of the type, and what the schema has there. It keeps what a reader has to
// remember of the row that it reads.
type slot struct {
	kind  slotKind
	place string
	t     *types.Type
	f     protoreflect.FieldDescriptor   // nil: it is the row itself
	m     protoreflect.MessageDescriptor // of a message
	wire  protowire.Type                 // of a value
	names map[protoreflect.EnumNumber]string
	words []string // that the type allows, if they are not all
	utf8  bool     // the text must be UTF-8

	elem   *slot // of a list or a wrapper, or the value of a map
	key    *slot // of a map
	steps  []step
	byNum  map[protowire.Number]int32 // of steps
	gone   []int                      // fields of the type that the schema does not have
	cells  int                        // columns of an element of a list
	rivals map[protoreflect.FullName][]int32

	last []byte         // the value that came last, of a message that is merged
	seen map[entry]bool // keys of a map
}

// A step is a field of a message that is read, and where to.
type step struct {
	slot  *slot
	to    int
	tells bool // it has presence: it is null until it comes
	oneof protoreflect.FullName
}

// An entry is the key of a map.
type entry struct {
	n int64
	s string
}

// plan plans to read a message as a record.
func (s *slot) record() error {
	s.kind, s.byNum, s.rivals, s.cells = slotRecord, map[protowire.Number]int32{}, map[protoreflect.FullName][]int32{}, 1
	for i, want := range s.t.Fields {
		name := columnOf(want)
		f := s.m.Fields().ByName(protoreflect.Name(name))
		if f == nil {
			if !want.Type.Nullable {
				return &text.FitError{Text: fmt.Sprintf("the schema has no field %q: write `%s: %s?` if it may be missing", inside(s.place, name), want.Name, want.Type)}
			}
			s.gone = append(s.gone, i)
			continue
		}
		if _, twice := s.byNum[f.Number()]; twice {
			return &text.FitError{Text: fmt.Sprintf("field %q is read twice", inside(s.place, name))}
		}
		c, err := planField(f, want.Type, inside(s.place, want.Name))
		if err != nil {
			return err
		}
		at := step{slot: c, to: i, tells: f.HasPresence()}
		s.byNum[f.Number()] = int32(len(s.steps))
		if o := f.ContainingOneof(); o != nil && !o.IsSynthetic() {
			at.oneof = o.FullName()
			s.rivals[at.oneof] = append(s.rivals[at.oneof], int32(len(s.steps)))
		}
		s.steps = append(s.steps, at)
		s.cells += 1 + c.cells
	}
	return nil
}

// columnOf is the name of a field in the schema.
func columnOf(f types.Field) string {
	if f.Reading != nil && f.Reading.From != "" {
		return f.Reading.From
	}
	return f.Name
}

func unreadable(place string, f protoreflect.FieldDescriptor, t *types.Type) error {
	return &text.FitError{Text: fmt.Sprintf("field %q: the schema has %s there, which is not %s", place, calledAll(f), t.NotNull())}
}

// planField plans to read all values of a field.
func planField(f protoreflect.FieldDescriptor, t *types.Type, place string) (s *slot, err error) {
	switch {
	case !f.IsList() && !f.IsMap():
		return planValue(f, t, place)
	case t.Kind != types.KindList:
		return nil, unreadable(place, f, t)
	case f.IsList():
		s = &slot{kind: slotList, place: place, t: t, f: f}
		s.elem, err = planValue(f, t.Elem, place+"[]")
		return s, err
	case !isEntries(t):
		return nil, unreadable(place, f, t)
	}
	s = &slot{kind: slotMap, place: place, t: t, f: f, seen: map[entry]bool{}}
	if s.key, err = planValue(f.MapKey(), t.Elem.Fields[0].Type, place+"[].key"); err == nil {
		s.elem, err = planValue(f.MapValue(), t.Elem.Fields[1].Type, place+"[].value")
	}
	return s, err
}

// isEntries reports whether a type is what a map is read as.
func isEntries(t *types.Type) bool {
	e := t.Elem
	return t.Kind == types.KindList && e.Kind == types.KindRecord && !e.Nullable && len(e.Fields) == 2 && e.Fields[0].Name == "key" && e.Fields[1].Name == "value"
}

// planValue plans to read a single value of a field.
func planValue(f protoreflect.FieldDescriptor, t *types.Type, place string) (*slot, error) {
	s := &slot{place: place, t: t, f: f, m: f.Message(), wire: wireOf(f.Kind())}
	if f.Kind() == protoreflect.MessageKind || f.Kind() == protoreflect.GroupKind {
		return s.planMessage()
	}
	fits := false
	switch t.Kind {
	case types.KindBool:
		fits = f.Kind() == protoreflect.BoolKind
	case types.KindInt:
		fits = isInteger(f.Kind()) || f.Kind() == protoreflect.EnumKind
	case types.KindFloat:
		fits = isInteger(f.Kind()) || f.Kind() == protoreflect.FloatKind || f.Kind() == protoreflect.DoubleKind
	case types.KindBytes:
		s.kind, fits = slotText, s.wire == protowire.BytesType
	case types.KindString, types.KindEnum:
		if fits = s.wire == protowire.BytesType; fits {
			s.kind, s.utf8 = slotText, true
		}
		if t.Kind == types.KindEnum {
			s.words = t.Words
		}
		if f.Kind() == protoreflect.EnumKind {
			s.kind, fits = slotWord, true
			s.nameAll(f.Enum())
		}
	}
	if !fits {
		return nil, unreadable(place, f, t)
	}
	return s, nil
}

// nameAll notes the names of an enum, of each number the first.
func (s *slot) nameAll(e protoreflect.EnumDescriptor) {
	s.names = map[protoreflect.EnumNumber]string{}
	all := true
	for i := range e.Values().Len() {
		v := e.Values().Get(i)
		if _, second := s.names[v.Number()]; !second {
			s.names[v.Number()] = string(v.Name())
			all = all && slices.Contains(s.words, string(v.Name()))
		}
	}
	if all {
		s.words = nil
	}
}

func (s *slot) planMessage() (*slot, error) {
	what := known[s.m.FullName()]
	var err error
	switch {
	case s.t.Kind == types.KindAny:
		s.kind = slotAny
	case s.t.Kind == types.KindTime && what == knownTime:
		s.kind = slotTime
	case s.t.Kind == types.KindDuration && what == knownDuration:
		s.kind = slotDuration
	case s.t.Kind == types.KindRecord && what != knownAny:
		err = s.record()
	case what == knownWrapper:
		s.kind = slotWrapped
		s.elem, err = planValue(s.m.Fields().ByNumber(1), s.t, s.place)
	default:
		return nil, unreadable(s.place, s.f, s.t)
	}
	return s, err
}

func isInteger(k protoreflect.Kind) bool {
	switch k {
	case protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.FloatKind, protoreflect.DoubleKind, protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind, protoreflect.GroupKind:
		return false
	}
	return true
}

func wireOf(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return protowire.Fixed32Type
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return protowire.Fixed64Type
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.GroupKind:
		return protowire.StartGroupType
	}
	return protowire.VarintType
}
