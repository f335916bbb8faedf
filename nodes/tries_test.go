package nodes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

var errNo = errors.New("no")

// envOf is that of a node with these settings.
func envOf(engine graph.Engine) *nodes.Env {
	return &nodes.Env{Node: &graph.Node{ID: "a", Engine: engine}, Flow: &graph.Flow{Name: "test"}, Retries: new(atomic.Int64)}
}

// waits runs an item that never succeeds, and gives the waits between its tries.
func waits(env *nodes.Env) (all []time.Duration) {
	var last time.Time
	env.Tries(context.Background(), func(context.Context) error {
		if now := time.Now(); last.IsZero() {
			last = now
		} else {
			all = append(all, now.Sub(last))
			last = now
		}
		return errNo
	})
	return all
}

// The waits grow to the longest one; with jitter each is longer or shorter by its
// share at most, as the seed and the node say.
func TestWaitsBetweenTries(t *testing.T) {
	retry := graph.Retry{Attempts: 60, InitialInterval: 100 * time.Millisecond, MaxInterval: 10 * time.Second, Multiplier: 2}
	synctest.Test(t, func(t *testing.T) {
		plain := waits(envOf(graph.Engine{Retry: retry}))
		for i, got := range plain {
			if want := min(100*time.Millisecond<<min(i, 20), 10*time.Second); got != want {
				t.Errorf("wait %d is %s, want %s", i, got, want)
			}
		}
		for _, share := range []float64{0.2, 1} {
			retry.Jitter = share
			env := envOf(graph.Engine{Retry: retry})
			jittered := waits(env)
			low, high := 2.0, 0.0
			for i, got := range jittered {
				part := float64(got) / float64(plain[i])
				low, high = min(low, part), max(high, part)
			}
			if low < 1-share-1e-6 || high > 1+share+1e-6 || low > 1-share*0.8 || high < 1+share*0.8 {
				t.Errorf("jitter %v: the waits are %.3f to %.3f of what they would be", share, low, high)
			}
			if env.Retries.Load() != 59 || len(jittered) != 59 {
				t.Errorf("%d waits, %d tries are counted, want 59", len(jittered), env.Retries.Load())
			}
			if again := waits(envOf(graph.Engine{Retry: retry})); !slices.Equal(again, jittered) {
				t.Errorf("jitter %v: %v and, with the same seed, %v", share, jittered, again)
			}
			seeded, other := envOf(graph.Engine{Retry: retry}), envOf(graph.Engine{Retry: retry})
			seeded.Seed, other.Node.ID = 1, "b"
			for _, env := range []*nodes.Env{seeded, other} {
				if slices.Equal(waits(env), jittered) {
					t.Errorf("jitter %v: seed %d and node %s wait as seed 0 and node a", share, env.Seed, env.Node.ID)
				}
			}
			if second := waits(env); slices.Equal(second, jittered) {
				t.Errorf("jitter %v: the second item waits as the first one does", share)
			}
		}
	})
}

// How often an item is tried: until it succeeds, as often as the policy says, and not
// again where that can mend nothing.
func TestNumberOfTries(t *testing.T) {
	retry := graph.Retry{Attempts: 4, InitialInterval: 10 * time.Second, MaxInterval: time.Minute, Multiplier: 2}
	for _, c := range []struct {
		name  string
		err   func(try int) error
		tries int
		text  string
	}{
		{"success", func(int) error { return nil }, 1, ""},
		{"the third succeeds", func(try int) error {
			if try < 3 {
				return errNo
			}
			return nil
		}, 3, ""},
		{"failure", func(try int) error { return fmt.Errorf("%w: %d", errNo, try) }, 4, "no: 4"},
		{"permanent", func(int) error { return nodes.Permanent(errNo) }, 1, "no"},
		{"permanent in another error", func(int) error { return fmt.Errorf("refused: %w", nodes.Permanent(errNo)) }, 1, "refused: no"},
		{"permanent after a failure", func(try int) error {
			if try == 1 {
				return errNo
			}
			return nodes.Permanent(errNo)
		}, 2, "no"},
		{"panic", func(int) error { panic("broken") }, 1, "panic: broken"},
		{"panic with an error", func(int) error { panic(errNo) }, 1, "panic: no"},
		{"done", func(int) error { return nodes.ErrDone }, 1, nodes.ErrDone.Error()},
	} {
		for _, timeout := range []time.Duration{0, time.Hour} {
			t.Run(fmt.Sprintf("%s, timeout %s", c.name, timeout), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					env, try := envOf(graph.Engine{Retry: retry, Timeout: timeout}), 0
					tries, err := env.Tries(t.Context(), func(context.Context) error { try++; return c.err(try) })
					if tries != c.tries || try != c.tries || env.Retries.Load() != int64(c.tries-1) {
						t.Errorf("%d tries, %d were made, %d counted after the first, want %d", tries, try, env.Retries.Load(), c.tries)
					}
					if (err == nil) != (c.text == "") || err != nil && err.Error() != c.text {
						t.Errorf("the error is %v, want %q", err, c.text)
					}
					if p, ok := errors.AsType[*nodes.PanicError](err); ok != strings.HasPrefix(c.text, "panic") || ok && !strings.Contains(string(p.Stack), "TestNumberOfTries") {
						t.Errorf("the error %v is a panic: %v", err, ok)
					}
					if c.text != "" && c.text != nodes.ErrDone.Error() && c.text != "panic: broken" && !errors.Is(err, errNo) {
						t.Errorf("the error of the function is not in %v", err)
					}
				})
			})
		}
	}
}

