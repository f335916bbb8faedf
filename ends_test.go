package flowrun_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun"
)

// An infinite source ends when nobody wants more.
func TestLimitEndsItsSource(t *testing.T) {
	var made atomic.Int64
	for _, source := range []string{"seq", "func"} {
		g := flowrun.New("limit")
		var s flowrun.Stream[int]
		if source == "seq" {
			s = flowrun.Seq(g, "source", iter.Seq[int](func(yield func(int) bool) {
				for i := 0; yield(i); i++ {
					made.Add(1)
				}
			}))
		} else {
			s = flowrun.Func(g, "source", func(_ context.Context, emit func(int) error) error {
				for i := 0; ; i++ {
					if err := emit(i); err != nil {
						return err
					}
				}
			})
		}
		out := flowrun.Collect(flowrun.Limit(flowrun.Apply(s, "same", func(x int) int { return x }), "limit", 10), "out")
		run(t, g)
		equal(t, source, out.Items(), upTo(10))
	}
	if made.Load() > 1_000_000 {
		t.Errorf("the source made %d items for 10", made.Load())
	}
}

func TestCancel(t *testing.T) {
	why := errors.New("changed my mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	g := flowrun.New("cancel")
	forever := flowrun.Seq(g, "forever", func(yield func(int) bool) {
		for i := 0; yield(i); i++ {
		}
	})
	out := flowrun.Map(forever, "map", func(ctx context.Context, x int) (int, error) {
		if x == 100_000 {
			cancel(why)
		}
		return x, nil
	}, flowrun.Workers(2))
	flowrun.Drop(out, "drop")
	if report, err := g.Run(ctx); !errors.Is(err, why) || report.Outcome != "failed" {
		t.Error(err, report.Outcome)
	}
}

func TestOneRunAtATime(t *testing.T) {
	g := flowrun.New("twice")
	flowrun.Each(flowrun.Slice(g, "one", []int{1}), "each", func(ctx context.Context, _ int) error {
		_, err := g.Run(ctx)
		return err
	})
	if _, err := g.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "running already") {
		t.Error(err)
	}
	if g.Stats().Outcome != "failed" {
		t.Error(g.Stats().Outcome)
	}
}

// What is read last arrives although nothing else comes: nothing is held back.
func TestSlowSourceIsNotHeldBack(t *testing.T) {
	g := flowrun.New("answer")
	requests, answers := make(chan int), make(chan int)
	s := flowrun.Chan(g, "requests", requests)
	flowrun.Each(flowrun.Apply(s, "double", func(x int) int { return 2 * x }), "answers", func(_ context.Context, x int) error {
		answers <- x
		return nil
	})
	done := make(chan error)
	go func() { _, err := g.Run(t.Context()); done <- err }()
	for i := range 100 {
		requests <- i
		if got := <-answers; got != 2*i {
			t.Fatal(got)
		}
	}
	close(requests)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// When Run returns, every goroutine it started has ended, whatever ended it.
func TestNothingIsLeft(t *testing.T) {
	same := func(x int) int { return x }
	for name, run := range map[string]func(g *flowrun.Graph, s flowrun.Stream[int]) error{
		"success": func(g *flowrun.Graph, s flowrun.Stream[int]) error { _, err := g.Run(t.Context()); return err },
		"failure": func(g *flowrun.Graph, s flowrun.Stream[int]) error {
			flowrun.Drop(flowrun.Apply(s, "bad", func(x int) int { return x / (x - 4000) }, flowrun.Workers(4)), "bad_out")
			if _, err := g.Run(t.Context()); err == nil {
				return errors.New("the run did not fail")
			}
			return nil
		},
		"cancel": func(g *flowrun.Graph, s flowrun.Stream[int]) error {
			ctx, cancel := context.WithCancel(t.Context())
			flowrun.Each(s, "bad", func(_ context.Context, x int) error {
				if x == 4000 {
					cancel()
				}
				return nil
			})
			if _, err := g.Run(ctx); !errors.Is(err, context.Canceled) {
				return fmt.Errorf("the run ended with %v", err)
			}
			return nil
		},
		"stop": func(g *flowrun.Graph, s flowrun.Stream[int]) error {
			flowrun.Each(s, "stopping", func(_ context.Context, x int) error {
				if x == 4000 {
					g.Stop()
				}
				return nil
			})
			if _, err := g.Run(t.Context()); !errors.Is(err, flowrun.ErrStopped) {
				return fmt.Errorf("the run ended with %v", err)
			}
			return nil
		},
	} {
		before := runtime.NumGoroutine()
		for range 20 {
			g := flowrun.New("left")
			s := flowrun.Seq(g, "numbers", slices.Values(upTo(50_000)))
			a := flowrun.Apply(s, "a", same, flowrun.Workers(3))
			b := flowrun.Apply(s, "b", same, flowrun.Workers(3), flowrun.Unordered())
			flowrun.Drop(flowrun.Join(a, b, "join", same, same, func(a, _ int) int { return a }, flowrun.Workers(2)), "join_out")
			flowrun.Drop(flowrun.Limit(flowrun.Merge([]flowrun.Stream[int]{a, b}, "merge"), "limit", 30_000), "limit_out")
			if err := run(g, s); err != nil {
				t.Fatal(name, err)
			}
		}
		// The last goroutine to end may still be on its way out.
		for patience := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(patience); {
			runtime.Gosched()
		}
		if n := runtime.NumGoroutine(); n > before {
			buf := make([]byte, 1<<20)
			t.Errorf("%s: %d goroutines are left:\n%s", name, n-before, buf[:runtime.Stack(buf, true)])
		}
	}
}

// Each on several workers is a sink: when it fails, no worker calls its function more
// than once again.
func TestNothingIsCalledAfterAFailure(t *testing.T) {
	for _, opts := range [][]flowrun.Option{{flowrun.Workers(4)}, {flowrun.Workers(4), flowrun.Unordered()}} {
		synctest.Test(t, func(t *testing.T) {
			g, broken := flowrun.New("fails"), errors.New("broken")
			var failed atomic.Bool
			var later atomic.Int64
			flowrun.Each(flowrun.Slice(g, "in", upTo(100_000)), "store", func(_ context.Context, x int) error {
				if failed.Load() {
					later.Add(1)
				}
				time.Sleep(5 * time.Millisecond)
				if x == 5003 {
					failed.Store(true)
					return broken
				}
				return nil
			}, opts...)
			start := time.Now()
			if _, err := g.Run(t.Context()); !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
			if n := later.Load(); n > 4 {
				t.Errorf("%d calls came later", n)
			}
			if took := time.Since(start); took > 7*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}
