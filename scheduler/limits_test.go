package scheduler_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// busy is a Mapper that counts how many of it work at once.
type busy struct {
	now, most *atomic.Int64
}

func (k *busy) Map(_ context.Context, x item) (item, error) {
	n := k.now.Add(1)
	defer k.now.Add(-1)
	k.most.Store(max(k.most.Load(), n))
	time.Sleep(10 * time.Millisecond)
	return x, nil
}

func limited(limits graph.Limits) func(*graph.Flow) { return func(f *graph.Flow) { f.Limits = limits } }

// TestLimitOfWorkers: two nodes with eight workers each, four of which may work at
// once, take turns: the one that is alone downstream is not kept waiting.
func TestLimitOfWorkers(t *testing.T) {
	for _, order := range []string{"strict", "none"} {
		virtual(t, func(t *testing.T) {
			var now, most atomic.Int64
			b := nodes.Map("busy", "Is busy.", &busy{&now, &most})
			tr := tryWith(t, fmt.Sprintf(`
  s: {use: emit, with: {count: 400}}
  a: {use: busy, in: s, workers: 8, order: %[1]s}
  b: {use: busy, in: {from: a, capacity: 16}, workers: 8, order: %[1]s}
  k: {use: keep, in: {from: b, capacity: 4}, with: {delay: 1ms}}
`, order), scheduler.Options{}, limited(graph.Limits{Workers: 4}), b)
			start := time.Now()
			tr.succeed()
			// The sink works too: 800 x 10 ms + 400 x 1 ms on four workers at once.
			if took, ideal := time.Since(start), 2100*time.Millisecond; took < ideal || took > ideal*5/4 {
				t.Errorf("order %s: %s, ideal is %s", order, took, ideal)
			}
			if got := most.Load(); got != 4 {
				t.Errorf("order %s: %d worked at once", order, got)
			}
			if order == "strict" {
				equal(t, "k", tr.store.numbers("k"), upTo(400))
			}
		})
	}
}

// TestLimitIsFair: a node with one worker gets every second turn beside one with
// many.
func TestLimitIsFair(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := tryWith(t, `
  s: {use: emit, with: {count: 100}}
  many: {use: step, in: s, workers: 20, with: {delays: 10ms}}
  one: {use: step, in: s, with: {delays: 10ms}}
  k1: {use: keep, in: many}
  k2: {use: keep, in: one}
`, scheduler.Options{}, limited(graph.Limits{Workers: 1}))
		tr.succeed()
		last := tr.store.times["k2"][99]
		// In turns the node with one worker is through after 200 pieces of 10 ms.
		if last > 2200*time.Millisecond {
			t.Errorf("one worker beside twenty was through after %s", last)
		}
	})
}

// TestLimitOfMemory: edges that would hold 64 MB each hold what the flow allows.
func TestLimitOfMemory(t *testing.T) {
	virtual(t, func(t *testing.T) {
		limits := graph.Limits{Memory: 256 << 10}
		tr := tryWith(t, `
  s: {use: emit, with: {count: 40000}}
  a: {use: step, in: {from: s, capacity: 100000}}
  b: {use: step, in: {from: a, capacity: 100000}}
  k: {use: keep, in: {from: b, capacity: 100000}, with: {delay: 10us}}
  slow: {use: keep, in: {from: a, capacity: 100000, on_full: spill}, with: {delay: 20us}}
`, scheduler.Options{}, limited(limits))
		var most int64
		stop := every(100*time.Microsecond, func() {
			var sum int64
			for _, e := range tr.run.Stats().Edges {
				if e.To != "slow.in" {
					sum += e.Bytes
				}
			}
			most = max(most, sum)
		})
		report, err := tr.execute(context.Background())
		stop()
		if err != nil {
			t.Fatal(err)
		}
		balanced(t, report)
		equal(t, "k", tr.store.numbers("k"), upTo(40000))
		equal(t, "slow", tr.store.numbers("slow"), upTo(40000))
		if limit := int64(limits.Memory); most > limit*5/4 || most < limit/4 {
			t.Errorf("%d bytes waited on the edges, the limit is %d", most, limit)
		}
	})
}

// TestLimitsOfAKilledRun: workers that wait at the gate end with the run.
func TestLimitsOfAKilledRun(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := tryWith(t, `
  s: {use: emit}
  a: {use: step, in: s, workers: 8, with: {delays: 10ms}}
  b: {use: step, in: a, workers: 8, with: {delays: 10ms}}
  k: {use: keep, in: b}
`, scheduler.Options{}, limited(graph.Limits{Workers: 2, Memory: 64 << 10}))
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := tr.execute(ctx); err == nil {
			t.Error("no error of a killed run")
		}
	})
}
