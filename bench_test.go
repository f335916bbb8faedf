package flowrun_test

import (
	"context"
	"testing"

	"github.com/flowrun/flowrun"
)

// BenchmarkChain is a source, four trivial stages and a sink: five edges.
func BenchmarkChain(b *testing.B) {
	const n = 5_000_000
	items := make([]int64, n)
	for i := range items {
		items[i] = int64(i)
	}
	sources := map[string]func(g *flowrun.Graph) flowrun.Stream[int64]{
		"slice": func(g *flowrun.Graph) flowrun.Stream[int64] { return flowrun.Slice(g, "source", items) },
		"func": func(g *flowrun.Graph) flowrun.Stream[int64] {
			return flowrun.Func(g, "source", func(_ context.Context, emit func(int64) error) error {
				for i := range int64(n) {
					if err := emit(i); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	for name, source := range sources {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				g := flowrun.New("chain")
				s := source(g)
				for _, id := range []string{"a", "b", "c", "d"} {
					s = flowrun.Map(s, id, func(_ context.Context, x int64) (int64, error) { return x*3 + 1, nil })
				}
				var sum int64
				flowrun.Each(s, "sum", func(_ context.Context, x int64) error { sum += x; return nil })
				if _, err := g.Run(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(5*n), "ns/item/edge")
		})
	}
}
