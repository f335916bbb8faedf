package scheduler

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// protect gives a node its rate, its breaker and the size of its batches. Only a
// stage can be given batches: a program that reads its inputs by itself takes what
// comes.
func (n *node) protect() error {
	e := &n.spec.Engine
	n.bucket, n.breaker = newBucket(n, e.Rate, e.Batch.Given()), newBreaker(n, e.Breaker)
	if e.Batch.Given() && n.program != nil && n.program.Run != nil && len(n.in) > 0 {
		return fmt.Errorf("%s takes its items as they come, so `batch` has no meaning for it: leave it out", n.spec.Kind)
	}
	return nil
}

// admit waits until the rate and the breaker of the node let items pass, and gives
// how many of size may. The caller holds the take token. io.EOF means that nobody
// wants what the node would make of them.
func (s *stage) admit(ctx context.Context, w *worker, size int) (int, error) {
	n := s.n
	if n.bucket == nil && n.breaker == nil {
		return size, nil
	}
	size, era, err := n.admit(ctx, w, size)
	s.era = era
	if errors.Is(err, nodes.ErrDone) {
		s.done.Store(true)
		err = io.EOF
	}
	if err != nil {
		s.over = true
	}
	return size, err
}

func (n *node) admit(ctx context.Context, w *worker, size int) (int, uint64, error) {
	era, err := uint64(noEra), error(nil)
	if n.breaker != nil {
		if !n.spec.Engine.Batch.Given() {
			size = 1 // so that no item is tried that should have waited
		}
		if era, err = n.breaker.pass(ctx, w); err != nil {
			return 0, era, err
		}
	}
	if n.bucket != nil {
		size, err = n.bucket.take(ctx, w, size)
	}
	return size, era, err
}

// A narrow is the inputs of a custom program under a rate or a breaker: it hands
// out what they let pass. One goroutine uses it, that of the program.
type narrow struct {
	n    *node
	w    *worker
	outs *[]*output

	era   uint64
	given int // items handed out last, to be judged
	bad   int // items that had failed before
}

// A narrowed is one of the inputs.
type narrowed struct {
	*narrow
	nodes.Receiver
	rest record.Data // was received, and may not pass yet
	at   int         // how much of it has passed
}

// narrowed puts an input of a custom program behind the rate and the breaker of
// the node, if it has any.
func (g *narrow) narrowed(r nodes.Receiver) nodes.Receiver {
	if g.n.bucket == nil && g.n.breaker == nil {
		return r
	}
	return &narrowed{narrow: g, Receiver: r}
}

func (r *narrowed) Receive(ctx context.Context) (record.Data, error) {
	if r.rest == nil {
		d, err := r.Receiver.Receive(ctx)
		if d == nil || err != nil {
			return nil, err
		}
		r.rest, r.at = d, 0
	}
	return r.pass(ctx)
}

// TryReceive gives nothing while nothing may pass.
func (r *narrowed) TryReceive() (record.Data, bool) {
	if r.rest == nil {
		d, ok := r.Receiver.TryReceive()
		if !ok {
			return nil, false
		}
		r.rest, r.at = d, 0
	}
	if !r.open() {
		return nil, false
	}
	d, err := r.pass(r.n.run.ctx)
	return d, err == nil
}

// pass hands out as much of the rest as may pass.
func (r *narrowed) pass(ctx context.Context) (record.Data, error) {
	r.judge()
	n := r.rest.Len() - r.at
	size, era, err := r.n.admit(ctx, r.w, n)
	if err != nil {
		return nil, err
	}
	r.era, r.given = era, size
	if r.at == 0 && size == n {
		d := r.rest
		r.rest = nil
		return d, nil
	}
	d := r.rest.Slice(r.at, r.at+size)
	if r.at += size; size == n {
		r.rest.Release()
		r.rest = nil
	}
	return d, nil
}

// open reports whether something would pass at once.
func (g *narrow) open() bool {
	g.judge()
	if b := g.n.breaker; b != nil && !b.closed() {
		return false
	}
	return g.n.bucket == nil || g.n.bucket.ready() > 0
}

// judge tells the breaker what became of the items handed out last: the program
// asks for more, so it is done with them.
func (g *narrow) judge() {
	if g.n.breaker == nil || g.given == 0 {
		return
	}
	bad := 0
	for _, o := range *g.outs {
		bad += o.bad
	}
	g.n.breaker.outcome(g.era, g.given, bad-g.bad)
	g.bad, g.given = bad, 0
}

// drop gives back what never passed, which counts as left out.
func (r *narrowed) drop() {
	if r.rest != nil {
		r.n.count.Filtered.Add(int64(r.rest.Len() - r.at))
		r.rest.Release()
		r.rest = nil
	}
}
