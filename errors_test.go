package flowrun_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/nodes/std"
)

// A parcel is no record: it has a channel.
type parcel struct {
	n    int
	Door chan int
}

// Failed items come as they were, in order, with the error that the function returned:
// nothing of them goes through a text, and no memory of theirs was used again.
func TestFailures(t *testing.T) {
	parcels := make([]*parcel, 5000)
	for i := range parcels {
		parcels[i] = &parcel{n: i}
	}
	want := func(x *parcel) bool { return x.n%3 == 0 }
	fail := func(x *parcel) error {
		if want(x) {
			return fmt.Errorf("parcel %d: %w", x.n, errBoom)
		}
		return nil
	}
	for name, op := range map[string]func(s flowrun.Stream[*parcel], opts ...flowrun.Option) flowrun.Output{
		"map": func(s flowrun.Stream[*parcel], opts ...flowrun.Option) flowrun.Output {
			out := flowrun.Map(s, "op", func(_ context.Context, x *parcel) (*parcel, error) { return &parcel{n: -1}, fail(x) }, opts...)
			flowrun.Drop(out, "drop")
			return out
		},
		"flatmap": func(s flowrun.Stream[*parcel], opts ...flowrun.Option) flowrun.Output {
			out := flowrun.FlatMap(s, "op", func(_ context.Context, x *parcel, emit func(int)) error { emit(x.n); return fail(x) }, opts...)
			flowrun.Drop(out, "drop")
			return out
		},
		"filter": func(s flowrun.Stream[*parcel], opts ...flowrun.Option) flowrun.Output {
			out := flowrun.Filter(s, "op", func(x *parcel) bool {
				if err := fail(x); err != nil {
					panic(err)
				}
				return true
			}, opts...)
			flowrun.Drop(out, "drop")
			return out
		},
		"scan": func(s flowrun.Stream[*parcel], opts ...flowrun.Option) flowrun.Output {
			out := flowrun.Scan(s, "op", func(x *parcel) int { return x.n }, func(_ *int, x *parcel, _ func(int)) error { return fail(x) }, opts...)
			flowrun.Drop(out, "drop")
			return out
		},
		"join": func(s flowrun.Stream[*parcel], opts ...flowrun.Option) flowrun.Output {
			none := flowrun.Limit(s, "none", 0)
			out := flowrun.OuterJoin(s, none, "op", func(x *parcel) int {
				if err := fail(x); err != nil {
					panic(err)
				}
				return x.n
			}, func(x *parcel) int { return x.n }, func(l, r **parcel) int { return 0 }, flowrun.Left, opts...)
			flowrun.Drop(out, "drop")
			return out
		},
	} {
		for _, workers := range []int{1, 4} {
			g := flowrun.New("failures")
			source := flowrun.Apply(flowrun.Slice(g, "parcels", parcels), "copy", func(x *parcel) *parcel { return x })
			var opts []flowrun.Option
			if workers > 1 {
				opts = append(opts, flowrun.Workers(workers))
			}
			failed := flowrun.Collect(flowrun.Failures[*parcel](op(source, opts...)), "failed")
			run(t, g)
			var items []*parcel
			for _, f := range failed.Items() {
				items = append(items, f.Item)
				if !errors.Is(f, errBoom) || !strings.Contains(f.Error(), fmt.Sprint("parcel ", f.Item.n)) || f.Attempts != 1 {
					t.Fatalf("%s: %+v", name, f)
				}
			}
			equal(t, name, items, slices.DeleteFunc(slices.Clone(parcels), func(x *parcel) bool { return !want(x) }))
		}
	}
}

// Failures of a node are those of its items, whatever its output is.
func TestFailuresAreChecked(t *testing.T) {
	for name, test := range map[string]struct {
		build func(g *flowrun.Graph) flowrun.Output
		want  string
	}{
		"right": {func(g *flowrun.Graph) flowrun.Output {
			s := flowrun.Apply(flowrun.Slice(g, "s", []int{1}), "op", func(x int) string { return "" })
			flowrun.Failures[int](s)
			flowrun.Failures[int](s)
			return s
		}, ""},
		"an interface": {func(g *flowrun.Graph) flowrun.Output {
			s := flowrun.Slice(g, "s", []int{1})
			z := flowrun.Zip(s, flowrun.Apply(s, "t", func(x int) string { return "" }), "op", func(int, string) int { return 0 })
			flowrun.Failures[any](z)
			return z
		}, ""},
		"output": {func(g *flowrun.Graph) flowrun.Output {
			s := flowrun.Apply(flowrun.Slice(g, "s", []int{1}), "op", func(x int) string { return "" })
			flowrun.Failures[string](s)
			return s
		}, "op: it takes items of type int, so its failed items are Failures[int], not Failures[string]"},
		"both": {func(g *flowrun.Graph) flowrun.Output {
			s := flowrun.Apply(flowrun.Slice(g, "s", []int{1}), "op", func(x int) string { return "" })
			flowrun.Errors(s)
			flowrun.Failures[int](s)
			return s
		}, "op: its failed items are read by Errors already: take the same for all readers"},
		"source": {func(g *flowrun.Graph) flowrun.Output {
			s := flowrun.Slice(g, "op", []int{1})
			flowrun.Failures[int](s)
			return s
		}, "op: it is a source: no item can fail on it"},
		"catalogue": {func(g *flowrun.Graph) flowrun.Output {
			s := g.Use("op", "filter", "where: n > 1", flowrun.Slice(g, "s", []struct{ N int }{{1}}))
			flowrun.Failures[any](s)
			return s
		}, "op: it is a node of the catalogue (filter), whose items are records: read them by Errors"},
	} {
		g := flowrun.New("checked", std.Nodes)
		out := test.build(g)
		g.Use("drop", "drop", nil, out)
		got := ""
		for _, d := range g.Check() {
			if strings.Contains(d.Message, "ailed items are") || strings.Contains(d.Message, "catalogue") || strings.Contains(d.Message, "no item can") {
				got = d.Message
			}
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// A stream of any type may have items that are nothing.
func TestNilItems(t *testing.T) {
	items := []any{nil, 1, nil, "a"}
	g := flowrun.New("nil")
	s := flowrun.Slice(g, "items", items)
	fail := flowrun.Map(s, "fail", func(_ context.Context, x any) (any, error) {
		if x == nil {
			return nil, errBoom
		}
		return x, nil
	})
	failed := flowrun.Collect(flowrun.Failures[any](fail), "failed")
	out := flowrun.Collect(fail, "out")
	counts := flowrun.Collect(flowrun.Fold(s, "count", func(x any) any { return x }, func(n *int, _ any) error { *n++; return nil }), "counts")
	same := flowrun.Collect(flowrun.Filter(flowrun.Apply(s, "same", func(x any) any { return x }), "all", func(any) bool { return true }), "sames")
	run(t, g)
	equal(t, "out", out.Items(), []any{1, "a"})
	equal(t, "same", same.Items(), items)
	equal(t, "counts", counts.Items(), []flowrun.Entry[any, int]{{Key: nil, Value: 2}, {Key: 1, Value: 1}, {Key: "a", Value: 1}})
	if len(failed.Items()) != 2 || failed.Items()[1].Item != nil {
		t.Error(failed.Items())
	}
}
