package flowrun_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/flowrun/flowrun"
)

// A modelled stream is a stream with what must come out of it.
type modelled struct {
	s    flowrun.Stream[int64]
	want []int64
}

// A world is a random graph and, beside it, the same computed on slices.
type world struct {
	g       *flowrun.Graph
	r       *rand.Rand
	nodes   int
	streams []modelled
	said    []string
}

func (w *world) id(kind string) string {
	w.nodes++
	id := fmt.Sprintf("%s%d", kind, w.nodes)
	w.said = append(w.said, id)
	return id
}

func (w *world) pick() modelled { return w.streams[w.r.IntN(len(w.streams))] }

func (w *world) options() []flowrun.Option {
	var opts []flowrun.Option
	if w.r.IntN(2) == 0 {
		opts = append(opts, flowrun.Workers(1+w.r.IntN(7)))
	}
	if w.r.IntN(2) == 0 {
		opts = append(opts, flowrun.Capacity([]int{1, 3, 16, 4096}[w.r.IntN(4)]))
	}
	return opts
}

// times is how often FlatMap repeats an item in these graphs.
func times(x int64) int64 { return (x%3 + 3) % 3 }

func repeated(_ context.Context, x int64, emit func(int64)) error {
	for i := range times(x) {
		emit(x + i)
	}
	return nil
}

func same(x int64) int64 { return x }
func near(x int64) int64 { return x % 50 }

// grow adds a random node to the graph and to the model.
func (w *world) grow() {
	var out modelled
	if w.r.IntN(3) == 0 {
		out = w.two(w.pick(), w.pick())
	} else {
		out = w.one(w.pick(), 1+w.r.Int64N(9))
	}
	if len(out.want) > 20_000 { // graphs that only grow would fill the memory
		out.s = flowrun.Limit(out.s, w.id("cut"), 20_000)
		out.want = out.want[:20_000]
	}
	w.streams = append(w.streams, out)
}

// one adds a node that reads one stream.
func (w *world) one(in modelled, k int64) (out modelled) {
	switch w.r.IntN(8) {
	case 0:
		out.s = flowrun.Apply(in.s, w.id("map"), func(x int64) int64 { return x*k + 1 }, w.options()...)
		for _, x := range in.want {
			out.want = append(out.want, x*k+1)
		}
	case 1:
		out.s = flowrun.Filter(in.s, w.id("filter"), func(x int64) bool { return x%(k+1) != 0 }, w.options()...)
		for _, x := range in.want {
			if x%(k+1) != 0 {
				out.want = append(out.want, x)
			}
		}
	case 2:
		out.s = flowrun.FlatMap(in.s, w.id("flatmap"), repeated, w.options()...)
		for _, x := range in.want {
			for i := range times(x) {
				out.want = append(out.want, x+i)
			}
		}
	case 3:
		yes, rest := flowrun.Split(in.s, w.id("split"), func(x int64) bool { return x%2 == 0 }, w.options()...)
		other := modelled{s: rest}
		out.s = yes
		for _, x := range in.want {
			if x%2 == 0 {
				out.want = append(out.want, x)
			} else {
				other.want = append(other.want, x)
			}
		}
		w.streams = append(w.streams, other)
	case 4:
		out.s = flowrun.Limit(in.s, w.id("limit"), int(k)*100)
		out.want = in.want[:min(len(in.want), int(k)*100)]
	case 5:
		folded := flowrun.Fold(in.s, w.id("fold"), near, func(s *int64, x int64) error { *s += x; return nil }, w.options()...)
		out.s = flowrun.Apply(folded, w.id("sums"), func(e flowrun.Entry[int64, int64]) int64 { return e.Value - e.Key })
		out.want = sumsByKey(in.want, near)
	case 6:
		out.s = flowrun.Scan(in.s, w.id("scan"), same, func(n *int64, x int64, emit func(int64)) error {
			if *n++; *n == 1 {
				emit(x)
			}
			return nil
		}, w.options()...)
		seen := map[int64]bool{}
		for _, x := range in.want {
			if !seen[x] {
				out.want = append(out.want, x)
			}
			seen[x] = true
		}
	case 7:
		batches := flowrun.Batch(in.s, w.id("batch"), int(k), w.options()...)
		out.s = flowrun.Apply(batches, w.id("last"), func(xs []int64) int64 { return xs[len(xs)-1] })
		for c := range slices.Chunk(in.want, int(k)) {
			out.want = append(out.want, c[len(c)-1])
		}
	}
	return out
}

