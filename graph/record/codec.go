package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/flowrun/flowrun/graph/types"
)

// This file writes batches as bytes, for files that flowrun alone reads, and reads them
// back.

// ErrCorrupt is the error of Decode for bytes that Encode did not write.
var ErrCorrupt = errors.New("a stored batch is damaged")

// Encode appends the selected rows of a batch to dst, column by column: a count
// of rows, then for each column 0 (not needed) or 1 and its values. Integers are
// varints, numbers little endian; a column begins with its null bitmap. The type
// is not stored: Decode must be given an equal one.
func Encode(dst []byte, b *Batch) []byte {
	rows := make([]int, b.Len())
	for i := range rows {
		rows[i] = b.Row(i)
	}
	dst = binary.AppendUvarint(dst, uint64(len(rows)))
	for _, c := range b.Cols {
		dst = encodeColumn(dst, c, rows)
	}
	return dst
}

func encodeColumn(dst []byte, c *Column, rows []int) []byte {
	if c == nil {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	if c.HasNull() {
		dst = append(dst, 1)
		var word byte
		for i, r := range rows {
			if c.IsNull(r) {
				word |= 1 << (i & 7)
			}
			if i&7 == 7 || i == len(rows)-1 {
				dst = append(dst, word)
				word = 0
			}
		}
	} else {
		dst = append(dst, 0)
	}
	switch c.Form {
	case FormInt:
		for _, r := range rows {
			dst = binary.AppendVarint(dst, c.Int[r])
		}
	case FormFloat:
		for _, r := range rows {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(c.Float[r]))
		}
	case FormBool:
		for _, r := range rows {
			if c.Bool[r] {
				dst = append(dst, 1)
			} else {
				dst = append(dst, 0)
			}
		}
	case FormText:
		for _, r := range rows {
			dst = binary.AppendUvarint(dst, uint64(len(c.Str[r])))
			dst = append(dst, c.Str[r]...)
		}
	case FormList:
		var inner []int
		for _, r := range rows {
			from, to := c.Range(r)
			if c.IsNull(r) {
				from = to
			}
			dst = binary.AppendUvarint(dst, uint64(to-from))
			for k := from; k < to; k++ {
				inner = append(inner, k)
			}
		}
		dst = binary.AppendUvarint(dst, uint64(len(inner)))
		dst = encodeColumn(dst, c.Elem, inner)
	case FormRecord:
		for _, f := range c.Fields {
			dst = encodeColumn(dst, f, rows)
		}
	}
	return dst
}

// Decode reads what Encode wrote for a batch of type t. The batch's text is a view
// of the arena, which the batch adopts; data is that arena's text from offset on.
func Decode(t *types.Type, data []byte) (*Batch, error) {
	arena := NewArena(len(data))
	arena.Buf = append(arena.Buf, data...)
	d := &decoder{data: arena.Buf}
	rows := d.count(math.MaxUint16)
	b := header(t)
	b.Adopt(arena)
	b.Rows = rows
	n := 1
	if t.IsRecord() {
		n = len(t.Fields)
	}
	for i := range n {
		ct := t
		if t.IsRecord() {
			ct = t.Fields[i].Type
		}
		if !d.flag() {
			b.Cols = append(b.Cols, nil)
			continue
		}
		c := b.own(ct)
		d.column(c, rows)
		b.Cols = append(b.Cols, c)
	}
	if d.bad || len(d.data) != d.at {
		b.Release()
		return nil, fmt.Errorf("%w at byte %d of %d", ErrCorrupt, d.at, len(data))
	}
	return b, nil
}

// A decoder reads forward; after the first fault everything is zero and bad is
// set.
type decoder struct {
	data []byte
	at   int
	bad  bool
}

func (d *decoder) take(n int) []byte {
	if d.bad || n < 0 || n > len(d.data)-d.at {
		d.bad = true
		return nil
	}
	d.at += n
	return d.data[d.at-n : d.at]
}

func (d *decoder) flag() bool {
	b := d.take(1)
	return !d.bad && b[0] != 0
}

func (d *decoder) count(limit int) int {
	n, size := binary.Uvarint(d.data[d.at:])
	if d.bad || size <= 0 || n > uint64(limit) {
		d.bad = true
		return 0
	}
	d.at += size
	return int(n)
}

func (d *decoder) varint() int64 {
	n, size := binary.Varint(d.data[d.at:])
	if d.bad || size <= 0 {
		d.bad = true
		return 0
	}
	d.at += size
	return n
}

// column reads what stands behind the flag of a column.
func (d *decoder) column(c *Column, rows int) {
	var nulls []byte
	if d.flag() {
		nulls = d.take((rows + 7) / 8)
	}
	if d.bad || rows > 8*len(d.data) { // no form takes less than a bit a row
		d.bad = true
		return
	}
	c.Resize(rows)
	switch c.Form {
	case FormInt:
		for i := range rows {
			c.Int[i] = d.varint()
		}
	case FormFloat:
		for i := range rows {
			if p := d.take(8); p != nil {
				c.Float[i] = math.Float64frombits(binary.LittleEndian.Uint64(p))
			}
		}
	case FormBool:
		for i := range rows {
			c.Bool[i] = d.flag()
		}
	case FormText:
		for i := range rows {
			c.Str[i] = View(d.take(d.count(len(d.data))))
		}
	case FormList:
		end := 0
		for i := range rows {
			end += d.count(len(d.data))
			c.Ends[i] = int32(end)
		}
		if n := d.count(len(d.data)); n != end || !d.flag() {
			d.bad = true
			return
		}
		d.column(c.Elem, end)
	case FormRecord:
		for k, f := range c.Fields {
			if d.flag() {
				d.column(f, rows)
			} else {
				f.recycle()
				c.Fields[k] = nil
			}
		}
	}
	for i := range rows {
		if nulls != nil && !d.bad && nulls[i>>3]&(1<<(i&7)) != 0 {
			c.SetNull(i)
		}
	}
}
