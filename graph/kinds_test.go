package graph_test

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// testKinds are kinds with ports that those of flowrun do not have.
var testKinds = []nodes.Decl{
	nodes.Map("go.point", "Maps points.", &pointMap{}),
	nodes.Read("go.made", "Makes points.", &pointSource{}),
	nodes.Fold("go.sum", "Adds points up.", &pointSum{}),
	nodes.Map("go.opaque", "Maps what no record can hold.", &opaqueMap{}),
	nodes.Kind("test.queue", "Acknowledges, unless told not to.", &queue{}, nodes.Acknowledges(),
		nodes.OutPort(graph.Port{Name: "out", Type: queued})),
	nodes.Connect("go.both", "Keeps a state.", &pointBoth{}),
	nodes.Kind("test.first", "Reads right first.", &nothing{},
		nodes.InPort(graph.Port{Name: "left", Any: true}), nodes.InPort(graph.Port{Name: "right", Any: true, ReadOrder: graph.First}),
		nodes.OutPort(graph.Port{Name: "out", Any: true})),
	nodes.Kind("test.optional", "May read more.", &nothing{},
		nodes.InPort(graph.Port{Name: "in", Any: true}), nodes.InPort(graph.Port{Name: "more", Any: true, Arity: graph.Optional}),
		nodes.OutPort(graph.Port{Name: "a", Any: true}), nodes.OutPort(graph.Port{Name: "b", Any: true})),
}

type point struct{ X, Y float64 }

type pointMap struct{}

func (*pointMap) Map(_ context.Context, p point) (point, error) { return p, nil }

type pointSource struct{}

func (*pointSource) Read(context.Context, func(point) error) error { return nil }

type pointSum struct{}

func (*pointSum) Key(point) string { return "" }

func (*pointSum) Fold(context.Context, *point, point, func(point)) error { return nil }

type opaqueMap struct{}

func (*opaqueMap) Map(_ context.Context, p point) (chan point, error) { return nil, nil }

type pointBoth struct{}

func (*pointBoth) Left(context.Context, point, func(point)) error { return nil }

func (*pointBoth) Right(context.Context, point, func(point)) error { return nil }

// queued is what test.queue gives.
var queued = types.Record(types.Field{Name: "n", Type: types.Int}, types.Field{Name: "at", Type: types.Time},
	types.Field{Name: "k", Type: types.String}, types.Field{Name: "list", Type: types.List(types.Int)})

// queue is a source that acknowledges.
type queue struct {
	Silent bool `yaml:"silent" doc:"It acknowledges nothing."`
}

func (q *queue) Acks() bool { return !q.Silent }

func (*queue) Infer(c *graph.Inference) { c.Out("out", queued) }

func (*queue) Operator(*nodes.Env) (nodes.Operator, error) { return nil, nil }

// nothing passes the type of its first input on.
type nothing struct{}

func (*nothing) Infer(c *graph.Inference) {
	for _, p := range c.Node.Out[:len(c.Node.Out)-1] {
		c.Out(p.Name, c.In(c.Node.In[0].Name))
	}
}

func (*nothing) Operator(*nodes.Env) (nodes.Operator, error) {
	return nodes.Serially(func(context.Context, nodes.Input, nodes.Out) error { return nil }), nil
}