func TestPermanent(t *testing.T) {
	if err := nodes.Permanent(nil); err != nil {
		t.Errorf("nil becomes %v", err)
	}
}

// No further try begins when it would come after max_elapsed, or when the run is over;
// a wait between tries ends with the run.
func TestTriesEnd(t *testing.T) {
	retry := graph.Retry{Attempts: 100, InitialInterval: 10 * time.Second, MaxInterval: time.Minute, Multiplier: 1, MaxElapsed: 35 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		tries, _ := envOf(graph.Engine{Retry: retry}).Tries(t.Context(), func(context.Context) error { return errNo })
		if took := time.Since(start); tries != 4 || took != 30*time.Second {
			t.Errorf("max_elapsed: %d tries in %s, want 4 in 30s", tries, took)
		}
		retry.MaxElapsed = 0
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		start = time.Now()
		tries, err := envOf(graph.Engine{Retry: retry}).Tries(ctx, func(context.Context) error { return errNo })
		if took := time.Since(start); tries != 3 || took != 25*time.Second || !errors.Is(err, errNo) {
			t.Errorf("a kill: %d tries in %s, want 3 in 25s; %v", tries, took, err)
		}
		tries, _ = envOf(graph.Engine{Retry: retry}).Tries(ctx, func(context.Context) error { return errNo })
		if tries != 1 {
			t.Errorf("after a kill: %d tries", tries)
		}
	})
}

// A try whose time is up fails with context.DeadlineExceeded and what its function
// made of that, however it learnt of it.
func TestTimeoutOfATry(t *testing.T) {
	for _, c := range []struct {
		name string
		try  func(ctx context.Context) error
		text string
		took time.Duration
		own  bool // errNo is in the error too
	}{
		{"waits for Done", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, "no answer within 3s", 3 * time.Second, false},
		{"gives the cause", func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }, "no answer within 3s", 3 * time.Second, false},
		{"says more", func(ctx context.Context) error {
			<-ctx.Done()
			return fmt.Errorf("reading the head: %w: %w", errNo, ctx.Err())
		}, "no answer within 3s", 3 * time.Second, true},
		{"says something else", func(ctx context.Context) error { <-ctx.Done(); return errNo }, "no answer within 3s: no", 3 * time.Second, true},
		{"asks Err", func(ctx context.Context) error {
			for ctx.Err() == nil {
				time.Sleep(time.Second)
			}
			return ctx.Err()
		}, "no answer within 3s", 3 * time.Second, false},
		{"asks nothing", func(context.Context) error { time.Sleep(5 * time.Second); return errNo }, "no answer within 3s: no", 5 * time.Second, true},
		{"a context below", func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			<-ctx.Done()
			return errors.Join(errNo, ctx.Err())
		}, "no answer within 3s", 3 * time.Second, true},
		{"its own deadline", func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			<-ctx.Done()
			return fmt.Errorf("too slow: %w", ctx.Err())
		}, "too slow: context deadline exceeded", time.Second, false},
		{"fails in time", func(context.Context) error { time.Sleep(time.Second); return errNo }, "no", time.Second, true},
		{"succeeds late", func(context.Context) error { time.Sleep(5 * time.Second); return nil }, "", 5 * time.Second, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				env, start := envOf(graph.Engine{Timeout: 3 * time.Second}), time.Now()
				tries, err := env.Tries(t.Context(), c.try)
				if took := time.Since(start); took != c.took || tries != 1 {
					t.Errorf("%d tries took %s, want %s", tries, took, c.took)
				}
				switch {
				case c.text == "" && err == nil:
				case err == nil || err.Error() != c.text:
					t.Errorf("the error is %v, want %q", err, c.text)
				case errors.Is(err, errNo) != c.own || errors.Is(err, context.DeadlineExceeded) != (c.text != "no"):
					t.Errorf("%v: the function's own error %v, the deadline %v", err, errors.Is(err, errNo), errors.Is(err, context.DeadlineExceeded))
				}
			})
		})
	}
}

