package flowrun_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/nodes/std"
)

// A stop cuts a slice short that has items left. It is the end of a channel, and of a
// function that says so by returning nil.
func ExampleGraph_Stop() {
	stop := func(name string, g *flowrun.Graph, numbers flowrun.Stream[int]) {
		flowrun.Each(numbers, "see", func(_ context.Context, n int) error {
			if n == 2 {
				g.Stop()
			}
			return nil
		})
		report, err := g.Run(context.Background())
		fmt.Printf("%s: %s, %v, %v\n", name, report.Outcome, err, errors.Is(err, flowrun.ErrStopped))
	}
	g := flowrun.New("a")
	stop("slice", g, flowrun.Slice(g, "numbers", upTo(100_000)))

	g = flowrun.New("b")
	ch := make(chan int, 3)
	ch <- 0
	ch <- 1
	ch <- 2
	stop("channel", g, flowrun.Chan(g, "numbers", ch))

	g = flowrun.New("c")
	stop("function, the error of emit", g, flowrun.Func(g, "numbers", func(_ context.Context, emit func(int) error) error {
		for n := 0; ; n++ {
			if err := emit(n); err != nil {
				return err
			}
		}
	}))

	g = flowrun.New("d")
	stop("function, nil", g, flowrun.Func(g, "numbers", func(_ context.Context, emit func(int) error) error {
		for n := 0; emit(n) == nil; n++ {
		}
		return nil
	}))
	// Output:
	// slice: stopped, stopped before its end, true
	// channel: done, <nil>, false
	// function, the error of emit: stopped, stopped before its end, true
	// function, nil: done, <nil>, false
}

// toStop are sources that give 0, 1, ... and have given 2,500 when they are stopped at the
// latest.
var toStop = map[string]struct {
	source func(g *flowrun.Graph) flowrun.Stream[int]
	err    error
}{
	"slice": {func(g *flowrun.Graph) flowrun.Stream[int] { return flowrun.Slice(g, "source", upTo(100_000)) }, flowrun.ErrStopped},
	"seq": {func(g *flowrun.Graph) flowrun.Stream[int] {
		return flowrun.Seq(g, "source", func(yield func(int) bool) {
			for i := 0; yield(i); i++ {
			}
		})
	}, flowrun.ErrStopped},
	"chan": {func(g *flowrun.Graph) flowrun.Stream[int] {
		ch := make(chan int, 2501)
		for i := range cap(ch) {
			ch <- i
		}
		return flowrun.Chan(g, "source", ch) // it is never closed, and waits by then
	}, nil},
	"push": {func(g *flowrun.Graph) flowrun.Stream[int] {
		p := flowrun.Push[int](g, "source")
		go func() {
			for i := 0; p.Submit(context.Background(), i) == nil; i++ {
			}
		}()
		return p.Stream
	}, nil},
	"a function that returns the error of emit":   {counting(func(err error) error { return err }), flowrun.ErrStopped},
	"a function that returns an error of its own": {counting(func(error) error { return errors.New("interrupted") }), flowrun.ErrStopped},
	"a function that panics":                      {counting(func(error) error { panic("interrupted") }), flowrun.ErrStopped},
	"a function that returns nil":                 {counting(func(error) error { return nil }), nil},
	"a function that waits and returns the error of its context": {func(g *flowrun.Graph) flowrun.Stream[int] {
		return flowrun.Func(g, "source", func(ctx context.Context, emit func(int) error) error {
			for i := range 3000 {
				if err := emit(i); err != nil {
					return err
				}
			}
			<-ctx.Done()
			return ctx.Err()
		})
	}, flowrun.ErrStopped},
	"a function that waits and returns nil": {func(g *flowrun.Graph) flowrun.Stream[int] {
		return flowrun.Func(g, "source", func(ctx context.Context, emit func(int) error) error {
			for i := range 2501 {
				if err := emit(i); err != nil {
					return err
				}
			}
			<-ctx.Done()
			return nil
		})
	}, nil},
	"a resumable source that returns the error of emit": {func(g *flowrun.Graph) flowrun.Stream[int] {
		return flowrun.ReadFrom(g, "source", reader{func(err error) error { return err }})
	}, flowrun.ErrStopped},
	"a resumable source that returns nil": {func(g *flowrun.Graph) flowrun.Stream[int] {
		return flowrun.ReadFrom(g, "source", reader{func(error) error { return nil }})
	}, nil},
	"one of two": {func(g *flowrun.Graph) flowrun.Stream[int] {
		flowrun.Drop(flowrun.Chan(g, "other", make(chan int)), "drop")
		return flowrun.Slice(g, "source", upTo(100_000))
	}, flowrun.ErrStopped},
	"none of two": {func(g *flowrun.Graph) flowrun.Stream[int] {
		flowrun.Drop(flowrun.Chan(g, "other", make(chan int)), "drop")
		return flowrun.Slice(g, "source", upTo(2501)) // all of it is on its way by then
	}, nil},
}

