package flowrun_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun"
)

// A program submits items while the graph runs, and ends it by Close.
func ExamplePush() {
	g := flowrun.New("orders")
	orders := flowrun.Push[string](g, "orders")
	flowrun.Each(orders.Stream, "book", func(_ context.Context, order string) error {
		fmt.Println("booked", order)
		return nil
	})
	ended := make(chan error)
	go func() {
		_, err := g.Run(context.Background())
		ended <- err
	}()
	for _, order := range []string{"tea", "milk", "bread"} {
		if err := orders.Submit(context.Background(), order); err != nil {
			fmt.Println(err)
		}
	}
	orders.Close()
	fmt.Println(orders.TrySubmit("salt"))
	fmt.Println(<-ended)
	// Unordered output:
	// booked tea
	// booked milk
	// booked bread
	// the source is closed
	// <nil>
}

// A subscriber that has seen enough returns ErrDone; the source ends with it.
func ExampleEach() {
	g := flowrun.New("ticks")
	ticks := flowrun.Seq(g, "ticks", func(yield func(int) bool) {
		for n := 0; yield(n); n++ {
		}
	})
	flowrun.Each(ticks, "subscriber", func(_ context.Context, n int) error {
		if n == 3 {
			return flowrun.ErrDone
		}
		fmt.Println(n)
		return nil
	})
	_, err := g.Run(context.Background())
	fmt.Println(err)
	// Output:
	// 0
	// 1
	// 2
	// <nil>
}

// A slow flow makes Submit wait, TrySubmit does not; nothing that was taken is lost.
func TestPushBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flowrun.New("slow")
		in := flowrun.Push[int](g, "in")
		var got []int
		flowrun.Write(in.Stream, "out", func(_ context.Context, xs []int) error {
			time.Sleep(time.Duration(len(xs)) * time.Second)
			got = append(got, xs...)
			return nil
		}, flowrun.Capacity(4), flowrun.Batched(flowrun.BatchPolicy{Count: 1}))
		ended := make(chan error)
		go func() { _, err := g.Run(t.Context()); ended <- err }()
		start, full := time.Now(), 0
		for i := range 1000 {
			if err := in.TrySubmit(i); errors.Is(err, flowrun.ErrFull) {
				full++
				if err := in.Submit(t.Context(), i); err != nil {
					t.Fatal(err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
		}
		// About 500 wait: in the source, on the edge, in its hands and at the writer.
		if took := time.Since(start); took < 400*time.Second || took > 750*time.Second || full == 0 {
			t.Errorf("it took %s to submit, %d times it was full", took, full)
		}
		short, cancel := context.WithTimeoutCause(t.Context(), 500*time.Millisecond, errBoom)
		defer cancel()
		for i := 1000; ; i++ {
			if err := in.Submit(short, i); errors.Is(err, errBoom) {
				break
			} else if err != nil || i > 2000 { // how many fit depends on how full it was when the others had gone in
				t.Fatalf("item %d: %v", i, err)
			}
		}
		in.Close()
		in.Close()
		if err := in.Submit(t.Context(), 1); !errors.Is(err, flowrun.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if !slices.IsSorted(got) || len(got) < 1000 || got[len(got)-1] != len(got)-1 {
			t.Errorf("%d items came, the last is %d", len(got), got[len(got)-1])
		}
	})
}

var errBoom = errors.New("boom")

// However a run ends, Submit says so, nobody waits for ever, and what was taken
// before a stop arrives.
func TestPushEnds(t *testing.T) {
	for name, end := range map[string]func(g *flowrun.Graph, cancel context.CancelFunc){
		"stop": func(g *flowrun.Graph, _ context.CancelFunc) { g.Stop() },
		"kill": func(_ *flowrun.Graph, cancel context.CancelFunc) { cancel() },
		"done": nil,
		"fail": nil,
	} {
		synctest.Test(t, func(t *testing.T) {
			g := flowrun.New("ends")
			in := flowrun.Push[int](g, "in")
			seen := 0
			flowrun.Each(in.Stream, "out", func(ctx context.Context, n int) error {
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
				}
				if seen++; seen == 100 && name == "done" {
					return flowrun.ErrDone
				} else if seen == 100 && name == "fail" {
					return errBoom
				}
				return nil
			}, flowrun.Capacity(2))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error)
			go func() { _, err := g.Run(ctx); ended <- err }()
			var crew sync.WaitGroup
			var mu sync.Mutex
			taken := 0
			for range 3 {
				crew.Go(func() {
					for {
						err := in.Submit(t.Context(), 1)
						if err != nil {
							if !errors.Is(err, flowrun.ErrEnded) {
								t.Errorf("%s: %v", name, err)
							}
							return
						}
						mu.Lock()
						taken++
						mu.Unlock()
					}
				})
			}
			if end != nil {
				time.AfterFunc(100*time.Second, func() { end(g, cancel) })
			}
			err := <-ended
			crew.Wait()
			if (err != nil) != (name == "kill" || name == "fail") {
				t.Errorf("%s: the run says %v", name, err)
			}
			if name == "stop" && seen != taken {
				t.Errorf("stop: %d of %d items arrived", seen, taken)
			}
			if err := in.TrySubmit(1); !errors.Is(err, flowrun.ErrEnded) {
				t.Errorf("%s, afterwards: %v", name, err)
			}
		})
	}
}