// A run that is killed is no timeout, whenever that happens. What the context knows of
// its parent stays, and it has ended when the try is over.
func TestContextOfATry(t *testing.T) {
	type key struct{}
	why := errors.New("enough")
	synctest.Test(t, func(t *testing.T) {
		env := envOf(graph.Engine{Timeout: 3 * time.Second, Retry: graph.Retry{Attempts: 5, InitialInterval: time.Second, MaxInterval: time.Second, Multiplier: 1}})
		parent, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, 7))
		time.AfterFunc(time.Second, func() { cancel(why) })
		var kept context.Context
		start := time.Now()
		tries, err := env.Tries(parent, func(ctx context.Context) error {
			kept = ctx
			if at, ok := ctx.Deadline(); !ok || !at.Equal(start.Add(3*time.Second)) || ctx.Value(key{}) != 7 || ctx.Err() != nil {
				t.Errorf("the deadline is %v (%v), the value %v, the error %v", at, ok, ctx.Value(key{}), ctx.Err())
			}
			<-ctx.Done()
			return context.Cause(ctx)
		})
		if took := time.Since(start); tries != 1 || took != time.Second || err != why || !errors.Is(kept.Err(), context.Canceled) {
			t.Errorf("a kill: %d tries in %s, %v; the context says %v", tries, took, err, kept.Err())
		}

		near, cancelNear := context.WithTimeout(t.Context(), time.Second)
		defer cancelNear()
		_, err = env.Tries(near, func(ctx context.Context) error {
			if at, _ := ctx.Deadline(); !at.Equal(time.Now().Add(time.Second)) {
				t.Errorf("the deadline is %v, that of the run comes first", at)
			}
			<-ctx.Done()
			return ctx.Err()
		})
		if err != context.DeadlineExceeded {
			t.Errorf("the end of a run: %v, which is no timeout of the item", err)
		}

		for _, ask := range []bool{false, true} {
			env.Tries(t.Context(), func(ctx context.Context) error {
				kept = ctx
				if ask {
					ctx.Done()
				}
				return nil
			})
			select {
			case <-kept.Done():
			default:
				t.Errorf("asked for Done %v: a context whose try is over has not ended", ask)
			}
			if kept.Err() != context.Canceled {
				t.Errorf("asked for Done %v: it says %v", ask, kept.Err())
			}
		}
	})
}

// BenchmarkTriesWithTimeout is an item that does nothing, under a timeout. It tells how
// many times as long the item takes by context.WithTimeout.
func BenchmarkTriesWithTimeout(b *testing.B) {
	env := envOf(graph.Engine{Timeout: 10 * time.Second, Retry: graph.Retry{Attempts: 1}})
	ctx, cancel := context.WithCancel(context.Background()) // as that of a run
	defer cancel()
	item := func(context.Context) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := env.Tries(ctx, item); err != nil {
			b.Fatal(err)
		}
	}
	took := b.Elapsed()
	start := time.Now()
	for range b.N {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		if err := item(ctx); err != nil {
			b.Fatal(err)
		}
		cancel()
	}
	b.ReportMetric(float64(time.Since(start))/float64(took), "x-context")
}

// Timeout and retry act on a kind that declares that it calls Env.Tries, and on no other.
func TestTriesIsDeclared(t *testing.T) {
	for want, opts := range map[bool][]nodes.Option{true: {nodes.Tries()}, false: nil} {
		d := nodes.Kind("ask", "Lets another kind answer.", &ask{}, append(opts, nodes.InPort(graph.Port{Name: "in"}))...)
		acting := d.Spec.Acting()
		if acting.Has(graph.SettingTimeout) != want || acting.Has(graph.SettingRetry) != want {
			t.Errorf("declared %t: %s act", want, acting)
		}
	}
}

// A server that says how long to wait is not asked before, and the bound of all tries
// holds for what it asks for, too.
func TestAnErrorMakesTheWaitLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		retry := graph.Retry{Attempts: 3, InitialInterval: time.Second, MaxInterval: time.Second, Multiplier: 1}
		for _, c := range []struct {
			most time.Duration
			ask  time.Duration
			want []time.Duration
		}{
			{0, time.Minute, []time.Duration{time.Minute, time.Minute}},
			{0, time.Millisecond, []time.Duration{time.Second, time.Second}},
			{90 * time.Second, time.Minute, []time.Duration{time.Minute}},
		} {
			retry.MaxElapsed = c.most
			var got []time.Duration
			last := time.Now()
			n, err := envOf(graph.Engine{Retry: retry}).Tries(t.Context(), func(context.Context) error {
				got, last = append(got, time.Since(last)), time.Now()
				return fmt.Errorf("busy: %w", &postponed{c.ask})
			})
			if n != len(c.want)+1 || err == nil || !slices.Equal(got[1:], c.want) {
				t.Errorf("%s of at most %s: %d tries, waits %s, %v", c.ask, c.most, n, got[1:], err)
			}
		}
	})
}

type postponed struct{ wait time.Duration }

func (p *postponed) Error() string             { return "later" }
func (p *postponed) RetryAfter() time.Duration { return p.wait }
