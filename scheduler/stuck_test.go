package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// inTurn makes an operator read its inputs one after the other.
func inTurn(o *op) *op {
	at, end := 0, o.end
	o.wants = func(port, _ int) bool { return port == at }
	o.end = func(ctx context.Context, e nodes.EndedEdge, out nodes.Out) error {
		at++
		if end == nil {
			return nil
		}
		return end(ctx, e, out)
	}
	return o
}

// greedy reads its first input to the end before the second one, and does not say
// so: the deadlock pass cannot know.
var greedy = nodes.Kind("greedy", "Reads left first.", &opKind{make: func(*opKind, *nodes.Env) *op {
	return inTurn(&op{})
}}, nodes.InPort(graph.Port{Name: "left", Any: true}), nodes.InPort(graph.Port{Name: "right", Any: true}))

// greedyWorkers is greedy with workers that wait for each other.
var greedyWorkers = nodes.Kind("greedy_workers", "Reads left first.", &opKind{make: func(*opKind, *nodes.Env) *op {
	return inTurn(&op{work: func(context.Context, nodes.Input, nodes.Out) (any, error) { return nil, nil }})
}}, nodes.InPort(graph.Port{Name: "left", Any: true}), nodes.InPort(graph.Port{Name: "right", Any: true}))

func TestStuckFlow(t *testing.T) {
	for _, kind := range []string{"greedy", "greedy_workers"} {
		for _, workers := range []string{"1", "3", "3, order: none", "3, order: key, key: key"} {
			virtual(t, func(t *testing.T) {
				// The left branch filters everything out until the right one is full.
				tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 100000}}
  none:   {use: step, in: source, workers: %[2]s, with: {fail: 1}, on_error: skip}
  left:   {use: copies, in: none, workers: %[2]s, with: {times: 0}}
  right:  {use: step, in: source, workers: %[2]s}
  both:   {use: %[1]s, in: {left: left, right: {from: right, capacity: 16, on_full: block}}, workers: %[2]s}
`, kind, workers), scheduler.Options{}, greedy, greedyWorkers)
				start := time.Now()
				report, err := tr.execute(context.Background())
				if !errors.Is(err, scheduler.ErrStuck) {
					t.Fatalf("%s, %s workers: %v", kind, workers, err)
				}
				for _, want := range []string{"both waits for items at both.left from left", "right waits for room at both.right (", " of 16 items)", "source waits for room at right.in (8192 of 8192 items)", "on_full: spill"} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%s, %s workers: the message does not say %q:\n%v", kind, workers, want, err)
					}
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("it took %s to see", took)
				}
				balanced(t, report)
			})
		}
	}
}

// A flow in which somebody works, however slowly, is not stuck.
func TestSlowIsNotStuck(t *testing.T) {
	slow := nodes.Kind("slow", "Takes its time everywhere.", &opKind{make: func(*opKind, *nodes.Env) *op {
		wait := func() { time.Sleep(time.Hour) }
		return inTurn(&op{
			worker: func(context.Context) (nodes.Worker, error) {
				wait()
				return nodes.WorkFunc(func(context.Context, nodes.Input, nodes.Out) (any, error) { return nil, nil }), nil
			},
			end: func(context.Context, nodes.EndedEdge, nodes.Out) error { wait(); return nil },
		})
	}}, nodes.InPort(graph.Port{Name: "left", Any: true}), nodes.InPort(graph.Port{Name: "right", Any: true}))
	for name, flow := range map[string]string{
		"source": `
  source: {use: emit, with: {count: 3, every: 1h}}
  work:   {use: step, in: source, workers: 3}
  sink:   {use: keep, in: work}`,
		"work": `
  source: {use: emit, with: {count: 20}}
  work:   {use: step, in: source, workers: 3, with: {delays: [1h, 2h]}}
  sink:   {use: keep, in: {from: work, capacity: 1}}`,
		"sink": `
  source: {use: emit, with: {count: 20}}
  sink:   {use: keep, in: {from: source, capacity: 1}, with: {delay: 1h}}`,
		"retry": `
  source: {use: emit, with: {count: 20}}
  work:   {use: step, in: {from: source, capacity: 1}, with: {fail: [1, 2], tries: 2}, retry: {attempts: 3, initial_interval: 1h, max_interval: 2h}}
  sink:   {use: keep, in: work}`,
		"workers that open, and the end": `
  source: {use: emit, with: {count: 20000}}
  other:  {use: emit, with: {count: 20000}}
  sink:   {use: slow, in: {left: source, right: other}, workers: 2}`,
	} {
		virtual(t, func(t *testing.T) {
			tr := try(t, flow, scheduler.Options{}, slow)
			start := time.Now()
			tr.succeed()
			if took := time.Since(start); took < time.Hour {
				t.Errorf("%s: it took %s, which is not slow", name, took)
			}
		})
	}
}

// A diamond whose branches hold different numbers of items runs through, because
// the deadlock pass makes an edge spill.
func TestDiamond(t *testing.T) {
	declared := nodes.Kind("declared", "Reads left first, and says so.", greedy.New().(*opKind),
		nodes.InPort(graph.Port{Name: "left", Any: true, ReadOrder: graph.First}), nodes.InPort(graph.Port{Name: "right", Any: true}))
	for _, capacity := range []int{1, 16, 8192} {
		virtual(t, func(t *testing.T) {
			tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 20000}}
  left:   {use: copies, in: source, with: {times: 0}}
  right:  {use: step, in: source}
  both:   {use: declared, in: {left: {from: left, capacity: %[1]d}, right: {from: right, capacity: %[1]d}}}
`, capacity), scheduler.Options{}, declared)
			report := tr.succeed()
			if e := edge(t, report, "right.out", "both.right"); e.Spilled == 0 || e.Received != 20000 {
				t.Errorf("spilled %d, received %d", e.Spilled, e.Received)
			}
		})
	}
}
