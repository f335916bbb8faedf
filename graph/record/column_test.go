package record

import (
	"math/rand/v2"
	"testing"

	"github.com/flowrun/flowrun/graph/types"
)

// forms are a type for each form, null allowed and not.
var forms = []*types.Type{
	types.Int, types.Float, types.Bool, types.String, types.Time.Opt(), types.Bytes.Opt(), types.Any,
	types.List(types.Int), types.List(types.List(types.String.Opt()).Opt()).Opt(),
	types.Record(types.Field{Name: "a", Type: types.Int.Opt()}, types.Field{Name: "b", Type: types.List(types.String)}).Opt(),
	types.List(types.Record(types.Field{Name: "a", Type: types.Float}, types.Field{Name: "b", Type: types.List(types.Bool.Opt())})),
}

func TestNullBits(t *testing.T) {
	for _, typ := range forms {
		c := NewColumn(typ)
		c.Resize(200)
		if c.HasNull() || c.IsNull(0) || c.IsNull(199) {
			t.Errorf("%s: a new row is null", typ)
		}
		for _, i := range []int{0, 63, 64, 130} {
			c.SetNull(i)
		}
		for i := range 200 {
			if want := i == 0 || i == 63 || i == 64 || i == 130; c.IsNull(i) != want {
				t.Errorf("%s: row %d is null: %v", typ, i, !want)
			}
		}
		if !c.HasNull() {
			t.Errorf("%s: HasNull does not see a null", typ)
		}
		c.Clear(64)
		c.Clear(199) // behind the last null
		if c.IsNull(64) || !c.IsNull(63) || !c.IsNull(130) {
			t.Errorf("%s: Clear took back the wrong row", typ)
		}
	}
}

// What stands in a null row is the zero of its form, so that equal rows are equal
// memory.
func TestNullLeavesNothingBehind(t *testing.T) {
	c := NewColumn(types.Record(types.Field{Name: "n", Type: types.Int}, types.Field{Name: "l", Type: types.List(types.String)}).Opt())
	arena := NewArena(0)
	c.store(0, []any{int64(7), []any{"x"}}, arena)
	c.store(1, []any{int64(8), []any{"y", "z"}}, arena)
	c.SetNull(1)
	if n := c.Fields[0].Int[1]; n != 0 {
		t.Errorf("the number of a null record is %d", n)
	}
	if from, to := c.Fields[1].Range(1); from != 1 || to != 1 {
		t.Errorf("the list of a null record goes from %d to %d", from, to)
	}
}

func TestResize(t *testing.T) {
	for _, typ := range forms {
		for _, cut := range []int{0, 1, 63, 64, 65, 99} {
			c := NewColumn(typ)
			c.Resize(100)
			for i := range 100 {
				c.SetNull(i)
			}
			c.Resize(cut)
			c.Resize(300)
			for i := range 300 {
				if c.IsNull(i) != (i < cut) {
					t.Fatalf("%s: cut at %d and grown again, row %d is null: %v", typ, cut, i, c.IsNull(i))
				}
			}
			if got := c.Len(); got != 300 {
				t.Errorf("%s: %d rows after Resize(300)", typ, got)
			}
		}
	}
}

// A row that was cut off leaves nothing behind, also of the elements of its lists.
func TestCutLeavesNothingBehind(t *testing.T) {
	elem := types.Record(types.Field{Name: "a", Type: types.Int.Opt()}, types.Field{Name: "b", Type: types.List(types.String.Opt())})
	c := NewColumn(types.Record(types.Field{Name: "l", Type: types.List(elem)}).Opt())
	list := c.Fields[0]
	write := func(row, elems int, null bool) {
		c.Resize(row + 1)
		from, _ := list.Range(row)
		for e := from; e < from+elems; e++ {
			list.Elem.Resize(e + 1)
			words := list.Elem.Fields[1]
			at, _ := words.Range(e)
			words.Elem.Resize(at + 1)
			if words.Ends[e] = int32(at + 1); null {
				list.Elem.Fields[0].SetNull(e)
				words.Elem.SetNull(at)
			}
		}
		list.Ends[row] = int32(from + elems)
	}
	write(0, 2, true)
	write(1, 3, true)
	c.SetNull(2 - 1)
	c.Cut(1)
	write(1, 3, false)
	for e := range 5 {
		words := list.Elem.Fields[1]
		at, _ := words.Range(e)
		if first := e < 2; list.Elem.Fields[0].IsNull(e) != first || words.Elem.IsNull(at) != first {
			t.Errorf("element %d is null: %v", e, !first)
		}
	}
	if c.IsNull(1) {
		t.Error("row 1 is null")
	}
}

