package record

import (
	"sync"

	"github.com/flowrun/flowrun/graph/types"
)

// Form is the physical form of a column.
type Form uint8

const (
	FormInt    Form = iota // Int: int, time (ns since 1970, UTC), date (days since 1970), duration (ns), decimal (scaled), reply (its number)
	FormFloat              // Float
	FormBool               // Bool
	FormText               // Str: string, enum, bytes; any, as checked JSON text
	FormList               // Ends, Elem
	FormRecord             // Fields
)

// FormOf gives the physical form of a type's values.
func FormOf(t *types.Type) Form {
	switch t.Kind {
	case types.KindInt, types.KindTime, types.KindDate, types.KindDuration, types.KindDecimal, types.KindReply:
		return FormInt
	case types.KindFloat:
		return FormFloat
	case types.KindBool:
		return FormBool
	case types.KindList:
		return FormList
	case types.KindRecord:
		return FormRecord
	}
	return FormText
}

// A Column holds the values of one field. Only the slices of its form are in use;
// they have a value for every row of the batch, also where it is null and where
// the row is not selected.
type Column struct {
	Form  Form
	Int   []int64
	Float []float64
	Bool  []bool
	Str   []string
	Null  []uint64 // bit i set: row i is null; shorter than the rows: no null behind its end

	// A list of row i is rows [Ends[i-1], Ends[i]) of Elem, with Ends[-1] = 0. A
	// null list is empty.
	Ends []int32
	Elem *Column

	// A nested record has a column per field of its type; a nil one is not needed.
	Fields []*Column
}

// NewColumn gives an empty column for values of type t, and for what is in them.
func NewColumn(t *types.Type) *Column {
	c := columns.Get().(*Column)
	c.Form = FormOf(t)
	switch c.Form {
	case FormList:
		c.Elem = NewColumn(t.Elem)
	case FormRecord:
		for _, f := range t.Fields {
			c.Fields = append(c.Fields, NewColumn(f.Type))
		}
	}
	return c
}

var columns = sync.Pool{New: func() any { return new(Column) }}

// recycle takes back the column and all in it.
func (c *Column) recycle() {
	if poison.Load() {
		fill(c.Int, -0x2424242424242425)
		fill(c.Float, -1e300)
		for i := range c.Bool {
			c.Bool[i] = !c.Bool[i]
		}
		fill(c.Str, "\xDB released \xDB")
		fill(c.Ends, -1)
	}
	if c.Elem != nil {
		c.Elem.recycle()
	}
	for _, f := range c.Fields {
		if f != nil {
			f.recycle()
		}
	}
	clear(c.Fields)
	*c = Column{Int: c.Int[:0], Float: c.Float[:0], Bool: c.Bool[:0], Str: c.Str[:0], Null: c.Null[:0], Ends: c.Ends[:0], Fields: c.Fields[:0]}
	columns.Put(c)
}

// Resize makes room for n rows. Rows up to the old length keep their values, the
// others are not defined, except that none is null and lists end at 0.
func (c *Column) Resize(n int) {
	switch c.Form {
	case FormInt:
		c.Int = resize(c.Int, n)
	case FormFloat:
		c.Float = resize(c.Float, n)
	case FormBool:
		c.Bool = resize(c.Bool, n)
	case FormText:
		c.Str = resize(c.Str, n)
	case FormList:
		old := len(c.Ends)
		c.Ends = resize(c.Ends, n)
		for i := old; i < n; i++ {
			c.Ends[i] = 0
		}
	case FormRecord:
		for _, f := range c.Fields {
			if f != nil {
				f.Resize(n)
			}
		}
	}
	if words := (n + 63) / 64; len(c.Null) >= words {
		c.Null = c.Null[:words]
		if n&63 != 0 { // rows that are cut off must not be null when there is room for them again
			c.Null[words-1] &= 1<<(n&63) - 1
		}
	}
}

// Cut takes away the rows from n on, and what their lists hold: for a writer that gives up a
// row in the middle. The column has room for n rows at least.
func (c *Column) Cut(n int) {
	if c.Form == FormList && n < len(c.Ends) {
		c.Elem.Cut(c.start(n))
	}
	for _, f := range c.Fields {
		if f != nil {
			f.Cut(n)
		}
	}
	c.Resize(n)
}

func resize[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	grown := make([]T, n, max(n, 2*cap(s)))
	copy(grown, s)
	return grown
}

// IsNull reports whether row i is null.
func (c *Column) IsNull(i int) bool {
	return i>>6 < len(c.Null) && c.Null[i>>6]&(1<<(i&63)) != 0
}

