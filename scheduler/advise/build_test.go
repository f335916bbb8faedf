package advise_test

import (
	"math"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler/advise"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

func load(t *testing.T, text string) *graph.Flow {
	t.Helper()
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	flow, list := graph.Load(diag.NewSource("flow.yaml", []byte(text)), registry, graph.Options{})
	if list.HasErrors() {
		t.Fatal(list.Err())
	}
	return flow
}

const diamond = `nodes:
  n: {use: generate, with: {count: 100}, workers: 1}
  half: {use: filter, in: n, with: {where: n % 2 == 0}, workers: 3}
  all: {use: map, in: n, with: {set: {x: n}}}
  both: {use: merge, in: [half, all]}
  out: {use: drop, in: both}
`

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*max(1, math.Abs(b)) }

// Items are counted along the edges: each reader of a port gets every item, and a
// node gives as many as it takes unless it is told.
func TestItemsAreCountedAlongTheEdges(t *testing.T) {
	for name, c := range map[string]struct {
		gives map[string]float64
		want  []float64
	}{
		"nothing is known": {nil, []float64{1, 1, 1, 2, 2}},
		"half are kept":    {map[string]float64{"half": 0.5}, []float64{1, 1, 1, 1.5, 1.5}},
		"more come out":    {map[string]float64{"all": 3, "both": 2}, []float64{1, 1, 1, 4, 8}},
	} {
		m, err := advise.New(load(t, diamond), advise.Options{Gives: c.gives})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.want {
			if got := m.Nodes[i].Visits; !near(got, want) {
				t.Errorf("%s: %s works on %v items, want %v", name, m.Nodes[i].ID, got, want)
			}
		}
	}
}

// A run of one second with 1,000 items: shares are of all workers' time.
func measuredRun(cpu time.Duration) *metrics.Report {
	return &metrics.Report{Outcome: "done", Took: time.Second, Cores: 2, CPU: cpu, Nodes: []metrics.NodeReport{
		{ID: "n", Kind: "generate", Workers: 1, Out: 1000, Busy: 0.01, Source: true},
		{ID: "half", Kind: "filter", Workers: 3, In: 1000, Out: 500, Busy: 0.3},
		{ID: "all", Kind: "map", Workers: 1, In: 1000, Out: 1000, Busy: 0.6},
		{ID: "both", Kind: "merge", Workers: 1, In: 1500, Out: 1500, Busy: 0.02},
		{ID: "out", Kind: "drop", Workers: 1, In: 1500, Busy: 0.01},
	}}
}

func TestModelOfAReport(t *testing.T) {
	m, err := advise.New(load(t, diamond), advise.Options{Report: measuredRun(1700 * time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	half, all := &m.Nodes[1], &m.Nodes[2]
	// half: 0.3 of a second on 3 workers for 1,000 items; all: 0.6 s on one.
	if !near(half.Busy, 9e5) || !near(half.Limit(), 3e5) || !near(all.Limit(), 6e5) || !near(m.Nodes[3].Visits, 1.5) {
		t.Errorf("%+v", m.Nodes)
	}
	// 1.54 s at work in 1.7 s of processor time: all compute, and 0.16 s are the runtime's.
	// The cores allow an item every 0.85 ms; what is over of the second is the rest.
	p := m.Predict()
	if !near(m.Overhead, 1.6e5) || p.Bound != advise.CPUs || !near(p.Span, 8.5e5) || !near(m.Rest, 1.5e5) || !all.Clear || all.Waits() > 0.01 {
		t.Errorf("%+v of %+v", p, m)
	}
}

// Of 1.54 s at work 0.1 s was computing: the big ones wait, whoever computed.
func TestModelOfAReportThatWaits(t *testing.T) {
	m, err := advise.New(load(t, diamond), advise.Options{Report: measuredRun(100 * time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	p := m.Predict()
	if p.Bound != advise.Workers || m.Nodes[p.Node].ID != "all" || !near(p.Span, 6e5) || !m.Nodes[1].Clear || m.Nodes[1].Waits() < 0.9 {
		t.Errorf("%+v of %+v", p, m)
	}
	// What is half and half is not clear.
	m, _ = advise.New(load(t, diamond), advise.Options{Report: measuredRun(800 * time.Millisecond)})
	if m.Nodes[2].Clear {
		t.Errorf("%+v", m.Nodes[2])
	}
}

// Other workers than in the report: what a node costs stays, what it can do does not.
func TestModelOfAReportWithOtherWorkers(t *testing.T) {
	flow := load(t, diamond)
	flow.Nodes[2].Engine.Workers = graph.FixedWorkers(4)
	m, err := advise.New(flow, advise.Options{Report: measuredRun(100 * time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	if !near(m.Nodes[2].Limit(), 1.5e5) || !near(m.Rest, 4e5) { // the rest is that of the run: 1 ms - 0.6 ms
		t.Errorf("%+v", m)
	}
	if p := m.Predict(); m.Nodes[p.Node].ID != "half" {
		t.Errorf("%+v", p)
	}
}

// A rate in the flow holds whatever the workers do.
func TestModelOfARate(t *testing.T) {
	flow := load(t, diamond)
	flow.Nodes[1].Engine.Rate = graph.Rate{Count: 100, Per: time.Second, Burst: 1}
	m, err := advise.New(flow, advise.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p := m.Predict(); p.Bound != advise.Rate || !near(p.Rate, 100) {
		t.Errorf("%+v", p)
	}
}
