package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// own is a source that gives an item a second, on a goroutine of its own.
var own = kind("own", func(_ *opKind, env *nodes.Env) *op {
	items, gone := make(chan item), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	return &op{
		endless: true,
		open: func() error {
			go func() {
				defer close(gone)
				for i := int64(0); ctx.Err() == nil; i++ {
					env.Await(ctx)
					time.Sleep(time.Second)
					select {
					case items <- item{N: i}:
					case <-ctx.Done():
					}
				}
			}()
			return nil
		},
		next: func(ctx context.Context) (any, error) {
			select {
			case x := <-items:
				return x, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
		process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
			return out.Emit(0, batchOf(in.Made.(item)))
		},
		close: func() error { cancel(); <-gone; return nil },
	}
})

// broad is a source with several workers, of which one waits for the others to take.
var broad = kind("broad", func(*opKind, *nodes.Env) *op {
	i := 0
	return &op{
		endless: true,
		next:    func(context.Context) (any, error) { i++; time.Sleep(time.Second); return i - 1, nil },
		work: func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
			return nil, out.Emit(0, batchOf(item{N: int64(in.Made.(int))}))
		},
	}
})

// everySource runs a test for sources of every form, none of which has an end, with and
// without cores.
func everySource(t *testing.T, flow string, f func(t *testing.T, name string, tr *trial)) {
	t.Helper()
	for name, source := range map[string]string{"reading": "emit, with: {every: 1s}", "deaf": "emit, with: {every: 1s, deaf: true}", "records": "endless", "own": "own", "broad": "broad, workers: 4"} {
		for _, serial := range []bool{false, true} {
			virtual(t, func(t *testing.T) {
				tr := try(t, fmt.Sprintf(flow, source), scheduler.Options{Serial: serial}, endless, own, broad)
				f(t, fmt.Sprintf("%s, serial %v", name, serial), tr)
			})
		}
	}
}

const slowWork = `
  source: {use: %s}
  work:   {use: step, in: source, with: {delays: [100ms]}}
  sink:   {use: collect, in: work}
`

// While a run is paused nothing enters it, and what is on its way arrives. Then it
// goes on where it was: nothing is lost, and nothing comes twice.
func TestPause(t *testing.T) {
	everySource(t, slowWork, func(t *testing.T, name string, tr *trial) {
		at := func(s float64, f func()) { time.AfterFunc(time.Duration(s*float64(time.Second)), f) }
		var arrived, later int
		var during, after metrics.Report
		at(10.05, tr.run.Pause)
		at(12, func() { arrived = len(tr.store.numbers("sink")) })
		at(3600, func() { during, later = tr.run.Stats(), len(tr.store.numbers("sink")) })
		at(3610.05, tr.run.Resume)
		at(3620, func() { after = tr.run.Stats() })
		at(3625, tr.run.Stop)
		report := tr.succeed()
		synctest.Wait()
		if arrived < 9 || arrived > 11 || later != arrived {
			t.Errorf("%s: %d items had arrived soon after the pause, %d an hour later", name, arrived, later)
		}
		got := tr.store.numbers("sink")
		if equal(t, name, got, upTo(len(got))); len(got) < arrived+12 {
			t.Errorf("%s: %d items arrived in all", name, len(got))
		}
		if s := node(t, during, "source"); !during.Paused || s.State != "paused" || node(t, during, "work").State != "running" || during.Outcome != "running" {
			t.Errorf("%s: paused %v, the source is %s, the outcome %s", name, during.Paused, s.State, during.Outcome)
		}
		if after.Paused || node(t, after, "source").State != "running" || after.PausedFor != time.Hour || report.PausedFor != time.Hour {
			t.Errorf("%s: after the pause: paused %v, for %s, the source is %s", name, after.Paused, after.PausedFor, node(t, after, "source").State)
		}
		if s := node(t, report, "source"); s.Busy > 0.02 {
			t.Errorf("%s: the pause counts as work: %.3f", name, s.Busy)
		}
	})
}