// HasNull reports whether any row may be null: false means that none is.
func (c *Column) HasNull() bool { return len(c.Null) > 0 }

// SetNull makes row i null. Its value becomes the zero of the form, so that equal
// rows are equal memory.
func (c *Column) SetNull(i int) {
	for len(c.Null) <= i>>6 {
		c.Null = append(c.Null, 0)
	}
	c.Null[i>>6] |= 1 << (i & 63)
	switch c.Form {
	case FormInt:
		c.Int[i] = 0
	case FormFloat:
		c.Float[i] = 0
	case FormBool:
		c.Bool[i] = false
	case FormText:
		c.Str[i] = ""
	case FormList:
		c.Ends[i] = int32(c.start(i))
	case FormRecord:
		for _, f := range c.Fields {
			if f != nil {
				f.SetNull(i)
			}
		}
	}
}

// Clear takes a null back: for a writer that uses a row again.
func (c *Column) Clear(i int) {
	if i>>6 < len(c.Null) {
		c.Null[i>>6] &^= 1 << (i & 63)
	}
}

func (c *Column) start(i int) int {
	if i == 0 {
		return 0
	}
	return int(c.Ends[i-1])
}

// Range gives the rows of Elem that the list in row i holds.
func (c *Column) Range(i int) (from, to int) { return c.start(i), int(c.Ends[i]) }

// Len is the number of rows the column has room for.
func (c *Column) Len() int {
	switch c.Form {
	case FormInt:
		return len(c.Int)
	case FormFloat:
		return len(c.Float)
	case FormBool:
		return len(c.Bool)
	case FormText:
		return len(c.Str)
	case FormList:
		return len(c.Ends)
	}
	for _, f := range c.Fields {
		if f != nil {
			return f.Len()
		}
	}
	return 0
}

// Append adds row i of src, or null where i is negative, as row n of c, which must
// be its next row. Text is copied into arena; with a nil arena it is shared with
// src. Nil columns inside records stay as they are.
func (c *Column) Append(n int, src *Column, i int, arena *Arena) {
	c.Resize(n + 1)
	c.Clear(n)
	if i < 0 || src.IsNull(i) {
		c.SetNull(n)
		return
	}
	switch c.Form {
	case FormInt:
		c.Int[n] = src.Int[i]
	case FormFloat:
		c.Float[n] = src.Float[i]
	case FormBool:
		c.Bool[n] = src.Bool[i]
	case FormText:
		s := src.Str[i]
		if arena != nil {
			s = arena.Copy(s)
		}
		c.Str[n] = s
	case FormList:
		at := c.start(n)
		from, to := src.Range(i)
		for j := from; j < to; j++ {
			c.Elem.Append(at, src.Elem, j, arena)
			at++
		}
		c.Ends[n] = int32(at)
	case FormRecord:
		for k, f := range c.Fields {
			if f != nil && src.Fields[k] != nil {
				f.Append(n, src.Fields[k], i, arena)
			}
		}
	}
}

// Gather appends the listed rows of src, a negative one as null, from row n of c
// on; it is Append for many rows.
func (c *Column) Gather(n int, src *Column, rows []int32, arena *Arena) {
	if c.Form == FormList || c.Form == FormRecord || src.HasNull() || arena != nil && c.Form == FormText {
		for k, i := range rows {
			c.Append(n+k, src, int(i), arena)
		}
		return
	}
	c.Resize(n + len(rows))
	switch c.Form {
	case FormInt:
		gather(c, c.Int[n:], src.Int, rows, n)
	case FormFloat:
		gather(c, c.Float[n:], src.Float, rows, n)
	case FormBool:
		gather(c, c.Bool[n:], src.Bool, rows, n)
	case FormText:
		gather(c, c.Str[n:], src.Str, rows, n)
	}
}

func gather[T any](c *Column, dst, src []T, rows []int32, n int) {
	for k, i := range rows {
		if i < 0 {
			c.SetNull(n + k)
			continue
		}
		dst[k] = src[i]
	}
}

// bytes estimates the memory of n rows.
func (c *Column) bytes(n int) int {
	switch c.Form {
	case FormBool:
		return n
	case FormText:
		return 16 * n
	case FormList:
		return 4*n + c.Elem.bytes(c.Elem.Len())
	case FormRecord:
		sum := 0
		for _, f := range c.Fields {
			if f != nil {
				sum += f.bytes(n)
			}
		}
		return sum
	}
	return 8 * n
}
