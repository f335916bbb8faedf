package record

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/flowrun/flowrun/graph/types"
)

// This file holds the model that the tests of columns, batches, tables and the
// codec compare with: an item as plain Go data. null is nil, numbers are int64 and
// float64, text is string, a list is []any, a record is []any with a value per
// field. A field that is not needed is the value absent.

type absentField struct{}

var absent = absentField{}

// randomType gives a type of any form. Records and lists end at depth 0.
func randomType(r *rand.Rand, depth int) *types.Type {
	n := 9
	if depth == 0 {
		n = 7
	}
	var t *types.Type
	switch r.IntN(n) {
	case 0:
		t = types.Int
	case 1:
		t = types.Float
	case 2:
		t = types.Bool
	case 3:
		t = types.String
	case 4:
		t = types.Time
	case 5:
		t = types.Enum("a", "b")
	case 6:
		t = types.Decimal(9, 2)
	case 7:
		t = types.List(randomType(r, depth-1))
	case 8:
		t = randomRecord(r, depth-1)
	}
	return t.WithOpt(r.IntN(3) == 0)
}

func randomRecord(r *rand.Rand, depth int) *types.Type {
	t := &types.Type{Kind: types.KindRecord}
	for i := range 1 + r.IntN(3) {
		t.Fields = append(t.Fields, types.Field{Name: fmt.Sprint("f", i), Type: randomType(r, depth)})
	}
	return t
}

// randomItem gives an item of a type.
func randomItem(r *rand.Rand, t *types.Type) any {
	if t.Nullable && r.IntN(4) == 0 {
		return nil
	}
	switch FormOf(t) {
	case FormInt:
		return int64(r.Uint64() >> r.IntN(64))
	case FormFloat:
		return []float64{0, 1.5, -3e200, math.Inf(1), r.Float64()}[r.IntN(5)]
	case FormBool:
		return r.IntN(2) == 0
	case FormText:
		return []string{"", "x", "Zürich", fmt.Sprint("a longer text ", r.Uint32())}[r.IntN(4)]
	case FormList:
		list := []any{}
		for range r.IntN(4) {
			list = append(list, randomItem(r, t.Elem))
		}
		return list
	}
	rec := []any{}
	for _, f := range t.Fields {
		rec = append(rec, randomItem(r, f.Type))
	}
	return rec
}

func randomItems(r *rand.Rand, t *types.Type, n int) []any {
	items := make([]any, n)
	for i := range items {
		items[i] = randomItem(r, t)
	}
	return items
}

// store writes an item as row i of a column, which must be its next row.
func (c *Column) store(i int, item any, arena *Arena) {
	c.Resize(i + 1)
	c.Clear(i)
	if item == nil {
		c.SetNull(i)
		return
	}
	switch c.Form {
	case FormInt:
		c.Int[i] = item.(int64)
	case FormFloat:
		c.Float[i] = item.(float64)
	case FormBool:
		c.Bool[i] = item.(bool)
	case FormText:
		c.Str[i] = arena.Copy(item.(string))
	case FormList:
		at := c.start(i)
		for _, x := range item.([]any) {
			c.Elem.store(at, x, arena)
			at++
		}
		c.Ends[i] = int32(at)
	case FormRecord:
		for k, x := range item.([]any) {
			if c.Fields[k] != nil {
				c.Fields[k].store(i, x, arena)
			}
		}
	}
}

// load reads row i of a column.
func (c *Column) load(i int) any {
	if c == nil {
		return absent
	}
	if c.IsNull(i) {
		return nil
	}
	switch c.Form {
	case FormInt:
		return c.Int[i]
	case FormFloat:
		return c.Float[i]
	case FormBool:
		return c.Bool[i]
	case FormText:
		return string([]byte(c.Str[i]))
	case FormList:
		list := []any{}
		for from, to := c.Range(i); from < to; from++ {
			list = append(list, c.Elem.load(from))
		}
		return list
	}
	rec := []any{}
	for _, f := range c.Fields {
		rec = append(rec, f.load(i))
	}
	return rec
}

// itemBatch makes a batch of items.
func itemBatch(t *types.Type, items []any) *Batch {
	b := New(t)
	arena := b.Arena()
	for i, item := range items {
		if !t.IsRecord() {
			b.Cols[0].store(i, item, arena)
			continue
		}
		for k, c := range b.Cols {
			c.store(i, item.([]any)[k], arena)
		}
	}
	b.Rows = len(items)
	return b
}

// itemAt reads a physical row.
func (b *Batch) itemAt(row int) any {
	if !b.Type.IsRecord() {
		return b.Cols[0].load(row)
	}
	rec := []any{}
	for _, c := range b.Cols {
		rec = append(rec, c.load(row))
	}
	return rec
}

// items reads the selected rows.
func (b *Batch) items() []any {
	items := make([]any, b.Len())
	for i := range items {
		items[i] = b.itemAt(b.Row(i))
	}
	return items
}

// nulls gives a null item: of a record type, all its fields are null.
func nulls(t *types.Type) any {
	if !t.IsRecord() {
		return nil
	}
	return make([]any, len(t.Fields))
}

func same(t *testing.T, what string, got, want []any) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d items, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("%s: item %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// checkForm looks whether a column is whole: room for all rows, and lists whose
// ends do not fall.
func checkForm(t *testing.T, c *Column, rows int) {
	t.Helper()
	if c == nil {
		return
	}
	if got := c.Len(); got < rows && c.Form != FormRecord {
		t.Fatalf("a column has %d rows, want %d", got, rows)
	}
	if c.Form == FormList {
		end := 0
		for i := range rows {
			if from, to := c.Range(i); from != end || to < from {
				t.Fatalf("list %d goes from %d to %d, want it to begin at %d", i, from, to, end)
			}
			end = int(c.Ends[i])
		}
		checkForm(t, c.Elem, end)
	}
	for _, f := range c.Fields {
		checkForm(t, f, rows)
	}
}

// poisoned runs a test under Poison and looks whether every reference was given
// back.
func poisoned(t *testing.T) {
	t.Helper()
	Poison(true)
	before := Live()
	t.Cleanup(func() {
		Poison(false)
		if left := Live() - before; left != 0 && !t.Failed() {
			t.Errorf("%d batches were not released", left)
		}
	})
}
