package flowrun_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

// A step is an item for the sums of a letter. What is amiss with it is "close", "fail",
// "panic" or nothing.
type step struct {
	Key   string
	N     int
	Amiss string
}

func (s step) add(sum *int) error {
	switch s.Amiss {
	case "close":
		return flowrun.CloseKey
	case "fail":
		return errBoom
	case "panic":
		panic(errBoom)
	}
	*sum += s.N
	return nil
}

// sumKind is the same as a kind.
type sumKind struct{}

func (*sumKind) Key(in step) string { return in.Key }
func (*sumKind) Fold(_ context.Context, sum *int, in step, _ func(flowrun.Entry[string, int])) error {
	return in.add(sum)
}
func (*sumKind) Close(_ context.Context, key string, sum *int, emit func(flowrun.Entry[string, int])) error {
	emit(flowrun.Entry[string, int]{Key: key, Value: *sum})
	return nil
}

// The Fold of the library and that of kinds agree on what an item leaves behind.
func TestFolds(t *testing.T) {
	folds := map[string]func(g *flowrun.Graph, in flowrun.Stream[step]) flowrun.Stream[flowrun.Entry[string, int]]{
		"library": func(_ *flowrun.Graph, in flowrun.Stream[step]) flowrun.Stream[flowrun.Entry[string, int]] {
			return flowrun.Fold(in, "fold", func(s step) string { return s.Key }, func(sum *int, s step) error { return s.add(sum) }, flowrun.OnError(flowrun.Skip))
		},
		"kind": func(g *flowrun.Graph, in flowrun.Stream[step]) flowrun.Stream[flowrun.Entry[string, int]] {
			return flowrun.As[flowrun.Entry[string, int]](g.Use("fold", "sum", nil, in, flowrun.OnError(flowrun.Skip)), "as")
		},
	}
	for name, test := range map[string]struct {
		in      []step
		want    string
		skipped int64
	}{
		"keys in their order":          {[]step{{"b", 1, ""}, {"a", 2, ""}, {"b", 3, ""}}, "[{b 4} {a 2}]", 0},
		"a first item that fails":      {[]step{{"a", 1, "fail"}, {"b", 2, ""}}, "[{b 2}]", 1},
		"a first item that panics":     {[]step{{"a", 1, "panic"}, {"b", 2, ""}, {"a", 3, ""}}, "[{b 2} {a 3}]", 1},
		"a later item that fails":      {[]step{{"a", 1, ""}, {"a", 2, "fail"}, {"a", 3, ""}}, "[{a 4}]", 1},
		"a key that is closed":         {[]step{{"a", 1, ""}, {"b", 2, ""}, {"a", 0, "close"}}, "[{a 1} {b 2}]", 0},
		"a key that is opened again":   {[]step{{"a", 1, ""}, {"b", 2, ""}, {"a", 0, "close"}, {"a", 5, ""}}, "[{a 1} {b 2} {a 5}]", 0},
		"a key that is closed at once": {[]step{{"a", 1, "close"}, {"b", 2, ""}}, "[{a 0} {b 2}]", 0},
		"nothing":                      {nil, "[]", 0},
	} {
		for of, fold := range folds {
			for _, options := range []flowrun.Options{{}, {Batch: 1}, {Serial: true}} {
				g := flowrun.New("folds", std.Nodes, []nodes.Decl{nodes.Fold("sum", "Sums.", &sumKind{})})
				out := flowrun.Collect(fold(g, flowrun.Slice(g, "steps", test.in)), "out")
				report, err := g.RunWith(t.Context(), options)
				if err != nil {
					t.Fatal(err)
				}
				if got := fmt.Sprint(out.Items()); got != test.want || report.Nodes[1].Skipped != test.skipped {
					t.Errorf("%s of the %s: %s with %d skipped, want %s", name, of, got, report.Nodes[1].Skipped, test.want)
				}
			}
		}
	}
}

// A closed key gives its entry at once, and its state is gone.
func TestClosedKeyLeavesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flowrun.New("close")
		start := time.Now()
		steps := flowrun.Func(g, "steps", func(_ context.Context, emit func(step) error) error {
			for _, s := range []step{{"a", 1, ""}, {"b", 2, ""}, {"a", 0, "close"}} {
				if err := emit(s); err != nil {
					return err
				}
			}
			time.Sleep(time.Hour)
			return nil
		})
		folded := flowrun.Fold(steps, "fold", func(s step) string { return s.Key }, func(sum *int, s step) error { return s.add(sum) })
		scanned := flowrun.Scan(steps, "scan", func(s step) string { return s.Key }, func(n *int, s step, emit func(int)) error {
			*n++
			emit(*n)
			return s.add(new(int))
		})
		var came []string
		flowrun.Each(folded, "each", func(_ context.Context, e flowrun.Entry[string, int]) error {
			came = append(came, fmt.Sprint(e, time.Since(start) > time.Minute))
			return nil
		})
		counts := flowrun.Collect(scanned, "counts")
		run(t, g)
		equal(t, "entries", came, []string{"{a 1} false", "{b 2} true"})
		equal(t, "counts", counts.Items(), []int{1, 1, 2})
	})
}

