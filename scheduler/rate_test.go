package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// ticks gives i*step for the items from..to-1.
func ticks(n int, step time.Duration) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = time.Duration(i) * step
	}
	return all
}

func sameTimes(t *testing.T, what string, got, want []time.Duration) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: at %v, want %v", what, got, want)
	}
}

// A node with a rate takes its items to the tick, with any number of workers, in
// their order, and is neither busy nor stuck meanwhile.
func TestRate(t *testing.T) {
	for _, c := range []struct {
		rate string
		want []time.Duration
	}{
		{"100/s", ticks(12, 10*time.Millisecond)},
		{"10/100ms", ticks(12, 10*time.Millisecond)},
		{"6/m", ticks(12, 10*time.Second)},
		{"1/h", ticks(4, time.Hour)},
		{"{limit: 100/s, burst: 4}", append(make([]time.Duration, 4), ticks(9, 10*time.Millisecond)[1:]...)},
		// A third of a second does not come out even: nothing is lost to rounding.
		{"3/s", []time.Duration{0, 333333334, 666666667, time.Second, 1333333334, 1666666667, 2 * time.Second}},
		{"2000/s", append(append(make([]time.Duration, 10), slices.Repeat([]time.Duration{time.Millisecond}, 2)...), slices.Repeat([]time.Duration{2 * time.Millisecond}, 2)...)},
	} {
		for _, workers := range []int{1, 4} {
			for _, serial := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, workers %d, serial %v", c.rate, workers, serial), func(t *testing.T) {
					virtual(t, func(t *testing.T) {
						tr := try(t, fmt.Sprintf(`
  in: {use: emit, with: {count: %d}}
  a: {use: step, in: in, rate: %s, workers: %d}
  out: {use: keep, in: a}
`, len(c.want), c.rate, workers), scheduler.Options{Serial: serial, Watch: time.Second})
						report := tr.succeed()
						equal(t, "items", tr.store.numbers("out"), upTo(len(c.want)))
						if !serial || c.rate != "2000/s" { // alone, an item waits for itself only
							sameTimes(t, "times", tr.store.times["out"], c.want)
						}
						n := node(t, report, "a")
						if n.Busy != 0 || n.Limited < 0.9 {
							t.Errorf("busy %v, limited %v", n.Busy, n.Limited)
						}
					})
				})
			}
		}
	}
}

