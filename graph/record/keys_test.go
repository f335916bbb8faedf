package record

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/graph/types"
)

// keyBatch makes a batch of one column by writing n values.
func keyBatch(t *types.Type, n int, write func(c *Column, i int)) *Batch {
	b := New(types.Record(types.Field{Name: "k", Type: t}))
	b.Rows = n
	b.Cols[0].Resize(n)
	for i := range n {
		write(b.Cols[0], i)
	}
	return b
}

func intBatch(values ...int64) *Batch {
	return keyBatch(types.Int, len(values), func(c *Column, i int) { c.Int[i] = values[i] })
}

func add(k *Keys, b *Batch) []int32 { return k.Add(b, k.Hash(b, nil), nil) }

func find(k *Keys, b *Batch) []int32 { return k.Find(b, k.Hash(b, nil), nil) }

func want(t *testing.T, got, want []int32) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestKeysAreNumberedByFirstAppearance(t *testing.T) {
	k := NewKeys(types.Record(types.Field{Name: "k", Type: types.Int}))
	want(t, add(k, intBatch(7, 5, 7, -1)), []int32{0, 1, 0, 2})
	b := intBatch(9, 5, 8, 7)
	b.Sel = []uint16{1, 2, 3}
	want(t, find(k, b), []int32{1, -1, 0})
	want(t, add(k, b), []int32{1, 3, 0})
	if got := k.Table().Cols[0].Int; !slices.Equal(got, []int64{7, 5, -1, 8}) {
		t.Fatalf("keys %v", got)
	}
}

func TestKeysOfOtherForms(t *testing.T) {
	nan := math.NaN()
	floats := []float64{0, math.Copysign(0, -1), 1.5, nan, nan}
	for name, c := range map[string]struct {
		b    *Batch
		want []int32
	}{
		"float": {keyBatch(types.Float, 5, func(c *Column, i int) { c.Float[i] = floats[i] }), []int32{0, 0, 1, 2, 2}},
		"bool":  {keyBatch(types.Bool, 3, func(c *Column, i int) { c.Bool[i] = i > 0 }), []int32{0, 1, 1}},
		"text":  {keyBatch(types.String, 4, func(c *Column, i int) { c.Str[i] = []string{"a", "", "b", "a"}[i] }), []int32{0, 1, 2, 0}},
		"null is a key": {keyBatch(types.Int.Opt(), 4, func(c *Column, i int) {
			if c.Int[i] = 0; i%2 == 1 {
				c.SetNull(i)
			}
		}), []int32{0, 1, 0, 1}},
		"lists": {keyBatch(types.List(types.Int), 4, func(c *Column, i int) {
			c.Elem.Resize(4) // [1] [] [1] [2 1]
			copy(c.Elem.Int, []int64{1, 1, 2, 1})
			copy(c.Ends, []int32{1, 1, 2, 4})
		}), []int32{0, 1, 0, 2}},
		"records": {keyBatch(types.Record(types.Field{Name: "a", Type: types.Int}, types.Field{Name: "b", Type: types.String.Opt()}).Opt(), 4, func(c *Column, i int) {
			c.Fields[0].Int[i], c.Fields[1].Str[i] = 1, "x"
			switch i {
			case 1:
				c.Fields[1].SetNull(i)
			case 2:
				c.SetNull(i)
			}
		}), []int32{0, 1, 2, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			k := NewKeys(c.b.Type)
			want(t, add(k, c.b), c.want)
			want(t, find(k, c.b), c.want)
		})
	}
}

func TestKeysOfSeveralColumns(t *testing.T) {
	typ := types.Record(types.Field{Name: "a", Type: types.String}, types.Field{Name: "b", Type: types.String})
	b := New(typ)
	b.Rows = 4
	for i, col := range [][]string{{"x", "xy", "x", "xy"}, {"yz", "z", "yz", ""}} {
		b.Cols[i].Resize(4)
		copy(b.Cols[i].Str, col)
	}
	want(t, add(NewKeys(typ), b), []int32{0, 1, 0, 2})
}

// A null in a column that had none until then must not be taken for the zero that
// stands in its place.
func TestKeysMeetNullLate(t *testing.T) {
	typ := types.Record(types.Field{Name: "k", Type: types.Int.Opt()})
	k := NewKeys(typ)
	want(t, add(k, intBatch(0, 1)), []int32{0, 1})
	b := keyBatch(types.Int.Opt(), 2, func(c *Column, i int) { c.Int[i] = 0 })
	b.Cols[0].SetNull(1)
	want(t, add(k, b), []int32{0, 2})
	want(t, add(k, intBatch(0, 1)), []int32{0, 1})
}

// Keys must survive the batches they came from.
func TestKeysCopyText(t *testing.T) {
	Poison(true)
	defer Poison(false)
	k := NewKeys(types.Record(types.Field{Name: "k", Type: types.String}))
	for range 2 {
		b := New(k.Table().Type)
		arena := b.Arena()
		b.Rows = 100
		b.Cols[0].Resize(100)
		for i := range 100 {
			b.Cols[0].Str[i] = arena.Copy(fmt.Sprint("key ", i%10))
		}
		got := add(k, b)
		b.Release()
		if k.Len() != 10 || got[57] != 7 {
			t.Fatalf("%d keys, %v", k.Len(), got)
		}
	}
	if got := k.Table().Cols[0].Str[7]; got != "key 7" {
		t.Fatalf("got %q", got)
	}
}

