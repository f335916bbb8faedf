package scheduler_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A rate is items in a second at a time since the start.
type rate func(at time.Duration) float64

// loads are what the elastic workers are put to. One item takes 20 ms, so 50 items
// in a second keep one worker busy.
var loads = []struct {
	name string
	last time.Duration
	rate rate
}{
	{"ten-fold step", 20 * time.Second, func(at time.Duration) float64 {
		if at >= 5*time.Second && at < 15*time.Second {
			return 400
		}
		return 40
	}},
	{"ramp", 30 * time.Second, func(at time.Duration) float64 {
		return 20 + 580*(1-math.Abs(at.Seconds()-15)/15)
	}},
	{"bursts", 30 * time.Second, func(at time.Duration) float64 {
		if at%(5*time.Second) < 500*time.Millisecond {
			return 800
		}
		return 10
	}},
}

// load is a source that follows a rate. Each item carries when it was due, so that
// what holds the source up counts as waiting too.
type load struct {
	Case int `yaml:"case" doc:"Which of loads."`
}

func (k *load) Read(ctx context.Context, emit func(int64) error) error {
	l, start, due := loads[k.Case], time.Now(), time.Duration(0)
	for {
		if due += time.Duration(float64(time.Second) / l.rate(due)); due >= l.last {
			break
		}
		if wait := time.Until(start.Add(due)); wait > 0 {
			time.Sleep(wait)
		}
		if err := emit(int64(due)); err != nil {
			return err
		}
	}
	time.Sleep(5 * time.Second) // idle
	return nil
}

// wait is a call over a network: it takes 20 ms, and longer when more than the
// server can do are under way.
type wait struct{ slots chan struct{} }

func (k *wait) Map(_ context.Context, due int64) (int64, error) {
	if k.slots != nil {
		k.slots <- struct{}{}
		defer func() { <-k.slots }()
	}
	time.Sleep(20 * time.Millisecond)
	return due, nil
}

// after is a sink that keeps how long each item was under way.
type after struct {
	Delay time.Duration `yaml:"delay" doc:"How long an item takes."`
	start time.Time
	late  *[]time.Duration
}

func (k *after) Open(context.Context, *nodes.Env) error { k.start = time.Now(); return nil }

func (k *after) Write(_ context.Context, in []int64) error {
	for _, due := range in {
		if k.Delay > 0 {
			time.Sleep(k.Delay)
		}
		*k.late = append(*k.late, time.Since(k.start)-time.Duration(due))
	}
	return nil
}

// A course is what a run with changing workers did.
type course struct {
	workers []int // every 100 ms
	late    []time.Duration
	report  metrics.NodeReport
}

// follow runs the load of a case through a node with the given workers.
func follow(t *testing.T, which int, workers string, serves int, sink string) course {
	t.Helper()
	var c course
	server := &wait{}
	if serves > 0 {
		server.slots = make(chan struct{}, serves)
	}
	tr := try(t, fmt.Sprintf(`
  s: {use: load, with: {case: %d}}
  w: {use: wait, in: {from: s, capacity: 100}, workers: %s}
  k: {use: after, in: {from: w, capacity: 16}, with: {%s}}
`, which, workers, sink), scheduler.Options{},
		nodes.Read("load", "Follows a rate.", &load{}), nodes.Map("wait", "Waits.", server), nodes.Write("after", "Keeps.", &after{late: &c.late}))
	stop := every(100*time.Millisecond, func() { c.workers = append(c.workers, node(t, tr.run.Stats(), "w").Workers) })
	report, err := tr.execute(context.Background())
	stop()
	if err != nil {
		t.Fatal(err)
	}
	balanced(t, report)
	c.report = node(t, report, "w")
	return c
}

// p99 is the 99th percentile.
func p99(d []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[len(sorted)*99/100]
}

// seconds are the seconds of all workers added up.
func (c *course) seconds() (sum float64) {
	for _, n := range c.workers {
		sum += float64(n) / 10
	}
	return sum
}

// TestElasticWorkersFollow compares elastic workers with a fixed number at either
// bound; -v prints the table.
func TestElasticWorkersFollow(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "%-14s %-8s %12s %12s %9s %6s\n", "load", "workers", "p99 late", "most late", "worker s", "changes")
	for i, l := range loads {
		var byRange []course
		for _, workers := range []string{"{min: 1, max: 20}", "1", "20"} {
			virtual(t, func(t *testing.T) {
				c := follow(t, i, workers, 0, "")
				byRange = append(byRange, c)
				fmt.Fprintf(&table, "%-14s %-8s %12s %12s %9.1f %6d\n", l.name, strings.NewReplacer("{min: ", "", ", max: ", "-", "}", "").Replace(workers),
					p99(c.late).Round(time.Millisecond), slices.Max(c.late).Round(time.Millisecond), c.seconds(), c.report.Resized)
			})
		}
		elastic, low, high := byRange[0], byRange[1], byRange[2]
		if got := slices.Max(elastic.late); got > 2*time.Second {
			t.Errorf("%s: an item was %s under way", l.name, got)
		}
		if got := elastic.workers[len(elastic.workers)-1]; got != 1 {
			t.Errorf("%s: %d workers when idle, want 1", l.name, got)
		}
		if got, all := elastic.seconds(), high.seconds(); got > all/2 {
			t.Errorf("%s: %.0f worker seconds, %.0f with all workers all the time", l.name, got, all)
		}
		if got, slow := p99(elastic.late), p99(low.late); got > slow/4 {
			t.Errorf("%s: the 99th percentile is %s, with one worker %s", l.name, got, slow)
		}
		if elastic.report.Resized > 60 {
			t.Errorf("%s: %d changes", l.name, elastic.report.Resized)
		}
	}
	t.Logf("\n%s", table.String())
}

// TestElasticStep: two seconds after the load is ten times as high there are
// enough workers, and two seconds after it fell they are few again.
func TestElasticStep(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := follow(t, 0, "{min: 1, max: 20}", 0, "")
		at := func(d time.Duration) int { return c.workers[int(d/(100*time.Millisecond))] }
		if got := at(4 * time.Second); got > 2 {
			t.Errorf("%d workers for 40 items in a second", got)
		}
		for d := 7 * time.Second; d < 15*time.Second; d += 100 * time.Millisecond {
			if got := at(d); got < 8 || got > 16 || d > 9*time.Second && got > 12 {
				t.Errorf("%d workers after %s for 400 items in a second, which keep 8 busy", got, d)
			}
		}
		if got := at(17500 * time.Millisecond); got > 2 {
			t.Errorf("%d workers %s after the load fell", got, 2500*time.Millisecond)
		}
	})
}

// TestElasticKnee: where the server does four calls at once, more workers only
// wait.
func TestElasticKnee(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := follow(t, 0, "{min: 1, max: 20}", 4, "")
		high := c.workers[60:150]
		over := 0
		for _, n := range high {
			if n > 8 {
				over++
			}
		}
		if over > len(high)/4 {
			t.Errorf("more than 8 workers in %d of %d looks, though 4 do all that can be done: %v", over, len(high), high)
		}
		if slices.Max(high) < 4 {
			t.Errorf("never 4 workers: %v", high)
		}
	})
}

func TestElasticNeverGrowsWhenBlocked(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := follow(t, 0, "{min: 1, max: 20}", 0, "delay: 25ms")
		if got, late := slices.Max(c.workers), slices.Max(c.workers[120:]); got > 4 || late > 2 {
			t.Errorf("%d workers, and %d later, for a sink that takes 40 items in a second: %v", got, late, c.workers)
		}
	})
}
