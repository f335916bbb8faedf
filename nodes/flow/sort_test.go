package flow

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

func TestSortByPrefix(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, fewRows - 1, fewRows, 5000} {
		for _, mask := range []uint64{0, 0xFF, 0xFF00FF00, math.MaxUint64, 1 << 63} {
			var entries []rank
			for i := range n {
				entries = append(entries, rank{r.Uint64() & mask, int32(i)})
			}
			want := slices.Clone(entries)
			slices.SortStableFunc(want, func(a, b rank) int { return cmp.Compare(a.prefix, b.prefix) })
			if got := sortByPrefix(entries); !slices.Equal(got, want) {
				t.Fatalf("%d entries with mask %x are not in order", n, mask)
			}
		}
	}
}

// Prefixes must never contradict the values they stand for.
func TestPrefixesFollowValues(t *testing.T) {
	columns := map[string]*record.Column{}
	column := func(name string, typ *types.Type, n int, write func(c *record.Column, i int)) {
		c := record.NewColumn(typ.Opt())
		c.Resize(n + 1)
		for i := range n {
			write(c, i)
		}
		c.SetNull(n)
		columns[name] = c
	}
	ints := []int64{0, -1, 1, math.MinInt64, math.MaxInt64, 1 << 40, -1 << 40}
	column("int", types.Int, len(ints), func(c *record.Column, i int) { c.Int[i] = ints[i] })
	floats := []float64{0, math.Copysign(0, -1), 1, -1, 1.5, -1.5, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64}
	column("float", types.Float, len(floats), func(c *record.Column, i int) { c.Float[i] = floats[i] })
	texts := []string{"", "a", "ab", "abcdefgh", "abcdefghi", "abcdefghj", "b", "\x00", "\xff\xff\xff\xff\xff\xff\xff\xff\xff", "é"}
	column("text", types.String, len(texts), func(c *record.Column, i int) { c.Str[i] = texts[i] })
	column("bool", types.Bool, 2, func(c *record.Column, i int) { c.Bool[i] = i == 1 })
	for name, c := range columns {
		for _, o := range []ordering{{desc: []bool{false}}, {desc: []bool{true}}, {desc: []bool{false}, nullsFirst: true}, {desc: []bool{true}, nullsFirst: true}} {
			for i := range c.Len() {
				for j := range c.Len() {
					p, q := o.prefix(c, i), o.prefix(c, j)
					if want := o.compare([]*record.Column{c}, i, []*record.Column{c}, j); p != q && cmp.Compare(p, q) != want {
						t.Errorf("%s %v: prefixes of rows %d and %d are %x and %x, the rows compare as %d", name, o, i, j, p, q, want)
					}
				}
			}
		}
	}
}
