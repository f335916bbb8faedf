package record

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/graph/types"
)

type concatRow struct {
	N int
	S *string
	L []int
}

func concatRows(from, to int) []concatRow {
	var rows []concatRow
	for i := from; i < to; i++ {
		r := concatRow{N: i, L: make([]int, i%3)}
		if i%2 == 0 {
			s := fmt.Sprint("s", i)
			r.S = &s
		}
		rows = append(rows, r)
	}
	return rows
}

// Parts of batches, with gaps, nulls, text and lists, come out as one with the same
// items, which outlives them; so do parts of Go values.
func TestConcat(t *testing.T) {
	Poison(true)
	defer Poison(false)
	before := Live()
	goType := types.FromGo(reflect.TypeFor[concatRow]())
	batch := func(from, to int) *Batch {
		items := Wrap(concatRows(from, to))
		defer items.Release()
		return items.ToBatch(goType, func(_ int, err error) { t.Error(err) })
	}
	whole := batch(3, 9)
	parts := []Data{batch(0, 3), whole.Slice(1, 4), batch(7, 8)}
	whole.Release()
	want := slices.Concat(concatRows(0, 3), concatRows(4, 7), concatRows(7, 8))
	if !Alike(parts[0], parts[1]) || Alike(parts[0], Wrap([]int{1})) {
		t.Error("what is alike is not seen")
	}
	all := Concat(parts)
	got := ItemsOf(all, new(Pool[concatRow]), func(_ int, err error) { t.Error(err) })
	for i := range want {
		if len(got.V) != len(want) || fmt.Sprint(got.V[i].N, got.V[i].L, got.V[i].S == nil) != fmt.Sprint(want[i].N, want[i].L, want[i].S == nil) ||
			want[i].S != nil && *got.V[i].S != *want[i].S {
			t.Fatalf("item %d of %d is %+v, want %+v", i, len(got.V), got.V[i], want[i])
		}
	}
	got.Release()
	all.Release()

	a, b := batch(0, 2), batch(2, 4)
	b.Cols[1] = nil // nobody needs it any more
	all = Concat([]Data{a, b})
	if c := all.(*Batch); c.Cols[1] != nil || c.Rows != 4 || !slices.Equal(c.Cols[0].Int, []int64{0, 1, 2, 3}) {
		t.Errorf("without a column it is %+v", c)
	}
	all.Release()

	all = Concat([]Data{Wrap([]int{1, 2}), Wrap([]int{3}).Slice(0, 1), Wrap([]int{})})
	if x := all.(*Items[int]); !slices.Equal(x.V, []int{1, 2, 3}) {
		t.Errorf("Go values are %v", x.V)
	}
	all.Release()
	if alone := Wrap([]int{1}); Concat([]Data{alone}) != Data(alone) {
		t.Error("one part is not itself")
	}
	if left := Live() - before; left != 3 { // the two that were only looked at or sliced, and the last
		t.Errorf("%d parts were not given back", left)
	}
}
