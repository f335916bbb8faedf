package scheduler_test

import (
	"context"
	"testing"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

type countKind struct {
	N int `yaml:"n" doc:"How many."`
}

func (c *countKind) Read(_ context.Context, emit func(int64) error) error {
	for i := range c.N {
		if err := emit(int64(i)); err != nil {
			return err
		}
	}
	return nil
}

type addKind struct{}

func (*addKind) Map(_ context.Context, x int64) (int64, error) { return x + 1, nil }

type sumKind struct{ sum int64 }

func (s *sumKind) Write(_ context.Context, in []int64) error {
	for _, x := range in {
		s.sum += x
	}
	return nil
}

// BenchmarkChain is the full runtime, counters on, over four trivial nodes.
func BenchmarkChain(b *testing.B) {
	const n, edges = 5_000_000, 5
	for b.Loop() {
		tr := try(b, `
  source: {use: count, with: {n: 5000000}}
  a:      {use: add, in: source}
  b:      {use: add, in: a}
  c:      {use: add, in: b}
  d:      {use: add, in: c}
  sink:   {use: sum, in: d}
`, scheduler.Options{},
			nodes.Read("count", "Counts.", &countKind{}), nodes.Map("add", "Adds.", &addKind{}), nodes.Write("sum", "Sums.", &sumKind{}))
		tr.succeed()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n/edges, "ns/item/edge")
}
