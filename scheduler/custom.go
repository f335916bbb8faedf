package scheduler

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// inputs are what a program without stages reads by. One goroutine uses them, that
// of the program.
type inputs struct {
	narrow
	all [][]nodes.Receiver // by port
	// from receives from any edge of a port: its place, and -1 at the end of all.
	from func(ctx context.Context, port int) (int, record.Data, error)
}

// open gives the program of a node its inputs: a receiver for each edge, behind
// the rate and the breaker of the node if it has any. outs is where the node
// emits, which may grow while the program runs.
func (in *inputs) open(n *node, w *worker, outs *[]*output, receiver func(e *edge) nodes.Receiver) {
	in.narrow = narrow{n: n, w: w, outs: outs}
	for _, edges := range n.in {
		var port []nodes.Receiver
		for _, e := range edges {
			port = append(port, in.narrowed(receiver(e)))
		}
		in.all = append(in.all, port)
	}
}

// newInputs gives the inputs of a node whose edges are channels.
func newInputs(n *node, w *worker, outs *[]*output) *inputs {
	in := &inputs{}
	in.open(n, w, outs, func(e *edge) nodes.Receiver { return &receiver{e: e, w: w} })
	ports := make([]*stage, len(n.in))
	in.from = func(ctx context.Context, port int) (int, record.Data, error) {
		if ports[port] == nil {
			ports[port] = &stage{n: n, def: &nodes.Stage{Input: port, GoValues: true}, edges: slices.Clone(n.in[port])}
		}
		p, err := ports[port].receive(ctx, w)
		if errors.Is(err, io.EOF) {
			return -1, nil, nil
		}
		return slices.Index(n.in[port], p.edge), p.data, err
	}
	return in
}

// any is nodes.IO.Any.
func (in *inputs) any(ctx context.Context, port int) (int, record.Data, error) {
	for i, r := range in.all[port] {
		if held, ok := r.(*narrowed); ok && held.rest != nil {
			d, err := held.pass(ctx)
			return i, d, err
		}
	}
	i, d, err := in.from(ctx, port)
	if d == nil || err != nil {
		return -1, nil, err
	}
	if held, ok := in.all[port][i].(*narrowed); ok {
		held.rest, held.at = d, 0
		d, err = held.pass(ctx)
	}
	return i, d, err
}

// drop gives back what never passed.
func (in *inputs) drop() {
	for _, port := range in.all {
		for _, r := range port {
			if held, ok := r.(*narrowed); ok {
				held.drop()
			}
		}
	}
}

// inputs are those of a custom program in a serial run, which yields what it waits
// for.
func (sn *serialNode) inputs(yield func(*edge) bool) *inputs {
	in := &inputs{}
	in.open(sn.n, sn.w, &[]*output{sn.o}, func(e *edge) nodes.Receiver { return &serialReceiver{sn: sn, e: e, yield: yield} })
	in.from = func(ctx context.Context, port int) (int, record.Data, error) {
		for edges := sn.n.in[port]; ; {
			over := true
			for i, e := range edges {
				if d, ok := (&serialReceiver{sn: sn, e: e}).TryReceive(); ok {
					return i, d, nil
				}
				over = over && sn.ended[e]
			}
			if over || ctx.Err() != nil {
				return -1, nil, context.Cause(ctx)
			}
			sn.anyOf = edges
			if !yield(nil) {
				return -1, nil, errAbandoned
			}
		}
	}
	return in
}
