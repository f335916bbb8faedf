package scheduler

import (
	"context"
	"errors"
	"io"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// A stage is a nodes.Stage in a run: what its workers share.
//
// The take token makes taking serial: whoever holds it receives the next piece
// and, with it, its place in the order of the input, and passes the token on. rest,
// edges and over are guarded by the token.
type stage struct {
	n     *node
	def   *nodes.Stage
	take  chan struct{}
	turns *turns // nil: one worker, or no order to keep
	crew  *crew  // nil: one worker, or keyed ones

	edges  []*edge // still to be read
	cases  []reflect.SelectCase
	gather *gathering // puts batches together; nil: what is there is taken
	rest   piece      // a batch that is handed out in pieces
	at     int        // how much of it was handed out
	over   bool       // nothing is left to take
	era    uint64     // of the breaker, for what is taken next

	done atomic.Bool  // the kind wants no more
	cost atomic.Int64 // ns per item, a moving average; 0: not known yet
}

// A piece is what a worker works on at once: some items of an input, or what the
// Next of a source gave.
type piece struct {
	data record.Data
	edge *edge // where data came from
	made any
	era  uint64 // of the breaker, when it was taken
}

// runStage runs a stage to its end.
func (n *node) runStage(ctx context.Context, def *nodes.Stage) error {
	s := &stage{n: n, def: def, take: make(chan struct{}, 1)}
	if def.Next == nil {
		s.edges = append(s.edges, n.in[def.Input]...)
		s.gather = newGathering(s)
	}
	workers := n.workers
	if def.Worker == nil {
		workers = graph.FixedWorkers(1)
	}
	n.count.Workers.Store(int64(workers.Min))
	var err error
	switch {
	case workers.Max == 1:
		err = s.alone(ctx)
	case n.spec.Engine.Order == "key" && def.Next == nil:
		err = s.keyed(ctx, workers.Max)
	default:
		err = s.together(ctx)
	}
	if s.rest.data != nil {
		if s.done.Load() {
			n.count.Filtered.Add(int64(s.rest.data.Len() - s.at))
		}
		s.rest.data.Release()
	}
	if left := s.gather.drop(); s.done.Load() {
		n.count.Filtered.Add(int64(left))
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
	o := &output{n: s.n}
	o.begin(ctx, w, &s.done)
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
	var j job
	for {
		p, err := s.next(ctx, w)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.do(ctx, w, work, &j, p); err != nil {
			return err
		}
	}
}

// do works on a piece and delivers it at once.
func (s *stage) do(ctx context.Context, w *worker, work nodes.Work, j *job, p piece) error {
	j.piece = p
	j.out.begin(ctx, w, &s.done)
	s.work(ctx, w, work, j)
	return s.deliver(ctx, w, j)
}

// together is a stage with several workers. With order kept they take turns;
// without, they hold the node's send token while sending, and commits have one
// token of their own.
func (s *stage) together(ctx context.Context) error {
	if s.n.spec.Engine.Order != "none" {
		s.turns = newTurns(s)
	}
	works := make([]nodes.Work, s.n.workers.Min)
	for i := range works {
		var err error
		if works[i], err = s.open(ctx); err != nil {
			return err
		}
	}
	s.take <- struct{}{}
	s.crew = newCrew(ctx, s)
	s.crew.mu.Lock()
	for _, work := range works {
		s.crew.hire(work)
	}
	s.crew.mu.Unlock()
	s.n.setCurrent(s)
	s.crew.all.Wait()
	s.n.setCurrent(nil)
	if s.turns != nil {
		s.turns.clear(s)
	}
	return context.Cause(ctx)
}

// inTurn is the loop of a worker whose results leave in the order of the input.
func (s *stage) inTurn(ctx context.Context, w *worker, work nodes.Work) error {
	for {
		if err := s.token(ctx, w); err != nil {
			return err
		}
		j, err := s.turns.begin(ctx, w)
		if err != nil {
			return err
		}
		p, err := s.next(ctx, w)
		if err == io.EOF {
			s.take <- struct{}{} // there is one token, so this never blocks
			return nil
		}
		s.turns.taken++
		s.over = s.over || err != nil
		s.take <- struct{}{}
		j.piece, j.err = p, err // a failure to take has its turn too: that of an earlier piece comes first
		j.out.begin(ctx, w, &s.done)
		j.out.order = s.turns
		j.out.job, j.out.turn = j, false
		if err == nil {
			s.work(ctx, w, work, j)
		}
		if s.turns.leave(j) {
			if err := s.turns.deliver(ctx, w, s, j); err != nil {
				return err
			}
		}
	}
}

// asItComes is the loop of a worker that sends what it has when it has it.
func (s *stage) asItComes(ctx context.Context, w *worker, work nodes.Work) error {
	var j job
	for {
		if err := s.token(ctx, w); err != nil {
			return err
		}
		p, err := s.next(ctx, w)
		s.over = s.over || err != nil
		s.take <- struct{}{}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.do(ctx, w, work, &j, p); err != nil {
			return err
		}
	}
}

// token waits for the right to take; errLeave if the worker is to go instead.
func (s *stage) token(ctx context.Context, w *worker) error {
	select {
	case <-s.crew.leave:
		return errLeave
	default:
	}
	select {
	case <-s.take:
		return nil
	default:
	}
	defer w.waits(queueing, nil)()
	select {
	case <-s.take:
		return nil
	case <-s.crew.leave:
		return errLeave
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// work runs the parallel part of a job.
func (s *stage) work(ctx context.Context, w *worker, work nodes.Work, j *job) {
	j.items, j.err = 0, nil
	if j.err = w.enter(); j.err != nil {
		return
	}
	defer w.exit()
	start := s.n.run.clock()
	w.lost = 0
	if j.data != nil {
		j.items = j.data.Len()
		j.err = s.toRecords(&j.piece, &j.out)
	}
	if work != nil {
		given := j.made
		j.made = nil
		if j.err == nil {
			j.err = guard(func() (err error) { j.made, err = work(ctx, j.data, given, &j.out); return err })
		}
		if j.err != nil {
			j.made = nil // whoever fails makes nothing
		}
	}
	j.took = s.n.run.clock() - start - w.lost
	if work != nil {
		s.learn(j.items, j.took)
	}
	s.judge(j, false)
}

// deliver sends what a job made and runs the serial part. It returns nil also
// after the kind said that it is done: the next take then finds the end. All jobs
// before this one have been delivered, so the first failure is the first in the
// order of the input.
func (s *stage) deliver(ctx context.Context, w *worker, j *job) error {
	o, err := &j.out, j.err
	o.w, o.turn = w, true
	defer j.clear()
	defer s.judge(j, true)
	if ctx.Err() != nil {
		s.abandon(j.made)
		return context.Cause(ctx)
	}
	if s.done.Load() {
		s.abandon(j.made)
		left := max(0, j.items-o.bad-o.sent)
		s.n.count.Filtered.Add(int64(left))
		s.n.count.Used.Add(int64(j.items - o.bad - left))
		return nil
	}
	if err == nil || errors.Is(err, nodes.ErrDone) { // what a kind made before it was done is sent
		if serr := o.sendHeld(); serr != nil {
			err = serr
		}
	}
	if err == nil && s.def.Commit != nil {
		err = s.commitInside(ctx, w, j)
	} else {
		s.abandon(j.made)
	}
	if ferr := o.flushErrors(); err == nil {
		err = ferr
	}
	if s.def.Worker == nil {
		s.learn(j.items, j.took)
	}
	return s.book(j, err)
}

// abandon releases what a worker made if it is never committed.
func (s *stage) abandon(made any) {
	if r, ok := made.(interface{ Release() }); ok {
		r.Release()
	}
}

// book counts a job that was delivered, and notes whether the kind is done.
func (s *stage) book(j *job, err error) error {
	c := &s.n.count
	c.Busy.Add(int64(j.took))
	c.Latency.Add(j.took)
	c.Batches.Add(1)
	if j.out.filtered > 0 {
		c.Filtered.Add(int64(j.out.filtered))
	}
	done := errors.Is(err, nodes.ErrDone)
	if err == nil || done {
		c.Used.Add(int64(j.items - j.out.filtered - j.out.bad))
	}
	if done {
		s.done.Store(true)
		return nil
	}
	return err
}

// commitInside is commit under the limit of the flow, and timed.
func (s *stage) commitInside(ctx context.Context, w *worker, j *job) error {
	if err := w.enter(); err != nil {
		s.abandon(j.made)
		return err
	}
	defer w.exit()
	start := s.n.run.clock()
	w.lost = 0
	err := s.commit(ctx, j.data, j.made, &j.out)
	j.took += s.n.run.clock() - start - w.lost
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