// A graph runs again, with the source open again; items submitted before the first
// run wait for it.
func TestPushAgain(t *testing.T) {
	g := flowrun.New("again")
	in := flowrun.Push[int](g, "in")
	out := flowrun.Collect(in.Stream, "out")
	for i := range 3 {
		if err := in.TrySubmit(i); err != nil {
			t.Fatal(err)
		}
	}
	in.Close()
	for _, want := range [][]int{{0, 1, 2}, {7}} {
		ended := make(chan error)
		go func() { _, err := g.Run(t.Context()); ended <- err }()
		if len(want) == 1 {
			for in.Submit(t.Context(), 7) != nil { // the second run is about to begin
			}
			in.Close()
		}
		if err := <-ended; err != nil || !slices.Equal(out.Items(), want) {
			t.Errorf("%v, got %v, want %v", err, out.Items(), want)
		}
	}
}

// Many submit at once: every item arrives once, those of one in their order.
func TestPushConcurrently(t *testing.T) {
	g := flowrun.New("many")
	in := flowrun.Push[[2]int](g, "in")
	out := flowrun.Collect(in.Stream, "out")
	ended := make(chan error)
	go func() { _, err := g.Run(t.Context()); ended <- err }()
	var crew sync.WaitGroup
	for who := range 8 {
		crew.Go(func() {
			for i := range 5000 {
				if err := in.Submit(t.Context(), [2]int{who, i}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	crew.Wait()
	in.Close()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	var next [8]int
	for _, x := range out.Items() {
		if x[1] != next[x[0]] {
			t.Fatalf("item %v, want %d", x, next[x[0]])
		}
		next[x[0]]++
	}
	if len(out.Items()) != 40000 {
		t.Errorf("%d items", len(out.Items()))
	}
}

// ErrDone is no failure of an item: it is not tried again and not counted as one.
func TestSinkDone(t *testing.T) {
	for _, workers := range []int{1, 3} {
		g := flowrun.New("enough")
		numbers := flowrun.Func(g, "numbers", func(_ context.Context, emit func(int) error) error {
			for n := 0; ; n++ {
				if err := emit(n); err != nil {
					return err
				}
			}
		})
		var mu sync.Mutex
		calls := map[int]int{}
		flowrun.Each(numbers, "each", func(_ context.Context, n int) error {
			mu.Lock()
			defer mu.Unlock()
			if calls[n]++; n >= 10 {
				return fmt.Errorf("after %d: %w", n, flowrun.ErrDone)
			}
			return nil
		}, flowrun.Workers(workers), flowrun.Retry(flowrun.RetryPolicy{Attempts: 3}))
		report, err := g.Run(t.Context())
		if err != nil || calls[10] != 1 {
			t.Errorf("Each: %v, item 10 came %d times", err, calls[10])
		}
		if n := report.Nodes[1]; n.Errors() != 0 || n.Retries != 0 {
			t.Errorf("%d errors, %d retries", n.Errors(), n.Retries)
		}
	}
	g := flowrun.New("enough")
	numbers := flowrun.Seq(g, "numbers", func(yield func(int) bool) {
		for n := 0; yield(n); n++ {
		}
	})
	seen := 0
	flowrun.Write(numbers, "write", func(_ context.Context, xs []int) error {
		if seen += len(xs); seen >= 100 {
			return flowrun.ErrDone
		}
		return nil
	}, flowrun.Batched(flowrun.BatchPolicy{Count: 10}))
	if _, err := g.Run(t.Context()); err != nil || seen != 100 {
		t.Errorf("Write: %v after %d", err, seen)
	}
}

// The options of the engine are those of flow files, with their messages.
func TestProtectionOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flowrun.New("paced")
		numbers := flowrun.Slice(g, "numbers", []int{1, 2, 3, 4, 5, 6})
		start := time.Now()
		var at []time.Duration
		flowrun.Each(numbers, "out", func(_ context.Context, n int) error {
			at = append(at, time.Since(start))
			if n == 2 || n == 3 {
				return io.ErrUnexpectedEOF
			}
			return nil
		}, flowrun.Rate(10, time.Second, 2), flowrun.Breaker(2, time.Minute), flowrun.OnError(flowrun.Skip))
		if _, err := g.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		s, ms := time.Second, time.Millisecond
		if want := []time.Duration{0, 0, 100 * ms, 60*s + 100*ms, 60*s + 100*ms, 60*s + 200*ms}; !slices.Equal(at, want) {
			t.Errorf("at %v, want %v", at, want)
		}
	})
	g := flowrun.New("wrong")
	numbers := flowrun.Slice(g, "numbers", []int{1}, flowrun.Batched(flowrun.BatchPolicy{Count: 2}), flowrun.Rate(0, time.Second))
	flowrun.Drop(numbers, "out", flowrun.Breaker(2, -time.Second), flowrun.Batched(flowrun.BatchPolicy{Count: 100000}))
	var got []string
	for _, d := range g.Check() {
		got = append(got, d.Message)
	}
	want := []string{
		"numbers reads nothing that could be put together: go.slice is a source", "a rate of 0 lets nothing pass",
		"want at least 1ms, got -1s", "the breaker never opens: no item can fail on go.drop",
		"go.drop takes at most 65535 items at once, got count: 100000",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func BenchmarkPush(b *testing.B) {
	g := flowrun.New("bench")
	in := flowrun.Push[int](g, "in")
	flowrun.Drop(in.Stream, "out")
	ended := make(chan error)
	go func() { _, err := g.Run(b.Context()); ended <- err }()
	for b.Loop() {
		if err := in.Submit(b.Context(), 1); err != nil {
			b.Fatal(err)
		}
	}
	in.Close()
	<-ended
}
