package avro

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file reads values as they are packed, those of a block or that of a message.

// A decoder reads values. Its first error stays.
type decoder struct {
	b     []byte
	at    int
	err   error
	depth int
	row   int
	left  int // how many more elements lists may have
	batch *record.Batch
	extra *record.Arena // for texts that do not stand in b
	bads  []text.BadRow
	buf   []byte // of JSON

	short   error  // that of bytes that end too early
	damaged string // behind other errors
}

// maxDepth is that of values in values.
const maxDepth = 1000

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.at = len(d.b)
}

// bad notes that the row is no item; the first reason counts.
func (d *decoder) bad(place, reason string) {
	if n := len(d.bads); n > 0 && d.bads[n-1].Row == d.row {
		return
	}
	d.bads = append(d.bads, text.BadRow{Row: d.row, Err: &text.RowError{Field: place, Reason: reason}})
}

func (d *decoder) long() int64 {
	if d.at < len(d.b) && d.b[d.at] < 128 {
		u := d.b[d.at]
		d.at++
		return int64(u>>1) ^ -int64(u&1)
	}
	u, n := binary.Uvarint(d.b[d.at:])
	switch {
	case n == 0:
		d.fail(d.short)
		return 0
	case n < 0:
		d.fail(errors.New("a number has more than 64 bits" + d.damaged))
		return 0
	}
	d.at += n
	return int64(u>>1) ^ -int64(u&1)
}

func (d *decoder) take(n int64) []byte {
	if n < 0 || n > int64(len(d.b)-d.at) {
		d.fail(d.short)
		return nil
	}
	d.at += int(n)
	return d.b[d.at-int(n) : d.at : d.at]
}

// bytes reads what has its length before it, or a length that is fixed.
func (d *decoder) bytes(n *node) []byte {
	if n.kind == kindFixed {
		return d.take(int64(n.size))
	}
	return d.take(d.long())
}

func (d *decoder) more() *record.Arena {
	if d.extra == nil {
		d.extra = d.batch.Arena()
	}
	return d.extra
}

// recordInto reads a record into the columns of its fields.
func (d *decoder) recordInto(s *slot, cols []*record.Column, i int) {
	for k := range s.steps {
		step := &s.steps[k]
		if step.slot == nil || cols[step.to] == nil {
			d.skip(step.n)
			continue
		}
		d.read(step.slot, cols[step.to], i)
	}
	for _, k := range s.gone {
		if cols[k] != nil {
			cols[k].SetNull(i)
		}
	}
}

// read reads a value into row i of a column.
func (d *decoder) read(s *slot, c *record.Column, i int) {
	switch s.kind {
	case slotInt:
		d.int(s, c, i)
	case slotIntFloat:
		c.Float[i] = float64(d.long())
	case slotFloat32:
		if b := d.take(4); b != nil {
			c.Float[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
		}
	case slotFloat64:
		if b := d.take(8); b != nil {
			c.Float[i] = math.Float64frombits(binary.LittleEndian.Uint64(b))
		}
	case slotBool:
		if b := d.take(1); b != nil {
			c.Bool[i] = b[0] != 0
		}
	case slotText, slotWord, slotUUID:
		d.text(s, c, i)
	case slotDecimal:
		d.decimal(s, c, i)
	case slotSpan:
		d.span(s, c, i)
	case slotRecord:
		if d.depth++; d.depth > maxDepth {
			d.fail(errors.New("records are nested too deep"))
		}
		d.recordInto(s, c.Fields, i)
		d.depth--
	case slotList, slotMap:
		d.list(s, c, i)
	case slotNull:
		c.SetNull(i)
		if !s.t.Nullable {
			d.bad(s.place, "is null")
		}
	case slotUnion:
		b := d.long()
		if b < 0 || b >= int64(len(s.of)) {
			d.fail(errors.New("a union has no such branch" + d.damaged))
			return
		}
		d.read(s.of[b], c, i)
	case slotAny:
		d.buf = d.appendJSON(d.buf[:0], s.n)
		if string(d.buf) == "null" {
			c.SetNull(i)
			return
		}
		c.Str[i] = d.more().Copy(record.View(d.buf))
	}
}

func (d *decoder) int(s *slot, c *record.Column, i int) {
	v := d.long()
	if s.n.kind == kindInt && v != int64(int32(v)) {
		d.fail(errors.New("an int has more than 32 bits" + d.damaged))
	}
	switch {
	case s.days:
		if v < int64(types.FirstDate) || v > int64(types.LastDate) {
			d.bad(s.place, fmt.Sprintf("%d days from 1970 are outside the years 1 to 9999", v))
			v = 0
		}
	case s.unit > 1:
		if most := math.MaxInt64 / s.unit; v > most || v < -most {
			d.bad(s.place, fmt.Sprintf("%d times %dns is more than a time or a duration of a flow can be", v, s.unit))
			v = 0
		}
		v *= s.unit
	}
	c.Int[i] = v
}

func (d *decoder) text(s *slot, c *record.Column, i int) {
	v := ""
	switch s.kind {
	case slotWord:
		k := d.long()
		if k < 0 || k >= int64(len(s.n.symbols)) {
			d.fail(errors.New("an enum has no such symbol" + d.damaged))
			return
		}
		v = s.n.symbols[k]
	case slotUUID:
		b := d.take(16)
		if b == nil {
			return
		}
		v = record.View(appendUUID(d.more().Alloc(36)[:0], b))
	default:
		v = record.View(d.bytes(s.n))
		if s.utf8 && !utf8.ValidString(v) {
			d.bad(s.place, fmt.Sprintf("the text is not UTF-8: %q", text.Shorten(v)))
			v = ""
		}
		if s.json && !(json.Valid(record.Bytes(v)) && utf8.ValidString(v)) {
			d.bad(s.place, fmt.Sprintf("not JSON: %q", text.Shorten(v)))
			v = "null"
		}
		if s.json && v == "null" {
			c.SetNull(i)
			return
		}
	}
	if s.words != nil && !slices.Contains(s.words, v) {
		d.bad(s.place, fmt.Sprintf("want %s, got %q", s.t.NotNull(), text.Shorten(v)))
	}
	c.Str[i] = v
}

func appendUUID(dst, b []byte) []byte {
	for i, part := range [][2]int{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, b[part[0]:part[1]])
	}
	return dst
}

