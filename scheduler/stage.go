package scheduler

import (
	"context"
	"errors"
	"io"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// A stage is a nodes.Stage in a run: what its workers share.
//
// The take token makes taking serial: whoever holds it receives the next piece
// and, with it, the turn of that piece, makes a new turn for the next one, and
// passes the token on. rest, edges and over are guarded by the token.
type stage struct {
	n    *node
	def  *nodes.Stage
	take chan chan struct{}

	edges []*edge // still to be read
	cases []reflect.SelectCase
	rest  piece // a batch that is handed out in pieces
	at    int   // how much of it was handed out
	over  bool  // nothing is left to take

	done atomic.Bool  // the kind wants no more
	cost atomic.Int64 // ns per item, a moving average; 0: not known yet
}

// A piece is what a worker works on at once: some items of an input, or what the
// Next of a source gave.
type piece struct {
	data record.Data
	edge *edge // where data came from
	made any
}

// runStage runs a stage to its end.
func (n *node) runStage(ctx context.Context, def *nodes.Stage) error {
	s := &stage{n: n, def: def, take: make(chan chan struct{}, 1)}
	if def.Next == nil {
		s.edges = append(s.edges, n.in[def.Input]...)
	}
	workers := n.workers
	if def.Worker == nil {
		workers = 1
	}
	n.count.Workers.Store(int64(workers))
	var err error
	switch {
	case workers == 1:
		err = s.alone(ctx)
	case n.spec.Engine.Order == "key" && def.Next == nil:
		err = s.keyed(ctx, workers)
	default:
		err = s.together(ctx, workers)
	}
	if s.rest.data != nil {
		if s.done.Load() {
			n.count.Filtered.Add(int64(s.rest.data.Len() - s.at))
		}
		s.rest.data.Release()
	}
	if err == nil && s.done.Load() {
		err = nodes.ErrDone
	}
	if err != nil && !errors.Is(err, nodes.ErrDone) {
		return err
	}
	if def.Finish != nil {
		if ferr := s.finish(ctx); ferr != nil {
			return ferr
		}
	}
	return err
}

func (s *stage) finish(ctx context.Context) error {
	w := s.n.newWorker()
	defer w.note(ended, nil)
	o := &output{ctx: ctx, n: s.n, w: w, done: &s.done}
	o.begin(nil)
	defer o.drop()
	start := time.Now()
	err := guard(func() error { return s.def.Finish(ctx, o) })
	if ferr := o.flushErrors(); err == nil {
		err = ferr
	}
	s.n.count.Busy.Add(int64(time.Since(start) - w.lost))
	// What is left out or fails only now, such as the rows of a sort past its
	// limit, was counted as used when it came.
	s.n.count.Filtered.Add(int64(o.filtered))
	s.n.count.Used.Add(-int64(o.filtered + o.bad))
	return err
}

// open makes the parallel part for one worker.
func (s *stage) open(ctx context.Context) (nodes.Work, error) {
	if s.def.Worker == nil {
		return nil, nil
	}
	var work nodes.Work
	err := guard(func() (err error) { work, err = s.def.Worker(ctx); return err })
	return work, err
}

// alone is the loop of a stage with one worker: it needs no tokens.
func (s *stage) alone(ctx context.Context) error {
	work, err := s.open(ctx)
	if err != nil {
		return err
	}
	w := s.n.newWorker()
	defer w.note(ended, nil)
	o := &output{ctx: ctx, n: s.n, w: w, done: &s.done}
	for {
		p, err := s.next(ctx, w)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		o.begin(nil)
		if err := s.work(ctx, w, work, o, p); err != nil {
			return err
		}
	}
}

// together is a stage with several workers. With order kept they send in turn;
// without, they hold the node's send token while sending, and commits have one
// token of their own.
func (s *stage) together(ctx context.Context, workers int) error {
	ordered := s.n.spec.Engine.Order != "none"
	works := make([]nodes.Work, workers)
	for i := range works {
		var err error
		if works[i], err = s.open(ctx); err != nil {
			return err
		}
	}
	first := s.n.newTurn()
	first <- struct{}{}
	s.take <- first
	var crew sync.WaitGroup
	for _, work := range works {
		crew.Go(func() {
			w := s.n.newWorker()
			defer w.note(ended, nil)
			if err := s.worker(ctx, w, work, ordered); err != nil {
				s.n.run.fail(s.n, err) // at once: the others may be waiting for input
			}
		})
	}
	crew.Wait()
	return context.Cause(ctx)
}

func (s *stage) worker(ctx context.Context, w *worker, work nodes.Work, ordered bool) error {
	o := &output{ctx: ctx, n: s.n, w: w, done: &s.done}
	for {
		turn, err := s.token(ctx, w)
		if err != nil {
			return err
		}
		p, err := s.next(ctx, w)
		if err != nil {
			s.over = true
			s.take <- turn // there is one token, so this never blocks
			if err == io.EOF {
				return nil
			}
			if ordered { // a failure of an earlier piece comes first
				o.begin(turn)
				if killed := o.await(); killed != nil {
					return killed
				}
			}
			return err
		}
		if !ordered {
			s.take <- turn
			o.begin(nil)
			if err := s.work(ctx, w, work, o, p); err != nil {
				return err
			}
			continue
		}
		next := s.n.newTurn()
		s.take <- next
		o.begin(turn)
		if err := s.work(ctx, w, work, o, p); err != nil {
			return err
		}
		next <- struct{}{}
	}
}

// token waits for the right to take.
func (s *stage) token(ctx context.Context, w *worker) (chan struct{}, error) {
	select {
	case turn := <-s.take:
		return turn, nil
	default:
	}
	defer w.waits(queueing, nil)()
	select {
	case turn := <-s.take:
		return turn, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// work works on one piece and sends what it makes. It returns nil also after the
// kind said that it is done: the next take then finds the end.
func (s *stage) work(ctx context.Context, w *worker, work nodes.Work, o *output, p piece) error {
	items := 0
	start := time.Now()
	w.lost = 0
	var err error
	if p.data != nil {
		items = p.data.Len()
		err = s.toRecords(&p, o)
		defer p.data.Release()
	}
	defer o.drop()
	made := p.made
	if work != nil {
		made = nil // what Next gave is the worker's
		if err == nil {
			err = guard(func() (err error) { made, err = work(ctx, p.data, p.made, o); return err })
			if err != nil {
				made = nil // whoever fails makes nothing
			}
			s.learn(items, time.Since(start)-w.lost)
		}
	}
	// Everything before this piece is done once it is its turn, so the first
	// failure is the first in the order of the input.
	if killed := o.await(); killed != nil {
		s.abandon(made)
		return killed
	}
	if s.done.Load() {
		s.abandon(made)
		left := max(0, items-o.bad-o.sent)
		s.n.count.Filtered.Add(int64(left))
		s.n.count.Used.Add(int64(items - o.bad - left))
		return nil
	}
	if err == nil || errors.Is(err, nodes.ErrDone) { // what a kind made before it was done is sent
		if serr := o.sendHeld(); serr != nil {
			err = serr
		}
	}
	if err == nil && s.def.Commit != nil {
		err = s.commit(ctx, p.data, made, o)
	} else {
		s.abandon(made)
	}
	if ferr := o.flushErrors(); err == nil {
		err = ferr
	}
	took := time.Since(start) - w.lost
	if work == nil {
		s.learn(items, took)
	}
	return s.book(items, took, o, err)
}

// abandon releases what a worker made if it is never committed.
func (s *stage) abandon(made any) {
	if r, ok := made.(interface{ Release() }); ok {
		r.Release()
	}
}

// book counts a piece that was worked on, and notes whether the kind is done.
func (s *stage) book(items int, took time.Duration, o *output, err error) error {
	c := &s.n.count
	c.Busy.Add(int64(took))
	c.Latency.Add(took)
	c.Batches.Add(1)
	c.Filtered.Add(int64(o.filtered))
	done := errors.Is(err, nodes.ErrDone)
	if err == nil || done {
		c.Used.Add(int64(items - o.filtered - o.bad))
	}
	if done {
		s.done.Store(true)
		return nil
	}
	return err
}

// commit runs the serial part of a piece.
func (s *stage) commit(ctx context.Context, in record.Data, made any, o *output) error {
	if token := s.n.commitToken; token != nil {
		if err := hold(ctx, token, o.w); err != nil {
			return err
		}
		defer func() { <-token }()
	}
	return guard(func() error { return s.def.Commit(ctx, in, made, o) })
}