func TestResizeKeepsValues(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, typ := range forms {
		items := randomItems(r, typ, 70)
		c, arena := NewColumn(typ), NewArena(0)
		for i, item := range items {
			c.store(i, item, arena)
		}
		c.Resize(5000)
		c.Resize(70)
		for i, item := range items {
			same(t, typ.String(), []any{c.load(i)}, []any{item})
		}
		checkForm(t, c, 70)
	}
}

// Recycled memory must not show: not as values, not as nulls.
func TestRecycledColumnIsEmpty(t *testing.T) {
	poisoned(t)
	for _, typ := range forms {
		for range 3 {
			c := NewColumn(typ)
			if c.Len() != 0 || c.HasNull() {
				t.Fatalf("%s: a new column has %d rows, null: %v", typ, c.Len(), c.HasNull())
			}
			c.Resize(10)
			for i := range 10 {
				if c.IsNull(i) {
					t.Fatalf("%s: row %d of a new column is null", typ, i)
				}
			}
			if c.Form == FormList {
				checkForm(t, c, 10)
			}
			for i := range 10 {
				c.SetNull(i)
			}
			c.recycle()
		}
	}
}

func TestAppendAndGather(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	types := append([]*types.Type(nil), forms...)
	for range 200 {
		types = append(types, randomType(r, 3))
	}
	for _, typ := range types {
		items := randomItems(r, typ, 40)
		src, arena := NewColumn(typ), NewArena(0)
		for i, item := range items {
			src.store(i, item, arena)
		}
		one, many := NewColumn(typ), NewColumn(typ)
		var want []any
		for n := 0; n < 150; {
			var rows []int32
			for range r.IntN(5) {
				row := int32(r.IntN(41)) - 1
				rows = append(rows, row)
				if row < 0 {
					want = append(want, nil)
				} else {
					want = append(want, items[row])
				}
			}
			var copied *Arena
			if r.IntN(2) == 0 {
				copied = NewArena(0)
			}
			for i, row := range rows {
				one.Append(n+i, src, int(row), copied)
			}
			many.Gather(n, src, rows, copied)
			n += len(rows)
		}
		for i := range want {
			same(t, typ.String()+" by Append", []any{one.load(i)}, want[i:i+1])
			same(t, typ.String()+" by Gather", []any{many.load(i)}, want[i:i+1])
		}
		checkForm(t, one, len(want))
		checkForm(t, many, len(want))
	}
}

// A row that was written and given up is written again: nothing of the first try
// may stay.
func TestWriteRowAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 300 {
		typ := randomType(r, 3)
		c, arena := NewColumn(typ), NewArena(0)
		items := randomItems(r, typ, 20)
		for i, item := range items {
			for range r.IntN(3) {
				c.store(i, randomItem(r, typ), arena)
			}
			c.store(i, item, arena)
		}
		for i, item := range items {
			same(t, typ.String(), []any{c.load(i)}, []any{item})
		}
		checkForm(t, c, len(items))
	}
}

func TestEqual(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 200 {
		typ := randomType(r, 2)
		items := randomItems(r, typ, 12)
		a, b, arena := NewColumn(typ), NewColumn(typ), NewArena(0)
		b.store(0, randomItem(r, typ), arena) // so that lists begin elsewhere
		for i, item := range items {
			a.store(i, item, arena)
			b.store(i+1, item, arena)
		}
		for i := range items {
			for j := range items {
				if got, want := a.Equal(i, b, j+1), equalItems(items[i], items[j]); got != want {
					t.Fatalf("%s: %v equals %v: %v", typ, items[i], items[j], got)
				}
			}
		}
	}
}

func equalItems(a, b any) bool {
	x, list := a.([]any)
	y, also := b.([]any)
	if !list || !also {
		return !list && !also && a == b
	}
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if !equalItems(x[i], y[i]) {
			return false
		}
	}
	return true
}
