package protobuf

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file plans how rows of a type are written as messages.

// A targetKind is how a target is written.
type targetKind uint8

const (
	targetNumber targetKind = iota // also of a bool
	targetWord                     // the number of a name
	targetText
	targetRecord
	targetList
	targetMap
	targetTime
	targetDuration
	targetWrapped
	targetAny
)

// A target is a place of the type, and the field that holds it.
type target struct {
	kind     targetKind
	place    string
	t        *types.Type
	f        protoreflect.FieldDescriptor // nil: it is the row itself
	m        protoreflect.MessageDescriptor
	implicit bool  // its zero is not written
	least    int64 // of integers
	most     int64
	words    map[string]int64
	parts    []part
	elem     *target // of a list or a wrapper, or the value of a map
	key      *target // of a map
}

// A part is a field of a record, and where it comes from.
type part struct {
	from   int
	target *target
	oneof  protoreflect.FullName
}

func misfit(place, hint, format string, args ...any) error {
	return &text.FitError{Text: fmt.Sprintf("field %q: ", place) + fmt.Sprintf(format, args...), Hint: hint}
}

// record plans to write a record as a message.
func (s *target) record() error {
	s.kind = targetRecord
	in := map[protoreflect.FullName][]types.Field{}
	for i, have := range s.t.Fields {
		if have.Type.IsReply() {
			continue
		}
		place := inside(s.place, have.Name)
		f := s.m.Fields().ByName(protoreflect.Name(have.Name))
		if f == nil {
			hint := "leave it out by a map before"
			if s.place == "" {
				hint += ", with drop: [" + have.Name + "]"
			}
			return misfit(place, hint, "%s has no such field", s.m.FullName())
		}
		c, err := aimField(f, have.Type, place)
		if err != nil {
			return err
		}
		p := part{from: i, target: c}
		if o := f.ContainingOneof(); o != nil && !o.IsSynthetic() {
			p.oneof = o.FullName()
			in[p.oneof] = append(in[p.oneof], have)
		}
		s.parts = append(s.parts, p)
	}
	for o, fields := range in {
		for _, f := range fields {
			if len(fields) > 1 && !f.Type.Nullable {
				return misfit(inside(s.place, f.Name), "let it be null where it is not meant, or leave it out by a map before", "of the oneof %s only one field is kept, and this one is never null", o.Name())
			}
		}
	}
	for i := range s.m.Fields().Len() {
		f := s.m.Fields().Get(i)
		if f.Cardinality() == protoreflect.Required && s.t.Index(string(f.Name())) < 0 {
			return misfit(inside(s.place, string(f.Name())), "add it by a map before", "the schema requires it, and the items do not have it")
		}
	}
	slices.SortStableFunc(s.parts, func(a, b part) int { return int(a.target.f.Number()) - int(b.target.f.Number()) })
	return nil
}

// aimField plans to write all values of a field.
func aimField(f protoreflect.FieldDescriptor, t *types.Type, place string) (s *target, err error) {
	loose := t.Kind == types.KindAny
	switch {
	case f.IsMap() && isEntries(t) && !t.Nullable && !t.Elem.Fields[0].Type.Nullable:
		s = &target{kind: targetMap, place: place, t: t, f: f}
		if s.key, err = aimValue(f.MapKey(), t.Elem.Fields[0].Type, place+"[].key"); err == nil {
			s.elem, err = aimElem(f.MapValue(), t.Elem.Fields[1].Type, place+"[].value")
		}
		return s, err
	case f.IsList() && t.Kind == types.KindList && !t.Nullable:
		s = &target{kind: targetList, place: place, t: t, f: f}
		s.elem, err = aimElem(f, t.Elem, place+"[]")
		return s, err
	case (f.IsList() || f.IsMap()) && t.Kind == types.KindList && t.Nullable:
		return nil, misfit(place, "fill it in before, such as "+nameOf(place)+" ?? []", "it may be null, which %s cannot be", calledAll(f))
	case f.IsList() || f.IsMap():
		return nil, unwritable(place, f, t, "")
	case t.Nullable && !loose && f.Cardinality() == protoreflect.Required:
		return nil, misfit(place, "fill it in before, such as "+nameOf(place)+" ?? 0", "it may be null, and the schema requires it")
	case t.Nullable && !loose && !f.HasPresence():
		return nil, misfit(place, "fill it in before, such as "+nameOf(place)+" ?? 0, or make it optional in the schema", "it may be null, which would be read as the zero of %s", called(f))
	}
	s, err = aimValue(f, t, place)
	if err == nil {
		s.implicit = !f.HasPresence()
	}
	return s, err
}

