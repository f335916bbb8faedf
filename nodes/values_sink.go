package nodes

import (
	"context"
	"errors"
)

// This file has the operators of sinks over Go values.

// SinkFuncs is an operator that takes whole batches and gives nothing on.
type SinkFuncs[I any] struct {
	// Write takes a batch, which it must not keep. An error is that of every item of
	// it; ErrDone ends the node. The tries of the node are those of a batch.
	Write func(ctx context.Context, in []I) error
	// Flush returns when everything that was written has arrived. It may be nil.
	Flush func(ctx context.Context) error
	// MaxInFlight is how many calls of Write may run at once, in no certain order. 0: one
	// after the other, in the order of the input.
	MaxInFlight int
}

// WriteValues makes the operator of f.
func WriteValues[I any](env *Env, f SinkFuncs[I]) Operator { return writeValues(env, f, lifetime{}) }

func writeValues[I any](env *Env, f SinkFuncs[I], l lifetime) Operator {
	if f.MaxInFlight > 0 {
		return &parallelWriteOp[I]{lifetime: l, env: env, f: f}
	}
	return &writeOp[I]{lifetime: l, values: valuesOf[I](env), f: f}
}

// sinkFuncs takes the methods of a Sink.
func sinkFuncs[I any](n Sink[I]) SinkFuncs[I] {
	f := SinkFuncs[I]{Write: n.Write}
	if flusher, ok := n.(Flusher); ok {
		f.Flush = flusher.Flush
	}
	if many, ok := n.(InFlighter); ok {
		f.MaxInFlight = max(many.MaxInFlight(), 1)
	}
	return f
}

// SinkOperator is an operator made of a Sink, with what else it has: Flush,
// MaxInFlight, Open and Close.
func SinkOperator[I any](env *Env, n Sink[I]) Operator {
	return writeValues(env, sinkFuncs(n), lifetimeOf(n, env))
}

// write hands a batch over.
func (v *values[I]) write(ctx context.Context, in *Input, out Out, f *SinkFuncs[I]) error {
	c, err := v.begin(in, out)
	if err != nil {
		return err
	}
	defer c.Release()
	tries, err := v.env.Tries(ctx, func(ctx context.Context) error { return f.Write(ctx, c.V) })
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrDone):
		return ErrDone
	}
	return c.allBad(tries, err)
}

func (f *SinkFuncs[I]) flush(ctx context.Context) error {
	if f.Flush == nil {
		return nil
	}
	return Guard(func() error { return f.Flush(ctx) })
}

type writeOp[I any] struct {
	lifetime
	values[I]
	f SinkFuncs[I]
}

// Process implements Operator.
func (w *writeOp[I]) Process(ctx context.Context, in Input, out Out) error {
	return w.write(ctx, &in, out, &w.f)
}

// Flush implements Flusher.
func (w *writeOp[I]) Flush(ctx context.Context) error { return w.f.flush(ctx) }

// A parallelWriteOp writes on all workers at once.
type parallelWriteOp[I any] struct {
	lifetime
	env *Env
	f   SinkFuncs[I]
}

// Process implements Operator. There is nothing left to do.
func (w *parallelWriteOp[I]) Process(context.Context, Input, Out) error { return nil }

// NewWorker implements Parallel.
func (w *parallelWriteOp[I]) NewWorker(context.Context) (Worker, error) {
	v := valuesOf[I](w.env)
	return WorkFunc(func(ctx context.Context, in Input, out Out) (any, error) {
		return nil, v.write(ctx, &in, out, &w.f)
	}), nil
}

// WholeBatches implements Gatherer.
func (w *parallelWriteOp[I]) WholeBatches() bool { return true }

// MaxInFlight implements InFlighter.
func (w *parallelWriteOp[I]) MaxInFlight() int { return w.f.MaxInFlight }

// Flush implements Flusher.
func (w *parallelWriteOp[I]) Flush(ctx context.Context) error { return w.f.flush(ctx) }
