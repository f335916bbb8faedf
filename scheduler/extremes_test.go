package scheduler_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// What nobody would write on purpose must not hang, lose anything or fail without
// a word.

// TestLimitsOfSerialRun: one goroutine works on an item inside the work of the
// node before it, so a limit of one worker is no limit there.
func TestLimitsOfSerialRun(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := tryWith(t, `
  s: {use: emit, with: {count: 20}}
  a: {use: step, in: s, workers: 4}
  k: {use: keep, in: a}
`, scheduler.Options{Serial: true}, limited(graph.Limits{Workers: 1, Memory: 64 << 10}))
		tr.succeed()
		equal(t, "k", tr.store.numbers("k"), upTo(20))
	})
}

// TestMemoryBelowOneItem: an item that is larger than all edges may hold goes
// through alone.
func TestMemoryBelowOneItem(t *testing.T) {
	big := nodes.Map("big", "Makes items large.", &bigMap{})
	for _, in := range []string{"b", "{from: b, isolate: true}", "{from: b, capacity: 1}"} {
		virtual(t, func(t *testing.T) {
			tr := tryWith(t, fmt.Sprintf(`
  s: {use: emit, with: {count: 20}}
  b: {use: big, in: s, workers: {min: 1, max: 4}}
  c: {use: collect, in: %s}
  d: {use: collect, in: {from: b, delay: 1ms}}
`, in), scheduler.Options{}, limited(graph.Limits{Memory: 64 << 10, Workers: 1}), big)
			tr.succeed()
			if c, d := len(tr.store.numbers("c")), len(tr.store.numbers("d")); c != 20 || d != 20 {
				t.Errorf("in: %s: %d and %d items, want 20 each", in, c, d)
			}
		})
	}
}

type bigMap struct{}

func (*bigMap) Map(_ context.Context, x item) (item, error) {
	return item{x.N, strings.Repeat("x", 100_000)}, nil
}

// TestManyWorkers: the most workers that a flow may ask for keep the order, and
// all of them go when they are not needed any more.
func TestManyWorkers(t *testing.T) {
	for _, workers := range []string{"10000", "{min: 1, max: 10000}, order: none"} {
		virtual(t, func(t *testing.T) {
			tr := try(t, fmt.Sprintf(`
  s: {use: emit, with: {count: 12000}}
  a: {use: step, in: {from: s, capacity: 30000}, with: {delays: [10ms, 70ms, 1ms]}, workers: %s}
  k: {use: keep, in: a}
`, workers), scheduler.Options{})
			start := time.Now()
			report := tr.succeed()
			got := tr.store.numbers("k")
			if strings.Contains(workers, "none") {
				slices.Sort(got)
			}
			equal(t, "k, "+workers, got, upTo(12000))
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("workers: %s: %s, with one worker 324 s", workers, took)
			}
			if n := node(t, report, "a"); n.Workers > 10000 || n.Most > 10000 {
				t.Errorf("workers: %s: %d, at most %d", workers, n.Workers, n.Most)
			}
		})
	}
}

// TestElasticUnorderedDead: with workers that come and go, no order and items that
// fail, each item leaves exactly once.
func TestElasticUnorderedDead(t *testing.T) {
	var fail []string
	for i := 3; i < 2000; i += 7 {
		fail = append(fail, fmt.Sprint(i))
	}
	var lines []string
	virtual(t, func(t *testing.T) {
		tr := try(t, fmt.Sprintf(`
  s: {use: emit, with: {count: 2000, every: 500us}}
  a: {use: step, in: s, with: {delays: [1ms, 30ms, 2ms, 0s], fail: [%s]}, workers: {min: 1, max: 16}, order: none, on_error: dead}
  k: {use: keep, in: a}
  d: {use: letters, in: a.errors}
`, strings.Join(fail, ", ")), scheduler.Options{}, letters(&lines))
		report := tr.succeed()
		got := tr.store.numbers("k")
		slices.Sort(got)
		want := slices.DeleteFunc(upTo(2000), func(n int64) bool { return n%7 == 3 })
		equal(t, "k, sorted", got, want)
		if n := node(t, report, "a"); len(lines) != len(fail) || n.Dead != int64(len(fail)) || n.Resized == 0 {
			t.Errorf("%d dead letters, %d counted, want %d; %d changes", len(lines), n.Dead, len(fail), n.Resized)
		}
	})
}

