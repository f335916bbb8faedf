package nodetest

import (
	"context"
	"io"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// slowed gives programs that wait before each piece of work, so that a run takes
// time in which it can be killed or stopped.
type slowed struct {
	scheduler.Programs
	wait time.Duration
}

func (s slowed) Program(n *graph.Node, env *nodes.Env) (*nodes.Program, error) {
	p, err := s.Programs.Program(n, env)
	if err != nil {
		return nil, err
	}
	slow := *p
	slow.Stages = nil
	for _, stage := range p.Stages {
		slow.Stages = append(slow.Stages, s.stage(stage))
	}
	if run := p.Run; run != nil {
		slow.Run = func(ctx context.Context, io *nodes.IO) error {
			if err := s.sleep(ctx); err != nil {
				return err
			}
			return run(ctx, io)
		}
	}
	return &slow, nil
}

func (s slowed) stage(stage nodes.Stage) nodes.Stage {
	if next := stage.Next; next != nil {
		stage.Next = func(ctx context.Context) (any, error) {
			if err := s.sleep(ctx); err != nil {
				return nil, err
			}
			return next(ctx)
		}
	}
	if worker := stage.Worker; worker != nil {
		stage.Worker = func(ctx context.Context) (nodes.Work, error) {
			work, err := worker(ctx)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context, in record.Data, piece any, out nodes.Out) (any, error) {
				if err := s.sleep(ctx); err != nil {
					return nil, err
				}
				return work(ctx, in, piece, out)
			}, nil
		}
	}
	if commit := stage.Commit; commit != nil {
		stage.Commit = func(ctx context.Context, in record.Data, made any, out nodes.Out) error {
			if err := s.sleep(ctx); err != nil {
				return err
			}
			return commit(ctx, in, made, out)
		}
	}
	return stage
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

// dry gives programs whose sources have nothing.
type dry struct{ scheduler.Programs }

func (s dry) Program(n *graph.Node, env *nodes.Env) (*nodes.Program, error) {
	p, err := s.Programs.Program(n, env)
	if err != nil || len(n.In) > 0 {
		return p, err
	}
	p.Stages, p.Run = []nodes.Stage{{Next: func(context.Context) (any, error) { return nil, io.EOF }}}, nil
	return p, nil
}
