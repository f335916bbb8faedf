package record

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/flowrun/flowrun/graph/types"
)

// A Batch is up to 65,535 rows in columns, mostly up to MaxRows. A batch of a
// record type has one column per field; a batch of any other type, such as
// `[T]`, has one column that holds the items themselves.
type Batch struct {
	Type *types.Type
	Rows int       // physical rows
	Cols []*Column // nil where no later node needs the field
	Sel  []uint16  // the rows that are alive, ascending; nil: all

	refs   atomic.Int32
	from   *Batch    // whose columns this batch shares
	owned  []*Column // to recycle
	arenas []*Arena  // to release
	sel    []uint16  // memory for Sel

	inherited int  // bytes of the arenas of from, when this batch was made of it
	counted   bool // by Live
}

var batches = sync.Pool{New: func() any { return new(Batch) }}

func header(t *types.Type) *Batch {
	b := batches.Get().(*Batch)
	b.Type, b.counted = t, count()
	b.refs.Store(1)
	return b
}

// New gives an empty batch with a column for each field of t.
func New(t *types.Type) *Batch { return NewNeeded(t, nil) }

// NewNeeded is New without the columns of fields for which needed is false; a nil
// needed wants all.
func NewNeeded(t *types.Type, needed []bool) *Batch {
	b := header(t)
	if !t.IsRecord() {
		b.Cols = append(b.Cols, b.own(t))
		return b
	}
	for i, f := range t.Fields {
		if needed != nil && !needed[i] {
			b.Cols = append(b.Cols, nil)
			continue
		}
		b.Cols = append(b.Cols, b.own(f.Type))
	}
	return b
}

func (b *Batch) own(t *types.Type) *Column {
	c := NewColumn(t)
	b.owned = append(b.owned, c)
	return c
}

// Derive gives a batch of type t over the same rows and the same selection. Its
// columns are nil: the caller shares those of b or makes new ones by Fresh. The
// new batch keeps b alive; the caller's reference to b stays the caller's.
func (b *Batch) Derive(t *types.Type) *Batch {
	d := b.over(t, b)
	n := 1
	if t.IsRecord() {
		n = len(t.Fields)
	}
	for range n {
		d.Cols = append(d.Cols, nil)
	}
	return d
}

// over gives a batch without columns over the rows and the selection of b, which
// keeps another one alive: b, or one that b keeps alive.
func (b *Batch) over(t *types.Type, from *Batch) *Batch {
	d := header(t)
	d.Rows, d.from, d.Sel = b.Rows, from, b.Sel
	if from != b && b.Sel != nil {
		d.Sel = append(d.SelBuf(), b.Sel...)
	}
	from.refs.Add(1)
	d.inherited = from.inherited + from.arenaBytes()
	return d
}

func (b *Batch) arenaBytes() int {
	sum := 0
	for _, a := range b.arenas {
		sum += a.size
	}
	return sum
}

// Fresh puts a new column with room for all rows in place i and returns it.
func (b *Batch) Fresh(i int) *Column {
	t := b.Type
	if t.IsRecord() {
		t = t.Fields[i].Type
	}
	c := b.own(t)
	c.Resize(b.Rows)
	b.Cols[i] = c
	return c
}

// Scratch gives a column that belongs to the batch but is none of its fields: for
// intermediate results.
func (b *Batch) Scratch(t *types.Type) *Column {
	c := b.own(t)
	c.Resize(b.Rows)
	return c
}

// Share gives a batch with the same columns and a selection of its own, which the
// caller fills by SelBuf.
func (b *Batch) Share() *Batch {
	// A batch that is nothing but a selection is passed over, so that a thousand
	// filters in a row do not make a chain of a thousand batches.
	from := b
	if b.from != nil && len(b.owned) == 0 && len(b.arenas) == 0 {
		from = b.from
	}
	d := b.over(b.Type, from)
	d.Cols = append(d.Cols, b.Cols...)
	return d
}

// SelBuf gives memory for a selection of this batch: empty, with room for all
// rows. Assign the result of appending to it to Sel.
func (b *Batch) SelBuf() []uint16 {
	if cap(b.sel) < b.Rows || b.sel == nil {
		b.sel = make([]uint16, 0, max(b.Rows, MaxRows))
	}
	return b.sel[:0]
}

