package nodetest

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// slowOperators let operators wait before each task, and before what their serial
// part makes of it, so that a run takes time in which it can be killed or stopped.
type slowOperators struct {
	Operators
	wait time.Duration
}

// Operator implements Operators.
func (s slowOperators) Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error) {
	op, err := s.Operators.Operator(n, env)
	if err != nil {
		return nil, err
	}
	_, parallel := op.(nodes.Parallel)
	env.Intercept(nodes.Intercept{Around: func(ctx context.Context, c nodes.Call, out nodes.Out, next func(context.Context, nodes.Out) error) error {
		waits := c.Part == nodes.PartNext || c.Part == nodes.PartWork
		if c.Part == nodes.PartProcess {
			waits = !parallel || c.Input.Made != nil
		}
		if waits {
			if err := nodes.Sleep(ctx, s.wait); err != nil {
				return err
			}
		}
		return next(ctx, out)
	}})
	return op, nil
}

// dryOperators let sources have nothing.
type dryOperators struct{ Operators }

// Operator implements Operators.
func (s dryOperators) Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error) {
	env.Intercept(nodes.Intercept{Around: func(ctx context.Context, c nodes.Call, out nodes.Out, next func(context.Context, nodes.Out) error) error {
		if c.Part == nodes.PartNext {
			return io.EOF
		}
		return next(ctx, out)
	}})
	return s.Operators.Operator(n, env)
}

// countOperators count the workers that are open, of operators whose workers are all they
// have.
type countOperators struct {
	Operators
	open *atomic.Int64
}

// Operator implements Operators.
func (s countOperators) Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error) {
	op, err := s.Operators.Operator(n, env)
	spread, ok := op.(nodes.Spread)
	if err != nil || !ok {
		return op, err
	}
	return nodes.Spread(func(ctx context.Context) (nodes.Worker, error) {
		w, err := spread(ctx)
		if err != nil {
			return nil, err
		}
		s.open.Add(1)
		return &countedWorker{w, s.open}, nil
	}), nil
}

// A countedWorker is counted until it is closed.
type countedWorker struct {
	nodes.Worker
	open *atomic.Int64
}

// Close implements nodes.Closer.
func (w *countedWorker) Close() error {
	w.open.Add(-1)
	if c, ok := w.Worker.(nodes.Closer); ok {
		return c.Close()
	}
	return nil
}
