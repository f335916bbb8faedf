package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// sizes is a kind that notes how many items it is given at once, and when. As
// `records` it works on records, as `values` on Go values.
func sizes(s *[]string) []nodes.Decl {
	make := func(*opKind, *nodes.Env) *op {
		start := time.Time{}
		return &op{
			open: func() error { start = time.Now(); return nil },
			process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
				*s = append(*s, fmt.Sprintf("%s:%d", time.Since(start), in.Data.Len()))
				return out.Emit(0, in.Data.Retain())
			},
		}
	}
	return []nodes.Decl{kind("records", make, graph.Port{Name: "in"}), kind("values", make, portIn)}
}

// Each item comes a second after the one before; the first at 1s.
func TestBatch(t *testing.T) {
	for _, c := range []struct{ batch, want string }{
		{"{count: 3}", "3s:3 6s:3 8s:2"},
		{"{count: 1}", "1s:1 2s:1 3s:1 4s:1 5s:1 6s:1 7s:1 8s:1"},
		{"{count: 100}", "8s:8"},
		{"{count: 3, period: 1500ms}", "2.5s:2 4.5s:2 6.5s:2 8s:2"},
		{"{period: 2500ms}", "3.5s:3 6.5s:3 8s:2"},
		{"{count: 5, period: 1h}", "5s:5 8s:3"},
	} {
		for _, kind := range []string{"records", "values"} {
			for _, fan := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, fan %v", c.batch, kind, fan), func(t *testing.T) {
					virtual(t, func(t *testing.T) {
						var got []string
						from := "in"
						if fan {
							from = "[in, none]" // so that it waits for two edges
						}
						tr := try(t, fmt.Sprintf(`
  in: {use: emit, with: {every: 1s, count: 8}}
  none: {use: silent}
  a: {use: %s, in: %s, batch: %s}
  out: {use: keep, in: a}
`, kind, from, c.batch), scheduler.Options{Watch: time.Second}, append(wide(&got), silent)...)
						tr.succeed()
						equal(t, "items", tr.store.numbers("out"), upTo(8))
						if g := strings.Join(exactly(got), " "); g != c.want {
							t.Errorf("got %s, want %s", g, c.want)
						}
					})
				})
			}
		}
	}
}

// exactly takes away the millisecond for which a source may hold an item.
func exactly(notes []string) []string {
	var all []string
	for _, n := range notes {
		at, size, _ := strings.Cut(n, ":")
		d, _ := time.ParseDuration(at)
		all = append(all, fmt.Sprintf("%s:%s", d.Truncate(100*time.Millisecond), size))
	}
	return all
}

// wide is sizes with a port for several edges.
func wide(s *[]string) []nodes.Decl {
	all := sizes(s)
	for i := range all {
		all[i].Spec.In[0].Arity = graph.Many
	}
	return all
}

// silent is a source that gives nothing and ends after the last item.
var silent = kind("silent", func(*opKind, *nodes.Env) *op {
	return &op{next: func(context.Context) (any, error) { time.Sleep(8 * time.Second); return nil, io.EOF }}
})

// What is larger is cut, and what is small put together, exactly.
func TestBatchCuts(t *testing.T) {
	for _, c := range []struct {
		batch string
		want  []int
	}{
		{"{count: 4}", []int{4, 4, 2}},
		{"{count: 10}", []int{10}},
		{"{count: 9}", []int{9, 1}},
		{"{count: 100, bytes: 72}", []int{3, 3, 3, 1}}, // 24 bytes each
		{"{count: 2, bytes: 72}", []int{2, 2, 2, 2, 2}},
		{"{bytes: 1}", []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
	} {
		t.Run(c.batch, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				var got []string
				tr := try(t, "  in: {use: threes}\n  a: {use: values, in: in, batch: "+c.batch+"}\n  out: {use: keep, in: a}\n", scheduler.Options{},
					append(sizes(&got), threes)...)
				tr.succeed()
				equal(t, "items", tr.store.numbers("out"), upTo(10))
				var want []string
				for _, n := range c.want {
					want = append(want, fmt.Sprintf("0s:%d", n))
				}
				if !slices.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
			})
		})
	}
}

// threes gives 10 items in batches of 3, 3, 3 and 1.
var threes = kind("threes", func(*opKind, *nodes.Env) *op {
	return &op{
		next: numbering(4),
		process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
			from := 3 * in.Made.(int)
			return out.Emit(0, record.Wrap(numbered(from, min(from+3, 10))))
		},
	}
})