// Adopt makes the batch keep an arena that its strings point into: one reference
// passes to the batch.
func (b *Batch) Adopt(a *Arena) { b.arenas = append(b.arenas, a) }

// Arena gives memory for text that this batch computes.
func (b *Batch) Arena() *Arena {
	a := NewArena(0)
	b.Adopt(a)
	return a
}

// Len is the number of selected rows.
func (b *Batch) Len() int {
	if b.Sel != nil {
		return len(b.Sel)
	}
	return b.Rows
}

// Row gives the physical row of the i-th selected one.
func (b *Batch) Row(i int) int {
	if b.Sel != nil {
		return int(b.Sel[i])
	}
	return i
}

// Col finds a field's column by name; nil if there is none or it is not needed.
func (b *Batch) Col(name string) *Column {
	if i := b.Type.Index(name); i >= 0 {
		return b.Cols[i]
	}
	return nil
}

// Bytes estimates the memory: columns, and the arenas that the batch brought.
// Memory shared with a batch it was derived from counts for each.
func (b *Batch) Bytes() int {
	sum := b.inherited + b.arenaBytes()
	for _, c := range b.Cols {
		if c != nil {
			sum += c.bytes(b.Rows)
		}
	}
	return sum
}

// Slice gives selected rows [i, j) as a batch over the same columns.
func (b *Batch) Slice(i, j int) Data {
	d := b.Share()
	if b.Sel != nil {
		d.Sel = d.Sel[i:j:j]
		return d
	}
	sel := d.SelBuf()
	for k := i; k < j; k++ {
		sel = append(sel, uint16(k))
	}
	d.Sel = sel
	return d
}

func (b *Batch) Retain() Data { b.refs.Add(1); return b }

func (b *Batch) Release() {
	switch n := b.refs.Add(-1); {
	case n > 0:
		return
	case n < 0:
		panic("record: batch released twice")
	}
	uncount(b.counted)
	for _, c := range b.owned {
		c.recycle()
	}
	for _, a := range b.arenas {
		a.Release()
	}
	if poison.Load() {
		fill(b.sel[:cap(b.sel)], math.MaxUint16)
	}
	from := b.from
	clear(b.Cols)
	clear(b.owned)
	clear(b.arenas)
	b.Type, b.Rows, b.Sel, b.from, b.inherited = nil, 0, nil, nil, 0
	b.Cols, b.owned, b.arenas, b.sel = b.Cols[:0], b.owned[:0], b.arenas[:0], b.sel[:0]
	batches.Put(b)
	if from != nil {
		from.Release()
	}
}

// AppendRow adds row i of src as the batch's next row, a negative i as nulls. Both
// have the same type; a column that src does not have is null. Text is copied into
// arena, or shared where arena is nil.
func (b *Batch) AppendRow(src *Batch, i int, arena *Arena) {
	for k, c := range b.Cols {
		switch {
		case c == nil:
		case src.Cols[k] == nil:
			c.Append(b.Rows, nil, -1, arena)
		default:
			c.Append(b.Rows, src.Cols[k], i, arena)
		}
	}
	b.Rows++
}

// sparse is the share of selected rows, as 1/sparse, under which Compact copies.
const sparse = 4

// Compact gives a batch of the selected rows alone if they are few of all rows,
// so that they do not keep the memory of the others; else the batch itself. The
// caller's reference passes to the result.
func (b *Batch) Compact() *Batch {
	if b.Sel == nil || len(b.Sel)*sparse >= b.Rows || len(b.Sel) == 0 {
		return b
	}
	rows := make([]int32, len(b.Sel))
	for i, r := range b.Sel {
		rows[i] = int32(r)
	}
	d := NewLike(b)
	arena := d.Arena()
	for i, c := range d.Cols {
		if c != nil {
			c.Gather(0, b.Cols[i], rows, arena)
		}
	}
	d.Rows = len(rows)
	b.Release()
	return d
}

// NewLike gives an empty batch of the same type with the same columns.
func NewLike(b *Batch) *Batch {
	needed := make([]bool, len(b.Cols))
	for i, c := range b.Cols {
		needed[i] = c != nil
	}
	return NewNeeded(b.Type, needed)
}
