package scheduler_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// cutsOf runs a flow with a cut every 100 ms and looks at what it says of them after some
// times. The flow is killed then.
func cutsOf(t *testing.T, text string, timeout time.Duration, during func(r *scheduler.Run), at ...time.Duration) (reports []metrics.CutReport) {
	kinds := &cutKinds{logs: map[string]*cutLog{}, seed: 1}
	tr := try(t, text, scheduler.Options{Cuts: scheduler.Cuts{Every: 100 * time.Millisecond, Timeout: timeout}}, kinds.kinds()...)
	kinds.flight = tr.run.Flight
	ctx, kill := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		tr.execute(ctx)
	}()
	start := time.Now()
	time.Sleep(time.Second)
	if during != nil {
		during(tr.run)
	}
	for _, d := range at {
		time.Sleep(time.Until(start.Add(d)))
		reports = append(reports, *tr.run.Stats().Cuts)
	}
	kill()
	<-over
	return reports
}

// Nothing of this holds a cut: what waits for long waits on an edge, and belongs to it, or
// outside of the flow.
func TestCutsComplete(t *testing.T) {
	for _, c := range []struct {
		name, text string
		during     func(*scheduler.Run)
	}{
		{"a source that sleeps", `
  source: {use: emit, with: {every: 1h}}
  sink:   {use: keep, in: source}`, nil},
		{"a source with workers that sleeps", `
  source: {use: emit, with: {every: 1h}}
  work:   {use: step, in: source, workers: 4, order: none}
  sink:   {use: keep, in: work}`, nil},
		{"a paused flow", `
  source: {use: emit, with: {every: 1ms}}
  work:   {use: step, in: source, workers: 3, with: {delays: [5ms]}}
  sink:   {use: keep, in: work}`, (*scheduler.Run).Pause},
		{"a join that still reads its right side", `
  source: {use: emit, with: {every: 50us}}
  work:   {use: step, in: source}
  other:  {use: emit, with: {every: 1h}}
  both:   {use: right, with: {mode: right}, in: {left: {from: work, capacity: 16}, right: other}}
  sink:   {use: keep, in: both}`, nil},
		{"the same with batches", `
  source: {use: emit, with: {every: 50us}}
  other:  {use: emit, with: {every: 1h}}
  both:   {use: right, with: {mode: right}, in: {left: {from: source, capacity: 16}, right: other}, batch: {count: 5}}
  sink:   {use: keep, in: both}`, nil},
		{"inputs that are read one after the other", `
  source: {use: emit, with: {every: 1h}}
  other:  {use: emit, with: {every: 50us}}
  both:   {use: chain, with: {mode: same}, in: [source, {from: other, capacity: 16}]}
  sink:   {use: keep, in: both}`, nil},
		{"a delay of an hour", `
  source: {use: emit, with: {every: 10ms}}
  sink:   {use: keep, in: {from: source, delay: 1h}}`, nil},
		{"a delay of an hour that is full", `
  source: {use: emit, with: {every: 50us}}
  work:   {use: step, in: source, workers: 2}
  sink:   {use: keep, in: {from: work, delay: 1h, capacity: 16}}`, nil},
		{"batches that wait for an hour", `
  source: {use: emit, with: {every: 1s}}
  sink:   {use: keep, in: source, batch: {count: 60000, period: 1h}}`, nil},
		{"a filter that drops all", `
  source: {use: emit, with: {every: 1ms}}
  none:   {use: copies, in: source, with: {times: 0}}
  sink:   {use: keep, in: none}`, nil},
		{"an edge that was refused", `
  source: {use: emit, with: {every: 1ms}}
  few:    {use: first, in: source, with: {count: 3}}
  sink:   {use: keep, in: few}
  rest:   {use: keep, in: source}`, nil},
		{"a queue that spills behind a slow node", `
  source: {use: emit, with: {every: 50us}}
  slow:   {use: step, in: {from: source, on_full: spill, capacity: 4}, with: {delays: [100ms]}}
  sink:   {use: keep, in: slow}`, nil},
		{"a queue that drops behind a slow node", `
  source: {use: emit, with: {every: 1ms}}
  slow:   {use: step, in: {from: source, on_full: drop_oldest, capacity: 4}, with: {delays: [100ms]}}
  sink:   {use: keep, in: slow}`, nil},
		{"an input that has ended", `
  source: {use: emit, with: {count: 10}}
  other:  {use: emit, with: {every: 1h}}
  both:   {use: serial, with: {mode: same}, in: [source, other]}
  sink:   {use: keep, in: both}
  late:   {use: keep, in: {from: source, delay: 1h}}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				for i, r := range cutsOf(t, c.text, 0, c.during, 5*time.Second, 10*time.Second) {
					if r.Complete < int64(20*(i+1)) || r.GivenUp > 0 || r.Age > time.Second {
						t.Errorf("%d cuts were complete, the last %s ago, %d given up; it waits for %v", r.Complete, r.Age, r.GivenUp, r.Waits)
					}
				}
			})
		})
	}
}

// A node that is stuck in an item holds a cut up. It is given up, which does not harm
// anybody, says whom it has waited for, and the next one is complete once the node has
// woken.
func TestCutsAreGivenUp(t *testing.T) {
	for name, held := range map[string]string{
		"a retry":                           "with: {fail: 5, tries: 1}, retry: {attempts: 3, initial_interval: 10m, max_interval: 10m}",
		"a retry of one of four":            "with: {fail: 5, tries: 1}, retry: {attempts: 3, initial_interval: 10m, max_interval: 10m}, workers: 4",
		"a retry of one of four, unordered": "with: {fail: 5, tries: 1}, retry: {attempts: 3, initial_interval: 10m, max_interval: 10m}, workers: 4, order: none",
		"a retry of one of four, by key":    "with: {fail: 5, tries: 1}, retry: {attempts: 3, initial_interval: 10m, max_interval: 10m}, workers: 4, order: key, key: key",
		"an open breaker":                   "with: {fail: 5}, on_error: skip, breaker: {failures: 1, open_for: 10m}",
		"a rate":                            "rate: 1/m",
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				reports := cutsOf(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 12}}
  other:  {use: emit, with: {every: 1h}}
  all:    {use: serial, with: {mode: same}, in: [source, other]}
  held:   {use: step, in: {from: all, capacity: 4}, %s}
  sink:   {use: keep, in: held}`, held), 20*time.Second, nil, 5*time.Minute, 40*time.Minute)
				early, late := reports[0], reports[1]
				if early.GivenUp < 5 || early.Last == nil || *early.Last != (metrics.CutHolder{Node: "held", Input: "in"}) {
					t.Errorf("after five minutes %d were given up, the last for %v", early.GivenUp, early.Last)
				}
				if early.Waits == nil || *early.Waits != *early.Last {
					t.Errorf("the one under way waits for %v", early.Waits)
				}
				if late.Complete < early.Complete+100 || late.Age > time.Second || late.Waits != nil {
					t.Errorf("after it has woken: %+v", late)
				}
			})
		})
	}
}
