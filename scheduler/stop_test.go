package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// endless is a source of records that never looks at its context.
var endless = kind("endless", func(*opKind, *nodes.Env) *op {
	i := 0
	return &op{
		endless: true,
		next:    func(context.Context) (any, error) { i++; time.Sleep(time.Second); return i - 1, nil },
		process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
			return out.Emit(0, batchOf(item{N: int64(in.Made.(int))}))
		},
	}
})

// Stop ends sources without an end of their own and lets everything drain: what was read
// arrives, and outputs become visible. For the others see stop_kinds_test.go.
func TestStopDrains(t *testing.T) {
	for name, source := range map[string]string{
		"listening": "emit, with: {every: 1s}", "deaf": "emit, with: {every: 1s, deaf: true}", "fast": "emit", "records": "endless",
	} {
		for _, serial := range []bool{false, true} {
			for _, workers := range []int{1, 4} {
				virtual(t, func(t *testing.T) {
					tr := try(t, fmt.Sprintf(`
  source: {use: %s}
  work:   {use: step, in: source, workers: %d, with: {delays: [1500ms, 100ms]}}
  sink:   {use: collect, in: work}
`, source, workers), scheduler.Options{Serial: serial}, endless)
					time.AfterFunc(10500*time.Millisecond, tr.run.Stop)
					time.AfterFunc(10600*time.Millisecond, tr.run.Stop)
					start := time.Now()
					report := tr.succeed()
					got := tr.store.numbers("sink")
					equal(t, name, got, upTo(len(got)))
					if read := node(t, report, "source").Out; int64(len(got)) != read || len(got) == 0 {
						t.Errorf("%s, serial %v: %d items arrived of %d that were read", name, serial, len(got), read)
					}
					if want := []string{"open sink", "settle sink true"}; len(tr.store.events) != 2 || tr.store.events[1] != want[1] {
						t.Errorf("%s: events %q", name, tr.store.events)
					}
					took := time.Since(start)
					if name != "fast" && took > 20*time.Second {
						t.Errorf("%s, serial %v: it took %s to drain", name, serial, took)
					}
				})
			}
		}
	}
}

// A stop that comes first lets nothing in. A function of Go that was never called has not
// said that it has no end.
func TestStopBeforeRun(t *testing.T) {
	for source, whole := range map[string]bool{"endless": true, "emit": false, "emit, with: {count: 5}": false} {
		for _, serial := range []bool{false, true} {
			virtual(t, func(t *testing.T) {
				tr := try(t, fmt.Sprintf(`
  source:  {use: %s}
  records: {use: endless}
  sink:    {use: collect, in: source}
  other:   {use: collect, in: records}
`, source), scheduler.Options{Serial: serial}, endless)
				tr.run.Stop()
				if whole {
					tr.succeed()
				} else {
					tr.cutShort()
				}
				if got := len(tr.store.numbers("sink")) + len(tr.store.numbers("other")); got != 0 {
					t.Errorf("%s, serial %v: %d items were read before the stop that came first", source, serial, got)
				}
				slices.Sort(tr.store.events)
				if want := []string{"open other", "open sink", fmt.Sprintf("settle other %v", whole), fmt.Sprintf("settle sink %v", whole)}; !slices.Equal(tr.store.events, want) {
					t.Errorf("%s, serial %v: events %q, want %q", source, serial, tr.store.events, want)
				}
			})
		}
	}
}

func TestStopAfterRun(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit, with: {count: 3}}
  sink:   {use: keep, in: source}