// two adds a node that reads two streams.
func (w *world) two(in, other modelled) (out modelled) {
	switch w.r.IntN(4) {
	case 0:
		out.s = flowrun.Concat([]flowrun.Stream[int64]{in.s, other.s}, w.id("concat"), w.options()...)
		out.want = slices.Concat(in.want, other.want)
	case 1:
		out.s = flowrun.Zip(in.s, other.s, w.id("zip"), func(a, b int64) int64 { return a - b }, w.options()...)
		for i := range min(len(in.want), len(other.want)) {
			out.want = append(out.want, in.want[i]-other.want[i])
		}
	case 2:
		out.s = flowrun.SemiJoin(in.s, other.s, w.id("semijoin"), near, near, w.options()...)
		has := map[int64]bool{}
		for _, x := range other.want {
			has[near(x)] = true
		}
		for _, x := range in.want {
			if has[near(x)] {
				out.want = append(out.want, x)
			}
		}
	case 3:
		few := flowrun.Limit(other.s, w.id("few"), 20)
		out.s = flowrun.Join(in.s, few, w.id("join"), near, near, func(a, b int64) int64 { return 2*a + b }, w.options()...)
		for _, a := range in.want {
			for _, b := range other.want[:min(20, len(other.want))] {
				if near(a) == near(b) {
					out.want = append(out.want, 2*a+b)
				}
			}
		}
	}
	return out
}

func sumsByKey(xs []int64, key func(int64) int64) []int64 {
	sums, order := map[int64]int64{}, []int64{}
	for _, x := range xs {
		if _, known := sums[key(x)]; !known {
			order = append(order, key(x))
		}
		sums[key(x)] += x
	}
	var out []int64
	for _, k := range order {
		out = append(out, sums[k]-k)
	}
	return out
}

// Random graphs give what the same functions give on slices: with any number of
// workers, any capacity, any size of batches, and item by item on one goroutine.
func TestRandomGraphs(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	kinds := map[string]bool{}
	for seed := range uint64(rounds) {
		w := &world{g: flowrun.New("random"), r: rand.New(rand.NewPCG(seed, 1))}
		for range 1 + w.r.IntN(2) {
			items := make([]int64, w.r.IntN(4000))
			for i := range items {
				items[i] = w.r.Int64N(1000)
			}
			w.streams = append(w.streams, modelled{flowrun.Slice(w.g, w.id("slice"), items), items})
		}
		for range 1 + w.r.IntN(10) {
			w.grow()
		}
		outs := map[int]*flowrun.Collection[int64]{}
		for i, m := range w.streams {
			outs[i] = flowrun.Collect(m.s, w.id("out"), w.options()...)
		}
		for _, options := range []flowrun.Options{{}, {Batch: 1 + w.r.IntN(40)}, {Serial: true}} {
			if options.Serial && seed%10 != 0 {
				continue
			}
			if _, err := w.g.RunWith(t.Context(), options); err != nil {
				t.Fatalf("seed %d, %+v: %v\n%v", seed, options, err, w.said)
			}
			for i, m := range w.streams {
				if !slices.Equal(outs[i].Items(), m.want) {
					t.Fatalf("seed %d, %+v: stream %d has %d items, want %d\n%v", seed, options, i, len(outs[i].Items()), len(m.want), w.said)
				}
			}
		}
		for _, id := range w.said {
			kinds[id[:3]] = true
		}
	}
	if len(kinds) < 14 && !testing.Short() {
		t.Errorf("only %v were tried", slices.Sorted(maps.Keys(kinds)))
	}
}