// TestElasticDisturbed pauses, stops and kills runs while the number of workers
// changes: what came is the beginning of what was to come, or a part of it.
func TestElasticDisturbed(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 7))
		order := []string{"strict", "none"}[seed%2]
		virtual(t, func(t *testing.T) {
			tr := tryWith(t, fmt.Sprintf(`
  s: {use: emit, with: {every: %dus}}
  a: {use: step, in: {from: s, capacity: 200}, with: {delays: [5ms, 80ms, 1ms, 20ms], fail: [30, 31]}, workers: {min: 1, max: 16}, order: %s, on_error: skip}
  b: {use: step, in: {from: a, capacity: 4}, with: {delays: [2ms, 1ms]}, workers: {min: 2, max: 6}, order: %[2]s}
  k: {use: keep, in: b}
`, 500+r.IntN(3000), order), scheduler.Options{}, limited(graph.Limits{Workers: 20 * r.IntN(2)}))
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			killed, at := seed%4 == 3, time.Duration(1000+r.IntN(3000))*time.Millisecond
			time.AfterFunc(at/3, tr.run.Pause)
			time.AfterFunc(at/2, tr.run.Resume)
			time.AfterFunc(at, func() {
				if killed {
					cancel(errBad)
				} else {
					tr.run.Stop()
				}
			})
			report, err := tr.execute(ctx)
			if killed != (err != nil) || killed && !errors.Is(err, errBad) {
				t.Errorf("seed %d: killed %v, got %v", seed, killed, err)
			}
			balanced(t, report)
			got := tr.store.numbers("k")
			if order == "none" {
				slices.Sort(got)
			}
			sent := len(tr.store.numbers("s"))
			want := slices.DeleteFunc(upTo(sent), func(n int64) bool { return n == 30 || n == 31 })
			switch {
			case !killed:
				equal(t, fmt.Sprintf("seed %d: k", seed), got, want)
			case order == "strict":
				equal(t, fmt.Sprintf("seed %d: k", seed), got, want[:min(len(got), len(want))])
			}
			if n := node(t, report, "a"); n.Resized == 0 {
				t.Errorf("seed %d: the number of workers never changed", seed)
			}
		})
	}
}

// TestPriorityNotANumber: such an item has no place in a queue; it is a bad item of
// its sender.
func TestPriorityNotANumber(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var lines []string
		tr := try(t, `
  s: {use: emit, with: {count: 40}}
  f: {use: fraction, in: s, on_error: dead}
  k: {use: drain, in: {from: f, priority: f}}
  d: {use: letters, in: f.errors}
`, scheduler.Options{}, nodes.Map("fraction", "Makes some fractions.", &fraction{}), nodes.Write("drain", "Takes them.", &drain{}), letters(&lines))
		report := tr.succeed()
		if e := edge(t, report, "f.out", "k.in"); len(lines) != 10 || e.Received != 30 {
			t.Errorf("%d dead, %d received, want 10 and 30", len(lines), e.Received)
		}
	})
}

// fraction gives numbers that are none, and some that have no end.
type fraction struct{}

func (fraction) Map(_ context.Context, x item) (struct{ F float64 }, error) {
	return struct{ F float64 }{[]float64{math.NaN(), math.Inf(1), math.Inf(-1), 1}[x.N%4]}, nil
}

type drain struct{}

func (drain) Write(context.Context, []struct{ F float64 }) error { return nil }