// A stop flushes at once; a kill gives back what waits; a limit behind it too.
func TestBatchEnds(t *testing.T) {
	const flow = `
  in: {use: emit, with: {every: 1s}}
  a: {use: records, in: in, batch: {count: 10}}
  f: {use: first, in: a, with: {count: 25}}
  out: {use: keep, in: f}
`
	virtual(t, func(t *testing.T) {
		var got []string
		tr := try(t, flow, scheduler.Options{}, sizes(&got)...)
		time.AfterFunc(14500*time.Millisecond, tr.run.Stop)
		report := tr.succeed()
		equal(t, "stopped", tr.store.numbers("out"), upTo(14))
		if report.Took != 14500*time.Millisecond {
			t.Errorf("stopped: took %s", report.Took)
		}
	})
	virtual(t, func(t *testing.T) {
		var got []string
		tr := try(t, flow, scheduler.Options{}, sizes(&got)...)
		ctx, cancel := context.WithTimeoutCause(t.Context(), 14500*time.Millisecond, errBad)
		defer cancel()
		report, err := tr.execute(ctx)
		if !errors.Is(err, errBad) || report.Took != 14500*time.Millisecond {
			t.Errorf("killed: %v after %s", err, report.Took)
		}
		balanced(t, report)
		if n := node(t, report, "a"); n.Held != 4 {
			t.Errorf("killed: %d are held", n.Held)
		}
	})
	virtual(t, func(t *testing.T) {
		var got []string
		tr := try(t, flow, scheduler.Options{}, sizes(&got)...)
		tr.succeed()
		equal(t, "limited", tr.store.numbers("out"), upTo(25))
	})
}

// Several workers each get whole batches, a rate lets each pass as one, and a breaker
// counts its items.
func TestBatchWithOthers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  in: {use: emit, with: {count: 20}}
  a: {use: step, in: in, workers: 3, batch: {count: 5}, rate: 5/s}
  out: {use: keep, in: a}
`, scheduler.Options{})
		report := tr.succeed()
		equal(t, "items", tr.store.numbers("out"), upTo(20))
		// The bucket begins with one token, so the first five need 800ms.
		var want []time.Duration
		for i := range 20 {
			want = append(want, time.Duration(i/5)*time.Second+800*time.Millisecond)
		}
		for i, at := range tr.store.times["out"] {
			if at.Truncate(10*time.Millisecond) != want[i] {
				t.Errorf("item %d at %s, want %s", i, at, want[i])
			}
		}
		if n := node(t, report, "a"); n.In != 20 || n.Used != 20 {
			t.Errorf("in %d, used %d", n.In, n.Used)
		}
	})
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  in: {use: emit, with: {count: 8}}
  out: {use: keep, in: in, batch: {count: 2}, breaker: {failures: 4, open_for: 30s}, on_error: skip, with: {fail: [0, 2]}}
`, scheduler.Options{})
		tr.succeed()
		equal(t, "items", tr.store.numbers("out"), []int64{4, 5, 6, 7})
		sameTimes(t, "times", tr.store.times["out"], slices.Repeat([]time.Duration{30 * time.Second}, 4))
	})
}

// Each edge fills batches of its own, also of an operator that chooses its edges and
// waits for times.
func TestBatchOfEachEdge(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var got []string
		start, due := time.Now(), time.Time{}
		both := kind("both", func(*opKind, *nodes.Env) *op {
			return &op{
				wants: func(_, edge int) bool { return edge == 0 || time.Since(start) >= 10*time.Second },
				due:   func() time.Time { return due },
				onTime: func(context.Context, time.Time, nodes.Out) error {
					due = time.Time{}
					return nil
				},
				open: func() error { due = start.Add(10 * time.Second); return nil },
				process: func(_ context.Context, in nodes.Input, _ nodes.Out) error {
					got = append(got, fmt.Sprintf("%d:%d at %s", in.Edge, in.Data.Len(), time.Since(start).Truncate(100*time.Millisecond)))
					return nil
				},
			}
		}, graph.Port{Name: "in", Any: true, Arity: graph.Many})
		tr := try(t, `
  a: {use: emit, with: {every: 1s, count: 8}}
  b: {use: emit, with: {every: 700ms, count: 8}}
  both: {use: both, in: [a, b], batch: {count: 3}}
`, scheduler.Options{}, both)
		tr.succeed()
		want := []string{"0:3 at 3s", "0:3 at 6s", "0:2 at 8s", "1:3 at 10s", "1:3 at 10s", "1:2 at 10s"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
