package record

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/flowrun/flowrun/graph/types"
)

func TestCodecRoundTrip(t *testing.T) {
	poisoned(t)
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		typ := randomType(r, 4)
		if seed%2 == 0 {
			typ = randomRecord(r, 3)
		}
		items := randomItems(r, typ, r.IntN(70))
		b := itemBatch(typ, items)
		i := r.IntN(len(items) + 1)
		s := b.Slice(i, len(items)).(*Batch) // only selected rows are written
		data := Encode([]byte("kept"), s)
		s.Release()
		b.Release()
		if string(data[:4]) != "kept" {
			t.Fatal("Encode does not append")
		}
		data = data[4:]
		got, err := Decode(typ, data)
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		clear(data) // the batch has a copy
		same(t, typ.String(), got.items(), items[i:])
		for _, c := range got.Cols {
			checkForm(t, c, got.Rows)
		}
		got.Release()
	}
}

func TestCodecOfUnneededColumns(t *testing.T) {
	inner := types.Record(types.Field{Name: "x", Type: types.Int}, types.Field{Name: "y", Type: types.String})
	typ := types.Record(types.Field{Name: "a", Type: types.Int}, types.Field{Name: "b", Type: types.List(inner)}, types.Field{Name: "c", Type: inner})
	b := itemBatch(typ, []any{[]any{int64(1), []any{[]any{int64(2), "t"}}, []any{int64(3), "u"}}})
	b.Cols[0] = nil
	b.Cols[1].Elem.Fields[1] = nil
	b.Cols[2].Fields[0] = nil
	got, err := Decode(typ, Encode(nil, b))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "batch", got.items(), []any{[]any{absent, []any{[]any{int64(2), absent}}, []any{absent, "u"}}})
}

// Every cut and every changed byte is either refused or gives some batch of the
// type; it never panics.
func TestDamagedBatches(t *testing.T) {
	poisoned(t)
	refused := 0
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 8))
		typ := randomRecord(r, 3)
		b := itemBatch(typ, randomItems(r, typ, 20))
		data := Encode(nil, b)
		b.Release()
		for i := range data {
			if got, err := Decode(typ, data[:i]); err == nil {
				t.Fatalf("%s: %d of %d bytes are taken for a batch of %d rows", typ, i, len(data), got.Rows)
			} else if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			changed := append([]byte(nil), data...)
			changed[i] ^= byte(1 + r.IntN(255))
			if use(t, typ, changed) != nil {
				refused++
			}
		}
		if _, err := Decode(typ, append(data, 0)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: a byte too many gives %v", typ, err)
		}
	}
	if refused == 0 {
		t.Error("no damage was ever noticed")
	}
}

// use decodes a batch and reads all of it.
func use(t *testing.T, typ *types.Type, data []byte) error {
	b, err := Decode(typ, data)
	if err != nil {
		return err
	}
	for _, c := range b.Cols {
		checkForm(t, c, b.Rows)
	}
	b.items()
	again, err := Decode(typ, Encode(nil, b))
	if err != nil {
		t.Fatalf("%s: a decoded batch cannot be stored again: %v", typ, err)
	}
	again.Release()
	b.Release()
	return nil
}

func FuzzDecode(f *testing.F) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 9))
		typ := randomType(r, 3)
		b := itemBatch(typ, randomItems(r, typ, 10))
		f.Add(seed, Encode(nil, b))
	}
	f.Fuzz(func(t *testing.T, seed uint64, data []byte) {
		use(t, randomType(rand.New(rand.NewPCG(seed, 9)), 3), data)
	})
}
