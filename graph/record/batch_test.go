package record

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/types"
)

// panicking gives what f panics with, "" if it does not.
func panicking(f func()) (what string) {
	defer func() {
		if p := recover(); p != nil {
			what, _ = p.(string)
		}
	}()
	f()
	return ""
}

func TestReleaseTwice(t *testing.T) {
	for name, release := range map[string]func(){
		"batch": func() { b := New(types.Int); b.Release(); b.Release() },
		"batch with a slice": func() {
			b := itemBatch(types.Int, []any{int64(1), int64(2)})
			s := b.Slice(0, 1)
			b.Release()
			s.Release()
			b.Release()
		},
		"items":  func() { x := Wrap([]int{1}); x.Release(); x.Release() },
		"pooled": func() { x := new(Pool[int]).Get(1); x.Release(); x.Release() },
		"arena":  func() { a := NewArena(1); a.Release(); a.Release() },
	} {
		if got := panicking(release); !strings.Contains(got, "released twice") {
			t.Errorf("%s: released twice, and it says %q", name, got)
		}
	}
}

func TestNewNeeded(t *testing.T) {
	typ := types.Record(types.Field{Name: "a", Type: types.Int}, types.Field{Name: "b", Type: types.String}, types.Field{Name: "c", Type: types.Bool})
	b := NewNeeded(typ, []bool{true, false, true})
	defer b.Release()
	if b.Cols[0] == nil || b.Cols[1] != nil || b.Cols[2] == nil {
		t.Errorf("columns %v", b.Cols)
	}
	if b.Col("c") != b.Cols[2] || b.Col("b") != nil || b.Col("nobody") != nil {
		t.Error("Col finds the wrong column")
	}
}

// derivation makes a batch out of another one, and says what must be in it.
type derivation func(r *rand.Rand, b *Batch, items []any) (*Batch, []any)

var derivations = map[string]derivation{
	"slice": func(r *rand.Rand, b *Batch, items []any) (*Batch, []any) {
		j := r.IntN(len(items) + 1)
		i := r.IntN(j + 1)
		return b.Slice(i, j).(*Batch), items[i:j]
	},
	"share": func(r *rand.Rand, b *Batch, items []any) (*Batch, []any) {
		s := b.Share()
		sel, left := s.SelBuf(), []any{}
		for i := range items {
			if r.IntN(3) > 0 {
				sel, left = append(sel, uint16(b.Row(i))), append(left, items[i])
			}
		}
		s.Sel = sel
		return s, left
	},
	"share all": func(_ *rand.Rand, b *Batch, items []any) (*Batch, []any) { return b.Share(), items },
	"derive": func(_ *rand.Rand, b *Batch, items []any) (*Batch, []any) {
		if !b.Type.IsRecord() {
			return b.Share(), items
		}
		// The fields in reverse, and a new one.
		typ := &types.Type{Kind: types.KindRecord, Fields: slices.Clone(b.Type.Fields)}
		slices.Reverse(typ.Fields)
		typ.Fields = append(typ.Fields, types.Field{Name: "made", Type: types.String.Opt()})
		d := b.Derive(typ)
		for i, c := range b.Cols {
			d.Cols[len(b.Cols)-1-i] = c
		}
		made, arena := d.Fresh(len(b.Cols)), d.Arena()
		for row := range d.Rows {
			if row%3 == 0 {
				made.SetNull(row)
			} else {
				made.Str[row] = arena.Copy("made")
			}
		}
		var want []any
		for i, item := range items {
			fields := slices.Clone(item.([]any))
			slices.Reverse(fields)
			if b.Row(i)%3 == 0 {
				want = append(want, append(fields, nil))
			} else {
				want = append(want, append(fields, "made"))
			}
		}
		return d, want
	},
	"table": func(_ *rand.Rand, b *Batch, items []any) (*Batch, []any) {
		tab := NewTable(b.Type)
		tab.Append(b)
		rows := make([]int32, len(items))
		for i := range rows {
			rows[i] = int32(i)
		}
		return tab.Batch(rows), items
	},
	"copy": func(_ *rand.Rand, b *Batch, items []any) (*Batch, []any) {
		c := New(b.Type)
		arena := c.Arena()
		for i := range b.Len() {
			c.AppendRow(b, b.Row(i), arena)
		}
		return c, items
	},
	"codec": func(_ *rand.Rand, b *Batch, items []any) (*Batch, []any) {
		c, err := Decode(b.Type, Encode(nil, b))
		if err != nil {
			panic(err)
		}
		return c, items
	},
}