// unscaled reads the digits of a decimal.
func (d *decoder) unscaled(n *node) (v int64, ok bool) {
	b := d.bytes(n)
	for len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xff && b[1] >= 0x80) { // it says nothing
		b = b[1:]
	}
	if len(b) > 8 {
		return 0, false
	}
	if len(b) > 0 && b[0] >= 0x80 {
		v = -1
	}
	for _, c := range b {
		v = v<<8 | int64(c)
	}
	return v, true
}

func (d *decoder) decimal(s *slot, c *record.Column, i int) {
	v, ok := d.unscaled(s.n)
	if !ok || v >= s.most || v <= -s.most {
		d.bad(s.place, fmt.Sprintf("it has more than %d digits", s.n.precision))
		v = 0
	}
	c.Int[i] = v * s.up
}

// span reads a duration of months, days and milliseconds. A month has no length.
func (d *decoder) span(s *slot, c *record.Column, i int) {
	b := d.take(12)
	if b == nil {
		return
	}
	months, days, ms := binary.LittleEndian.Uint32(b), int64(binary.LittleEndian.Uint32(b[4:])), int64(binary.LittleEndian.Uint32(b[8:]))
	const day, most = int64(24 * 3600 * 1e9), math.MaxInt64/int64(24*3600*1e9) - 50
	if months != 0 || days > most {
		d.bad(s.place, fmt.Sprintf("%d months and %d days are no duration of a flow: a month has no length", months, days))
		days, ms = 0, 0
	}
	c.Int[i] = days*day + ms*1e6
}

// count reports whether lists may have n more elements.
func (d *decoder) count(n int64) bool {
	if n < 0 || n > int64(d.left) {
		d.fail(errors.New("lists have more elements than they may" + d.damaged))
		return false
	}
	d.left -= int(n)
	return true
}

// list reads an array, or the entries of a map.
func (d *decoder) list(s *slot, c *record.Column, i int) {
	from, _ := c.Range(i)
	at := from
	if d.depth++; d.depth > maxDepth {
		d.fail(errors.New("lists are nested too deep"))
	}
	for d.err == nil {
		n := d.long()
		if n == 0 {
			break
		}
		if n < 0 {
			n = -n
			d.long() // its size
		}
		if !d.count(n) {
			break
		}
		for ; n > 0 && d.err == nil; n-- {
			c.Elem.Resize(at + 1)
			if s.kind == slotMap {
				key := record.View(d.take(d.long()))
				if !utf8.ValidString(key) {
					d.bad(s.place, "a key of the map is not UTF-8")
					key = ""
				}
				c.Elem.Fields[0].Str[at] = key
				d.read(s.elem, c.Elem.Fields[1], at)
			} else {
				d.read(s.elem, c.Elem, at)
			}
			at++
		}
	}
	d.depth--
	c.Ends[i] = int32(at)
}

// skip passes over a value.
func (d *decoder) skip(n *node) {
	switch n.kind {
	case kindNull:
	case kindBool:
		d.take(1)
	case kindInt, kindLong, kindEnum:
		d.long()
	case kindFloat:
		d.take(4)
	case kindDouble:
		d.take(8)
	case kindBytes, kindString, kindFixed:
		d.bytes(n)
	case kindUnion:
		b := d.long()
		if b < 0 || b >= int64(len(n.branches)) {
			d.fail(errors.New("a union has no such branch" + d.damaged))
			return
		}
		d.inside(func() { d.skip(n.branches[b]) })
	case kindRecord:
		d.inside(func() {
			for _, f := range n.fields {
				d.skip(f.node)
			}
		})
	case kindArray, kindMap:
		d.inside(func() {
			d.blocks(func() {
				if n.kind == kindMap {
					d.take(d.long())
				}
				d.skip(n.elem)
			})
		})
	}
}

// inside reads what is in a value.
func (d *decoder) inside(read func()) {
	if d.depth++; d.depth > maxDepth {
		d.fail(errors.New("values are nested too deep"))
	} else {
		read()
	}
	d.depth--
}

// blocks calls read for each element of an array or a map.
func (d *decoder) blocks(read func()) {
	for d.err == nil {
		n := d.long()
		if n == 0 {
			return
		}
		if n < 0 {
			n = -n
			d.long()
		}
		if !d.count(n) {
			return
		}
		for ; n > 0 && d.err == nil; n-- {
			read()
		}
	}
}
