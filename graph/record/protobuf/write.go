package protobuf

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file writes messages.

// Writer plans to write rows of type t. An error says what would get lost, or is missing.
func (s *Schema) Writer(t *types.Type) (record.RowWriter, error) {
	if !t.IsRecord() {
		return nil, &text.FitError{Text: fmt.Sprintf("a message is a record, and not %s", t)}
	}
	root := &target{t: t, m: s.root}
	if err := root.record(); err != nil {
		return nil, err
	}
	return rowWriter{root}, nil
}

// A rowWriter writes rows.
type rowWriter struct{ root *target }

// AppendRow implements record.RowWriter.
func (w rowWriter) AppendRow(dst []byte, b *record.Batch, row int) ([]byte, error) {
	var e encoder
	from := len(dst)
	dst = e.fields(dst, w.root, b.Cols, row)
	if e.err != nil {
		return dst[:from], e.err
	}
	return dst, nil
}

// An encoder writes values. Its first error stays.
type encoder struct{ err error }

// bad notes that a value cannot be written.
func (e *encoder) bad(s *target, format string, args ...any) {
	if e.err == nil {
		e.err = &text.RowError{Field: s.place, Reason: fmt.Sprintf(format, args...)}
	}
}

// fields writes what is in a message.
func (e *encoder) fields(dst []byte, s *target, cols []*record.Column, row int) []byte {
	var set map[protoreflect.FullName]*target
	for k := range s.parts {
		p := &s.parts[k]
		c := cols[p.from]
		if c.IsNull(row) {
			continue
		}
		if p.oneof != "" {
			if set == nil {
				set = map[protoreflect.FullName]*target{}
			}
			if other := set[p.oneof]; other != nil {
				e.bad(p.target, "of the oneof %s only one field may be set, and %s is, too", p.oneof.Name(), nameOf(other.place))
			}
			set[p.oneof] = p.target
		}
		dst = e.field(dst, p.target, c, row)
	}
	return dst
}

// field writes all values of a field.
func (e *encoder) field(dst []byte, s *target, c *record.Column, row int) []byte {
	num := s.f.Number()
	switch {
	case s.kind == targetMap:
		from, to := c.Range(row)
		for i := from; i < to; i++ {
			dst = protowire.AppendTag(dst, num, protowire.BytesType)
			dst = prefixed(dst, func(dst []byte) []byte {
				dst = e.tagged(dst, s.key, c.Elem.Fields[0], i)
				return e.tagged(dst, s.elem, c.Elem.Fields[1], i)
			})
		}
		return dst
	case s.kind == targetList && s.f.IsPacked():
		from, to := c.Range(row)
		if from == to {
			return dst
		}
		dst = protowire.AppendTag(dst, num, protowire.BytesType)
		return prefixed(dst, func(dst []byte) []byte {
			for i := from; i < to; i++ {
				dst = e.value(dst, s.elem, c.Elem, i)
			}
			return dst
		})
	case s.kind == targetList:
		from, to := c.Range(row)
		for i := from; i < to; i++ {
			dst = e.tagged(dst, s.elem, c.Elem, i)
		}
		return dst
	}
	if s.implicit && e.isZero(s, c, row) {
		return dst
	}
	return e.tagged(dst, s, c, row)
}

// isZero reports whether a value is what a reader takes for one that is not there.
func (e *encoder) isZero(s *target, c *record.Column, row int) bool {
	switch {
	case s.kind == targetWord:
		n, ok := s.words[c.Str[row]]
		return ok && n == 0
	case c.Form == record.FormText:
		return c.Str[row] == ""
	case c.Form == record.FormInt:
		return c.Int[row] == 0
	case c.Form == record.FormBool:
		return !c.Bool[row]
	case c.Form == record.FormFloat:
		return math.Float64bits(c.Float[row]) == 0
	}
	return false
}

