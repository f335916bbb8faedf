package history_test

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/scheduler/history"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// at is the report of a run of two nodes that moves 1,000 items a second.
func at(took time.Duration) metrics.Report {
	n := took.Milliseconds()
	return metrics.Report{
		Flow: "steady", Outcome: "running", Started: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), Took: took,
		Nodes: []metrics.NodeReport{
			{ID: "from", Kind: "generate", Source: true, Workers: 1, Out: n, BusyTime: took / 2, BlockedTime: took / 2},
			{ID: "to", Kind: "drop", Workers: 2, In: n, Used: n, Skipped: n / 10, BusyTime: took / 4},
		},
		Edges: []metrics.EdgeReport{{From: "from.out", To: "to.in", Capacity: 100, Items: n % 100, Sent: n, Received: n}},
	}
}

// However long a run is, its timeline is bounded, begins at its start, ends at its
// end, and the rate between any two points is right.
func TestBounded(t *testing.T) {
	for _, length := range []time.Duration{0, time.Millisecond, time.Second, time.Minute, time.Hour, 24 * time.Hour} {
		r := history.NewRecorder()
		for now := time.Duration(0); now < length; now += r.Every() {
			report := at(now)
			r.Add(&report)
		}
		final := at(length)
		r.Add(&final)
		line := r.Timeline()
		points := len(line.At)
		if points > history.MaxPoints || line.At[0] != 0 || line.At[points-1] != length.Milliseconds() {
			t.Fatalf("%s: %d points from %d to %d ms", length, points, line.At[0], line.At[points-1])
		}
		if length >= time.Hour && points < history.MaxPoints/2 {
			t.Errorf("%s: only %d points", length, points)
		}
		for i := 1; i < points; i++ {
			seconds := float64(line.At[i]-line.At[i-1]) / 1000
			rate := float64(line.Nodes[0].Out[i]-line.Nodes[0].Out[i-1]) / seconds
			if seconds <= 0 || math.Abs(rate-1000) > 1 {
				t.Fatalf("%s: %v items a second at point %d", length, rate, i)
			}
		}
		if n := line.Nodes[1]; n.In[points-1] != final.Nodes[1].In || n.Errors[points-1] != final.Nodes[1].Skipped || n.Workers[points-1] != 2 {
			t.Errorf("%s: the last point is not that of the end", length)
		}
	}
}

// A queue that was full for a moment was full in a thinned timeline too.
func TestPeaksStay(t *testing.T) {
	r := history.NewRecorder()
	now := time.Duration(0)
	for i := range 5000 {
		report := at(now)
		report.Edges[0].Items = 0
		if i == 333 {
			report.Edges[0].Items = 77
		}
		r.Add(&report)
		now += 250 * time.Millisecond
	}
	peak := int64(0)
	for _, x := range r.Timeline().Edges[0].Items {
		peak = max(peak, x)
	}
	if peak != 77 {
		t.Errorf("the peak is %d", peak)
	}
}

// A large flow has fewer points, so that its record stays small.
func TestLargeFlows(t *testing.T) {
	report := metrics.Report{Outcome: "running", Nodes: make([]metrics.NodeReport, 2_500), Edges: make([]metrics.EdgeReport, 3_000)}
	r := history.NewRecorder()
	for i := range 70 {
		report.Took = time.Duration(i) * time.Second
		r.Add(&report)
	}
	if n := len(r.Timeline().At); n < 12 || n > 24 {
		t.Errorf("%d points", n)
	}
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, end := context.WithCancel(context.Background())
		var asked atomic.Int64
		f := history.Follow(func() metrics.Report {
			asked.Add(1)
			r := at(time.Since(start))
			if ctx.Err() != nil {
				r.Outcome = "done"
			}
			return r
		})
		time.Sleep(time.Hour)
		end()
		final := at(time.Since(start))
		final.Outcome = "done"
		line := f.End(final)
		if n := len(line.At); n > history.MaxPoints || n < history.MaxPoints/2 || line.At[n-1] != time.Hour.Milliseconds() {
			t.Errorf("%d points, the last at %d ms", n, line.At[n-1])
		}
		if asked.Load() > 5000 {
			t.Errorf("the counters were read %d times in an hour", asked.Load())
		}
	})
}

// A recorder may be read and written at once.
func TestRecorderAtOnce(t *testing.T) {
	r := history.NewRecorder()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 2000 {
				report := at(time.Duration(i) * time.Second)
				r.Add(&report)
				r.Every()
			}
		})
	}
	all.Wait()
	if n := len(r.Timeline().At); n > history.MaxPoints {
		t.Errorf("%d points", n)
	}
}
