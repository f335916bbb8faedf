package flowrun

import (
	"context"
	"io"
	"iter"
	"reflect"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// Slice is a source of the items, which must not change until Run has returned:
// they are not copied.
func Slice[T any](g *Graph, id string, items []T, opts ...Option) Stream[T] {
	n := source[T](id, "go.slice", "Gives the items of a slice.")
	n.program = func(*nodes.Env) (*nodes.Program, error) {
		whole := record.Wrap(items) // its reference is never given back: the memory is the caller's
		at := 0
		return pieces(func(context.Context) (record.Data, error) {
			if at == len(items) {
				return nil, io.EOF
			}
			from := at
			at = min(at+record.MaxRows, len(items))
			return whole.Slice(from, at), nil
		}), nil
	}
	return first[T](g, g.add(n, opts))
}

// Chan is a source of what comes over a channel, until it is closed or the run is
// stopped. What waits in the channel travels together; nothing is held back.
func Chan[T any](g *Graph, id string, ch <-chan T, opts ...Option) Stream[T] {
	n := source[T](id, "go.chan", "Gives what comes over a channel.")
	n.program = func(*nodes.Env) (*nodes.Program, error) {
		pool := new(record.Pool[T])
		return pieces(func(ctx context.Context) (record.Data, error) { return receive(ctx, ch, pool) }), nil
	}
	return first[T](g, g.add(n, opts))
}

// receive waits for one item and takes what else is there.
func receive[T any](ctx context.Context, ch <-chan T, pool *record.Pool[T]) (record.Data, error) {
	var batch *record.Items[T]
	select {
	case x, ok := <-ch:
		if !ok {
			return nil, io.EOF
		}
		batch = pool.Get(1)
		batch.V = append(batch.V, x)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for len(batch.V) < record.MaxRows {
		select {
		case x, ok := <-ch:
			if !ok {
				return batch, nil // the next call finds the end
			}
			batch.V = append(batch.V, x)
		default:
			return batch, nil
		}
	}
	return batch, nil
}

// pieces is the program of a source that has whole batches.
func pieces(next func(ctx context.Context) (record.Data, error)) *nodes.Program {
	work := func(_ context.Context, _ record.Data, piece any, out nodes.Out) (any, error) {
		return nil, out.Emit(0, piece.(record.Data))
	}
	return &nodes.Program{Stages: []nodes.Stage{{
		Next:   func(ctx context.Context) (any, error) { return next(ctx) },
		Worker: func(context.Context) (nodes.Work, error) { return work, nil },
	}}}
}

// Seq is a source of what an iterator yields.
func Seq[T any](g *Graph, id string, seq iter.Seq[T], opts ...Option) Stream[T] {
	read := func(_ context.Context, emit func(T) error) error {
		for x := range seq {
			if err := emit(x); err != nil {
				return err
			}
		}
		return nil
	}
	return first[T](g, g.add(reading("go.seq", "Gives what an iterator yields.", id, read), opts))
}

// Func is a source that a function reads: it calls emit for each item and returns
// nil when there is no more. An error of emit means that nobody wants more, or that
// the run was stopped; the function should return it. A function that waits should
// also look at ctx, which is cancelled when the run is stopped.
//
// A fast source is sent in batches; what a slow one emitted is held for a
// millisecond at most.
func Func[T any](g *Graph, id string, read func(ctx context.Context, emit func(T) error) error, opts ...Option) Stream[T] {
	return first[T](g, g.add(reading("go.func", "Gives what a function reads.", id, read), opts))
}

// A reader is a nodes.Source made of a function.
type reader[T any] struct {
	read func(ctx context.Context, emit func(T) error) error
}

func (r *reader[T]) Read(ctx context.Context, emit func(T) error) error { return r.read(ctx, emit) }

func reading[T any](kind, summary, id string, read func(ctx context.Context, emit func(T) error) error) *node {
	d := nodes.Read(kind, summary, &reader[T]{read})
	n := source[T](id, kind, summary)
	n.program = func(env *nodes.Env) (*nodes.Program, error) { return d.Program(d.New(), env) }
	return n
}

func source[T any](id, kind, summary string) *node {
	return &node{id: id, spec: graph.Spec{
		Kind: kind, Summary: summary, Workers: graph.Single, Out: []graph.Port{typed[T]("out")},
	}}
}

// typed is a port for items of a Go type. A struct that is a record is called by its
// Go name.
func typed[T any](name string) graph.Port {
	g := reflect.TypeFor[T]()
	if g == reflect.TypeFor[ItemError]() {
		return graph.Port{Name: name, Type: graph.ErrorItem, Go: true}
	}
	t := types.FromGo(g)
	if t.IsRecord() && types.IsWord(g.Name()) {
		t = t.Named(g.Name())
	}
	return graph.Port{Name: name, Type: t, Go: true}
}
