package scheduler_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// counting is a source of 0, 1, ... N-1.
type counting struct {
	N int `yaml:"n" doc:"How many."`
}

func (c *counting) Read(_ context.Context, emit func(int64) error) error {
	for i := range c.N {
		if err := emit(int64(i)); err != nil {
			return err
		}
	}
	return nil
}

type adding struct {
	By   int64 `yaml:"by" doc:"What is added."`
	Fail int64 `yaml:"fail" doc:"The item that fails."`
}

var errBad = errors.New("a bad item")

func (a *adding) Map(_ context.Context, x int64) (int64, error) {
	if x == a.Fail {
		return 0, errBad
	}
	return x + a.By, nil
}

// keeping is a sink that a test looks into.
type keeping struct{ got *[]int64 }

func (k *keeping) Write(_ context.Context, in []int64) error {
	*k.got = append(*k.got, in...)
	return nil
}

// chain builds counting -> adding x stages -> keeping by hand.
func chain(t testing.TB, n, stages, workers int, fail int64, onError string) (*graph.Flow, *nodes.Registry, *[]int64) {
	t.Helper()
	got := new([]int64)
	reg, err := nodes.NewRegistry([]nodes.Decl{
		nodes.Read("count", "Counts.", &counting{}),
		nodes.Map("add", "Adds.", &adding{Fail: -1}),
		nodes.Write("keep", "Keeps.", &keeping{got}),
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &graph.Flow{Name: "test"}
	add := func(id, kind string, config any) *graph.Node {
		spec, _ := reg.Spec(kind)
		node := &graph.Node{ID: id, Kind: kind, Spec: spec, Config: config}
		node.Engine.OnError = onError
		node.Engine.Order = "strict"
		node.Engine.Workers = workers
		for _, p := range spec.In {
			node.In = append(node.In, &graph.Input{Port: p})
		}
		for _, p := range append(slices.Clone(spec.Out), graph.Port{Name: "errors", Type: graph.ErrorItem}) {
			node.Out = append(node.Out, &graph.Output{Port: p, Carries: p.Type})
		}
		if len(f.Nodes) > 0 {
			from := f.Nodes[len(f.Nodes)-1]
			e := &graph.Edge{ID: len(f.Edges), From: from, FromPort: from.Out[0], To: node, ToPort: node.In[0], Type: from.Out[0].Carries, Contract: graph.DefaultContract()}
			from.Out[0].Edges = append(from.Out[0].Edges, e)
			node.In[0].Edges = append(node.In[0].Edges, e)
			f.Edges = append(f.Edges, e)
		}
		f.Nodes = append(f.Nodes, node)
		return node
	}
	add("source", "count", &counting{n})
	for i := range stages {
		add("add"+string(rune('a'+i)), "add", &adding{By: 1, Fail: fail})
	}
	add("sink", "keep", &keeping{got})
	return f, reg, got
}

func TestChain(t *testing.T) {
	for _, workers := range []int{1, 2, 7} {
		for _, serial := range []bool{false, true} {
			f, reg, got := chain(t, 100_000, 3, workers, -1, "fail")
			r, err := scheduler.New(f, reg, scheduler.Options{Serial: serial})
			if err != nil {
				t.Fatal(err)
			}
			report, err := r.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(*got) != 100_000 || !slices.IsSorted(*got) || (*got)[0] != 3 {
				t.Errorf("workers %d: %d items, first %d", workers, len(*got), (*got)[0])
			}
			if len(report.Unbalanced) > 0 {
				t.Error(report.Unbalanced)
			}
		}
	}
}

func TestFailure(t *testing.T) {
	for _, workers := range []int{1, 3} {
		f, reg, _ := chain(t, 100_000, 2, workers, 70_000, "fail")
		r, _ := scheduler.New(f, reg, scheduler.Options{})
		_, err := r.Run(t.Context())
		if !errors.Is(err, errBad) {
			t.Fatal(err)
		}
		f, reg, got := chain(t, 100_000, 2, workers, 70_000, "skip")
		r, _ = scheduler.New(f, reg, scheduler.Options{})
		report, err := r.Run(t.Context())
		if err != nil || len(*got) != 99_998 {
			t.Fatal(err, len(*got), report.Unbalanced)
		}
	}
}

func BenchmarkChain(b *testing.B) {
	for b.Loop() {
		f, reg, _ := chain(b, 5_000_000, 4, 1, -1, "fail")
		r, _ := scheduler.New(f, reg, scheduler.Options{})
		if _, err := r.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/25e6, "ns/item/edge")
}
