package nodes

import (
	"context"

	"github.com/flowrun/flowrun/graph/record"
)

// This file has the operators that need no type of their own.

// WorkFunc is a Worker that is a function.
type WorkFunc func(ctx context.Context, in Input, out Out) (made any, err error)

// Work implements Worker.
func (f WorkFunc) Work(ctx context.Context, in Input, out Out) (any, error) { return f(ctx, in, out) }

// Spread is the operator of kinds whose workers share nothing: a worker for each
// goroutine, and no serial part.
type Spread func(ctx context.Context) (Worker, error)

// NewWorker implements Parallel.
func (s Spread) NewWorker(ctx context.Context) (Worker, error) { return s(ctx) }

// Process implements Operator. There is nothing left to do.
func (Spread) Process(context.Context, Input, Out) error { return nil }

// Each is Spread for records: a function per worker.
func Each(worker func() (func(ctx context.Context, in *record.Batch, out Out) error, error)) Operator {
	return Spread(func(context.Context) (Worker, error) {
		run, err := worker()
		if err != nil {
			return nil, err
		}
		return WorkFunc(func(ctx context.Context, in Input, out Out) (any, error) {
			return nil, run(ctx, in.Data.(*record.Batch), out)
		}), nil
	})
}

// Serially is the operator of kinds that look at whole batches in order, and need
// nothing else.
type Serially func(ctx context.Context, in Input, out Out) error

// Process implements Operator.
func (s Serially) Process(ctx context.Context, in Input, out Out) error { return s(ctx, in, out) }
