package meter_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/meter"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

type number struct{ N int }

// A sleeper waits a millisecond for each item.
type sleeper struct{}

func (*sleeper) Map(_ context.Context, x number) (number, error) {
	time.Sleep(time.Millisecond)
	return x, nil
}

// A computer computes for a while.
type computer struct{ sum int }

func (c *computer) Map(_ context.Context, x number) (number, error) {
	for i := range 2_000_000 {
		c.sum += i ^ x.N
	}
	if x.N < 0 {
		return x, errors.New("negative")
	}
	return x, nil
}

var pack = []nodes.Decl{
	nodes.Map("sleeper", "Sleeps.", &sleeper{}),
	nodes.Map("computer", "Computes.", &computer{}),
}

func run(t *testing.T, text string) metrics.Report {
	t.Helper()
	registry, err := nodes.NewRegistry(std.Nodes, pack)
	if err != nil {
		t.Fatal(err)
	}
	flow, list := graph.Load(diag.NewSource("flow.yaml", []byte(text)), registry, graph.Options{})
	if list.HasErrors() {
		t.Fatal(list.Err())
	}
	m := meter.New(registry)
	r, err := scheduler.New(flow, m, scheduler.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := r.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.Fill(&report)
	return report
}

func TestMeter(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the processor time of a thread is known on Linux only")
	}
	synctest.Test(t, func(t *testing.T) {
		began := metrics.CPUTime()
		r := run(t, `
nodes:
  n: {use: generate, with: {count: 40, set: {n: n}}}
  s: {use: sleeper, in: n, workers: 4}
  c: {use: computer, in: s, workers: 2}
  whole: {use: sort, in: c, with: {by: n}}
  slow: {use: delay, in: whole, with: {for: 10ms}}
  out: {use: drop, in: slow}
`)
		spent := metrics.CPUTime() - began
		by := map[string]metrics.NodeReport{}
		sum := time.Duration(0)
		for _, n := range r.Nodes {
			by[n.ID] = n
			sum += n.CPU
			if n.CPU <= 0 {
				t.Errorf("%s used no processor time", n.ID)
			}
		}
		// Time is virtual here and processor time is not: the one that sleeps uses next
		// to none, the one that computes nearly all there is.
		if c, s := by["c"].CPU, by["s"].CPU; c < 4*s || c < spent/3 || sum > spent*11/10 {
			t.Errorf("of %v, c computed %v and s %v; all together %v", spent, c, s, sum)
		}
		if busy := by["s"].Busy * float64(r.Took) * 4; busy < 0.9*40e6 {
			t.Errorf("s was busy %v ns of 40 ms", busy)
		}
		if s := by["s"].Serial; s != 0 {
			t.Errorf("the sleeper has no serial part, got %v", s)
		}
		if in := by["whole"].In; in != 40 {
			t.Errorf("%d items", in)
		}
	})
}

// There is something free on every machine, and no more than there is.
func TestFree(t *testing.T) {
	m := meter.New(nil)
	end := metrics.CPUTime() + 30*time.Millisecond
	for metrics.CPUTime() < end { // computes, so that something is used
	}
	free := m.Free()
	if most := float64(runtime.GOMAXPROCS(0)); free > most || runtime.GOOS == "linux" && free < 0.5 {
		t.Errorf("%v of %v cores are free", free, most)
	}
}

// What a node does one item at a time is told apart.
func TestSerialPart(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the processor time of a thread is known on Linux only")
	}
	synctest.Test(t, func(t *testing.T) {
		r := run(t, `
nodes:
  n: {use: tick, with: {every: 1s, count: 5}}
  out: {use: drop, in: n}
`)
		if n := r.Nodes[0]; n.Serial < 4*time.Second || n.Serial > 5*time.Second {
			t.Errorf("the tick waited %v between its items, which is all it does", n.Serial)
		}
	})
}
