package flowrun_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun"
)

// fourStages gives how long n items take through validate, transform, enrich and
// store, each of which takes its time for an item.
func fourStages(t *testing.T, n int, serial bool, takes [4]time.Duration, workers int) time.Duration {
	g := flowrun.New("four-stages")
	stage := func(i int) func(context.Context, int) (int, error) {
		return func(_ context.Context, x int) (int, error) {
			time.Sleep(takes[i])
			return x, nil
		}
	}
	s := flowrun.Slice(g, "numbers", upTo(n))
	s = flowrun.Map(s, "validate", stage(0))
	s = flowrun.Map(s, "transform", stage(1))
	s = flowrun.Map(s, "enrich", stage(2), flowrun.Workers(workers))
	s = flowrun.Map(s, "store", stage(3))
	out := flowrun.Collect(s, "out")
	start := time.Now()
	if _, err := g.RunWith(t.Context(), flowrun.Options{Serial: serial}); err != nil {
		t.Fatal(err)
	}
	equal(t, "out", out.Items(), upTo(n))
	return time.Since(start)
}

// Four stages at once take n times the slowest and once the others; one after the
// other they take n times the sum. To the nanosecond.
func TestFourStages(t *testing.T) {
	const ms = time.Millisecond
	takes := [4]time.Duration{ms, 2 * ms, 7 * ms, 3 * ms}
	for _, n := range []int{1, 2, 10, 1000} {
		synctest.Test(t, func(t *testing.T) {
			if took, want := fourStages(t, n, true, takes, 1), time.Duration(n)*13*ms; took != want {
				t.Errorf("%d items one after the other took %v, want %v", n, took, want)
			}
			if took, want := fourStages(t, n, false, takes, 1), time.Duration(n)*7*ms+6*ms; took != want {
				t.Errorf("%d items at once took %v, want %v", n, took, want)
			}
		})
	}
	// With three workers for the slowest, the next slowest bounds: 3 ms for each item,
	// and 10 ms until the first one gets there.
	synctest.Test(t, func(t *testing.T) {
		if took, want := fourStages(t, 1000, false, takes, 3), 1000*3*ms+10*ms; took != want {
			t.Errorf("with three workers 1000 items took %v, want %v", took, want)
		}
	})
}
