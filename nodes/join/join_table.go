package join

import (
	"errors"
	"math"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes/columns"
)

// A keySide makes the key of the items of one side.
type keySide struct {
	fields []int         // of the side
	from   []*types.Type // of these fields
	to     *types.Type   // the key, a record
}

func newKeySide(side, key *types.Type, fields []int) keySide {
	s := keySide{fields: fields, to: key}
	for _, f := range fields {
		s.from = append(s.from, side.Fields[f].Type)
	}
	return s
}

// batch gives the keys of a batch, with those rows selected in which no part is
// null. The caller owns it.
func (s keySide) batch(b *record.Batch) *record.Batch {
	d := b.Derive(s.to)
	nulls := false
	for i, f := range s.fields {
		d.Cols[i] = columns.Convert(b.Cols[f], s.from[i], s.to.Fields[i].Type, b.Rows)
		nulls = nulls || d.Cols[i].HasNull()
	}
	if nulls {
		sel := d.SelBuf()
		for i := range b.Len() {
			if row := b.Row(i); !anyNull(d.Cols, row) {
				sel = append(sel, uint16(row))
			}
		}
		d.Sel = sel
	}
	return d
}

func anyNull(cols []*record.Column, row int) bool {
	for _, c := range cols {
		if c.IsNull(row) {
			return true
		}
	}
	return false
}

// A table is the right side of a join, kept to be looked up. It is filled in
// order, then sorted out, then read by all workers.
type table struct {
	k      *join
	side   keySide
	stored *types.Type // what is kept of an item: the fields that come out, then the key if it does
	needed []bool      // of the fields that come out

	keys    *record.Keys
	rows    *record.Table
	numbers []int32 // by row: its key, -1 where a part of it is null

	// The rows of key n are order[starts[n]:starts[n+1]]; nil if row n is the only
	// one of key n for every n.
	starts, order []int32
}

func newTable(k *join, needed []bool) *table {
	t := &table{k: k, side: newKeySide(k.right, k.key, k.rightKey), keys: record.NewKeys(k.key), stored: types.Record()}
	if !k.filters() {
		t.needed = needed[len(k.left.Fields):]
		t.stored.Fields = append(t.stored.Fields, k.out.Fields[len(k.left.Fields):]...)
	}
	if k.keepsRight() {
		t.stored.Fields = append(t.stored.Fields, k.key.Fields...)
	}
	t.rows = record.NewTable(t.stored)
	return t
}

// hashedKeys are the keys of a batch with their hashes.
type hashedKeys struct {
	keys   *record.Batch
	hashes []uint64
}

// Release is called when they were processed, or never will be.
func (h hashedKeys) Release() { h.keys.Release() }

// hash makes the keys of a batch. All workers may call it while rows are added.
func (t *table) hash(b *record.Batch) hashedKeys {
	keys := t.side.batch(b)
	return hashedKeys{keys, t.keys.Hash(keys, make([]uint64, 0, keys.Len()))}
}

var errTooMany = errors.New("right has more items than can be looked up, 2,147,483,647")

// add keeps the rows of a batch. Those whose key is null are kept only if they can
// come out without a partner.
func (t *table) add(b *record.Batch, m hashedKeys) error {
	if len(t.numbers)+b.Len() > math.MaxInt32 {
		return errTooMany
	}
	from := len(t.numbers)
	t.numbers = t.keys.Add(m.keys, m.hashes, t.numbers)
	if t.k.filters() {
		t.numbers = t.numbers[:0] // only keys matter
		return nil
	}
	kept := b.Derive(t.stored)
	defer kept.Release()
	for i, f := range t.k.rightFields {
		if t.needed[i] {
			kept.Cols[i] = b.Cols[f]
		}
	}
	if t.k.keepsRight() {
		copy(kept.Cols[len(t.k.rightFields):], m.keys.Cols)
		t.spread(b, m.keys, from)
	} else {
		kept.Sel = m.keys.Sel
	}
	t.rows.Append(kept)
	return nil
}

// spread puts -1 between the numbers of the latest batch for the rows that have
// none.
func (t *table) spread(b, keys *record.Batch, from int) {
	if keys.Len() == b.Len() {
		return
	}
	numbers := append([]int32(nil), t.numbers[from:]...)
	t.numbers = t.numbers[:from]
	next := 0
	for i := range b.Len() {
		number := int32(-1)
		if next < keys.Len() && keys.Row(next) == b.Row(i) {
			number = numbers[next]
			next++
		}
		t.numbers = append(t.numbers, number)
	}
}

// sortOut lists the rows of each key, by counting.
func (t *table) sortOut() {
	sole := t.keys.Len() == len(t.numbers)
	for row, n := range t.numbers {
		sole = sole && int(n) == row
	}
	if sole || t.k.filters() {
		return
	}
	t.starts = make([]int32, t.keys.Len()+1)
	for _, n := range t.numbers {
		if n >= 0 {
			t.starts[n+1]++
		}
	}
	for n := range t.keys.Len() {
		t.starts[n+1] += t.starts[n]
	}
	t.order = make([]int32, t.starts[t.keys.Len()])
	next := append([]int32(nil), t.starts...)
	for row, n := range t.numbers {
		if n >= 0 {
			t.order[next[n]] = int32(row)
			next[n]++
		}
	}
}

// partners gives how many rows a key has, and the first of them.
func (t *table) partners(number int32) (first int32, n int) {
	if t.starts == nil {
		return number, 1
	}
	from, to := t.starts[number], t.starts[number+1]
	return t.order[from], int(to - from)
}

// gather fills a column with field i of the rows, null where a row is negative.
func (t *table) gather(dst *record.Column, i int, rows []int32) {
	if t.rows.Cols == nil { // nothing was kept, so no row is asked for
		columns.Nulls(dst, len(rows))
		return
	}
	dst.Gather(0, t.rows.Cols[i], rows, nil)
}