// The table must agree with a Go map on any keys, through many growths.
func TestKeysAgreeWithMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, span := range []int64{10, 5_000, math.MaxInt64} {
		k, known := NewKeys(types.Record(types.Field{Name: "k", Type: types.Int})), map[int64]int32{}
		for range 40 {
			b := keyBatch(types.Int, MaxRows, func(c *Column, i int) { c.Int[i] = r.Int64N(span) << (r.IntN(2) * 40) })
			for i, n := range find(k, b) {
				if m, ok := known[b.Cols[0].Int[i]]; ok != (n >= 0) || ok && m != n {
					t.Fatalf("found %d as %d, want %d, %v", b.Cols[0].Int[i], n, m, ok)
				}
			}
			for i, n := range add(k, b) {
				m, ok := known[b.Cols[0].Int[i]]
				if !ok {
					m = int32(len(known))
					known[b.Cols[0].Int[i]] = m
				}
				if m != n {
					t.Fatalf("added %d as %d, want %d", b.Cols[0].Int[i], n, m)
				}
			}
			b.Release()
		}
		if k.Len() != len(known) {
			t.Fatalf("%d keys, want %d", k.Len(), len(known))
		}
	}
}

// Patterns that defeat weak hashes must not make long walks.
func TestKeysSpread(t *testing.T) {
	for name, key := range map[string]func(i int) int64{
		"sequence": func(i int) int64 { return int64(i) }, "upper half": func(i int) int64 { return int64(i) << 32 },
		"uppermost bits": func(i int) int64 { return int64(i) << 47 }, "thousands": func(i int) int64 { return int64(i) * 1000 },
		"nanoseconds of days": func(i int) int64 { return int64(i) * 86_400e9 },
	} {
		k := NewKeys(types.Record(types.Field{Name: "k", Type: types.Int}))
		const n = 1 << 16
		for at := 0; at < n; at += MaxRows {
			b := keyBatch(types.Int, MaxRows, func(c *Column, i int) { c.Int[i] = key(at + i) })
			add(k, b)
			b.Release()
		}
		walked := 0
		for at, s := range k.slots {
			if s != 0 {
				walked += (at - int(s>>32>>k.shift)) & (len(k.slots) - 1)
			}
		}
		// Linear probing at load 1/2 steps aside 0.5 times on average (Knuth).
		if mean := float64(walked) / n; k.Len() != n || mean > 1 {
			t.Errorf("%s: %d keys step aside %.2f times", name, k.Len(), mean)
		}
	}
}

// The values were computed by a program in another language.
func TestStableHashesNeverChange(t *testing.T) {
	text := keyBatch(types.String, 3, func(c *Column, i int) { c.Str[i] = []string{"", "EU", "Zürich"}[i] })
	list := keyBatch(types.List(types.Int.Opt()), 1, func(c *Column, i int) {
		c.Elem.Resize(2)
		c.Elem.Int[0] = 1
		c.Elem.SetNull(1)
		c.Ends[0] = 2
	})
	ints := keyBatch(types.Int.Opt(), 3, func(c *Column, i int) { c.Int[i] = []int64{0, -12, 1 << 62}[i] })
	ints.Cols[0].SetNull(0)
	for i, c := range []struct {
		b    *Batch
		want []uint64
	}{
		{text, []uint64{0x1bbd5c813c69a8d7, 0x26eeb1aa195f14d1, 0x23513f1140f926e3}},
		{ints, []uint64{0x2fa9387fde0ef17f, 0x6662f2fb3c67ad48, 0x76ec02971ed767be}},
		{list, []uint64{0xdab3a1dfc13b4b1}},
	} {
		if got := StableHashes(c.b, nil); !slices.Equal(got, c.want) {
			t.Errorf("%d: got %#x, want %#x", i, got, c.want)
		}
	}
}

func TestStableHashesOfEqualKeys(t *testing.T) {
	values := []float64{0, math.Copysign(0, -1), 12, 1e20}
	floats := StableHashes(keyBatch(types.Float, 4, func(c *Column, i int) { c.Float[i] = values[i] }), nil)
	if ints := StableHashes(intBatch(0, 0, 12), nil); !slices.Equal(floats[:3], ints) {
		t.Errorf("floats %x, ints %x", floats, ints)
	}
	// Small numbers, even ones too, must spread over few partitions.
	counts := [2]int{}
	for _, h := range StableHashes(keyBatch(types.Int, 1000, func(c *Column, i int) { c.Int[i] = int64(2 * i) }), nil) {
		counts[h%2]++
	}
	if counts[0] < 400 || counts[1] < 400 {
		t.Errorf("partitions of %v keys", counts)
	}
}

func BenchmarkKeys(b *testing.B) {
	for _, n := range []int{1e3, 1e5, 1e6} {
		for _, form := range []*types.Type{types.Int, types.String} {
			b.Run(fmt.Sprintf("sum by %s, %d keys", form, n), func(b *testing.B) { benchKeys(b, form, n) })
		}
	}
}

func benchKeys(b *testing.B, form *types.Type, n int) {
	r := rand.New(rand.NewPCG(1, 2))
	batches := make([]*Batch, 1024)
	for i := range batches {
		batches[i] = keyBatch(form, MaxRows, func(c *Column, i int) {
			if v := r.IntN(n); form == types.Int {
				c.Int[i] = int64(v) * 7919
			} else {
				c.Str[i] = fmt.Sprint("key-", v)
			}
		})
	}
	b.ResetTimer()
	for range b.N {
		k := NewKeys(batches[0].Type)
		var hashes []uint64
		var numbers []int32
		var sums []int64
		for _, batch := range batches {
			hashes = k.Hash(batch, hashes[:0])
			numbers = k.Add(batch, hashes, numbers[:0])
			for len(sums) < k.Len() {
				sums = append(sums, 0)
			}
			for i, n := range numbers {
				sums[n] += int64(i)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batches)*MaxRows), "ns/row")
}
