package flowrun_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/graph/record"
)

// TestMain makes memory unreadable once it was released, so that whatever is used
// too long shows.
func TestMain(m *testing.M) {
	record.Poison(true)
	os.Exit(m.Run())
}

// run runs a graph that must succeed.
func run(t testing.TB, g *flowrun.Graph) flowrun.Report {
	t.Helper()
	report, err := g.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// equal compares what a test got with what it wants.
func equal[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// upTo gives 0 ... n-1.
func upTo(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func TestSources(t *testing.T) {
	const n = 5000
	ch := make(chan int, 100)
	go func() {
		for i := range n {
			ch <- i
		}
		close(ch)
	}()
	g := flowrun.New("sources")
	outs := map[string]*flowrun.Collection[int]{
		"slice": flowrun.Collect(flowrun.Slice(g, "slice", upTo(n)), "a"),
		"seq":   flowrun.Collect(flowrun.Seq(g, "seq", slices.Values(upTo(n))), "b"),
		"chan":  flowrun.Collect(flowrun.Chan(g, "chan", ch), "c"),
		"func": flowrun.Collect(flowrun.Func(g, "func", func(_ context.Context, emit func(int) error) error {
			for i := range n {
				if err := emit(i); err != nil {
					return err
				}
			}
			return nil
		}), "d"),
	}
	run(t, g)
	for name, out := range outs {
		equal(t, name, out.Items(), upTo(n))
	}
}

func TestEmptyStreams(t *testing.T) {
	g := flowrun.New("empty")
	none := flowrun.Slice(g, "none", []int{})
	some := flowrun.Slice(g, "some", []int{1, 2})
	same := func(x int) int { return x }
	sum := func(a, b int) int { return a + b }
	out := map[string]*flowrun.Collection[int]{
		"map":    flowrun.Collect(flowrun.Apply(none, "map", same), "a"),
		"join":   flowrun.Collect(flowrun.Join(some, none, "join", same, same, sum), "b"),
		"joined": flowrun.Collect(flowrun.Join(none, some, "joined", same, same, sum), "c"),
		"zip":    flowrun.Collect(flowrun.Zip(some, none, "zip", sum), "d"),
		"limit":  flowrun.Collect(flowrun.Limit(some, "limit", 0), "e"),
		"reduce": flowrun.Collect(flowrun.Reduce(none, "reduce", same, sum), "f"),
	}
	batches := flowrun.Collect(flowrun.Batch(none, "batch", 3), "g")
	run(t, g)
	for name, c := range out {
		equal(t, name, c.Items(), nil)
	}
	if len(batches.Items()) > 0 {
		t.Error(batches.Items())
	}
}

// A broadcast: every reader gets everything, and none of them sees what another
// one made of it in place.
func TestBroadcast(t *testing.T) {
	g := flowrun.New("broadcast")
	numbers := flowrun.Apply(flowrun.Slice(g, "numbers", upTo(3000)), "copy", func(x int) int { return x })
	var outs []*flowrun.Collection[int]
	for k := range 4 {
		times := flowrun.Apply(numbers, fmt.Sprintf("times%d", k), func(x int) int { return x * k })
		even := flowrun.Filter(times, fmt.Sprintf("even%d", k), func(x int) bool { return x%2 == 0 })
		outs = append(outs, flowrun.Collect(even, fmt.Sprintf("out%d", k)))
	}
	plain := flowrun.Collect(numbers, "plain")
	run(t, g)
	equal(t, "plain", plain.Items(), upTo(3000))
	for k, out := range outs {
		var want []int
		for x := range 3000 {
			if x*k%2 == 0 {
				want = append(want, x*k)
			}
		}
		equal(t, fmt.Sprint("times ", k), out.Items(), want)
	}
}

func TestSliceIsNotChanged(t *testing.T) {
	items := upTo(5000)
	g := flowrun.New("keep")
	s := flowrun.Apply(flowrun.Slice(g, "items", items), "neg", func(x int) int { return -x })
	flowrun.Drop(flowrun.Filter(s, "odd", func(x int) bool { return x%2 != 0 }), "drop")
	run(t, g)
	equal(t, "the slice", items, upTo(5000))
}

func TestStateIsPerRun(t *testing.T) {
	g := flowrun.New("again")
	numbers := flowrun.Slice(g, "numbers", []int{1, 2, 3, 4, 5})
	parity := func(x int) int { return x % 2 }
	sums := flowrun.Fold(numbers, "sums", parity, func(s *int, x int) error { *s += x; return nil })
	pairs := flowrun.Batch(flowrun.Limit(numbers, "limit", 3), "pairs", 2)
	running := flowrun.Scan(numbers, "running", parity, func(s *int, x int, emit func(int)) error {
		*s += x
		emit(*s)
		return nil
	})
	highest := flowrun.Reduce(numbers, "highest", parity, func(a, b int) int { return max(a, b) })
	a, b, c, d := flowrun.Collect(sums, "a"), flowrun.Collect(pairs, "b"), flowrun.Collect(running, "c"), flowrun.Collect(highest, "d")
	for range 3 {
		run(t, g)
		equal(t, "sums", a.Items(), []flowrun.Entry[int, int]{{Key: 1, Value: 9}, {Key: 0, Value: 6}})
		if got := fmt.Sprint(b.Items()); got != "[[1 2] [3]]" {
			t.Error(got)
		}
		equal(t, "running", c.Items(), []int{1, 2, 4, 6, 9})
		equal(t, "highest", d.Items(), []int{5, 4})
	}
}

func TestJoins(t *testing.T) {
	type person struct {
		name string
		city int
	}
	people := []person{{"ann", 1}, {"bob", 2}, {"cid", 9}, {"dan", 1}}
	cities := []string{"1 Rome", "2 Bern", "1 Roma", "3 Oslo"}
	g := flowrun.New("joins")
	left, right := flowrun.Slice(g, "people", people), flowrun.Slice(g, "cities", cities)
	keyL := func(p person) int { return p.city }
	keyR := func(s string) int { n, _ := strconv.Atoi(s[:1]); return n }
	text := func(p *person, c *string) string {
		name, city := "-", "-"
		if p != nil {
			name = p.name
		}
		if c != nil {
			city = *c
		}
		return name + " " + city
	}
	inner := flowrun.Collect(flowrun.Join(left, right, "inner", keyL, keyR, func(p person, c string) string { return text(&p, &c) }), "inner_out")
	semi := flowrun.Collect(flowrun.SemiJoin(left, right, "semi", keyL, keyR, flowrun.Workers(3)), "semi_out")
	anti := flowrun.Collect(flowrun.AntiJoin(left, right, "anti", keyL, keyR), "anti_out")
	outer := map[flowrun.Outer]*flowrun.Collection[string]{}
	for name, o := range map[string]flowrun.Outer{"left": flowrun.Left, "right": flowrun.Right, "full": flowrun.Full} {
		outer[o] = flowrun.Collect(flowrun.OuterJoin(left, right, name, keyL, keyR, text, o, flowrun.Workers(3)), name+"_out")
	}
	run(t, g)
	pairs := []string{"ann 1 Rome", "ann 1 Roma", "bob 2 Bern", "dan 1 Rome", "dan 1 Roma"}
	equal(t, "inner", inner.Items(), pairs)
	equal(t, "semi", semi.Items(), []person{people[0], people[1], people[3]})
	equal(t, "anti", anti.Items(), []person{people[2]})
	withLeft := slices.Insert(slices.Clone(pairs), 3, "cid -")
	equal(t, "left", outer[flowrun.Left].Items(), withLeft)
	equal(t, "right", outer[flowrun.Right].Items(), append(slices.Clone(pairs), "- 3 Oslo"))
	equal(t, "full", outer[flowrun.Full].Items(), append(withLeft, "- 3 Oslo"))
}

// One source feeds both sides of a join, and both sides of a zip of which one is
// filtered: with queues of one item each would block for good if the check did not
// see to it.
func TestDiamondsDoNotBlock(t *testing.T) {
	g := flowrun.New("diamond")
	source := flowrun.Slice(g, "source", upTo(20_000))
	same := func(x int) int { return x }
	few := flowrun.Filter(source, "few", func(x int) bool { return x >= 19_990 }, flowrun.Capacity(1))
	joined := flowrun.Join(source, few, "join", same, same, func(a, b int) int { return a + b }, flowrun.Capacity(1))
	zipped := flowrun.Zip(source, few, "zip", func(a, b int) int { return a }, flowrun.Capacity(1))
	a, b := flowrun.Collect(joined, "a"), flowrun.Collect(zipped, "b")
	run(t, g)
	var want []int
	for x := 19_990; x < 20_000; x++ {
		want = append(want, 2*x)
	}
	equal(t, "join", a.Items(), want)
	equal(t, "zip", b.Items(), upTo(10))
}

func TestMergeAndSplit(t *testing.T) {
	g := flowrun.New("merge")
	a, b := flowrun.Split(flowrun.Slice(g, "all", upTo(5000)), "split", func(x int) bool { return x%3 == 0 }, flowrun.Workers(2))
	merged := flowrun.Collect(flowrun.Merge([]flowrun.Stream[int]{a, b}, "merge", flowrun.Capacity(16)), "merged")
	lined := flowrun.Collect(flowrun.Concat([]flowrun.Stream[int]{a, b}, "concat", flowrun.About("one, then the other")), "lined")
	flow := g.Flow()
	for _, in := range flow.Node("merge").In {
		for _, e := range in.Edges {
			if e.Contract.Capacity != 16 {
				t.Errorf("%s holds %d items, want 16", e, e.Contract.Capacity)
			}
		}
	}
	if about := flow.Node("concat").Engine.About; about != "one, then the other" {
		t.Errorf("concat is about %q", about)
	}
	run(t, g)
	equal(t, "merged", slices.Sorted(slices.Values(merged.Items())), upTo(5000))
	for _, threes := range []bool{false, true} { // each stream for itself
		of := slices.DeleteFunc(slices.Clone(merged.Items()), func(x int) bool { return (x%3 == 0) != threes })
		if !slices.IsSorted(of) {
			t.Error("a merged stream lost its order")
		}
	}
	var want []int
	for _, rest := range []bool{false, true} {
		for x := range 5000 {
			if (x%3 != 0) == rest {
				want = append(want, x)
			}
		}
	}
	equal(t, "concat", lined.Items(), want)
}

// A flow that an item ends names the item, the node and the error of the function.
func TestFailure(t *testing.T) {
	wrong := errors.New("no such place")
	for name, bad := range map[string]func(x int) (int, error){
		"error": func(x int) (int, error) { return 0, wrong },
		"panic": func(x int) (int, error) { panic(wrong) },
	} {
		g := flowrun.New("failing")
		s := flowrun.Map(flowrun.Slice(g, "numbers", upTo(3000)), "look_up", func(_ context.Context, x int) (int, error) {
			if x == 1234 {
				return bad(x)
			}
			return x, nil
		}, flowrun.Workers(3))
		out := flowrun.Collect(s, "out")
		report, err := g.Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "look_up") || !strings.Contains(err.Error(), "1234") || !strings.Contains(err.Error(), "no such place") {
			t.Fatalf("%s: %v", name, err)
		}
		if name == "error" && !errors.Is(err, wrong) {
			t.Error("errors.Is does not see the error of the function")
		}
		if report.Outcome != "failed" || !slices.Equal(out.Items(), upTo(len(out.Items()))) || len(out.Items()) > 1234 {
			t.Errorf("%s: %s with %d items", name, report.Outcome, len(out.Items()))
		}
	}
}

// A failingOp is a node that fails on one item in a hundred and gives the others on.
type failingOp = func(s flowrun.Stream[int], id string, opts ...flowrun.Option) flowrun.Stream[int]

// check fails on them.
func check(x int) int {
	if x%100 == 7 {
		panic("seven")
	}
	return x
}

func itself(x int) int { return x }

var failing = map[string]failingOp{
	"map": func(s flowrun.Stream[int], id string, opts ...flowrun.Option) flowrun.Stream[int] {
		return flowrun.Apply(s, id, check, opts...)
	},
	"retried": func(s flowrun.Stream[int], id string, opts ...flowrun.Option) flowrun.Stream[int] {
		return flowrun.Apply(s, id, check, append(opts, flowrun.Timeout(time.Minute))...)
	},
	"filter": func(s flowrun.Stream[int], id string, opts ...flowrun.Option) flowrun.Stream[int] {
		return flowrun.Filter(s, id, func(x int) bool { check(x); return true }, opts...)
	},
	"flatmap": func(s flowrun.Stream[int], id string, opts ...flowrun.Option) flowrun.Stream[int] {
		return flowrun.FlatMap(s, id, func(_ context.Context, x int, emit func(int)) error { emit(x); check(x); return nil }, opts...)
	},
	"split": func(s flowrun.Stream[int], id string, opts ...flowrun.Option) flowrun.Stream[int] {
		a, b := flowrun.Split(s, id, func(x int) bool { return check(x) >= 0 }, opts...)
		flowrun.Drop(b, id+"_rest")
		return a
	},
	"scan": func(s flowrun.Stream[int], id string, opts ...flowrun.Option) flowrun.Stream[int] {
		return flowrun.Scan(s, id, itself, func(_ *int, x int, emit func(int)) error { emit(x); check(x); return nil }, opts...)
	},
	"fold": func(s flowrun.Stream[int], id string, opts ...flowrun.Option) flowrun.Stream[int] {
		folded := flowrun.Fold(s, id, itself, func(_ *int, x int) error { check(x); return nil }, opts...)
		return flowrun.Apply(folded, id+"_key", func(e flowrun.Entry[int, int]) int { return e.Key })
	},
	"fold with an error": func(s flowrun.Stream[int], id string, opts ...flowrun.Option) flowrun.Stream[int] {
		folded := flowrun.Fold(s, id, itself, func(_ *int, x int) error {
			if x%100 == 7 {
				return errors.New("seven")
			}
			return nil
		}, opts...)
		return flowrun.Apply(folded, id+"_key", func(e flowrun.Entry[int, int]) int { return e.Key })
	},
	"join": func(s flowrun.Stream[int], id string, opts ...flowrun.Option) flowrun.Stream[int] {
		return flowrun.Join(s, s, id, check, itself, func(a, _ int) int { return a }, opts...)
	},
	"joined": func(s flowrun.Stream[int], id string, opts ...flowrun.Option) flowrun.Stream[int] {
		return flowrun.Join(s, s, id, itself, check, func(a, _ int) int { return a }, opts...)
	},
	"zip": func(s flowrun.Stream[int], id string, opts ...flowrun.Option) flowrun.Stream[int] {
		return flowrun.Zip(s, s, id, func(a, b int) int { return check(a) }, opts...)
	},
	"each": func(s flowrun.Stream[int], id string, opts ...flowrun.Option) flowrun.Stream[int] {
		flowrun.Each(s, id, func(_ context.Context, x int) error { check(x); return nil }, opts...)
		return flowrun.Filter(s, id+"_same", func(x int) bool { return x%100 != 7 })
	},
}

// A bad item never takes its neighbours along, in any node, with any number of
// workers.
func TestBadItems(t *testing.T) {
	var want []int
	for x := range 3000 {
		if x%100 != 7 {
			want = append(want, x)
		}
	}
	for name, op := range failing {
		for _, workers := range []int{1, 3} {
			t.Run(fmt.Sprint(name, workers), func(t *testing.T) {
				opts := []flowrun.Option{flowrun.OnError(flowrun.Skip)}
				if workers > 1 {
					opts = append(opts, flowrun.Workers(workers))
				}
				g := flowrun.New("bad")
				first := flowrun.Apply(flowrun.Slice(g, "numbers", upTo(3000)), "copy", itself)
				out := flowrun.Collect(op(first, "op", opts...), "out")
				report := run(t, g)
				equal(t, name, out.Items(), want)
				for _, n := range report.Nodes {
					if n.ID == "op" && n.Skipped != 30 {
						t.Errorf("%d items are counted as skipped, not 30", n.Skipped)
					}
				}
			})
		}
	}
}

func TestErrorsAreAStream(t *testing.T) {
	g := flowrun.New("dead")
	numbers := flowrun.Slice(g, "numbers", upTo(2500))
	good := flowrun.Map(numbers, "odd", func(_ context.Context, x int) (int, error) {
		if x%2 == 0 {
			return 0, fmt.Errorf("%d is even", x)
		}
		return x, nil
	}, flowrun.Workers(2), flowrun.Retry(flowrun.RetryPolicy{Attempts: 2, InitialInterval: time.Nanosecond}))
	// The stream of errors is a stream like any other: its items can be mapped.
	texts := flowrun.Apply(flowrun.Errors(good), "texts", func(e flowrun.ItemError) string {
		return fmt.Sprintf("%s|%s|%s|%d", e.Node, e.Message, e.Item, e.Attempts)
	})
	a, b := flowrun.Collect(good, "good"), flowrun.Collect(texts, "bad")
	run(t, g)
	if len(a.Items()) != 1250 || len(b.Items()) != 1250 || b.Items()[1] != "odd|2 is even|2|2" {
		t.Errorf("%d good, %d bad, such as %q", len(a.Items()), len(b.Items()), b.Items()[1])
	}
}
