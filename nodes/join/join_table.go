package join

import (
	"errors"
	"math"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes/columns"
)

// A table is the right side of a join, kept to be looked up. It is filled in
// order, then sorted out, then read by all workers.
type table struct {
	k      *join
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
	t := &table{k: k, keys: record.NewKeys(k.key.Type), stored: types.Record()}
	if !k.filters() {
		t.needed = needed[len(k.left.Fields):]
		t.stored.Fields = append(t.stored.Fields, k.out.Fields[len(k.left.Fields):]...)
	}
	if k.keepsRight() {
		t.stored.Fields = append(t.stored.Fields, k.key.Type.Fields...)
	}
	t.rows = record.NewTable(t.stored)
	return t
}

// hash makes the keys of a batch. All workers may call it while rows are added.
func (t *table) hash(b *record.Batch) columns.HashedKeys {
	return columns.HashKeys(t.keys, t.k.keysOf(b, t.k.key.Right))
}

var errTooMany = errors.New("right has more items than can be looked up, 2,147,483,647")

// add keeps the rows of a batch. Those whose key is null are kept only if they can
// come out without a partner.
func (t *table) add(b *record.Batch, m columns.HashedKeys) error {
	if len(t.numbers)+b.Len() > math.MaxInt32 {
		return errTooMany
	}
	from := len(t.numbers)
	t.numbers = t.keys.Add(m.Keys, m.Hashes, t.numbers)
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
		copy(kept.Cols[len(t.k.rightFields):], m.Keys.Cols)
		t.spread(b, m.Keys, from)
	} else {
		kept.Sel = m.Keys.Sel
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