// tagged writes a single value behind its tag.
func (e *encoder) tagged(dst []byte, s *target, c *record.Column, row int) []byte {
	num, wire := s.f.Number(), wireOf(s.f.Kind())
	dst = protowire.AppendTag(dst, num, wire)
	switch {
	case s.m == nil:
		return e.value(dst, s, c, row)
	case wire == protowire.StartGroupType:
		dst = e.message(dst, s, c, row)
		return protowire.AppendTag(dst, num, protowire.EndGroupType)
	}
	return prefixed(dst, func(dst []byte) []byte { return e.message(dst, s, c, row) })
}

// prefixed writes something behind its length.
func prefixed(dst []byte, write func(dst []byte) []byte) []byte {
	from := len(dst)
	dst = write(dst)
	n := len(dst) - from
	size := protowire.SizeVarint(uint64(n))
	dst = append(dst, "0123456789"[:size]...)
	copy(dst[from+size:], dst[from:from+n])
	protowire.AppendVarint(dst[:from], uint64(n))
	return dst
}

func (e *encoder) message(dst []byte, s *target, c *record.Column, row int) []byte {
	switch s.kind {
	case targetRecord:
		return e.fields(dst, s, c.Fields, row)
	case targetWrapped:
		return e.field(dst, s.elem, c, row)
	case targetTime, targetDuration:
		seconds, nanos := c.Int[row]/1e9, c.Int[row]%1e9
		if s.kind == targetTime && nanos < 0 {
			seconds, nanos = seconds-1, nanos+1e9
		}
		for num, v := range []int64{seconds, nanos} {
			if v != 0 {
				dst = protowire.AppendTag(dst, protowire.Number(num+1), protowire.VarintType)
				dst = protowire.AppendVarint(dst, uint64(v))
			}
		}
		return dst
	}
	json := "null"
	if !c.IsNull(row) {
		json = c.Str[row]
	}
	m := dynamicpb.NewMessage(s.m)
	err := protojson.UnmarshalOptions{AllowPartial: true}.Unmarshal([]byte(json), m)
	if err == nil {
		dst, err = proto.MarshalOptions{Deterministic: true, AllowPartial: true}.MarshalAppend(dst, m)
	}
	if err != nil {
		e.bad(s, "%s is no %s: %v", text.Shorten(json), s.m.FullName(), err)
	}
	return dst
}

// value writes a value that is no message, without its tag.
func (e *encoder) value(dst []byte, s *target, c *record.Column, row int) []byte {
	switch {
	case s.kind == targetText:
		return protowire.AppendString(dst, c.Str[row])
	case s.kind == targetWord:
		n, ok := s.words[c.Str[row]]
		if !ok {
			e.bad(s, "%s has no value %q", s.f.Enum().Name(), text.Shorten(c.Str[row]))
		}
		return protowire.AppendVarint(dst, uint64(n))
	case s.t.Kind == types.KindBool:
		return protowire.AppendVarint(dst, protowire.EncodeBool(c.Bool[row]))
	case s.t.Kind == types.KindFloat && s.f.Kind() == protoreflect.DoubleKind:
		return protowire.AppendFixed64(dst, math.Float64bits(c.Float[row]))
	case s.t.Kind == types.KindFloat:
		f := float32(c.Float[row])
		if math.IsInf(float64(f), 0) && !math.IsInf(c.Float[row], 0) {
			e.bad(s, "%g is more than a float of 32 bits can be", c.Float[row])
		}
		return protowire.AppendFixed32(dst, math.Float32bits(f))
	}
	v := c.Int[row]
	if v < s.least || v > s.most {
		e.bad(s, "%d is no %s", v, s.f.Kind())
	}
	switch s.f.Kind() {
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return protowire.AppendVarint(dst, protowire.EncodeZigZag(v))
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return protowire.AppendFixed32(dst, uint32(v))
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return protowire.AppendFixed64(dst, uint64(v))
	}
	return protowire.AppendVarint(dst, uint64(v))
}
