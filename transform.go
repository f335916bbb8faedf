package flowrun

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// This file has the nodes that take one item at a time, on any number of workers.

// Map gives f of each item.
func Map[I, O any](in Stream[I], id string, f func(ctx context.Context, x I) (O, error), opts ...Option) Stream[O] {
	n := mapper(id, f)
	n.spec.Tries = true
	return first[O](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}

func mapper[I, O any](id string, f func(ctx context.Context, x I) (O, error)) *node {
	n := spread[I]("go.map", "Gives one item for each.", id, func(env *nodes.Env) nodes.Worker {
		return nodes.MapValues(env, f)
	}, typed[O]("out"))
	n.spec.Conserves = true
	return n
}

// Apply is Map for a function that cannot fail.
func Apply[I, O any](in Stream[I], id string, f func(x I) O, opts ...Option) Stream[O] {
	n := mapper(id, func(_ context.Context, x I) (O, error) { return f(x), nil })
	n.spec.Untried = graph.NoErrors
	return first[O](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}

// Filter lets the items pass for which keep is true. The others are counted as
// filtered.
func Filter[T any](in Stream[T], id string, keep func(x T) bool, opts ...Option) Stream[T] {
	n := spread[T]("go.filter", "Lets some items pass.", id, func(env *nodes.Env) nodes.Worker {
		return nodes.FilterValues(env, keep)
	}, typed[T]("out"))
	n.spec.Conserves, n.spec.Untried = true, graph.NoErrors
	return first[T](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}

// FlatMap gives any number of items for each: those that f emits. An item that
// fails leaves nothing behind, also when it had emitted something before.
func FlatMap[I, O any](in Stream[I], id string, f func(ctx context.Context, x I, emit func(O)) error, opts ...Option) Stream[O] {
	n := spread[I]("go.flatmap", "Gives any number of items for each.", id, func(env *nodes.Env) nodes.Worker {
		return nodes.ExpandValues(env, f)
	}, typed[O]("out"))
	n.spec.Tries = true
	return first[O](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}

// Fork gives any number of items of two types for each: those that f gives to first by
// one stream, those that it gives to second by the other. An item that fails leaves
// nothing behind in either.
func Fork[I, A, B any](in Stream[I], id string, f func(ctx context.Context, x I, first func(A), second func(B)) error, opts ...Option) (Stream[A], Stream[B]) {
	n := spread[I]("go.fork", "Gives items of two types.", id, func(env *nodes.Env) nodes.Worker {
		return nodes.ForkValues(env, f)
	}, typed[A]("first"), typed[B]("second"))
	n.spec.Tries = true
	in.graph().add(n, opts, wire{from: in.port})
	return Stream[A]{port{g: in.g, n: n, name: "first"}}, Stream[B]{port{g: in.g, n: n, name: "second"}}
}

// Split gives the items for which is holds by one stream and the rest by another.
func Split[T any](in Stream[T], id string, is func(x T) bool, opts ...Option) (yes, rest Stream[T]) {
	n := spread[T]("go.split", "Parts the items in two.", id, func(env *nodes.Env) nodes.Worker {
		return nodes.ForkValues(env, func(_ context.Context, x T, yes, rest func(T)) error {
			if is(x) {
				yes(x)
			} else {
				rest(x)
			}
			return nil
		})
	}, typed[T]("out"), typed[T]("rest"))
	n.spec.Conserves, n.spec.Untried = true, graph.NoErrors
	in.graph().add(n, opts, wire{from: in.port})
	return first[T](in.g, n), Stream[T]{port{g: in.g, n: n, name: "rest"}}
}

// As gives records as values of a Go type: a struct whose fields are paired with
// those of the records by name, or any type for streams of a single value. It is
// an error of the check if the records cannot be that.
func As[T any](in Records, id string, opts ...Option) Stream[T] {
	n := spread[T]("go.as", "Gives records as Go values.", id, nodes.AsValues[T], typed[T]("out"))
	n.spec.Conserves, n.spec.Lines.Fails = true, "never" // of itself: what it is given may not fit T
	n.spec.Untried = "only converts items, which gives the same result each time"
	return first[T](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}
