package flowrun

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// This file has the ends of streams.

// Collect gathers the items in memory.
func Collect[T any](in Stream[T], id string, opts ...Option) *Collection[T] {
	c := &Collection[T]{}
	n := sink[T]("go.collect", "Gathers the items in memory.", id, func(_ context.Context, xs []T) error {
		c.items = append(c.items, xs...)
		return nil
	})
	n.reset, n.spec.Lines.Fails, n.spec.Holds = func() { c.items = nil }, "never", "all items"
	in.graph().add(n, opts, wire{from: in.port})
	return c
}

// A Collection is what Collect gathers.
type Collection[T any] struct{ items []T }

// Items gives what the last run brought, in order. It must not be called while the
// graph is running.
func (c *Collection[T]) Items() []T { return c.items }

// Each calls f for each item: one at a time in the order of the stream, or, with
// several workers, several at once. It is how to subscribe to a stream; to end the
// subscription f returns ErrDone.
func Each[T any](in Stream[T], id string, f func(ctx context.Context, x T) error, opts ...Option) {
	n := spread[T]("go.each", "Calls a function for each item.", id, func(env *nodes.Env) nodes.Worker {
		return nodes.EachValue(env, f)
	})
	n.spec.Tries = true
	in.graph().add(n, opts, wire{from: in.port})
}

// Write calls f with batches of items as they come, one at a time in the order of
// the stream: for sinks that take many items at once. An error is that of every
// item of the batch; ErrDone means that f wants no more. f must not keep or change the
// slice. Batched says how many items it gets at once.
func Write[T any](in Stream[T], id string, f func(ctx context.Context, xs []T) error, opts ...Option) {
	n := sink[T]("go.write", "Writes batches of items.", id, f)
	n.spec.Tries = true
	in.graph().add(n, opts, wire{from: in.port})
}

// WriteTo is Write for a sink that is more than a function: one that has
//
//	Flush(ctx context.Context) error
//
// may hold items back until then, such as to send more of them at once; it is called at
// the end, and before a source acknowledges what was written. One that has
//
//	MaxInFlight() int
//
// is called by so many workers at once, with batches in no certain order. If it has
// Open(ctx, *nodes.Env) error and Close() error, they are called once a run.
func WriteTo[T any](in Stream[T], id string, to nodes.Sink[T], opts ...Option) {
	n := sink[T]("go.write", "Writes batches of items.", id, nil)
	n.operator = func(env *nodes.Env) (nodes.Operator, error) { return nodes.SinkOperator(env, to), nil }
	n.spec.Tries = true
	if _, many := to.(nodes.InFlighter); many {
		n.spec.Workers = graph.Any
	}
	in.graph().add(n, opts, wire{from: in.port})
}

// Drop takes the items and does nothing with them: the end of a stream that nobody
// needs.
func Drop[T any](in Stream[T], id string, opts ...Option) {
	n := sink[T]("go.drop", "Throws the items away.", id, nil)
	n.operator = func(*nodes.Env) (nodes.Operator, error) {
		return nodes.Serially(func(context.Context, nodes.Input, nodes.Out) error { return nil }), nil
	}
	n.spec.Lines.Fails = "never"
	in.graph().add(n, opts, wire{from: in.port})
}

// sink is a node that takes batches in order.
func sink[T any](kind, summary, id string, write func(ctx context.Context, xs []T) error) *node {
	n := &node{
		id:   id,
		spec: graph.Spec{Kind: kind, Summary: summary, Workers: graph.Single},
		operator: func(env *nodes.Env) (nodes.Operator, error) {
			return nodes.WriteValues(env, nodes.SinkFuncs[T]{Write: write}), nil
		},
	}
	takes[T](n, "in", graph.Port{})
	return n
}