// Chains of batches made out of each other, released in any order, with all
// released memory made unreadable.
func TestBatchesOutOfBatches(t *testing.T) {
	poisoned(t)
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range derivations {
			if !yield(name) {
				return
			}
		}
	})
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 5))
		typ := randomType(r, 3)
		if seed%2 == 0 {
			typ = randomRecord(r, 3)
		}
		want := randomItems(r, typ, r.IntN(100))
		b := itemBatch(typ, want)
		path := typ.String()
		for range 1 + r.IntN(6) {
			name := names[r.IntN(len(names))]
			path += ", " + name
			next, wantNext := derivations[name](r, b, want)
			same(t, path, b.items(), want)
			b.Release() // what was made of it must live on
			b, want = next, wantNext
			same(t, path, b.items(), want)
		}
		if b.Bytes() < 0 {
			t.Errorf("%s: %d bytes", path, b.Bytes())
		}
		b.Release()
	}
}

// The memory of a released batch shows nonsense under Poison: otherwise the tests
// that rely on it could not fail.
func TestPoisonShows(t *testing.T) {
	poisoned(t)
	typ := types.Record(types.Field{Name: "n", Type: types.Int}, types.Field{Name: "s", Type: types.String},
		types.Field{Name: "f", Type: types.Float}, types.Field{Name: "b", Type: types.Bool}, types.Field{Name: "l", Type: types.List(types.Int)})
	item := []any{int64(7), "text", 1.5, true, []any{int64(1)}}
	b := itemBatch(typ, []any{item})
	ints, texts, floats, bools, ends := b.Cols[0].Int, b.Cols[1].Str, b.Cols[2].Float, b.Cols[3].Bool, b.Cols[4].Ends
	text := texts[0]
	b.Release()
	if ints[0] == 7 || texts[0] == "text" || floats[0] == 1.5 || bools[0] || ends[0] == 1 {
		t.Errorf("after Release: %v %q %v %v %v", ints[0], texts[0], floats[0], bools[0], ends[0])
	}
	if viewsShare() && text == "text" {
		t.Error("after Release the arena still holds its text")
	}
}

// viewsShare reports whether View gives no copy, as it does with flowrun_safe.
func viewsShare() bool {
	b := []byte("a")
	s := View(b)
	b[0] = 'b'
	return s == "b"
}

// A column made of the columns of a batch lives as long as what was derived of it.
func TestDeriveKeepsTheBatch(t *testing.T) {
	poisoned(t)
	inner := types.Record(types.Field{Name: "x", Type: types.Int})
	whole := itemBatch(inner, []any{[]any{int64(7)}, []any{int64(8)}})
	b := whole.Slice(0, 2).(*Batch)
	whole.Release()
	d := b.Derive(types.Record(types.Field{Name: "all", Type: inner}))
	d.Cols[0] = &Column{Form: FormRecord, Fields: b.Cols}
	b.Release()
	others := []*Batch{New(inner), New(inner), New(types.String)} // they may get the memory of b
	same(t, "derived", d.items(), []any{[]any{[]any{int64(7)}}, []any{[]any{int64(8)}}})
	for _, o := range append(others, d) {
		o.Release()
	}
}

func TestAppendRowOfMissingColumns(t *testing.T) {
	typ := types.Record(types.Field{Name: "a", Type: types.Int.Opt()}, types.Field{Name: "b", Type: types.List(types.Int).Opt()})
	src := NewNeeded(typ, []bool{true, false})
	src.Cols[0].store(0, int64(5), nil)
	src.Rows = 1
	whole := itemBatch(typ, []any{[]any{int64(1), []any{int64(2)}}})
	b := New(typ)
	b.AppendRow(whole, 0, nil)
	b.AppendRow(src, 0, nil)
	b.AppendRow(whole, -1, nil)
	same(t, "rows", b.items(), []any{[]any{int64(1), []any{int64(2)}}, []any{int64(5), nil}, []any{nil, nil}})
	for _, c := range b.Cols {
		checkForm(t, c, 3)
	}
}

