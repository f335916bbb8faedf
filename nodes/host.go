package nodes

import (
	"cmp"
	"context"
	"fmt"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
)

// A HostedKind is a kind that another node calls by itself, item by item, such as the
// service that a step of a workflow invokes. The engine knows nothing of it but what
// its host does: it has no edges, no workers and no order of its own.
//
// One goroutine at a time uses it.
type HostedKind struct {
	env    *Env
	parts  Parts
	worker Worker
	sees   []func(ctx context.Context, in Input, out Out) (record.Data, error)
}

// Host makes a kind ready to be called that graph.Inference.Host has checked. It is
// made by whoever makes the operators of the run, so what stands in place of a kind in
// a test, or refuses it, does so here too. Close it.
func (e *Env) Host(ctx context.Context, n *graph.Node) (*HostedKind, error) {
	if e.Operators == nil {
		return nil, fmt.Errorf("%s cannot call %s: there are no kinds to call", e.Node.ID, n.Kind)
	}
	h := &HostedKind{env: &Env{
		Node: n, Flow: e.Flow, Workers: 1, Stdin: e.Stdin, Stdout: e.Stdout, Log: e.Log.With("hosted", n.Kind), Seed: e.Seed,
		Retries: e.Retries, Stopping: e.Stopping, Shared: e.Shared, Operators: e.Operators,
	}}
	op, err := e.Operators(n, h.env)
	if err == nil {
		h.parts, err = PartsOf(op)
	}
	switch p := &h.parts; {
	case err != nil:
		return nil, err
	case p.Puller != nil || p.Timed != nil || p.Selective != nil || p.Committer != nil:
		return nil, fmt.Errorf("%s cannot be called by another node: it does more than answer an item", n.Kind)
	}
	if err := h.open(ctx); err != nil {
		return nil, cmp.Or(err, h.Close())
	}
	return h, nil
}

func (h *HostedKind) open(ctx context.Context) error {
	return Guard(func() (err error) {
		if s := h.parts.Starter; s != nil {
			if err := s.Open(ctx); err != nil {
				return err
			}
		}
		for _, i := range h.env.intercepts {
			if i.Arrive != nil {
				h.sees = append(h.sees, i.Arrive())
			}
		}
		if p := h.parts.Parallel; p != nil {
			h.worker, err = p.NewWorker(ctx)
		}
		return err
	})
}

// Call gives the kind data, which stays the caller's, and gives out all that comes of
// it. The error is ErrDone if the kind wants no more.
func (h *HostedKind) Call(ctx context.Context, data record.Data, out Out) (err error) {
	defer catch(&err)
	in := Input{Data: data.Retain()}
	defer func() { in.Data.Release() }()
	for _, see := range h.sees {
		seen, err := see(ctx, in, out)
		if err != nil {
			return err
		}
		in.Data.Release()
		in.Data = seen
	}
	if h.worker != nil {
		err := h.env.Around(ctx, Call{Part: PartWork, Input: in}, out, func(ctx context.Context, out Out) (err error) {
			in.Made, err = h.worker.Work(ctx, in, out)
			return err
		})
		if err != nil {
			return err
		}
	}
	return h.env.Around(ctx, Call{Part: PartProcess, Input: in}, out, func(ctx context.Context, out Out) error {
		if h.worker != nil && in.Made == nil {
			return nil
		}
		return h.parts.Process(ctx, in, out)
	})
}

// Close closes the kind.
func (h *HostedKind) Close() error {
	return Guard(func() error {
		var err error
		if c, ok := h.worker.(Closer); ok {
			err = c.Close()
		}
		if c := h.parts.Closer; c != nil {
			err = cmp.Or(err, c.Close())
		}
		return err
	})
}