// TestBreakerOfLostItems: an item that is no record fails before a worker of
// order: key gets it, also when it is the one that is tried.
func TestBreakerOfLostItems(t *testing.T) {
	virtual(t, func(t *testing.T) {
		huge := nodes.Map("huge", "Makes some items too large.", &hugeMap{})
		records := kind("records", func(*opKind, *nodes.Env) *op {
			return &op{work: func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
				return nil, out.Emit(0, in.Data.(*record.Batch).Retain())
			}}
		}, graph.Port{Name: "in"})
		tr := try(t, `
  source: {use: emit, with: {count: 30}}
  odd:    {use: step, in: source, with: {fail: [2, 4, 5]}, on_error: skip}
  huge:   {use: huge, in: odd}
  record: {use: records, in: huge, workers: 3, order: key, key: n, on_error: skip, breaker: {failures: 1, open_for: 1s}}
  sink:   {use: count, in: record}
`, scheduler.Options{}, huge, records, kind("count", func(*opKind, *nodes.Env) *op { return &op{} }, graph.Port{Name: "in"}))
		report := tr.succeed()
		if n := node(t, report, "record"); n.In != 27 || n.Skipped != 3 || n.Openings != 3 {
			t.Errorf("in %d, skipped %d, opened %d times, want 27, 3 and 3", n.In, n.Skipped, n.Openings)
		}
	})
}

// TestEndlessDelay: items that would leave in three hundred years leave when the
// flow is stopped.
func TestEndlessDelay(t *testing.T) {
	for _, delay := range []string{"2562047h", "duration(\"2562047h\")"} {
		virtual(t, func(t *testing.T) {
			tr := try(t, fmt.Sprintf(`
  s: {use: emit, with: {count: 50}}
  k: {use: keep, in: {from: s, delay: '%s'}}
`, delay), scheduler.Options{})
			time.AfterFunc(time.Hour, tr.run.Stop)
			start := time.Now()
			tr.succeed()
			equal(t, "k", tr.store.numbers("k"), upTo(50))
			if took := time.Since(start); took != time.Hour {
				t.Errorf("delay: %s: it took %s", delay, took)
			}
		})
	}
}

// TestSpillGarbled: what was stored is not what is read back. Nothing that was put
// after the lost part is taken for the rest.
func TestSpillGarbled(t *testing.T) {
	const fds = "/proc/self/fd"
	if _, err := os.ReadDir(fds); err != nil {
		t.Skip("no ", fds)
	}
	// It sends first, so that the sink has it before the next batch fails.
	merge := kind("merge", func(*opKind, *nodes.Env) *op {
		return &op{process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
			err := out.Emit(0, in.Data.Retain())
			time.Sleep(time.Second)
			return err
		}}
	}, graph.Port{Name: "in", Any: true, Arity: graph.Many})
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: tens}
  slow:   {use: merge, in: {from: source, capacity: 1, bytes: 1KB, on_full: spill}}
  sink:   {use: keep, in: slow}
`, scheduler.Options{}, tens(100), merge)
		time.AfterFunc(500*time.Millisecond, func() {
			entries, _ := os.ReadDir(fds)
			for _, e := range entries {
				path := filepath.Join(fds, e.Name())
				if target, _ := os.Readlink(path); strings.HasPrefix(target, tr.opts.SpillDir) {
					f, err := os.OpenFile(path, os.O_WRONLY, 0)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := f.WriteAt(bytes.Repeat([]byte{255}, 16), 0); err != nil {
						t.Error(err)
					}
					f.Close()
				}
			}
		})
		_, err := tr.execute(context.Background())
		got := tr.store.numbers("sink")
		if err == nil || !strings.Contains(err.Error(), "slow (merge): the overflow of a queue: ") || len(got) == 0 || len(got) > 900 {
			t.Errorf("got %v after %d items", err, len(got))
		}
		equal(t, "what came before", got, upTo(len(got)))
	})
}
