package scheduler_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// atOnce is a source of n items in one batch.
func atOnce(n int) nodes.Decl {
	return kind("at_once", func(*opKind, *nodes.Env) *op {
		return &op{next: numbering(1), process: func(_ context.Context, _ nodes.Input, out nodes.Out) error {
			return out.Emit(0, batchOf(numbered(0, n)...))
		}}
	})
}

// A delay keeps each item for its time, to the tick, and in the order of due times.
func TestDelay(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit, with: {count: 5, every: 1s}}
  fixed:  {use: keep, in: {from: source, delay: 10s}}
  own:    {use: keep, in: {from: source, delay: "duration(\"30s\") - n * duration(\"4s\")"}}
`, scheduler.Options{})
		tr.succeed()
		equal(t, "fixed", tr.store.numbers("fixed"), upTo(5))
		for i, at := range tr.store.times["fixed"] {
			// A source that is silent for a millisecond sends what it holds.
			if want := time.Duration(i+1)*time.Second + 10*time.Second; at != want && at != want+time.Millisecond {
				t.Errorf("item %d after %s, want %s", i, at, want)
			}
		}
		equal(t, "own", tr.store.numbers("own"), []int64{4, 3, 2, 1, 0})
		if at := tr.store.times["own"][0]; at != 5*time.Second+14*time.Second {
			t.Errorf("item 4 after %s", at)
		}
	})
}

// A flow that is told to stop does not wait for due times.
func TestStopCutsDelaysShort(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit, with: {every: 1s}}
  late:   {use: keep, in: {from: source, delay: 100h}}
`, scheduler.Options{})
		go func() {
			time.Sleep(3500 * time.Millisecond)
			tr.run.Stop()
		}()
		tr.succeed()
		equal(t, "late", tr.store.numbers("late"), upTo(3))
		if took := time.Since(tr.store.start); took > 4*time.Second {
			t.Errorf("it took %s to stop", took)
		}
	})
}

// Higher priorities leave first, equal ones in their order.
func TestPriority(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: at_once}
  sink:   {use: keep, in: {from: source, priority: n % 3, aging: 1000h}, with: {delay: 1ms}}
`, scheduler.Options{}, atOnce(9))
		tr.succeed()
		equal(t, "sink", tr.store.numbers("sink"), []int64{2, 5, 8, 1, 4, 7, 0, 3, 6})
	})
}

// An item gains a unit of priority for each aging: one of low priority is not
// overtaken for ever by a stream of better ones.
func TestPriorityAges(t *testing.T) {
	virtual(t, func(t *testing.T) {
		// Item 0 has priority 0, all others 5; one arrives and one leaves each second,
		// so there is always a better one, until item 0 has waited 5 x 2s more.
		tr := try(t, `
  source: {use: emit, with: {count: 300, every: 100ms}}
  sink:   {use: keep, in: {from: source, priority: "n == 0 || n == 40 ? 0 : 5", aging: 2s}, with: {delay: 200ms}}
`, scheduler.Options{})
		tr.succeed()
		got := tr.store.numbers("sink")
		if len(got) != 300 {
			t.Fatalf("%d items", len(got))
		}
		// Item 40 came after 4.1 s. What came within 10 s after it is better; what came
		// later is not. Those are items 41 to 140, as far as they had not left before.
		place := slices.Index(got, int64(40))
		for _, n := range got[:place] {
			if n > 140 {
				t.Errorf("item %d came before item 40, which had waited for more than the difference", n)
			}
		}
		if place < 100 {
			t.Errorf("item 40 left as number %d, before better items", place)
		}
	})
}

// What a full edge does, for each word of on_full.
func TestOnFull(t *testing.T) {
	for _, c := range []struct {
		word string
		want []int64
	}{
		// The sink takes items at once and is slow, so the edge fills with what it
		// holds at most: the first ones stay, or the last ones.
		{"drop_newest", upTo(20)},
		{"drop_oldest", []int64{80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99}},
	} {
		virtual(t, func(t *testing.T) {
			tr := try(t, fmt.Sprintf(`
  source: {use: at_once}
  sink:   {use: keep, in: {from: source, capacity: 20, on_full: %s}, with: {delay: 1s}}
  fast:   {use: keep, in: source}
`, c.word), scheduler.Options{}, atOnce(100))
			report := tr.succeed()
			got := tr.store.numbers("sink")
			e := edge(t, report, "source.out", "sink.in")
			if int(e.Dropped)+len(got) != 100 || e.Dropped == 0 || e.Peak > 20 {
				t.Errorf("%s: %d arrived, %d dropped, at most %d waited", c.word, len(got), e.Dropped, e.Peak)
			}
			for _, n := range c.want[:10] {
				if c.word == "drop_newest" && !slices.Contains(got, n) {
					t.Errorf("%s: item %d is missing in %v", c.word, n, got)
				}
			}
			if c.word == "drop_oldest" && got[len(got)-1] != 99 {
				t.Errorf("the newest item was dropped: %v", got)
			}
			if !slices.IsSorted(got) {
				t.Errorf("%s: out of order: %v", c.word, got)
			}
			equal(t, "fast", tr.store.numbers("fast"), upTo(100))
			if last := tr.store.times["fast"][99]; last > time.Millisecond {
				t.Errorf("%s: the fast branch waited %s for the slow one", c.word, last)
			}
		})
	}
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit, with: {count: 100}}
  sink:   {use: keep, in: {from: source, capacity: 20, on_full: fail}, with: {delay: 1s}}
`, scheduler.Options{})
		if _, err := tr.execute(context.Background()); err == nil {
			t.Error("a full edge under on_full: fail did not stop the flow")
		}
	})
}

// Items without a place in the queue are bad items of the sender.
func TestBadRanks(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  source: {use: emit, with: {count: 10}}
  step:   {use: step, in: source, on_error: skip}
  sink:   {use: keep, in: {from: step, delay: "(n - 3) * duration(\"1s\")"}}
  other:  {use: keep, in: {from: step, priority: "10 / (n - 5)"}}
`, scheduler.Options{})
		report := tr.succeed()
		equal(t, "sink", tr.store.numbers("sink"), []int64{3, 4, 5, 6, 7, 8, 9})
		if n := len(tr.store.numbers("other")); n != 9 {
			t.Errorf("other got %d", n)
		}
		if n := node(t, report, "step"); n.Skipped != 4 {
			t.Errorf("skipped %d", n.Skipped)
		}
	})
}

// An edge that reorders works behind a port that takes many edges.
func TestQueuesBehindMerge(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  a: {use: emit, with: {count: 50, every: 1s}}
  b: {use: emit, with: {count: 50, every: 1s}}
  sink: {use: many, in: [{from: a, delay: 5s}, {from: b, capacity: 10, on_full: drop_oldest}]}
`, scheduler.Options{}, kind("many", func(*opKind, *nodes.Env) *op { return &op{} }, graph.Port{Name: "in", Any: true, Arity: graph.Many}))
		report := tr.succeed()
		if n := node(t, report, "sink"); n.In != 100 {
			t.Errorf("%d items arrived", n.In)
		}
	})
}

func BenchmarkDelayedItems(b *testing.B) {
	for b.Loop() {
		tr := try(b, `
  source: {use: emit, with: {count: 1000000}}
  sink:   {use: keep, in: {from: source, capacity: 2000000, bytes: 4GB, delay: 1ms}}
`, scheduler.Options{})
		tr.succeed()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/item")
}