// counting is a Func that counts until emit gives an error, and returns what end says.
func counting(end func(error) error) func(g *flowrun.Graph) flowrun.Stream[int] {
	return func(g *flowrun.Graph) flowrun.Stream[int] {
		return flowrun.Func(g, "source", func(ctx context.Context, emit func(int) error) error {
			return reader{end}.ReadFrom(ctx, nil, func(x int, _ flowrun.Position) error { return emit(x) })
		})
	}
}

// A reader counts until emit gives an error, and returns what end says.
type reader struct{ end func(error) error }

func (r reader) ReadFrom(_ context.Context, _ flowrun.Position, emit func(int, flowrun.Position) error) error {
	for i := 0; ; i++ {
		if err := emit(i, strconv.AppendInt(nil, int64(i), 10)); err != nil {
			return r.end(err)
		}
	}
}

// A stoppedRow is what the file of TestStop holds.
type stoppedRow struct{ N int }

// After Stop, what the sources gave arrives. Where one of them was cut short Run says so,
// and a file gets no name, unless Partial says so; functions have seen all.
func TestStop(t *testing.T) {
	for name, c := range toStop {
		for _, partial := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, partial %v", name, partial), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "out.jsonl")
				g := flowrun.New("stop", std.Nodes)
				s := flowrun.Apply(c.source(g), "same", func(x int) int {
					if x == 2500 {
						g.Stop()
					}
					return x
				}, flowrun.Workers(2))
				out := flowrun.Collect(s, "out")
				g.Use("file", "file.write", map[string]any{"path": path}, flowrun.Apply(s, "rows", func(x int) stoppedRow { return stoppedRow{x} }))
				report, err := g.RunWith(t.Context(), flowrun.Options{Partial: partial, NoSync: true})
				outcome := "done"
				if c.err != nil {
					outcome = "stopped"
				}
				if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) || report.Outcome != outcome || len(report.Unbalanced) > 0 {
					t.Errorf("%s %v, want %v; the books: %q", report.Outcome, err, c.err, report.Unbalanced)
				}
				n := len(out.Items())
				if n <= 2500 || !slices.Equal(out.Items(), upTo(n)) {
					t.Errorf("%d items", n)
				}
				for _, node := range report.Nodes {
					if node.ID == "source" && node.Out != int64(n) {
						t.Errorf("it gave %d, %d arrived", node.Out, n)
					}
				}
				text, err := os.ReadFile(path)
				if written := c.err == nil || partial; written != (err == nil) || written && strings.Count(string(text), "\n") != n || written != (len(report.Files) == 1) || written == (len(report.Unwritten) == 1) {
					t.Errorf("the file has %d rows, want %d if it is to be there: %v; the report says %q and not %q",
						strings.Count(string(text), "\n"), n, written, report.Files, report.Unwritten)
				}
			})
		}
	}
}

// A source that was whole before the stop, or of which nobody wanted more, was not cut
// short, however many items it had left.
func TestStopComesLater(t *testing.T) {
	for name, source := range map[string]func(g *flowrun.Graph) flowrun.Stream[int]{
		"a slice": func(g *flowrun.Graph) flowrun.Stream[int] { return flowrun.Slice(g, "source", upTo(10)) },
		"a limited slice": func(g *flowrun.Graph) flowrun.Stream[int] {
			return flowrun.Limit(flowrun.Slice(g, "source", upTo(100_000)), "limit", 10)
		},
		"a limited function": func(g *flowrun.Graph) flowrun.Stream[int] {
			return flowrun.Limit(counting(func(err error) error { return err })(g), "limit", 10)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := flowrun.New("later")
			out := flowrun.Collect(source(g), "out")
			flowrun.Drop(flowrun.Chan(g, "other", make(chan int)), "drop") // keeps the run going
			time.AfterFunc(time.Hour, g.Stop)
			report := run(t, g)
			if equal(t, name, out.Items(), upTo(10)); report.Outcome != "done" || report.Took != time.Hour {
				t.Errorf("%s: %s after %s", name, report.Outcome, report.Took)
			}
		})
	}
}