`, scheduler.Options{})
		tr.succeed()
		tr.run.Stop()
		tr.run.Stop()
		equal(t, "the sink", tr.store.numbers("sink"), upTo(3))
		if got := tr.run.Stats().Outcome; got != "done" {
			t.Errorf("a stop that came too late makes the outcome %q", got)
		}
	})
}

// Cancelling kills: Run returns at once, wherever the workers are, and outputs are
// taken back.
func TestKill(t *testing.T) {
	for name, flow := range map[string]string{
		"in the source": `
  source: {use: emit, with: {every: 1h}}
  sink:   {use: collect, in: source}`,
		"in the work": `
  source: {use: emit}
  work:   {use: step, in: source, workers: 3, with: {delays: 1h}}
  sink:   {use: collect, in: work}`,
		"in work without order": `
  source: {use: emit}
  work:   {use: step, in: source, workers: 3, order: none, with: {delays: [1h, 1ms]}}
  sink:   {use: collect, in: work}`,
		"in work by key": `
  source: {use: emit}
  work:   {use: step, in: source, workers: 3, order: key, key: key, with: {delays: [1h, 1ms]}}
  sink:   {use: collect, in: work}`,
		"in a wait between tries": `
  source: {use: emit}
  work:   {use: step, in: source, with: {fail: 0}, retry: {attempts: 5, initial_interval: 1h, max_interval: 1h}}
  sink:   {use: collect, in: work}`,
		"in the sink": `
  source: {use: emit}
  slow:   {use: keep, in: {from: source, capacity: 1}, with: {delay: 1h}}
  sink:   {use: collect, in: source}`,
		"in a full overflow": `
  source: {use: emit, with: {count: 100000}}
  slow:   {use: keep, in: {from: source, capacity: 1, on_full: spill, bytes: 1KB}, with: {delay: 1h}}
  sink:   {use: collect, in: source}`,
	} {
		for _, serial := range []bool{false, true} {
			virtual(t, func(t *testing.T) {
				tr := try(t, flow, scheduler.Options{Serial: serial})
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(10*time.Second, func() { cancel(errors.New("the second signal")) })
				start := time.Now()
				report, err := tr.execute(ctx)
				if err == nil || err.Error() != "the second signal" {
					t.Errorf("%s: got %v", name, err)
				}
				if took := time.Since(start); took != 10*time.Second {
					t.Errorf("%s: it returned after %s", name, took)
				}
				if report.Outcome != "failed" {
					t.Errorf("%s: the outcome is %s", name, report.Outcome)
				}
				balanced(t, report)
				if n := len(tr.store.events); n != 2 || tr.store.events[1] != "settle sink false" {
					t.Errorf("%s: events %q", name, tr.store.events)
				}
			})
		}
	}
}

// A context that has ended already kills before anything is read.
func TestKilledBeforeRun(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit}
  sink:   {use: collect, in: source}
`, scheduler.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := tr.execute(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// Stats may be asked for at any time, and the race detector sees it.
func TestStatsMeanwhile(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit, with: {count: 1000}}
  work:   {use: step, in: source, workers: 2, with: {delays: 1ms, fail: 10}, on_error: skip}
  sink:   {use: keep, in: work}
`, scheduler.Options{})
		if got := tr.run.Stats(); got.Outcome != "running" || got.Took != 0 || len(got.Nodes) != 3 {
			t.Errorf("before the run: %+v", got)
		}
		stop := make(chan struct{})
		go func() {
			defer close(stop)
			tr.succeed()
		}()
		var last metrics.Report
		for {
			select {
			case <-stop:
				if last.Outcome != "running" || last.Took <= 0 {
					t.Errorf("the last report of the run: %+v", last)
				}
				return
			case <-time.After(50 * time.Millisecond):
				if r := tr.run.Stats(); r.Outcome == "running" {
					last = r
				}
				tr.run.RecentErrors("work")
			}
		}
	})
}

// A slow source does not wait for anyone downstream who has nothing to do with it.
func TestSeveralSources(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  fast: {use: emit, with: {count: 1000}}
  slow: {use: emit, with: {count: 5, every: 1h}}
  a:    {use: keep, in: fast}
  b:    {use: keep, in: slow}
`, scheduler.Options{})
		done := make(chan struct{})
		go func() { defer close(done); tr.succeed() }()
		synctest.Wait()
		equal(t, "a", tr.store.numbers("a"), upTo(1000))
		<-done
		equal(t, "b", tr.store.numbers("b"), upTo(5))
	})
}

// The end of a source is not a failure, whoever reads.
func TestEmptySource(t *testing.T) {
	none := kind("none", func(*opKind, *nodes.Env) *op { return &op{next: numbering(0)} })
	for _, serial := range []bool{false, true} {
		for _, workers := range []int{1, 3} {
			virtual(t, func(t *testing.T) {
				tr := try(t, fmt.Sprintf(`
  source: {use: none, workers: %[1]d}
  work:   {use: step, in: source, workers: %[1]d}
  cut:    {use: first, in: work, with: {count: 3}}
  sink:   {use: collect, in: cut}
`, workers), scheduler.Options{Serial: serial}, none)
				tr.succeed()
				if got := tr.store.numbers("sink"); len(got) > 0 {
					t.Errorf("got %v", got)
				}
			})
		}
	}
}
