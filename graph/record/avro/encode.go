package avro

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
)

// This file packs values, as a plan says.

// An encoder writes values. Its first error stays.
type encoder struct{ err error }

// bad notes that a value cannot be written.
func (e *encoder) bad(s *target, format string, args ...any) {
	if e.err == nil {
		e.err = &text.RowError{Field: s.place, Reason: fmt.Sprintf(format, args...)}
	}
}

func appendLong(dst []byte, v int64) []byte {
	return binary.AppendUvarint(dst, uint64(v<<1)^uint64(v>>63))
}

func appendText(dst []byte, s string) []byte {
	return append(appendLong(dst, int64(len(s))), s...)
}

func (e *encoder) fields(dst []byte, s *target, cols []*record.Column, row int) []byte {
	for k := range s.parts {
		p := &s.parts[k]
		if p.target == nil {
			dst = append(dst, p.same...)
			continue
		}
		dst = e.value(dst, p.target, cols[p.from], row)
	}
	return dst
}

func (e *encoder) value(dst []byte, s *target, c *record.Column, row int) []byte {
	if s.branch >= 0 {
		if s.t.Nullable && c.IsNull(row) {
			return appendLong(dst, s.null)
		}
		dst = appendLong(dst, s.branch)
	}
	switch s.kind {
	case targetInt:
		return e.int(dst, s, c.Int[row])
	case targetBool:
		if c.Bool[row] {
			return append(dst, 1)
		}
		return append(dst, 0)
	case targetFloat32:
		f := float32(c.Float[row])
		if math.IsInf(float64(f), 0) && !math.IsInf(c.Float[row], 0) {
			e.bad(s, "%g is more than a float of 32 bits can be", c.Float[row])
		}
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(f))
	case targetFloat64:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(c.Float[row]))
	case targetDecimal:
		return e.decimal(dst, s, c.Int[row])
	case targetSpan:
		return e.span(dst, s, c.Int[row])
	case targetRecord:
		return e.fields(dst, s, c.Fields, row)
	case targetList, targetMap:
		return e.list(dst, s, c, row)
	}
	return e.text(dst, s, c.Str[row])
}

// list writes an array, or the entries of a map, as one block.
func (e *encoder) list(dst []byte, s *target, c *record.Column, row int) []byte {
	from, to := c.Range(row)
	if from < to {
		dst = appendLong(dst, int64(to-from))
		for i := from; i < to; i++ {
			if s.kind == targetMap {
				dst = appendText(dst, c.Elem.Fields[0].Str[i])
				dst = e.value(dst, s.elem, c.Elem.Fields[1], i)
				continue
			}
			dst = e.value(dst, s.elem, c.Elem, i)
		}
	}
	return append(dst, 0)
}

func (e *encoder) int(dst []byte, s *target, v int64) []byte {
	if s.unit > 1 { // what is finer is cut off, to the past
		q := v / s.unit
		if v%s.unit < 0 {
			q--
		}
		v = q
	}
	if v < s.least || v > s.most {
		e.bad(s, "%d has more than the 32 bits that the schema has for it", v)
	}
	return appendLong(dst, v)
}

func (e *encoder) text(dst []byte, s *target, v string) []byte {
	switch s.kind {
	case targetWord:
		k, ok := s.words[v]
		if !ok {
			e.bad(s, "the schema has no symbol %q", text.Shorten(v))
		}
		return appendLong(dst, k)
	case targetFixed:
		if len(v) != s.n.size {
			e.bad(s, "it has %d bytes, and the schema wants %d", len(v), s.n.size)
		}
		return append(dst, v...)
	case targetUUID:
		b, err := hex.DecodeString(strings.ReplaceAll(v, "-", ""))
		if err != nil || len(b) != 16 {
			e.bad(s, "want a UUID, got %q", text.Shorten(v))
		}
		return append(dst, b...)
	}
	return appendText(dst, v)
}

// decimal writes the digits of a decimal, in as few bytes as they take where it is no fixed.
func (e *encoder) decimal(dst []byte, s *target, v int64) []byte {
	v *= s.up
	n := 1
	for n < 8 && (v < -1<<(8*n-1) || v >= 1<<(8*n-1)) {
		n++
	}
	if s.n.kind != kindFixed {
		dst = appendLong(dst, int64(n))
	} else if n > s.n.size {
		e.bad(s, "it has more digits than %d bytes hold", s.n.size)
	} else {
		n = s.n.size
	}
	for i := n - 1; i >= 0; i-- {
		dst = append(dst, byte(v>>min(8*i, 63)))
	}
	return dst
}

// span writes a duration of months, days and milliseconds, of which it has days and
// milliseconds; what is finer is cut off.
func (e *encoder) span(dst []byte, s *target, v int64) []byte {
	const day = 24 * 3600 * 1e9
	if v < 0 {
		e.bad(s, "it is negative, which a duration of Avro cannot be")
		v = 0
	}
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(v/day))
	return binary.LittleEndian.AppendUint32(dst, uint32(v%day/1e6))
}