func TestBytesCountArenas(t *testing.T) {
	b := itemBatch(types.String, []any{strings.Repeat("x", 1<<20)})
	defer b.Release()
	s := b.Slice(0, 1)
	defer s.Release()
	if b.Bytes() < 1<<20 || s.Bytes() < 1<<20 {
		t.Errorf("a megabyte of text counts %d, a slice of it %d", b.Bytes(), s.Bytes())
	}
}

func TestArena(t *testing.T) {
	poisoned(t)
	a := NewArena(10)
	if a.Copy("") != "" {
		t.Error("an empty text is not empty")
	}
	var made, want []string
	for i := range 3000 { // over several blocks
		s := strings.Repeat(string(rune('a'+i%26)), i%500)
		made, want = append(made, a.Copy(s)), append(want, s)
	}
	if !slices.Equal(made, want) {
		t.Error("a text of the arena has changed")
	}
	p := a.Alloc(4)
	if len(p) != 4 || cap(p) != 4 {
		t.Errorf("Alloc(4) gives %d bytes with room for %d: appending would overwrite the next text", len(p), cap(p))
	}
	a.Retain()
	a.Release()
	if !slices.Equal(made, want) {
		t.Error("the arena was recycled while a reference was left")
	}
	a.Release()
}

func TestItems(t *testing.T) {
	poisoned(t)
	var pool Pool[string]
	x := pool.Get(3)
	x.V = append(x.V, "a", "b", "c", "d")
	s := x.Slice(1, 3).(*Items[string])
	in := s.Slice(1, 2).(*Items[string])
	x.Release()
	s.Release()
	if in.Len() != 1 || in.V[0] != "c" {
		t.Fatalf("a slice of a slice holds %q", in.V)
	}
	if cap(in.V) != 1 {
		t.Error("appending to a slice would overwrite its neighbour")
	}
	if in.Sole() {
		t.Error("a slice says that it may be written to")
	}
	in.Release()
	y := pool.Get(2)
	if len(y.V) != 0 || slices.ContainsFunc(y.V[:min(4, cap(y.V))], func(s string) bool { return s != "" }) {
		t.Errorf("recycled items hold %q", y.V[:4])
	}
	if !y.Sole() {
		t.Error("items of their own cannot be written to")
	}
	y.Retain()
	if y.Sole() {
		t.Error("shared items can be written to")
	}
	y.Release()
	y.Release()
	if got := Wrap(make([]int64, 10)); got.Bytes() != 80 {
		t.Errorf("ten int64 count %d bytes", got.Bytes())
	} else {
		got.Release()
	}
}

// A batch with few of its rows selected is copied and lets the others go; nested
// columns that nobody needs are nil in records too.
func TestCompact(t *testing.T) {
	Poison(true)
	inner := types.Record(types.Field{Name: "a", Type: types.Int}, types.Field{Name: "b", Type: types.String})
	typ := types.Record(types.Field{Name: "n", Type: types.Int}, types.Field{Name: "s", Type: types.String.Opt()}, types.Field{Name: "r", Type: inner})
	b := NewNeeded(typ, []bool{true, true, false})
	arena := b.Arena()
	for i := range 100 {
		b.Cols[0].Resize(i + 1)
		b.Cols[1].Resize(i + 1)
		b.Cols[0].Int[i], b.Cols[1].Str[i] = int64(i), arena.Copy(strconv.Itoa(i))
	}
	b.Rows = 100
	b.Cols[1].SetNull(7)
	if same := b.Compact(); same != b {
		t.Fatal("a batch without a selection was copied")
	}
	few := b.Share()
	few.Sel = append(few.SelBuf(), 7, 50, 99)
	b.Release()
	c := few.Compact()
	if c == few || c.Rows != 3 || c.Sel != nil || c.Cols[2] != nil {
		t.Fatalf("not compacted: %+v", c)
	}
	if c.Cols[0].Int[0] != 7 || !c.Cols[1].IsNull(0) || c.Cols[1].Str[2] != "99" {
		t.Error("rows changed on the way", c.Cols[0].Int, c.Cols[1].Str)
	}
	c.Release()
}