// A pause fills the bucket up to the burst and no further.
func TestRateAfterPause(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  in: {use: bursts}
  out: {use: keep, in: in, rate: {limit: 10/s, burst: 3}}
`, scheduler.Options{}, kind("bursts", func(*opKind, *nodes.Env) *op {
			i := 0
			return &op{
				next: func(context.Context) (any, error) {
					if i++; i == 3 {
						return nil, io.EOF
					}
					if i == 2 {
						time.Sleep(time.Hour)
					}
					return i, nil
				},
				process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
					from := 5 * (in.Made.(int) - 1)
					return out.Emit(0, record.Wrap(numbered(from, from+5)))
				},
			}
		}))
		tr.succeed()
		h := time.Hour
		sameTimes(t, "times", tr.store.times["out"], []time.Duration{
			0, 0, 0, 100 * time.Millisecond, 200 * time.Millisecond,
			h, h, h, h + 100*time.Millisecond, h + 200*time.Millisecond,
		})
	})
}

// Of a source the rate bounds what it gives, also if several workers send.
func TestRateOfSource(t *testing.T) {
	for _, text := range []string{
		"  in: {use: emit, with: {count: 8}, rate: 10/s}",
		"  in: {use: numbers, rate: 10/s}",
		"  in: {use: numbers, rate: 10/s, workers: 3}",
		"  in: {use: numbers, rate: 10/s, workers: 3, order: none}",
	} {
		for _, serial := range []bool{false, true} {
			t.Run(text, func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					tr := try(t, text+"\n  out: {use: keep, in: in}\n", scheduler.Options{Serial: serial}, quads)
					tr.succeed()
					sameTimes(t, "times", tr.store.times["out"], ticks(8, 100*time.Millisecond))
				})
			})
		}
	}
}

// quads is a source with two pieces of four items.
var quads = kind("numbers", func(*opKind, *nodes.Env) *op {
	return &op{next: numbering(2), work: func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
		from := 4 * in.Made.(int)
		return nil, out.Emit(0, record.Wrap(numbered(from, from+4)))
	}}
})

// The rate bounds what comes over all edges together, whichever way the operator is
// driven: without a parallel part, choosing its edges, or woken meanwhile.
func TestRateOfOperators(t *testing.T) {
	for _, how := range []string{"serial", "selective", "timed"} {
		for _, serial := range []bool{false, true} {
			t.Run(how, func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					tr := try(t, fmt.Sprintf(`
  in: {use: emit, with: {count: 4}}
  more: {use: emit, with: {count: 3}}
  a: {use: relay, in: [in, more], rate: {limit: 10/s, burst: 2}, with: {mode: %s}}
  out: {use: keep, in: a}
`, how), scheduler.Options{Serial: serial}, relay)
					tr.succeed()
					got := tr.store.numbers("out")
					if how == "selective" {
						equal(t, "items", got, []int64{0, 1, 2, 3, 0, 1, 2})
					}
					slices.Sort(got)
					equal(t, "items, sorted", got, []int64{0, 0, 1, 1, 2, 2, 3})
					sameTimes(t, "times", tr.store.times["out"], append([]time.Duration{0}, ticks(6, 100*time.Millisecond)...))
				})
			})
		}
	}
}

// relay passes items on. As `selective` it reads one edge after the other, as `timed` it
// is woken every 30 milliseconds until its inputs have ended.
var relay = kind("relay", func(k *opKind, _ *nodes.Env) *op {
	o := &op{process: func(_ context.Context, in nodes.Input, out nodes.Out) error { return out.Emit(0, in.Data.Retain()) }}
	switch k.Mode {
	case "selective":
		at := 0
		o.wants = func(_, edge int) bool { return edge == at }
		o.end = func(context.Context, nodes.EndedEdge, nodes.Out) error { at++; return nil }
	case "timed":
		due := time.Now()
		o.due = func() time.Time { return due }
		o.onTime = func(context.Context, time.Time, nodes.Out) error {
			due = due.Add(30 * time.Millisecond)
			return nil
		}
		o.end = func(_ context.Context, e nodes.EndedEdge, _ nodes.Out) error {
			if e.Last {
				due = time.Time{}
			}
			return nil
		}
	}
	return o
}, graph.Port{Name: "in", Any: true, Arity: graph.Many})

// A node that waits for its rate ends at once when the flow is killed, and when
// nobody wants more; a source with an end of its own also when it is stopped.
func TestRateEnds(t *testing.T) {
	errStop := errors.New("enough")
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  in: {use: emit, with: {count: 100}}
  out: {use: keep, in: in, rate: 1/h}
`, scheduler.Options{})
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(90*time.Minute, func() { cancel(errStop) })
		report, err := tr.execute(ctx)
		if !errors.Is(err, errStop) || report.Took != 90*time.Minute {
			t.Errorf("killed: %v after %s", err, report.Took)
		}
		equal(t, "killed", tr.store.numbers("out"), upTo(2))
	})
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  in: {use: emit, with: {count: 100}}
  a: {use: step, in: in, rate: 1/h}
  f: {use: first, in: a, with: {count: 2}}
  out: {use: keep, in: f}
`, scheduler.Options{})
		if report := tr.succeed(); report.Took != time.Hour {
			t.Errorf("a limit: after %s", report.Took)
		}
	})
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  in: {use: numbers, rate: 1/h}
  out: {use: keep, in: in}
`, scheduler.Options{}, quads)
		time.AfterFunc(90*time.Minute, tr.run.Stop)
		if report := tr.cutShort(); report.Took != 90*time.Minute {
			t.Errorf("a source that was stopped: after %s", report.Took)
		}
		equal(t, "stopped", tr.store.numbers("out"), upTo(2)) // what it had sent
	})
}

// More workers would not help a node that its rate holds back, or its breaker.
func TestRateAndElasticWorkers(t *testing.T) {
	for _, engine := range []string{"rate: 20/s", "breaker: {failures: 3, open_for: 20s}"} {
		virtual(t, func(t *testing.T) {
			tr := try(t, fmt.Sprintf(`
  in: {use: emit, with: {count: 400}}
  a: {use: step, in: {from: in, capacity: 50}, workers: {min: 1, max: 16}, %s, on_error: skip, with: {delays: 10ms, fail: [0, 1, 2]}}
  out: {use: keep, in: a}
`, engine), scheduler.Options{})
			middle := make(chan metrics.Report, 1)
			time.AfterFunc(15*time.Second, func() { middle <- tr.run.Stats() })
			tr.succeed()
			if n := node(t, <-middle, "a"); n.Workers != 1 || n.Resized != 0 {
				t.Errorf("%s: %d workers, %d changes", engine, n.Workers, n.Resized)
			}
		})
	}
}

// A priority edge before a node with a rate gives the best item of each moment.
func TestRateAndPriority(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  in: {use: emit, with: {count: 10, every: 30ms}}
  out: {use: keep, in: {from: in, priority: n}, rate: 10/s}
`, scheduler.Options{})
		tr.succeed()
		// At 131ms the node has item 1 in its hands already; from then on it takes one
		// each 100ms, the best of those that are there.
		equal(t, "items", tr.store.numbers("out"), []int64{0, 1, 3, 6, 9, 8, 7, 5, 4, 2})
	})
}
