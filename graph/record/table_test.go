package record

import (
	"math/rand/v2"
	"testing"

	"github.com/flowrun/flowrun/graph/types"
)

// A table outlives the batches it was filled from.
func TestTableCopies(t *testing.T) {
	poisoned(t)
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 6))
		typ := randomType(r, 3)
		if seed%2 == 0 {
			typ = randomRecord(r, 3)
		}
		tab, want := NewTable(typ), []any{}
		for range r.IntN(6) {
			items := randomItems(r, typ, r.IntN(50))
			b := itemBatch(typ, items)
			s := b.Slice(len(items)/3, len(items)).(*Batch)
			if first := tab.Append(s); first != len(want) {
				t.Fatalf("appended at %d, want %d", first, len(want))
			}
			want = append(want, items[len(items)/3:]...)
			s.Release()
			b.Release()
		}
		if tab.Rows != len(want) {
			t.Fatalf("%d rows, want %d", tab.Rows, len(want))
		}
		rows, picked := []int32{}, []any{}
		for range r.IntN(100) {
			row := int32(r.IntN(tab.Rows+1)) - 1
			rows = append(rows, row)
			if row < 0 {
				picked = append(picked, nulls(typ))
			} else {
				picked = append(picked, want[row])
			}
		}
		b := tab.Batch(rows)
		same(t, typ.String(), b.items(), picked)
		for _, c := range b.Cols {
			checkForm(t, c, b.Rows)
		}
		b.Release()
	}
}

// Of a field that nobody needs, some batches may have the column and others not.
func TestTableOfUnneededColumns(t *testing.T) {
	typ := types.Record(types.Field{Name: "a", Type: types.Int}, types.Field{Name: "b", Type: types.String})
	with := itemBatch(typ, []any{[]any{int64(1), "x"}})
	without := NewNeeded(typ, []bool{true, false})
	without.Cols[0].store(0, int64(2), nil)
	without.Rows = 1
	for name, batches := range map[string][]*Batch{
		"first with": {with, without, with}, "first without": {without, with, without}, "last without": {with, with, without},
	} {
		tab := NewTable(typ)
		for _, b := range batches {
			tab.Append(b)
		}
		b := tab.Batch([]int32{0, 1, 2})
		if b.Cols[1] != nil {
			t.Errorf("%s: the table has a column of which it does not know all", name)
		}
		for i, from := range batches {
			if b.Cols[0].Int[i] != from.Cols[0].Int[0] {
				t.Errorf("%s: row %d is %d", name, i, b.Cols[0].Int[i])
			}
		}
	}
}

func TestEmptyTable(t *testing.T) {
	for _, typ := range forms {
		b := NewTable(typ).Batch([]int32{-1, -1})
		same(t, typ.String(), b.items(), []any{nulls(typ), nulls(typ)})
		b.Release()
	}
}
