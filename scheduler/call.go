package scheduler

import (
	"context"

	"github.com/flowrun/flowrun/nodes"
)

// This file is every call of an operator's code during the run. A panic becomes an
// error, and those who intercept see it.

// call calls a method through those who intercept. The common calls, which are made
// for every batch, go past this where nobody does.
func (n *node) call(ctx context.Context, c nodes.Call, out nodes.Out, next func(context.Context, nodes.Out) error) (err error) {
	defer catch(&err)
	return n.env.Around(ctx, c, out, next)
}

func (n *node) callWork(ctx context.Context, w nodes.Worker, in nodes.Input, out nodes.Out) (made any, err error) {
	if n.watched {
		return n.watchWork(ctx, w, in, out)
	}
	defer catch(&err)
	return w.Work(ctx, in, out)
}

func (n *node) watchWork(ctx context.Context, w nodes.Worker, in nodes.Input, out nodes.Out) (made any, err error) {
	err = n.call(ctx, nodes.Call{Part: nodes.PartWork, Input: in}, out, func(ctx context.Context, out nodes.Out) (err error) {
		made, err = w.Work(ctx, in, out)
		return err
	})
	return made, err
}

func (n *node) callProcess(ctx context.Context, in nodes.Input, out nodes.Out) (err error) {
	defer catch(&err)
	return n.parts.Process(ctx, in, out)
}
