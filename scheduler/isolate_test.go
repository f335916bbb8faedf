package scheduler_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/flowrun/flowrun/scheduler"
)

// TestIsolate: a slow branch does not hold up the other one, whatever its rule for
// what does not fit; without isolate it does.
func TestIsolate(t *testing.T) {
	for _, c := range []struct {
		edge string
		held bool // the fast branch is held up
		all  bool // the slow branch gets everything
	}{
		{"capacity: 4", true, true},
		{"capacity: 4, isolate: true", false, true},
		{"capacity: 4, isolate: true, on_full: drop_newest", false, false},
		{"capacity: 4, isolate: true, on_full: drop_oldest", false, false},
		{"capacity: 4, isolate: true, on_full: drop_newest, priority: \"1.0\"", false, false},
	} {
		virtual(t, func(t *testing.T) {
			tr := try(t, fmt.Sprintf(`
  s: {use: emit, with: {count: 100, every: 1ms}}
  fast: {use: keep, in: s}
  slow: {use: keep, in: {from: s, %s}, with: {delay: 1s}}
`, c.edge), scheduler.Options{})
			report := tr.succeed()
			equal(t, c.edge+": fast", tr.store.numbers("fast"), upTo(100))
			last := tr.store.times["fast"][99]
			if held := last > time.Second; held != c.held {
				t.Errorf("%s: the last item of the fast branch came after %s", c.edge, last)
			}
			got := len(tr.store.numbers("slow"))
			if all := got == 100; all != c.all {
				t.Errorf("%s: the slow branch got %d items", c.edge, got)
			}
			e := edge(t, report, "s.out", "slow.in")
			if e.Sent != 100 || e.Received+e.Dropped != 100 {
				t.Errorf("%s: the books of the edge: %+v", c.edge, e)
			}
		})
	}
}

// TestWaitAndAge: an edge knows how long its items wait.
func TestWaitAndAge(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, `
  s: {use: emit, with: {count: 10, every: 2ms}}
  k: {use: keep, in: s, with: {delay: 100ms}}
`, scheduler.Options{})
		var ages []time.Duration
		stop := every(100*time.Millisecond, func() { ages = append(ages, edge(t, tr.run.Stats(), "s.out", "k.in").Oldest) })
		report, err := tr.execute(t.Context())
		stop()
		if err != nil {
			t.Fatal(err)
		}
		// Items come every two milliseconds and leave every 100: the first one that
		// waits has been there almost since the beginning.
		if got := ages[4]; got < 300*time.Millisecond || got > 500*time.Millisecond {
			t.Errorf("after half a second the oldest item has waited %s: %v", got, ages)
		}
		if got := ages[len(ages)-1]; got != 0 {
			t.Errorf("an empty edge has an item that waited %s", got)
		}
		e := edge(t, report, "s.out", "k.in")
		if e.WaitP99 < 850*time.Millisecond || e.WaitP99 > 1100*time.Millisecond || e.WaitP50 < 300*time.Millisecond || e.WaitP50 > 600*time.Millisecond {
			t.Errorf("waits of 0 to 882 ms: median %s, 99th percentile %s", e.WaitP50, e.WaitP99)
		}
	})
}
