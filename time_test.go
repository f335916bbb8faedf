package flowrun_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun"
)

// All of these run on the virtual clock of testing/synctest: they measure what the
// engine does with time, to the nanosecond and without taking any.

// slowly gives how long n items take in a stage that takes d for each of them.
func slowly(t *testing.T, n int, d time.Duration, opts ...flowrun.Option) time.Duration {
	g := flowrun.New("slow")
	s := flowrun.Map(flowrun.Slice(g, "numbers", upTo(n)), "slow", func(ctx context.Context, x int) (int, error) {
		time.Sleep(d)
		return x, nil
	}, opts...)
	out := flowrun.Collect(s, "out")
	start := time.Now()
	run(t, g)
	equal(t, "slow", out.Items(), upTo(n))
	return time.Since(start)
}

// Two workers take half the time, in the order of the input.
func TestTwoWorkersTakeHalfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := slowly(t, 1000, 10*time.Millisecond)
		two := slowly(t, 1000, 10*time.Millisecond, flowrun.Workers(2))
		if one != 10*time.Second {
			t.Errorf("one worker took %v for 10 s of work", one)
		}
		if ratio := float64(one) / float64(two); ratio < 1.95 {
			t.Errorf("two workers are %.2f times as fast as one", ratio)
		}
	})
}

func TestManyWorkersThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, workers = 100_000, 100
		ideal := n / workers * time.Millisecond
		if took := slowly(t, n, time.Millisecond, flowrun.Workers(workers)); took > ideal*108/100 {
			t.Errorf("%d items of 1 ms by %d workers took %v, ideal is %v", n, workers, took, ideal)
		}
	})
}

func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flowrun.New("retry")
		tries := map[int][]time.Duration{}
		start := time.Now()
		s := flowrun.Map(flowrun.Slice(g, "numbers", []int{1, 2, 3, 4, 5}), "flaky", func(_ context.Context, x int) (int, error) {
			tries[x] = append(tries[x], time.Since(start))
			switch {
			case x == 2 && len(tries[x]) < 4, x == 5:
				return 0, errors.New("not yet")
			case x == 3:
				panic("never")
			case x == 4:
				return 0, fmt.Errorf("look: %w", flowrun.Permanent(errBoom))
			}
			return x, nil
		}, flowrun.Retry(flowrun.RetryPolicy{Attempts: 4, InitialInterval: time.Second, Multiplier: 3, MaxInterval: 5 * time.Second}))
		failed := flowrun.Collect(flowrun.Failures[int](s), "failed")
		out := flowrun.Collect(s, "out")
		report := run(t, g)
		equal(t, "out", out.Items(), []int{1, 2})
		// Waits of 1s, 3s and 5s, each up to a fifth longer or shorter.
		for i, wait := range []time.Duration{time.Second, 3 * time.Second, 5 * time.Second} {
			got := tries[2][i+1] - tries[2][i]
			if off := (got - wait).Abs(); off > wait/5 || off == 0 {
				t.Errorf("wait %d took %v, want about %v", i, got, wait)
			}
		}
		// What panicked and what is permanent is not tried again.
		var got []string
		for _, f := range failed.Items() {
			got = append(got, fmt.Sprintf("%d %s %d", f.Item, f.Err, f.Attempts))
		}
		equal(t, "failed", got, []string{"3 panic: never 1", "4 look: boom 1", "5 not yet 4"})
		if panicked := new(flowrun.PanicError); !errors.As(failed.Items()[0], &panicked) || !errors.Is(failed.Items()[1], errBoom) {
			t.Error("the errors are not those of the function")
		}
		if r := report.Nodes[1].Retries; r != 6 {
			t.Errorf("%d retries are counted, not 6", r)
		}
	})
}

// What a try that failed has emitted does not count.
func TestRetriedFlatMap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flowrun.New("retry")
		tries := 0
		s := flowrun.FlatMap(flowrun.Slice(g, "numbers", []int{1, 2}), "flaky", func(_ context.Context, x int, emit func(int)) error {
			emit(10 * x)
			if tries++; tries%3 != 0 {
				return errors.New("not yet")
			}
			emit(10*x + 1)
			return nil
		}, flowrun.Retry(flowrun.RetryPolicy{Attempts: 3}))
		out := flowrun.Collect(s, "out")
		run(t, g)
		equal(t, "out", out.Items(), []int{10, 11, 20, 21})
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flowrun.New("timeout")
		s := flowrun.FlatMap(flowrun.Slice(g, "seconds", []int{1, 60, 2}), "call", func(ctx context.Context, x int, emit func(int)) error {
			emit(x) // taken back when the item fails
			select {
			case <-time.After(time.Duration(x) * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}, flowrun.Timeout(5*time.Second))
		failed := flowrun.Collect(flowrun.Errors(s), "failed")
		out := flowrun.Collect(s, "out")
		start := time.Now()
		run(t, g)
		equal(t, "out", out.Items(), []int{1, 2})
		if took := time.Since(start); took != 8*time.Second {
			t.Errorf("it took %v", took)
		}
		if f := failed.Items(); len(f) != 1 || !strings.Contains(f[0].Message, "no answer within 5s") || string(f[0].Item) != "60" {
			t.Error(f)
		}
	})
}

