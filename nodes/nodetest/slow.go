package nodetest

import (
	"context"
	"io"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// slowed lets operators wait before each piece of work, and before what their serial
// part makes of it, so that a run takes time in which it can be killed or stopped.
type slowed struct {
	scheduler.Operators
	wait time.Duration
}

// Operator implements scheduler.Operators.
func (s slowed) Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error) {
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
			if err := s.sleep(ctx); err != nil {
				return err
			}
		}
		return next(ctx, out)
	}})
	return op, nil
}

func (s slowed) sleep(ctx context.Context) error {
	timer := time.NewTimer(s.wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// dry lets sources have nothing.
type dry struct{ scheduler.Operators }

// Operator implements scheduler.Operators.
func (s dry) Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error) {
	env.Intercept(nodes.Intercept{Around: func(ctx context.Context, c nodes.Call, out nodes.Out, next func(context.Context, nodes.Out) error) error {
		if c.Part == nodes.PartNext {
			return io.EOF
		}
		return next(ctx, out)
	}})
	return s.Operators.Operator(n, env)
}
