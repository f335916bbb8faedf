package columns

import (
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file copies, hashes and drops rows.

// CopyRows makes a table of rows of another one, in the order given. Kinds that hold items
// forget in this way those that have left.
func CopyRows(from *record.Table, rows []int32) *record.Table {
	to := record.NewTable(from.Type)
	for len(rows) > 0 {
		n := min(len(rows), record.MaxRows)
		b := from.Batch(rows[:n])
		to.Append(b)
		b.Release()
		rows = rows[n:]
	}
	return to
}

// Whole gives items of a type, whose columns are cols, as one column.
func Whole(t *types.Type, cols []*record.Column) *record.Column {
	if t.IsRecord() {
		return &record.Column{Form: record.FormRecord, Fields: cols}
	}
	return cols[0]
}

// HashedKeys are the keys of a batch with their hashes: what workers find out before the
// keys are added to those that are known. They own Keys.
type HashedKeys struct {
	Keys   *record.Batch
	Hashes []uint64
}

// HashKeys takes keys over and hashes them. All workers may do so while others are added to
// known.
func HashKeys(known *record.Keys, keys *record.Batch) HashedKeys {
	return HashedKeys{keys, known.Hash(keys, make([]uint64, 0, keys.Len()))}
}

// Release gives the keys back.
func (h HashedKeys) Release() { h.Keys.Release() }

// DropNulls takes rows in which a column is null out of the selection of b. The caller owns b.
func DropNulls(b *record.Batch) {
	nulls := false
	for _, c := range b.Cols {
		nulls = nulls || c.HasNull()
	}
	if !nulls {
		return
	}
	sel := b.SelBuf()
	for i := range b.Len() {
		if row := b.Row(i); !AnyNull(b.Cols, row) {
			sel = append(sel, uint16(row))
		}
	}
	b.Sel = sel
}

// AnyNull reports whether any column is null in a row.
func AnyNull(cols []*record.Column, row int) bool {
	for _, c := range cols {
		if c.IsNull(row) {
			return true
		}
	}
	return false
}

// ItemIndexes appends, for some of the rows of b as Without gives them, which item of b each
// of them is.
func ItemIndexes(b *record.Batch, rows []uint16, indexes []int32) []int32 {
	i := 0
	for _, row := range rows {
		for b.Row(i) != int(row) {
			i++
		}
		indexes = append(indexes, int32(i))
		i++
	}
	return indexes
}