// aimElem plans to write an element of a list, or a value of a map, which cannot be null.
func aimElem(f protoreflect.FieldDescriptor, t *types.Type, place string) (*target, error) {
	if t.Nullable && t.Kind != types.KindAny {
		return nil, misfit(place, "fill it in before, or leave it out", "it may be null, which there is none of in a repeated field or a map")
	}
	return aimValue(f, t, place)
}

func unwritable(place string, f protoreflect.FieldDescriptor, t *types.Type, hint string) error {
	return misfit(place, hint, "%s cannot be written as %s, which the schema has there", t.NotNull(), calledAll(f))
}

// nameOf is how an expression calls the field at a place, without what it is in.
func nameOf(place string) string { return place[strings.LastIndexByte(place, '.')+1:] }

// aimValue plans to write a single value of a field.
func aimValue(f protoreflect.FieldDescriptor, t *types.Type, place string) (*target, error) {
	s := &target{place: place, t: t, f: f, m: f.Message()}
	if s.m != nil {
		return s.aimMessage()
	}
	fits, hint, name := false, "", nameOf(place)
	switch t.Kind {
	case types.KindBool:
		fits = f.Kind() == protoreflect.BoolKind
	case types.KindInt:
		s.least, s.most = rangeOf(f.Kind())
		fits = isInteger(f.Kind())
		if f.Kind() == protoreflect.FloatKind || f.Kind() == protoreflect.DoubleKind {
			hint = "float(" + name + ") makes a float of it"
		}
	case types.KindFloat:
		fits = f.Kind() == protoreflect.FloatKind || f.Kind() == protoreflect.DoubleKind
	case types.KindBytes:
		s.kind, fits = targetText, f.Kind() == protoreflect.BytesKind
	case types.KindString, types.KindEnum:
		s.kind, fits = targetText, f.Kind() == protoreflect.StringKind || f.Kind() == protoreflect.BytesKind
		if f.Kind() == protoreflect.EnumKind {
			s.kind, fits = targetWord, true
			s.words = map[string]int64{}
			all := words(f.Enum())
			for _, w := range all {
				s.words[w] = int64(f.Enum().Values().ByName(protoreflect.Name(w)).Number())
			}
			for _, w := range t.Words {
				if _, ok := s.words[w]; !ok {
					fits, hint = false, "it has the words "+strings.Join(all, ", ")
				}
			}
		}
	case types.KindTime:
		hint = "unix_ms(" + name + ") makes a number of it, string(" + name + ") a text"
	default:
		hint = "string(" + name + ") makes a text of it"
	}
	if !fits {
		return nil, unwritable(place, f, t, hint)
	}
	return s, nil
}

func (s *target) aimMessage() (*target, error) {
	what := known[s.m.FullName()]
	var err error
	switch {
	case s.t.Kind == types.KindAny:
		s.kind = targetAny
	case s.t.Kind == types.KindTime && what == knownTime:
		s.kind = targetTime
	case s.t.Kind == types.KindDuration && what == knownDuration:
		s.kind = targetDuration
	case s.t.Kind == types.KindRecord && what != knownAny:
		err = s.record()
	case what == knownWrapper:
		s.kind = targetWrapped
		s.elem, err = aimValue(s.m.Fields().ByNumber(1), s.t, s.place)
		if err == nil {
			s.elem.implicit = true
		}
	default:
		err = unwritable(s.place, s.f, s.t, "")
	}
	return s, err
}

// rangeOf is what integers of a kind may be.
func rangeOf(k protoreflect.Kind) (least, most int64) {
	switch k {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return math.MinInt32, math.MaxInt32
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return 0, math.MaxUint32
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return 0, math.MaxInt64
	}
	return math.MinInt64, math.MaxInt64
}
