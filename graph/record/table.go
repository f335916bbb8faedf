package record

import "github.com/flowrun/flowrun/graph/types"

// A Table is a store of rows that only grows: the state of joins, sorts and
// windows. It copies text, so it outlives the batches it was filled from, and it
// is left to the garbage collector, so batches made from it may share its text. One goroutine
// at a time appends; any number may read between appends.
type Table struct {
	Type *types.Type
	Rows int
	Cols []*Column // nil where the batches have nil

	arena *Arena
}

// NewTable gives an empty table for items of type t.
func NewTable(t *types.Type) *Table {
	return &Table{Type: t, arena: &Arena{}}
}

// Append adds the selected rows of b. It returns the number of the first of them.
func (t *Table) Append(b *Batch) int {
	first := t.Rows
	if t.Cols == nil {
		t.Cols = make([]*Column, len(b.Cols))
		for i, c := range b.Cols {
			if c != nil {
				t.Cols[i] = NewColumn(t.columnType(i))
			}
		}
	}
	rows := make([]int32, b.Len())
	for i := range rows {
		rows[i] = int32(b.Row(i))
	}
	for i, c := range t.Cols {
		switch {
		case c == nil:
		case b.Cols[i] == nil: // no later node needs it, so what is there already is not needed either
			t.Cols[i] = nil
		default:
			c.Gather(first, b.Cols[i], rows, t.arena)
		}
	}
	t.Rows += len(rows)
	return first
}

func (t *Table) columnType(i int) *types.Type {
	if t.Type.IsRecord() {
		return t.Type.Fields[i].Type
	}
	return t.Type
}

// Batch gives the listed rows, at most 65,535, as a new batch, a negative number
// as a row of nulls. Its text is the table's.
func (t *Table) Batch(rows []int32) *Batch {
	b := header(t.Type)
	b.Rows = len(rows)
	if t.Cols == nil { // nothing was ever appended, so every row asked for is a null one
		n := 1
		if t.Type.IsRecord() {
			n = len(t.Type.Fields)
		}
		for i := range n {
			c := b.own(t.columnType(i))
			c.Resize(b.Rows)
			for r := range b.Rows {
				c.SetNull(r)
			}
			b.Cols = append(b.Cols, c)
		}
		return b
	}
	for i := range t.Cols {
		if t.Cols[i] == nil {
			b.Cols = append(b.Cols, nil)
			continue
		}
		c := b.own(t.columnType(i))
		c.Gather(0, t.Cols[i], rows, nil)
		b.Cols = append(b.Cols, c)
	}
	return b
}