// A pause is no reason to take a flow for a stuck one, and none not to see later
// that it is.
func TestPausedIsNotStuck(t *testing.T) {
	everySource(t, "\n  source: {use: %s}\n  sink:   {use: collect, in: source}\n", func(t *testing.T, name string, tr *trial) {
		tr.run.Pause() // before it starts
		time.AfterFunc(time.Hour, func() {
			if s := tr.run.Stats(); !s.Paused || s.PausedFor != time.Hour || len(tr.store.numbers("sink")) > 0 {
				t.Errorf("%s: paused %v for %s, %d items", name, s.Paused, s.PausedFor, len(tr.store.numbers("sink")))
			}
			tr.run.Stop()
		})
		end := tr.succeed
		if strings.HasPrefix(name, "reading") || strings.HasPrefix(name, "deaf") {
			end = tr.cutShort // a function that was never called has not said that it has no end
		}
		if report := end(); report.Paused || tr.run.Paused() {
			t.Errorf("%s: paused %v", name, report.Paused)
		}
	})
}

// Stop ends a pause: what the sources have is worked off.
func TestStopWhilePaused(t *testing.T) {
	everySource(t, slowWork, func(t *testing.T, name string, tr *trial) {
		time.AfterFunc(5500*time.Millisecond, tr.run.Pause)
		time.AfterFunc(60*time.Second, tr.run.Stop)
		time.AfterFunc(60*time.Second+1, tr.run.Pause) // too late
		start := time.Now()
		report := tr.succeed()
		got := tr.store.numbers("sink")
		equal(t, name, got, upTo(len(got)))
		if took := time.Since(start); took > 65*time.Second || report.Outcome != "done" || len(got) < 5 || int64(len(got)) != node(t, report, "source").Out {
			t.Errorf("%s: %s after %s with %d items of %d", name, report.Outcome, took, len(got), node(t, report, "source").Out)
		}
	})
}

func TestKillWhilePaused(t *testing.T) {
	why := errors.New("enough")
	everySource(t, slowWork, func(t *testing.T, name string, tr *trial) {
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(5500*time.Millisecond, tr.run.Pause)
		time.AfterFunc(60*time.Second, func() { cancel(why) })
		start := time.Now()
		report, err := tr.execute(ctx)
		if took := time.Since(start); !errors.Is(err, why) || took > 62*time.Second || report.Outcome != "failed" || report.Paused {
			t.Errorf("%s: %v after %s, outcome %s, paused %v", name, err, took, report.Outcome, report.Paused)
		}
	})
}

// A failure in what is on its way ends a paused run.
func TestFailureWhilePaused(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit}
  work:   {use: step, in: {from: source, capacity: 1000}, with: {delays: [1s], fail: [20]}}
  sink:   {use: keep, in: work}
`, scheduler.Options{})
		time.AfterFunc(5500*time.Millisecond, tr.run.Pause)
		if _, err := tr.execute(t.Context()); !errors.Is(err, errBad) {
			t.Errorf("the run ended with %v", err)
		}
		if n := len(tr.store.numbers("sink")); n != 20 {
			t.Errorf("%d items arrived", n)
		}
	})
}

// Whoever pauses and resumes all the time changes nothing but the time it takes.
func TestPauseOften(t *testing.T) {
	for _, workers := range []int{1, 4} {
		virtual(t, func(t *testing.T) {
			tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 500, every: 7ms}}
  work:   {use: step, in: source, workers: %d, with: {delays: [3ms, 1ms]}}
  sink:   {use: keep, in: work}
`, workers), scheduler.Options{})
			over := make(chan struct{})
			go func() {
				for i := 0; ; i++ {
					select {
					case <-over:
						return
					case <-time.After(time.Duration(1+i%11) * time.Millisecond):
					}
					tr.run.Pause()
					tr.run.Pause()
					tr.run.Stats()
					if i%3 > 0 {
						tr.run.Resume()
						tr.run.Resume()
					}
				}
			}()
			report := tr.succeed()
			close(over)
			synctest.Wait()
			equal(t, "the sink", tr.store.numbers("sink"), upTo(500))
			if report.Outcome != "done" || report.PausedFor == 0 || report.PausedFor > report.Took {
				t.Errorf("%s, paused for %s of %s", report.Outcome, report.PausedFor, report.Took)
			}
			tr.run.Pause()
			if tr.run.Paused() {
				t.Error("a run that has ended is paused")
			}
		})
	}
}
