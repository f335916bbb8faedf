package scheduler_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A service is a Mapper that is down for a time, and notes when it is called.
type service struct {
	Down  []time.Duration `yaml:"down" lone:"true" doc:"From when to when it is down, in pairs."`
	Takes time.Duration   `yaml:"takes" doc:"How long a call takes."`
	calls *callLog
}

type callLog struct {
	mu    sync.Mutex
	start time.Time
	at    []time.Duration
}

func (s *service) Map(ctx context.Context, x item) (item, error) {
	s.calls.mu.Lock()
	if s.calls.start.IsZero() {
		s.calls.start = time.Now()
	}
	now := time.Since(s.calls.start)
	s.calls.at = append(s.calls.at, now)
	s.calls.mu.Unlock()
	if s.Takes > 0 {
		select {
		case <-time.After(s.Takes):
		case <-ctx.Done():
			return x, ctx.Err()
		}
	}
	for i := 0; i+1 < len(s.Down); i += 2 {
		if s.Down[i] <= now && now < s.Down[i+1] {
			return x, errBad
		}
	}
	return x, nil
}

func serviceKind() (nodes.Decl, *callLog) {
	c := &callLog{}
	return nodes.Map("service", "Calls a service.", &service{calls: c}), c
}

// After so many failures in a row the node takes nothing, then tries one item, and
// goes on when that succeeds: to the tick, with nothing lost and the order kept.
func TestBreaker(t *testing.T) {
	for _, serial := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			kind, calls := serviceKind()
			var log bytes.Buffer
			tr := try(t, `
  in: {use: emit, with: {count: 10}}
  a: {use: service, in: in, breaker: {failures: 3, open_for: 30s}, on_error: skip, with: {down: [0s, 50s]}}
  out: {use: keep, in: a}
`, scheduler.Options{Serial: serial, Watch: time.Second, Log: slog.New(slog.NewTextHandler(&log, nil))}, kind)
			report := tr.succeed()
			s := time.Second
			sameTimes(t, "calls", calls.at, []time.Duration{0, 0, 0, 30 * s, 60 * s, 60 * s, 60 * s, 60 * s, 60 * s, 60 * s})
			equal(t, "items", tr.store.numbers("out"), []int64{4, 5, 6, 7, 8, 9})
			n := node(t, report, "a")
			if n.Openings != 2 || n.Breaker != metrics.Closed || n.Skipped != 4 || n.Limited < 0.99 || n.Busy != 0 {
				t.Errorf("openings %d, breaker %s, skipped %d, limited %v, busy %v", n.Openings, n.Breaker, n.Skipped, n.Limited, n.Busy)
			}
			var said []string
			for line := range strings.Lines(log.String()) {
				if _, msg, ok := strings.Cut(line, "msg="); ok && strings.Contains(line, "breaker") {
					said = append(said, strings.TrimSpace(msg))
				}
			}
			want := []string{
				`"breaker open" node=a failures=3 open_for=30s`, `"breaker tries an item" node=a`,
				`"breaker open" node=a failures=4 open_for=30s`, `"breaker tries an item" node=a`, `"breaker closed" node=a`,
			}
			if !slices.Equal(said, want) {
				t.Errorf("the log says\n%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// Failures that are not in a row do not open it, and retries come before.
func TestBreakerCountsInARow(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  in: {use: emit, with: {count: 9}}
  a: {use: step, in: in, breaker: {failures: 2, open_for: 1h}, on_error: dead, retry: {attempts: 2, initial_interval: 1s, jitter: 0}, with: {fail: [0, 2, 4, 7]}}
  out: {use: keep, in: a}
  bad: {use: sinkhole, in: a.errors}
`, scheduler.Options{}, sinkhole)
		report := tr.succeed()
		equal(t, "items", tr.store.numbers("out"), []int64{1, 3, 5, 6, 8})
		if n := node(t, report, "a"); n.Openings != 0 || n.Dead != 4 || n.Retries != 4 || report.Took != 4*time.Second {
			t.Errorf("openings %d, dead %d, retries %d, took %s", n.Openings, n.Dead, n.Retries, report.Took)
		}
	})
}

// With several workers no more than one item is tried, those on their way when it
// opens do not count, and the order is kept.
func TestBreakerWithWorkers(t *testing.T) {
	for _, order := range []string{"strict", "none", "key, key: [n]"} {
		t.Run(order, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				kind, calls := serviceKind()
				tr := try(t, fmt.Sprintf(`
  in: {use: emit, with: {count: 40}}
  a: {use: service, in: in, workers: 4, order: %s, breaker: {failures: 4, open_for: 30s}, on_error: skip, with: {down: [0s, 50s], takes: 1s}}
  out: {use: keep, in: a}
`, order), scheduler.Options{Watch: time.Second}, kind)
				tr.succeed()
				got := tr.store.numbers("out")
				if order == "strict" && !slices.IsSorted(got) {
					t.Errorf("the order is %v", got)
				}
				// The node opens at 1s and tries at 31s and, after 32s, at 62s.
				for _, at := range calls.at {
					s := at.Seconds()
					early := s > 2 && s < 31 || s > 31 && s < 62 || s > 62 && s < 63
					if early && !strings.HasPrefix(order, "key") { // with keys, some wait at the workers already
						t.Errorf("a call at %s", at)
					}
				}
				tries := 0
				for _, at := range calls.at {
					if at == 31*time.Second || at == 62*time.Second {
						tries++
					}
				}
				if tries != 2 && !strings.HasPrefix(order, "key") {
					t.Errorf("%d tries in calls at %v", tries, calls.at)
				}
				if len(got)+int(node(t, tr.run.Stats(), "a").Skipped) != 40 || len(got) < 26 {
					t.Errorf("%d items", len(got))
				}
			})
		})
	}
}

// What waits for an open breaker stays before it: the queue fills, the sender waits.
func TestBreakerHoldsBack(t *testing.T) {
	virtual(t, func(t *testing.T) {
		kind, _ := serviceKind()
		tr := try(t, `
  in: {use: emit, with: {every: 1s, count: 40}}
  a: {use: service, in: {from: in, capacity: 4}, breaker: {failures: 2, open_for: 20s}, on_error: skip, with: {down: [0s, 10s]}}
  out: {use: keep, in: a}
`, scheduler.Options{}, kind)
		middle := make(chan metrics.Report, 1)
		time.AfterFunc(15*time.Second, func() { middle <- tr.run.Stats() })
		tr.succeed()
		mid := <-middle
		n := node(t, mid, "a")
		if e := edge(t, mid, "in.out", "a.in"); e.Items != 4 || n.Breaker != metrics.Open || n.In != 3 {
			t.Errorf("in the middle %d items wait, the breaker is %s, %d were taken", e.Items, n.Breaker, n.In)
		}
		if got := len(tr.store.numbers("out")); got != 38 {
			t.Errorf("%d items", got)
		}
	})
}

// When the flow is stopped nothing is held back; when it is killed it ends at once.
func TestBreakerEnds(t *testing.T) {
	const flow = `
  in: {use: emit, with: {count: 10}}
  a: {use: service, in: in, workers: %d, breaker: {failures: 2, open_for: 1h}, on_error: skip, with: {down: [0s, 1h]}}
  out: {use: keep, in: a}
`
	for _, workers := range []int{1, 3} {
		for _, serial := range []bool{false, true} {
			virtual(t, func(t *testing.T) {
				kind, calls := serviceKind()
				tr := try(t, fmt.Sprintf(flow, workers), scheduler.Options{Serial: serial}, kind)
				time.AfterFunc(time.Minute, tr.run.Stop)
				report := tr.succeed()
				if n := node(t, report, "a"); report.Took != time.Minute || n.Skipped+n.Used != 10 && !serial {
					t.Errorf("stopped: took %s, %d skipped; %d calls", report.Took, n.Skipped, len(calls.at))
				}
			})
		}
		virtual(t, func(t *testing.T) {
			kind, calls := serviceKind()
			tr := try(t, fmt.Sprintf(flow, workers), scheduler.Options{}, kind)
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errBad)
			defer cancel()
			report, err := tr.execute(ctx)
			if !errors.Is(err, errBad) || report.Took != time.Minute || len(calls.at) > 1+workers {
				t.Errorf("killed: %v after %s, %d calls", err, report.Took, len(calls.at))
			}
			balanced(t, report)
			synctest.Wait()
		})
	}
}

// A sink, which fails only when it is its turn, has a breaker too; its batches fail
// as a whole. So has an operator that reports items one by one.
func TestBreakerOfSink(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  in: {use: emit, with: {count: 8}}
  out: {use: keep, in: in, breaker: {failures: 3, open_for: 30s}, on_error: skip, with: {fail: [1, 2, 3, 4]}}
`, scheduler.Options{})
		report := tr.succeed()
		equal(t, "items", tr.store.numbers("out"), []int64{0, 5, 6, 7})
		s := time.Second
		sameTimes(t, "times", tr.store.times["out"], []time.Duration{0, 60 * s, 60 * s, 60 * s})
		if n := node(t, report, "out"); n.Openings != 2 {
			t.Errorf("%d openings", n.Openings)
		}
	})
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  in: {use: emit, with: {count: 8}}
  a: {use: fussy, in: in, breaker: {failures: 3, open_for: 30s}, on_error: skip}
  out: {use: keep, in: a}
`, scheduler.Options{}, fussy)
		tr.succeed()
		equal(t, "items", tr.store.numbers("out"), []int64{0, 5, 6, 7})
		s := time.Second
		sameTimes(t, "times", tr.store.times["out"], []time.Duration{0, 60 * s, 60 * s, 60 * s})
	})
}

// fussy has a serial part alone, which fails on items 1 to 4.
var fussy = kind("fussy", func(*opKind, *nodes.Env) *op {
	return &op{process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
		if x := values(in.Data)[0]; x.N >= 1 && x.N <= 4 {
			return out.Bad(nodes.BadItem{Err: errBad, Data: in.Data})
		}
		return out.Emit(0, in.Data.Retain())
	}}
}, portIn)

// sinkhole takes anything.
var sinkhole = nodes.Kind("sinkhole", "Takes anything.", &opKind{make: func(*opKind, *nodes.Env) *op { return &op{} }},
	nodes.InPort(portIn), nodes.Workers(graph.Single))