// What a slow source gave is on its way at once, and Stop ends it although it waits: that is
// its end if its function returns nil.
func TestSlowSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flowrun.New("ticks")
		ticks := flowrun.Func(g, "ticks", func(ctx context.Context, emit func(time.Time) error) error {
			for {
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
					return nil
				}
				if err := emit(time.Now()); err != nil {
					return err
				}
			}
		})
		var late []time.Duration
		flowrun.Each(ticks, "each", func(_ context.Context, at time.Time) error {
			if late = append(late, time.Since(at)); len(late) == 5 {
				g.Stop()
			}
			return nil
		})
		report := run(t, g)
		if report.Outcome != "done" || len(late) != 5 {
			t.Error(report.Outcome, late)
		}
		for _, d := range late {
			if d > 2*time.Millisecond {
				t.Errorf("a tick came %v late", d)
			}
		}
	})
}

// A kind that waits does not hold back what is done.
func TestResultsLeaveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flowrun.New("leave")
		s := flowrun.Map(flowrun.Slice(g, "numbers", upTo(500)), "slow", func(_ context.Context, x int) (int, error) {
			time.Sleep(time.Second)
			return x, nil
		}, flowrun.Workers(4))
		start := time.Now()
		flowrun.Each(s, "each", func(_ context.Context, x int) error {
			// The first pieces are larger: nobody knows yet that the items are slow.
			if done := time.Duration(x/4+1) * time.Second; time.Since(start) > done+20*time.Second {
				return fmt.Errorf("item %d, which was done after %v, came after %v", x, done, time.Since(start))
			}
			return nil
		})
		run(t, g)
	})
}

// Edges do what their options say: hold items back, let the urgent ones pass, drop
// what is too much.
func TestEdges(t *testing.T) {
	type job struct {
		ID     int
		Urgent int
	}
	id := func(j job) int { return j.ID }
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		g := flowrun.New("edges")
		jobs := flowrun.Slice(g, "jobs", []job{{1, 0}, {2, 5}, {3, 1}, {4, 5}})
		var late []time.Duration
		flowrun.Each(jobs, "late", func(context.Context, job) error {
			late = append(late, time.Since(start))
			return nil
		}, flowrun.Delay(time.Hour))
		ordered := flowrun.Map(jobs, "ordered", func(_ context.Context, j job) (job, error) {
			time.Sleep(time.Minute)
			return j, nil
		}, flowrun.Priority("urgent"), flowrun.Aging(24*time.Hour))
		out := flowrun.Collect(flowrun.Apply(ordered, "ids", id), "out")
		run(t, g)
		if len(late) != 4 || late[0] < time.Hour || late[3] > time.Hour+time.Second {
			t.Error("delayed items came after", late)
		}
		equal(t, "items by priority", out.Items(), []int{2, 4, 3, 1})
	})
	for _, policy := range []flowrun.FullPolicy{flowrun.DropNewest, flowrun.DropOldest} {
		synctest.Test(t, func(t *testing.T) {
			g := flowrun.New("full")
			out := flowrun.Map(flowrun.Seq(g, "many", slices.Values(upTo(10_000))), "slow", func(_ context.Context, x int) (int, error) {
				time.Sleep(time.Minute)
				return x, nil
			}, flowrun.OnFull(policy), flowrun.Capacity(10))
			got := flowrun.Collect(out, "out")
			report := run(t, g)
			first, last := got.Items()[0], got.Items()[len(got.Items())-1]
			if policy == flowrun.DropNewest && first != 0 || policy == flowrun.DropOldest && last != 9999 {
				t.Errorf("%s let %d to %d through", policy, first, last)
			}
			if n, e := int64(len(got.Items())), report.Edges[0]; n > 5000 || e.Dropped != 10_000-n {
				t.Errorf("%s: %d items came through, %d are counted as dropped", policy, n, e.Dropped)
			}
		})
	}
}
