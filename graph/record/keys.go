package record

import (
	"bytes"

	"github.com/flowrun/flowrun/graph/types"
)

// Keys numbers distinct keys 0, 1, 2, … in the order in which they first appear:
// a hash table by open addressing, for group, join and unique. A key is a row of
// a batch whose columns are the parts of the key. Keys keeps copies of its own,
// so it outlives the batches it was filled from.
//
// Two keys are equal if all their parts are: null equals null, -0 equals 0, lists
// and records are compared part by part, and values of type any by what they
// say, however it is written: 7 is 7.0 and the order of keys means nothing.
// Whoever wants null to equal nothing, as a join does, leaves such rows out.
//
// Hashes are seeded anew in every process, so that nobody can choose keys that
// collide, and nothing may depend on their values. Hash may be called by any
// number of goroutines at any time; so may Find while nobody calls Add.
type Keys struct {
	table *Table
	// A slot is empty (0) or holds the upper half of a key's hash, the tag, in its
	// upper half and the key's number plus 1 in its lower half. A key's place is
	// the uppermost bits of its tag, or behind it in the first free slot. So the
	// table grows in one sweep without looking at a key.
	slots []uint64
	shift uint8         // from a tag to a place
	anys  []*types.Type // of the columns with JSON in them, nil for the others; nil: no column has
}

// minSlots is the size of an empty table.
const minSlots = 1 << 6

// NewKeys gives an empty table for keys of the record type t, or for single
// values of any other type.
func NewKeys(t *types.Type) *Keys {
	k := &Keys{table: NewTable(t), slots: make([]uint64, minSlots), shift: 32 - 6, anys: anyColumns(t)}
	n := 1
	if t.IsRecord() {
		n = len(t.Fields)
	}
	for i := range n {
		k.table.Cols = append(k.table.Cols, NewColumn(k.table.columnType(i)))
	}
	return k
}

// Len is how many distinct keys there are.
func (k *Keys) Len() int { return k.table.Rows }

// Table holds the keys: row i is key i. It must not be written to.
func (k *Keys) Table() *Table { return k.table }

// Add gives the number of the key in each selected row of b, adding those that are
// new. hashes come from Hash of the same batch. The result is appended to dst.
func (k *Keys) Add(b *Batch, hashes []uint64, dst []int32) []int32 {
	from := len(dst)
	dst = k.guess(b, hashes, dst)
	for i, n := range dst[from:] {
		if n >= 0 {
			continue
		}
		row, tag := b.Row(i), hashes[i]>>32
		at, n := k.seek(tag, b, row)
		if n < 0 {
			n = k.insert(at, tag, b, row)
		}
		dst[from+i] = n
	}
	return dst
}

// Find is Add for keys that must not be added: a key that is not there gives -1.
func (k *Keys) Find(b *Batch, hashes []uint64, dst []int32) []int32 {
	from := len(dst)
	dst = k.guess(b, hashes, dst)
	for i, n := range dst[from:] {
		if n < 0 {
			_, dst[from+i] = k.seek(hashes[i]>>32, b, b.Row(i))
		}
	}
	return dst
}

// guess finds the keys that stand in the first slot of their hash and gives -1
// for all others. Its two passes have no read that waits for another row's: in a
// table larger than the caches that is most of the time.
func (k *Keys) guess(b *Batch, hashes []uint64, dst []int32) []int32 {
	from := len(dst)
	slots, shift := k.slots, k.shift
	for _, h := range hashes {
		tag, n := h>>32, int32(-1)
		if s := slots[tag>>shift]; s>>32 == tag {
			n = int32(uint32(s)) - 1
		}
		dst = append(dst, n)
	}
	numbers := dst[from:]
	if ints := k.soleInts(b); ints != nil && b.Sel == nil {
		known := k.table.Cols[0].Int
		for i, n := range numbers {
			if n >= 0 && known[n] != ints[i] {
				numbers[i] = -1
			}
		}
		return dst
	}
	for i, n := range numbers {
		if n >= 0 && !k.isKey(int(n), b, b.Row(i)) {
			numbers[i] = -1
		}
	}
	return dst
}

// soleInts gives the values of the only column, if it is of integers and no key
// so far is null: the case worth its own loop.
func (k *Keys) soleInts(b *Batch) []int64 {
	if len(b.Cols) != 1 || b.Cols[0].Form != FormInt || b.Cols[0].HasNull() || k.table.Cols[0].HasNull() {
		return nil
	}
	return b.Cols[0].Int
}

// seek finds a key: its number and -1 if it is not there, with the slot where it
// belongs.
func (k *Keys) seek(tag uint64, b *Batch, row int) (at int, number int32) {
	mask := len(k.slots) - 1
	for at = int(tag >> k.shift); ; at = (at + 1) & mask {
		s := k.slots[at]
		if s == 0 {
			return at, -1
		}
		if n := int(uint32(s)) - 1; s>>32 == tag && k.isKey(n, b, row) {
			return at, int32(n)
		}
	}
}

// isKey reports whether a row has the key of a number.
func (k *Keys) isKey(number int, b *Batch, row int) bool {
	for i, c := range k.table.Cols {
		if !c.Equal(number, b.Cols[i], row) && !k.sayTheSame(i, number, b.Cols[i], row) {
			return false
		}
	}
	return true
}

// sayTheSame compares JSON by what it says.
func (k *Keys) sayTheSame(column, number int, c *Column, row int) bool {
	if k.anys == nil || k.anys[column] == nil {
		return false
	}
	t := k.anys[column]
	return bytes.Equal(k.table.Cols[column].appendCanonicalKey(nil, t, number), c.appendCanonicalKey(nil, t, row))
}

// insert puts a copy of a new key into a free slot.
func (k *Keys) insert(at int, tag uint64, b *Batch, row int) int32 {
	t := k.table
	number := t.Rows
	for i, c := range t.Cols {
		c.Append(number, b.Cols[i], row, t.arena)
	}
	t.Rows++
	k.slots[at] = tag<<32 | uint64(number+1)
	if 2*t.Rows > len(k.slots) {
		k.grow()
	}
	return int32(number)
}

// grow doubles the table. Slots are visited in the order of their places, so keys
// that had to step aside may come before those whose place it is; each finds the
// first free slot again.
func (k *Keys) grow() {
	old := k.slots
	k.slots = make([]uint64, 2*len(old))
	k.shift--
	mask := len(k.slots) - 1
	for _, s := range old {
		if s == 0 {
			continue
		}
		at := int(s >> 32 >> k.shift)
		for k.slots[at] != 0 {
			at = (at + 1) & mask
		}
		k.slots[at] = s
	}
}
