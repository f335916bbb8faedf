package nodes

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// batchNotes is an Out for batches of numbers, of which some are too large.
type batchNotes struct {
	batches [][]int8
	bad     int
}

func (n *batchNotes) Emit(_ int, d record.Data) error {
	defer d.Release()
	items := d.(record.GoItems)
	for i := range items.Len() {
		n.batches = append(n.batches, items.At(i).([]int8))
	}
	return nil
}

func (n *batchNotes) Bad(BadItem) error { n.bad++; return nil }

func (*batchNotes) Filtered(int) {}

// Batches have their size, in order, and Held reaches back to the first item that did not
// leave, whatever did not fit among those behind it.
func TestBatchValues(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		size := 1 + r.IntN(9)
		op := BatchValues[int8](newEnv(), size)
		out := &batchNotes{}
		var want [][]int8
		var together []int8
		given, first, bad := 0, 0, 0
		for range 20 {
			var in Input
			fits := func(x int8) {
				if len(together) == 0 {
					first = given
				}
				if together = append(together, x); len(together) == size {
					want, together = append(want, together), nil
				}
			}
			if r.IntN(3) == 0 {
				xs := make([]int8, r.IntN(12))
				for i := range xs {
					fits(int8(given))
					xs[i] = int8(given)
					given++
				}
				in.Data = pooled(xs...)
			} else {
				b := record.New(types.Int)
				b.Rows = r.IntN(12)
				c := b.Fresh(0)
				b.Sel = []uint16{}
				for row := range b.Rows {
					c.Int[row] = int64(int8(given))
					large := r.IntN(3) == 0
					if large {
						c.Int[row] = 1000
					}
					if r.IntN(4) == 0 {
						continue // it is no item
					}
					b.Sel = append(b.Sel, uint16(row))
					if large {
						bad++
					} else {
						fits(int8(given))
					}
					given++
				}
				in.Data = b
			}
			if err := work(t, op, in, out); err != nil {
				t.Fatal(err)
			}
			held := 0
			if len(together) > 0 {
				held = given - first
			}
			if got := op.(Holder).Held(); got != held {
				t.Fatalf("size %d: %d are held of %d, want %d", size, got, given, held)
			}
		}
		if len(together) > 0 {
			want = append(want, together)
		}
		if err := op.(Ender).End(t.Context(), EndedEdge{Last: true}, out); err != nil {
			t.Fatal(err)
		}
		if got := op.(Holder).Held(); got != 0 {
			t.Fatalf("%d are held at the end", got)
		}
		if !slices.EqualFunc(out.batches, want, slices.Equal) || out.bad != bad {
			t.Fatal(fmt.Sprint(out.batches, out.bad), want, bad)
		}
	}
}
