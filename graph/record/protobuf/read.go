package protobuf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file reads messages.

// Reader plans to read rows of type t. Fields that t does not have are left out, and so are
// those for which a batch has no column.
func (s *Schema) Reader(t *types.Type) (record.RowReader, error) {
	root := &slot{t: t, m: s.root}
	if !t.IsRecord() {
		return nil, &text.FitError{Text: fmt.Sprintf("a message is a record, and not %s", t)}
	}
	if err := root.record(); err != nil {
		return nil, err
	}
	return &rowReader{root: root, fields: len(t.Fields)}, nil
}

// A rowReader reads rows. Its first error of a row stays.
type rowReader struct {
	root   *slot
	fields int // of the type; behind them a batch may have others
	batch  *record.Batch
	extra  *record.Arena // for texts that do not stand in the message
	left   int           // how many more cells lists may have
	err    error
}

// maxCells is how many values the lists of messages in one message may have.
const maxCells = 1 << 24

var errDamaged = errors.New("it is cut off, or no message of this schema")

// Start implements record.RowReader.
func (r *rowReader) Start(b *record.Batch) { r.batch, r.extra = b, nil }

// ReadRow implements record.RowReader.
func (r *rowReader) ReadRow(raw []byte) error {
	b := r.batch
	r.err, r.left = nil, maxCells
	cols := b.Cols[:r.fields]
	for _, c := range cols {
		if c != nil {
			c.Resize(b.Rows + 1)
		}
	}
	r.begin(r.root, cols, b.Rows)
	r.fill(r.root, cols, b.Rows, raw)
	r.end(r.root, cols, b.Rows)
	if r.err != nil {
		for _, c := range cols {
			if c != nil {
				c.Cut(b.Rows)
			}
		}
	}
	return r.err
}

