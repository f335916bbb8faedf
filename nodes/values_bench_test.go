package nodes

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
)

// discard is an Out that throws away.
type discard struct{}

func (discard) Emit(_ int, d record.Data) error { d.Release(); return nil }
func (discard) Bad(BadItem) error               { return nil }
func (discard) Filtered(int)                    {}

// BenchmarkValues is what an adapter costs for an item, with a function that does
// nothing: the loop beside it is the function alone.
func BenchmarkValues(b *testing.B) {
	env := newEnv()
	f := func(_ context.Context, x int64) (int64, error) { return x*3 + 1, nil }
	workers := map[string]Worker{
		"map":    MapValues(env, f),
		"filter": FilterValues(env, func(x int64) bool { return x&1 == 0 }),
		"expand": ExpandValues(env, func(_ context.Context, x int64, emit func(int64)) error { emit(x); return nil }),
		"each":   EachValue(env, func(context.Context, int64) error { return nil }),
	}
	record.Poison(false)
	defer record.Poison(true)
	pool := new(record.Pool[int64])
	for name, w := range workers {
		b.Run(name, func(b *testing.B) {
			var flag atomic.Bool
			items := 0
			for b.Loop() {
				xs := pool.Get(record.MaxRows)
				xs.V = xs.V[:record.MaxRows]
				if _, err := w.Work(b.Context(), NewInput(Input{Data: xs}, &flag, nil), discard{}); err != nil {
					b.Fatal(err)
				}
				items += record.MaxRows
				xs.Release()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(items), "ns/item")
		})
	}
	b.Run("the function alone", func(b *testing.B) {
		xs, items := make([]int64, record.MaxRows), 0
		for b.Loop() {
			for i, x := range xs {
				y, err := f(b.Context(), x)
				if err != nil {
					b.Fatal(err)
				}
				xs[i] = y
			}
			items += len(xs)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(items), "ns/item")
	})
}
