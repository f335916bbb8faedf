package timing

import (
	"slices"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file keeps the newest item of each key until its time has come, for debounce,
// throttle and sample_time.

// A numberer gives the items of batches the numbers of their keys: 0, 1, 2, … as
// they appear. Without a key, every item has number 0.
type numberer struct {
	computer *columns.Computer // nil: no key
	keys     *record.Keys
	hashes   []uint64
	rows     []uint16
	numbers  []int32
}

func newNumberer(key *columns.Columns) *numberer {
	if len(key.Type.Fields) == 0 {
		return &numberer{}
	}
	return &numberer{computer: key.Computer(), keys: record.NewKeys(key.Type)}
}

// number gives the physical rows of the items of b and the number of each one's
// key. Items whose key cannot be computed are reported and left out. The slices
// are valid until the next call.
func (n *numberer) number(b *record.Batch, out nodes.Out) ([]uint16, []int32, error) {
	n.rows, n.numbers = n.rows[:0], n.numbers[:0]
	if n.computer == nil {
		for i := range b.Len() {
			n.rows, n.numbers = append(n.rows, uint16(b.Row(i))), append(n.numbers, 0)
		}
		return n.rows, n.numbers, nil
	}
	keys, err := n.computer.Batch(b, out)
	if err != nil {
		return nil, nil, err
	}
	defer keys.Release()
	n.hashes = n.keys.Hash(keys, n.hashes[:0])
	n.numbers = n.keys.Add(keys, n.hashes, n.numbers)
	for i := range keys.Len() {
		n.rows = append(n.rows, uint16(keys.Row(i)))
	}
	return n.rows, n.numbers, nil
}

// A keep holds a copy of one item for each key: the last one put there. Items that
// were replaced are cleared away when they outnumber the others.
type keep struct {
	t    *types.Type
	rows *record.Table
	at   []int32 // by key: a row plus 1, 0: none
	held int     // keys that have an item

	given int64     // items of all batches that were put
	came  []int64   // by key: the number of its item among them, from 1; 0: none
	line  []arrival // of what is held, in order; some of it is not any more

	indexes []int32
	slot    []int32 // by key, while a batch is put: the slot of its item in it plus 1
	sel     []uint16
	whose   []int32
	fresh   []int32
}

// An arrival is an item that was kept, by its number.
type arrival struct {
	number int64
	key    int32
}

func newKeep(t *types.Type) *keep { return &keep{t: t, rows: record.NewTable(t)} }

// put copies items of b, given by physical rows, for their keys. It returns how
// many items were replaced, those of the batch itself included. Afterwards fresh
// lists the keys that had no item before, in order.
func (k *keep) put(b *record.Batch, rows []uint16, keys []int32) (replaced int) {
	k.sel, k.whose, k.fresh = k.sel[:0], k.whose[:0], k.fresh[:0]
	for i, key := range keys {
		for int(key) >= len(k.at) {
			k.at, k.slot, k.came = append(k.at, 0), append(k.slot, 0), append(k.came, 0)
		}
		if p := k.slot[key]; p > 0 { // an earlier item of the batch
			k.sel[p-1] = rows[i]
			replaced++
			continue
		}
		k.sel, k.whose = append(k.sel, rows[i]), append(k.whose, key)
		k.slot[key] = int32(len(k.sel))
	}
	k.arrive(b, rows, keys)
	chosen := b.Share()
	chosen.Sel = append(chosen.SelBuf(), k.sel...) // not ascending, which a table does not mind
	first := k.rows.Append(chosen)
	chosen.Release()
	for i, key := range k.whose {
		if k.at[key] > 0 {
			replaced++
		} else {
			k.fresh = append(k.fresh, key)
		}
		k.at[key], k.slot[key] = int32(first+i)+1, 0
	}
	k.held += len(k.fresh)
	if k.rows.Rows > 4*k.held+4*record.MaxRows {
		k.tidy()
	}
	return replaced
}

// arrive notes which items of b are kept, while it is put.
func (k *keep) arrive(b *record.Batch, rows []uint16, keys []int32) {
	k.indexes = columns.ItemIndexes(b, rows, k.indexes[:0])
	for i, key := range keys {
		if k.sel[k.slot[key]-1] == rows[i] { // the last of its key
			k.came[key] = k.given + int64(k.indexes[i]) + 1
			k.line = append(k.line, arrival{k.came[key], key})
		}
	}
	k.given += int64(b.Len())
	if len(k.line) > 4*len(k.sel)+4*k.held+64 {
		k.line = slices.DeleteFunc(k.line, k.gone)
	}
}

func (k *keep) gone(a arrival) bool { return k.came[a.key] != a.number }

// Held implements nodes.Holder, for kinds that put every batch.
func (k *keep) Held() int {
	n := 0
	for n < len(k.line) && k.gone(k.line[n]) {
		n++
	}
	if k.line = k.line[n:]; len(k.line) == 0 {
		return 0
	}
	return int(k.given - k.line[0].number + 1)
}

// take gives the items of keys that have one, and forgets them.
func (k *keep) take(keys []int32) *record.Batch {
	rows := make([]int32, len(keys))
	for i, key := range keys {
		rows[i] = k.at[key] - 1
		k.at[key], k.came[key] = 0, 0
	}
	k.held -= len(keys)
	b := k.rows.Batch(rows)
	if k.held == 0 { // the batch keeps the old text alive
		k.rows = record.NewTable(k.t)
	}
	return b
}

// tidy copies what is held to a new table.
func (k *keep) tidy() {
	var rows []int32
	for key, at := range k.at {
		if at > 0 {
			rows = append(rows, at-1)
			k.at[key] = int32(len(rows))
		}
	}
	k.rows = columns.CopyRows(k.rows, rows)
}

// emit sends the items of keys, in batches.
func (k *keep) emit(keys []int32, out nodes.Out) error {
	for len(keys) > 0 {
		n := min(len(keys), record.MaxRows)
		if err := out.Emit(0, k.take(keys[:n])); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}