func TestFork(t *testing.T) {
	for _, workers := range []int{1, 3} {
		g := flowrun.New("fork")
		var opts []flowrun.Option
		if workers > 1 {
			opts = append(opts, flowrun.Workers(workers))
		}
		even, odd := flowrun.Fork(flowrun.Slice(g, "numbers", upTo(4000)), "fork", func(_ context.Context, x int, even func(int), odd func(string)) error {
			even(x)
			odd(fmt.Sprint(x))
			if x%2 == 1 {
				return errBoom
			}
			even(-x)
			return nil
		}, append(opts, flowrun.OnError(flowrun.Skip))...)
		a, b := flowrun.Collect(even, "a"), flowrun.Collect(odd, "b")
		run(t, g)
		var wantA []int
		var wantB []string
		for x := 0; x < 4000; x += 2 {
			wantA, wantB = append(wantA, x, -x), append(wantB, fmt.Sprint(x))
		}
		equal(t, "first", a.Items(), wantA)
		equal(t, "second", b.Items(), wantB)
	}
}

// Two streams share a state: prices that come now and then, orders that take the last.
func TestConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flowrun.New("connect")
		every := func(d time.Duration, n int) func(context.Context, func(int) error) error {
			return func(_ context.Context, emit func(int) error) error {
				for i := range n {
					time.Sleep(d)
					if err := emit(i); err != nil {
						return err
					}
				}
				return nil
			}
		}
		prices := flowrun.Func(g, "prices", every(time.Minute, 3))
		orders := flowrun.Apply(flowrun.Func(g, "orders", every(25*time.Second, 8)), "names", func(n int) string { return string(rune('a' + n)) })
		type state struct{ price, orders int }
		priced := flowrun.Connect(orders, prices, "priced",
			func(s *state, order string, emit func(string)) error {
				s.orders++
				emit(fmt.Sprint(order, s.price))
				return nil
			}, func(s *state, price int, _ func(string)) error {
				if s.price = 10 * (price + 1); price == 1 {
					return errBoom
				}
				return nil
			}, func(s *state, emit func(string)) error {
				emit(fmt.Sprint(s.orders, " orders"))
				return nil
			}, flowrun.OnError(flowrun.Dead))
		failed := flowrun.Collect(flowrun.Failures[any](priced), "failed")
		out := flowrun.Collect(priced, "out")
		for range 2 {
			run(t, g)
			equal(t, "priced", out.Items(), []string{"a0", "b0", "c10", "d10", "e20", "f20", "g20", "h30", "8 orders"})
			if f := failed.Items(); len(f) != 1 || f[0].Item != 1 || !errors.Is(f[0], errBoom) {
				t.Error(f)
			}
		}
	})
}

// A bulk sends what it was given by three at once, in the background of its own.
type bulk struct {
	mu     sync.Mutex
	now    atomic.Int32
	most   int32
	held   []int
	sent   []int
	opened int
	closed int
}

func (b *bulk) Open(context.Context, *nodes.Env) error { b.opened++; return nil }
func (b *bulk) Close() error                           { b.closed++; return nil }
func (b *bulk) MaxInFlight() int                       { return 3 }

func (b *bulk) Write(_ context.Context, xs []int) error {
	now := b.now.Add(1)
	time.Sleep(time.Second)
	b.now.Add(-1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.most = max(b.most, now)
	b.held = append(b.held, xs...)
	return nil
}

func (b *bulk) Flush(context.Context) error {
	b.sent, b.held = append(b.sent, b.held...), nil
	return nil
}

func TestWriteTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flowrun.New("bulk")
		b := new(bulk)
		flowrun.WriteTo(flowrun.Slice(g, "numbers", upTo(900)), "bulk", b, flowrun.Batched(flowrun.BatchPolicy{Count: 10}))
		start := time.Now()
		run(t, g)
		if took := time.Since(start); b.most != 3 || took > 35*time.Second {
			t.Errorf("%d calls at once at most, %v in all", b.most, took)
		}
		equal(t, "sent", slices.Sorted(slices.Values(b.sent)), upTo(900))
		if b.opened != 1 || b.closed != 1 {
			t.Errorf("opened %d times, closed %d times", b.opened, b.closed)
		}
	})
}

// A log of lines is read from an offset on.
type log struct {
	lines []string
	from  string
}

func (l *log) ReadFrom(_ context.Context, after flowrun.Position, emit func(string, flowrun.Position) error) error {
	at := 0
	if l.from = string(after); after != nil {
		fmt.Sscan(l.from, &at)
	}
	for i, line := range l.lines[at:] {
		if err := emit(line, fmt.Append(nil, at+i+1)); err != nil {
			return err
		}
	}
	return nil
}

func TestReadFrom(t *testing.T) {
	g := flowrun.New("log")
	l := &log{lines: strings.Fields("a b c d e")}
	out := flowrun.Collect(flowrun.ReadFrom(g, "log", l), "out")
	run(t, g)
	equal(t, "lines", out.Items(), l.lines)
	if l.from != "" {
		t.Errorf("it was read after %q", l.from)
	}
}

// What a source gave before it failed or panicked comes first.
func TestSourceFails(t *testing.T) {
	for name, last := range map[string]func() error{
		"boom":        func() error { return errBoom },
		"panic: boom": func() error { panic(errBoom) },
	} {
		g := flowrun.New("failing")
		s := flowrun.Func(g, "source", func(_ context.Context, emit func(int) error) error {
			for i := range 2000 {
				if err := emit(i); err != nil {
					return err
				}
			}
			return last()
		})
		arrived := 0
		flowrun.Each(s, "each", func(context.Context, int) error { arrived++; return nil })
		report, err := g.Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), name) || !errors.Is(err, errBoom) {
			t.Error(err)
		}
		if report.Nodes[0].Out != 2000 {
			t.Errorf("%d items left the source", report.Nodes[0].Out)
		}
	}
}