func (r *rowReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// bad notes that a value is none.
func (r *rowReader) bad(s *slot, format string, args ...any) {
	r.fail(&text.RowError{Field: s.place, Reason: fmt.Sprintf(format, args...)})
}

// begin gives a row of a record what it has if nothing comes.
func (r *rowReader) begin(s *slot, cols []*record.Column, i int) {
	for k := range s.steps {
		at := &s.steps[k]
		c := cols[at.to]
		if c == nil {
			continue
		}
		at.slot.last = nil
		if at.tells {
			c.SetNull(i)
			continue
		}
		r.zero(at.slot, c, i)
	}
	for _, k := range s.gone {
		if cols[k] != nil {
			cols[k].SetNull(i)
		}
	}
}

// zero writes the value of what is not there.
func (r *rowReader) zero(s *slot, c *record.Column, i int) {
	c.Clear(i)
	switch s.kind {
	case slotNumber:
		r.number(s, c, i, 0)
	case slotText:
		c.Str[i] = ""
	case slotWord:
		c.Str[i] = string(s.f.Enum().Values().Get(0).Name())
	case slotList, slotMap:
		from, _ := c.Range(i)
		c.Ends[i] = int32(from)
		if len(s.seen) > 0 { // a map that was large takes long to clear
			s.seen = map[entry]bool{}
		}
	default:
		s.last = nil
		r.message(s, c, i, nil, false)
	}
}

// end looks at a record when all of it has come.
func (r *rowReader) end(s *slot, cols []*record.Column, i int) {
	for k := range s.steps {
		at := &s.steps[k]
		c := cols[at.to]
		switch {
		case c == nil || r.err != nil:
		case at.tells && c.IsNull(i):
			if !at.slot.t.Nullable {
				r.bad(at.slot, "is not there")
			}
		default:
			r.endValue(at.slot, c, i)
		}
	}
}

// endValue looks at a single value when all of it has come.
func (r *rowReader) endValue(s *slot, c *record.Column, i int) {
	switch {
	case s.kind == slotRecord:
		r.end(s, c.Fields, i)
	case s.kind == slotWrapped:
		r.endValue(s.elem, c, i)
	case s.words != nil && r.err == nil && !slices.Contains(s.words, c.Str[i]):
		r.bad(s, "want %s, got %q", s.t.NotNull(), text.Shorten(c.Str[i]))
	}
}

// fill reads the fields of a message into a row of a record.
func (r *rowReader) fill(s *slot, cols []*record.Column, i int, raw []byte) {
	for len(raw) > 0 && r.err == nil {
		var num protowire.Number
		var typ protowire.Type
		var value []byte
		num, typ, value, raw = r.next(raw)
		k, ok := s.byNum[num]
		if !ok {
			continue
		}
		at := &s.steps[k]
		c := cols[at.to]
		if at.oneof != "" && typ == at.slot.wire {
			for _, other := range s.rivals[at.oneof] {
				if o := &s.steps[other]; other != k && cols[o.to] != nil {
					o.slot.last = nil
					cut(cols[o.to], i)
					cols[o.to].SetNull(i)
				}
			}
		}
		if c != nil {
			r.field(at, c, i, num, typ, value)
		}
	}
}

// next takes a field off a message: its number 0 says that there is none.
func (r *rowReader) next(raw []byte) (num protowire.Number, typ protowire.Type, value, rest []byte) {
	num, typ, n := protowire.ConsumeTag(raw)
	if n >= 0 && num <= protowire.MaxValidNumber {
		if size := protowire.ConsumeFieldValue(num, typ, raw[n:]); size >= 0 {
			return num, typ, raw[n : n+size : n+size], raw[n+size:]
		}
	}
	r.fail(errDamaged)
	return 0, 0, nil, nil
}

// cut makes a row, which is the last one, as if it had just been made.
func cut(c *record.Column, i int) {
	c.Cut(i)
	c.Resize(i + 1)
}

// field reads a value, or several that are packed, with what stands around it.
func (r *rowReader) field(at *step, c *record.Column, i int, num protowire.Number, typ protowire.Type, raw []byte) {
	s := at.slot
	switch s.kind {
	case slotMap:
		if typ == protowire.BytesType {
			content, _ := protowire.ConsumeBytes(raw)
			r.entry(s, c, i, content)
		}
		return
	case slotList:
		e := s.elem
		switch {
		case typ == e.wire:
			r.element(s, c, i, num, raw)
		case typ == protowire.BytesType && e.wire != protowire.BytesType && e.wire != protowire.StartGroupType:
			for packed, _ := protowire.ConsumeBytes(raw); len(packed) > 0 && r.err == nil; {
				n := protowire.ConsumeFieldValue(num, e.wire, packed)
				if n < 0 {
					r.fail(errDamaged)
					return
				}
				r.element(s, c, i, num, packed[:n])
				packed = packed[n:]
			}
		}
		return
	}
	if typ == s.wire {
		first := at.tells && c.IsNull(i)
		if at.tells {
			c.Clear(i)
		}
		r.value(s, c, i, num, raw, !first)
	}
}

// element adds a value to the list in row i, which is the last one.
func (r *rowReader) element(s *slot, c *record.Column, i int, num protowire.Number, raw []byte) {
	if r.left -= s.elem.cells; r.left < 0 {
		r.fail(fmt.Errorf("its lists have more than %d values", maxCells))
		return
	}
	at := int(c.Ends[i])
	extend(c.Elem, at)
	s.elem.last = nil
	r.value(s.elem, c.Elem, at, num, raw, false)
	r.endValue(s.elem, c.Elem, at)
	c.Ends[i] = int32(at + 1)
}

// extend makes room for a row, behind which there is none.
func extend(c *record.Column, at int) {
	if c.Len() > at {
		c.Cut(at)
	}
	c.Resize(at + 1)
}

// entry adds an entry to the map in row i, which is the last one.
func (r *rowReader) entry(s *slot, c *record.Column, i int, raw []byte) {
	if r.left -= 2 + s.elem.cells; r.left < 0 {
		r.fail(fmt.Errorf("its lists have more than %d values", maxCells))
		return
	}
	at := int(c.Ends[i])
	extend(c.Elem, at)
	key, value := c.Elem.Fields[0], c.Elem.Fields[1]
	r.zero(s.key, key, at)
	r.zero(s.elem, value, at)
	for len(raw) > 0 && r.err == nil {
		var num protowire.Number
		var typ protowire.Type
		var content []byte
		num, typ, content, raw = r.next(raw)
		switch {
		case num == 1 && typ == s.key.wire:
			r.value(s.key, key, at, num, content, true)
		case num == 2 && typ == s.elem.wire:
			r.value(s.elem, value, at, num, content, true)
		}
	}
	r.endValue(s.key, key, at)
	r.endValue(s.elem, value, at)
	r.unique(s, key, at)
	c.Ends[i] = int32(at + 1)
}

// unique looks whether the map has a key already.
func (r *rowReader) unique(s *slot, key *record.Column, at int) {
	var e entry
	switch key.Form {
	case record.FormInt:
		e.n = key.Int[at]
	case record.FormBool:
		if key.Bool[at] {
			e.n = 1
		}
	case record.FormFloat:
		e.n = int64(math.Float64bits(key.Float[at]))
	default:
		e.s = key.Str[at]
	}
	if r.err == nil && s.seen[e] {
		r.bad(s, "a key is there twice")
	}
	s.seen[e] = true
}

// value reads a single value, with its length before it if it has one. One of a message is
// merged into what is there already, if that is so.
func (r *rowReader) value(s *slot, c *record.Column, i int, num protowire.Number, raw []byte, there bool) {
	switch s.wire {
	case protowire.VarintType:
		v, _ := protowire.ConsumeVarint(raw)
		r.number(s, c, i, v)
	case protowire.Fixed32Type:
		v, _ := protowire.ConsumeFixed32(raw)
		r.number(s, c, i, uint64(v))
	case protowire.Fixed64Type:
		v, _ := protowire.ConsumeFixed64(raw)
		r.number(s, c, i, v)
	case protowire.StartGroupType:
		v, _ := protowire.ConsumeGroup(num, raw)
		r.message(s, c, i, v, there)
	default:
		v, _ := protowire.ConsumeBytes(raw)
		if s.kind != slotText {
			r.message(s, c, i, v, there)
			return
		}
		c.Str[i] = record.View(v)
		if s.utf8 && !utf8.Valid(v) {
			r.bad(s, "the text is not UTF-8: %q", text.Shorten(c.Str[i]))
		}
	}
}

// number reads what is packed as a number.
func (r *rowReader) number(s *slot, c *record.Column, i int, raw uint64) {
	v := int64(raw)
	switch s.f.Kind() {
	case protoreflect.Int32Kind, protoreflect.Sfixed32Kind, protoreflect.EnumKind:
		v = int64(int32(raw))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		v = int64(uint32(raw))
	case protoreflect.Sint32Kind:
		v = int64(int32(protowire.DecodeZigZag(raw & math.MaxUint32)))
	case protoreflect.Sint64Kind:
		v = protowire.DecodeZigZag(raw)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		if s.t.Kind == types.KindFloat {
			c.Float[i] = float64(raw)
			return
		}
		if raw > math.MaxInt64 {
			r.bad(s, "%d is more than an int can be", raw)
		}
	case protoreflect.FloatKind:
		c.Float[i] = float64(math.Float32frombits(uint32(raw)))
		return
	case protoreflect.DoubleKind:
		c.Float[i] = math.Float64frombits(raw)
		return
	}
	switch {
	case s.kind == slotWord:
		name, ok := s.names[protoreflect.EnumNumber(v)]
		if !ok {
			r.bad(s, "%s has no value %d", s.f.Enum().Name(), v)
		}
		c.Str[i] = name
	case s.t.Kind == types.KindFloat:
		c.Float[i] = float64(v)
	case s.t.Kind == types.KindBool:
		c.Bool[i] = v != 0
	default:
		c.Int[i] = v
	}
}

// message reads a message. If there is one already, which last has if it is no record, it is
// merged into that.
func (r *rowReader) message(s *slot, c *record.Column, i int, raw []byte, there bool) {
	if s.kind == slotRecord {
		if !there {
			r.begin(s, c.Fields, i)
		}
		r.fill(s, c.Fields, i, raw)
		return
	}
	if s.last != nil {
		raw = slices.Concat(s.last, raw)
	}
	s.last = raw
	switch s.kind {
	case slotTime, slotDuration:
		c.Int[i] = r.moment(s, raw)
	case slotWrapped:
		r.zero(s.elem, c, i)
		r.wrapped(s.elem, c, i, raw)
	case slotAny:
		r.any(s, c, i, raw)
	}
}

// wrapped reads the only field of a wrapper.
func (r *rowReader) wrapped(s *slot, c *record.Column, i int, raw []byte) {
	for len(raw) > 0 && r.err == nil {
		var num protowire.Number
		var typ protowire.Type
		var content []byte
		if num, typ, content, raw = r.next(raw); num == 1 && typ == s.wire {
			r.value(s, c, i, num, content, false)
		}
	}
}

// moment reads a Timestamp or a Duration, in nanoseconds.
func (r *rowReader) moment(s *slot, raw []byte) int64 {
	var seconds, nanos int64
	for len(raw) > 0 && r.err == nil {
		var num protowire.Number
		var typ protowire.Type
		var content []byte
		num, typ, content, raw = r.next(raw)
		if typ != protowire.VarintType {
			continue
		}
		switch v, _ := protowire.ConsumeVarint(content); num {
		case 1:
			seconds = int64(v)
		case 2:
			nanos = int64(int32(v))
		}
	}
	const most = math.MaxInt64/1_000_000_000 - 1
	if seconds > most || seconds < -most || nanos >= 1e9 || nanos <= -1e9 {
		r.bad(s, "%d seconds and %d nanoseconds are no %s of a flow", seconds, nanos, s.t.NotNull())
		return 0
	}
	return seconds*1e9 + nanos
}

// any reads a message as JSON.
func (r *rowReader) any(s *slot, c *record.Column, i int, raw []byte) {
	m := dynamicpb.NewMessage(s.m)
	err := proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(raw, m)
	var out []byte
	if err == nil {
		out, err = protojson.MarshalOptions{UseProtoNames: true, AllowPartial: true}.Marshal(m)
	}
	if err != nil {
		r.bad(s, "it cannot be read as any: %v", err)
		return
	}
	var compact bytes.Buffer // the library puts spaces in at random
	if err := json.Compact(&compact, out); err != nil {
		r.fail(err)
		return
	}
	if compact.String() == "null" {
		c.SetNull(i)
		return
	}
	if r.extra == nil {
		r.extra = r.batch.Arena()
	}
	c.Str[i] = r.extra.Copy(record.View(compact.Bytes()))
}
