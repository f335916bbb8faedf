package flowrun

import (
	"context"
	"errors"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// A Collection is what Collect gathers.
type Collection[T any] struct{ items []T }

// Items gives what the last run brought, in order. It must not be called while the
// graph is running.
func (c *Collection[T]) Items() []T { return c.items }

// Collect gathers the items in memory.
func Collect[T any](in Stream[T], id string, opts ...Option) *Collection[T] {
	c := &Collection[T]{}
	n := sink[T]("go.collect", "Gathers the items in memory.", id, func(xs []T) error {
		c.items = append(c.items, xs...)
		return nil
	})
	n.reset = func() { c.items = nil }
	in.graph().add(n, opts, wire{from: in.port})
	return c
}

// Each calls f for each item: one at a time in the order of the stream, or, with
// several workers, several at once. It is how to subscribe to a stream; to end the
// subscription f returns ErrDone.
func Each[T any](in Stream[T], id string, f func(ctx context.Context, x T) error, opts ...Option) {
	n := transform[T, T]("go.each", "Calls a function for each item.", id, func(env *nodes.Env) nodes.Work {
		e := &each[T]{f: f, env: env, plain: env.Plain()}
		return e.work
	})
	n.spec.Out = nil
	in.graph().add(n, opts, wire{from: in.port})
}

type each[T any] struct {
	f     func(context.Context, T) error
	env   *nodes.Env
	plain bool
	ins   inputs[T]
}

func (e *each[T]) work(ctx context.Context, in record.Data, _ any, out nodes.Out) (any, error) {
	xs, err := e.ins.of(in, out)
	if err != nil {
		return nil, err
	}
	defer xs.Release()
	for i := 0; i < len(xs.V); i++ {
		attempts := 1
		if e.plain {
			i, err = e.run(ctx, xs.V, i)
		} else {
			attempts, err = e.env.Tries(ctx, func(ctx context.Context) error { return e.f(ctx, xs.V[i]) })
		}
		if err == nil {
			continue
		}
		if errors.Is(err, ErrDone) {
			return nil, ErrDone
		}
		if err := out.Bad(nodes.BadItem{Err: err, Data: xs.Items, Row: i, Attempts: attempts}); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// run works from item i on until one fails; it gives the number of that one, or of
// all. One recover serves them all.
func (e *each[T]) run(ctx context.Context, xs []T, i int) (at int, err error) {
	defer catch(&err)
	f := e.f
	for at = i; at < len(xs); at++ {
		if err := f(ctx, xs[at]); err != nil {
			return at, err
		}
	}
	return at, nil
}

// Write calls f with batches of items as they come, one at a time in the order of
// the stream: for sinks that take many items at once. An error is that of every
// item of the batch; ErrDone means that f wants no more. f must not keep or change the
// slice. Batched says how many items it gets at once.
func Write[T any](in Stream[T], id string, f func(ctx context.Context, xs []T) error, opts ...Option) {
	d := nodes.Write("go.write", "Writes batches of items.", &writer[T]{f})
	n := sink[T]("go.write", "Writes batches of items.", id, nil)
	n.program = func(env *nodes.Env) (*nodes.Program, error) { return d.Program(d.New(), env) }
	in.graph().add(n, opts, wire{from: in.port})
}

// A writer is a nodes.Sink made of a function.
type writer[T any] struct {
	f func(ctx context.Context, xs []T) error
}

func (w *writer[T]) Write(ctx context.Context, xs []T) error { return w.f(ctx, xs) }

// Drop takes the items and does nothing with them: the end of a stream that nobody
// needs.
func Drop[T any](in Stream[T], id string, opts ...Option) {
	in.graph().add(sink[T]("go.drop", "Throws the items away.", id, func([]T) error { return nil }), opts, wire{from: in.port})
}

// sink is a node that takes batches in order.
func sink[T any](kind, summary, id string, take func(xs []T) error) *node {
	return &node{
		id:   id,
		spec: graph.Spec{Kind: kind, Summary: summary, Workers: graph.Single, In: []graph.Port{typed[T]("in")}},
		program: func(*nodes.Env) (*nodes.Program, error) {
			ins := new(inputs[T])
			return &nodes.Program{Stages: []nodes.Stage{{
				GoValues: true,
				Commit: func(_ context.Context, in record.Data, _ any, out nodes.Out) error {
					xs, err := ins.of(in, out)
					if err != nil {
						return err
					}
					defer xs.Release()
					return take(xs.V)
				},
			}}}, nil
		},
	}
}
