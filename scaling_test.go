package flowrun_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/graph/diag"
)

// TestElasticWorkers: 200 items that wait 100 ms each take 20 s one after the
// other; workers that follow the load are through in a fraction of that.
func TestElasticWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flowrun.New("elastic")
		waited := flowrun.Apply(flowrun.Slice(g, "numbers", upTo(200)), "wait", func(x int) int {
			time.Sleep(100 * time.Millisecond)
			return x
		}, flowrun.ElasticWorkers(1, 16))
		got := flowrun.Collect(waited, "all")
		report := run(t, g)
		equal(t, "all", got.Items(), upTo(200))
		if report.Took > 5*time.Second {
			t.Errorf("it took %s", report.Took)
		}
		if n := report.Nodes[1]; n.Most < 8 || n.Most > 16 || n.Resized == 0 {
			t.Errorf("%d workers at most, %d changes", n.Most, n.Resized)
		}
	})
}

func TestElasticSource(t *testing.T) {
	g := flowrun.New("elastic")
	flowrun.Drop(flowrun.Slice(g, "numbers", upTo(3), flowrun.ElasticWorkers(1, 4)), "end")
	var b strings.Builder
	if err := diag.Print(&b, g.Check(), diag.Style{}); err != nil {
		t.Fatal(err)
	}
	if want := "numbers is a source"; !strings.Contains(b.String(), want) || !strings.Contains(b.String(), "scaling_test.go:") {
		t.Errorf("want %q and the place, got %s", want, b.String())
	}
}

// TestIsolateOption: a sink that never ends a second's work does not hold up its
// neighbour.
func TestIsolateOption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flowrun.New("isolate")
		start := time.Now()
		var fast time.Duration
		numbers := flowrun.Slice(g, "numbers", upTo(100))
		flowrun.Each(numbers, "fast", func(context.Context, int) error { fast = time.Since(start); return nil })
		slow := 0
		flowrun.Each(numbers, "slow", func(context.Context, int) error { time.Sleep(time.Second); slow++; return nil },
			flowrun.Capacity(1), flowrun.Isolate())
		run(t, g)
		if fast > time.Second || slow != 100 {
			t.Errorf("the fast one was through after %s, the slow one got %d", fast, slow)
		}
	})
}

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flowrun.New("limit")
		g.Limit(flowrun.Limits{Workers: 3})
		var now, most atomic.Int64
		work := func(x int) int {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Millisecond)
			return x
		}
		a := flowrun.Apply(flowrun.Slice(g, "numbers", upTo(50)), "a", work, flowrun.Workers(8))
		got := flowrun.Collect(flowrun.Apply(a, "b", work, flowrun.Workers(8)), "all")
		run(t, g)
		equal(t, "all", got.Items(), upTo(50))
		if most.Load() != 3 {
			t.Errorf("%d worked at once", most.Load())
		}
	})
}
