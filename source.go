package flowrun

import (
	"context"
	"iter"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// This file has the sources that read. Push, by which a program submits, is in push.go.

// Slice is a source of the items, which must not change until Run has returned:
// they are not copied.
func Slice[T any](g *Graph, id string, items []T, opts ...Option) Stream[T] {
	return source[T](g, id, "go.slice", "Gives the items of a slice.", func(*nodes.Env) nodes.Operator {
		return nodes.SliceValues(items)
	}, opts)
}

// Chan is a source of what comes over a channel, until it is closed or the run is
// stopped. What waits in the channel travels together; nothing is held back.
func Chan[T any](g *Graph, id string, ch <-chan T, opts ...Option) Stream[T] {
	return source[T](g, id, "go.chan", "Gives what comes over a channel.", func(*nodes.Env) nodes.Operator {
		return nodes.ReceiveValues(ch)
	}, opts)
}

// Seq is a source of what an iterator yields. It is taken to have an end: a stop before
// it is ErrStopped. What goes on for ever is a Func or a Chan.
func Seq[T any](g *Graph, id string, seq iter.Seq[T], opts ...Option) Stream[T] {
	read := func(_ context.Context, emit func(T) error) error {
		for x := range seq {
			if err := emit(x); err != nil {
				return err
			}
		}
		return nil
	}
	return source[T](g, id, "go.seq", "Gives what an iterator yields.", func(env *nodes.Env) nodes.Operator {
		return nodes.SourceValues(env, read)
	}, opts)
}

// Func is a source that a function reads: it calls emit for each item and returns
// nil when there is no more. An error of emit means that nobody wants more, or that
// the run was stopped; the function returns it, so that the run is known to be cut short.
// One that has no end of its own, such as a clock, returns nil instead: to be stopped is
// its end. A function that waits should also look at ctx, which is cancelled when the run
// is stopped.
//
// The function has a goroutine of its own. A fast source is sent in batches; what a
// slow one emitted is held for a millisecond at most.
func Func[T any](g *Graph, id string, read func(ctx context.Context, emit func(T) error) error, opts ...Option) Stream[T] {
	return source[T](g, id, "go.func", "Gives what a function reads.", func(env *nodes.Env) nodes.Operator {
		return nodes.SourceValues(env, read)
	}, opts)
}

// A Position says how far a source is, in its own words.
type Position = nodes.Position

// ReadFrom is Func for a source that can go on where a run before has ended. It has
//
//	ReadFrom(ctx context.Context, after flowrun.Position, emit func(item T, after flowrun.Position) error) error
//
// which reads what comes after a position, everything if that is nil, and emits with each
// item the position after it. If it also has
//
//	Taken(after flowrun.Position) error
//
// it is told up to where all sinks have what was made of the items: soon after, or with
// AckEarly as soon as they were emitted. A flow that keeps something in memory behind such
// a source, or writes files that get their names at its end, is refused but for that. If it has
// Open(ctx, *nodes.Env) error and Close() error, they are called once a run.
func ReadFrom[T any](g *Graph, id string, from nodes.ResumableSource[T], opts ...Option) Stream[T] {
	_, acks := from.(nodes.Acknowledger)
	return sourceThat[T](g, id, "go.read", "Gives what a source reads.", acks, func(env *nodes.Env) nodes.Operator {
		return nodes.ResumableOperator(env, from)
	}, opts)
}

func source[T any](g *Graph, id, kind, summary string, operator func(env *nodes.Env) nodes.Operator, opts []Option) Stream[T] {
	return sourceThat[T](g, id, kind, summary, false, operator, opts)
}

func sourceThat[T any](g *Graph, id, kind, summary string, acks bool, operator func(env *nodes.Env) nodes.Operator, opts []Option) Stream[T] {
	n := &node{
		id:       id,
		spec:     graph.Spec{Kind: kind, Summary: summary, Workers: graph.Single, Acks: acks, Out: []graph.Port{typed[T]("out")}},
		operator: func(env *nodes.Env) (nodes.Operator, error) { return operator(env), nil },
	}
	return first[T](g, g.add(n, opts))
}
