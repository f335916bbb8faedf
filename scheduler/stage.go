package scheduler

import (
	"context"
	"errors"
	"io"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
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
	made := p.made
	var err error
	if p.data != nil {
		items = p.data.Len()
		err = s.toRecords(&p, o)
		defer p.data.Release()
	}
	defer o.drop()
	if work != nil && err == nil {
		err = guard(func() (err error) { made, err = work(ctx, p.data, p.made, o); return err })
		s.learn(items, time.Since(start)-w.lost)
	}
	// Everything before this piece is done once it is its turn, so the first
	// failure is the first in the order of the input.
	if killed := o.await(); killed != nil {
		return killed
	}
	if s.done.Load() {
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
	}
	if ferr := o.flushErrors(); err == nil {
		err = ferr
	}
	took := time.Since(start) - w.lost
	if work == nil {
		s.learn(items, took)
	}
	s.n.count.Busy.Add(int64(took))
	s.n.count.Latency.Add(took)
	s.n.count.Batches.Add(1)
	s.n.count.Filtered.Add(int64(o.filtered))
	done := errors.Is(err, nodes.ErrDone)
	if err == nil || done {
		s.n.count.Used.Add(int64(items - o.filtered - o.bad))
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

// pieceTime is how long a piece of work should take: long enough to make tokens
// cheap, short enough to share work among workers and to hold nothing back.
const pieceTime = 250 * time.Microsecond

// learn updates the cost of an item.
func (s *stage) learn(items int, took time.Duration) {
	if items == 0 {
		return
	}
	now := max(int64(took)/int64(items), 1)
	if old := s.cost.Load(); old > 0 {
		now = (3*old + now) / 4
	}
	s.cost.Store(now)
}

// share is how many items to take at once.
func (s *stage) share(waiting int) int {
	if s.def.Worker == nil || s.def.Whole {
		return waiting
	}
	cost := s.cost.Load()
	if cost == 0 {
		return 1 // it may be slow
	}
	return int(min(int64(waiting), max(1, int64(pieceTime)/cost)))
}

// ready is how many items to take off a queue that reorders: few, so that what
// comes while the node works can still overtake.
func (s *stage) ready() int {
	cost := s.cost.Load()
	if cost == 0 {
		return 1
	}
	return int(min(gatherRows, max(1, int64(pieceTime)/cost)))
}

// next takes the next piece of work; io.EOF if there is none. The caller holds
// the take token.
func (s *stage) next(ctx context.Context, w *worker) (piece, error) {
	if s.over || s.done.Load() {
		s.over = true
		return piece{}, io.EOF
	}
	if s.def.Next != nil {
		made, err := s.nextOfSource(ctx)
		s.over = err != nil
		return piece{made: made}, err
	}
	if s.rest.data == nil {
		p, err := s.receive(w)
		if errors.Is(err, nodes.ErrDone) {
			s.done.Store(true)
			err = io.EOF
		}
		if err != nil {
			s.over = true
			return piece{}, err
		}
		s.n.count.In.Add(int64(p.data.Len()))
		s.rest, s.at = p, 0
	}
	p := s.rest
	n := p.data.Len()
	size := min(s.share(n), s.n.run.options.batch())
	if s.at == 0 && size >= n {
		s.rest = piece{}
		return p, nil
	}
	end := min(s.at+size, n)
	p.data = s.rest.data.Slice(s.at, end)
	if s.at = end; end == n {
		s.rest.data.Release()
		s.rest = piece{}
	}
	return p, nil
}

func (s *stage) nextOfSource(ctx context.Context) (made any, err error) {
	switch s.n.dismissed() {
	case nil:
	case nodes.ErrDone:
		return nil, io.EOF // it was told to stop
	default:
		return nil, context.Cause(ctx)
	}
	start := time.Now()
	err = guard(func() error { made, err = s.def.Next(s.n.taking); return err })
	s.n.count.Busy.Add(int64(time.Since(start)))
	if err != nil && s.n.dismissed() == nodes.ErrDone {
		return nil, io.EOF
	}
	return made, err
}

// toRecords turns Go values into records for stages that want them. Items that do
// not fit are bad items.
func (s *stage) toRecords(p *piece, o *output) error {
	items, ok := p.data.(record.GoItems)
	if !ok || s.def.GoValues {
		return nil
	}
	var stop error
	b := items.ToBatch(p.edge.spec.Type, func(i int, err error) {
		if stop == nil {
			stop = o.Bad(nodes.BadItem{Err: err, Data: items, Row: i})
		}
	})
	items.Release()
	p.data = b
	return stop
}

// receive takes the next data off the edges of the stage; io.EOF if all of them
// have ended, nodes.ErrDone if nobody wants what the node would make of it.
func (s *stage) receive(w *worker) (piece, error) {
	for len(s.edges) > 0 {
		if err := s.n.dismissed(); err != nil {
			return piece{}, err
		}
		for _, e := range s.edges {
			if e.queue != nil {
				e.queue.atOnce.Store(int64(s.ready()))
			}
		}
		e := s.edges[0]
		var env envelope
		var ok bool
		var err error
		if len(s.edges) == 1 || s.n.spec.In[s.def.Input].Reading == graph.InOrder {
			env, ok, err = e.receive(s.n.run.ctx, w)
			if !ok && err == nil {
				s.edges = s.edges[1:]
			}
		} else {
			env, e, ok, err = s.receiveAny(w)
		}
		if ok || err != nil {
			return piece{data: env.data, edge: e}, err
		}
	}
	return piece{}, io.EOF
}

// receiveAny takes from whichever edge has something. It returns without one when
// an edge ended, which it then no longer looks at.
func (s *stage) receiveAny(w *worker) (envelope, *edge, bool, error) {
	for i, e := range s.edges {
		env, ok, done := e.tryReceive()
		switch {
		case ok:
			s.rotate(i)
			return env, e, true, nil
		case done:
			s.edges = append(s.edges[:i:i], s.edges[i+1:]...)
			return env, e, false, e.fault()
		}
	}
	defer w.waits(receiving, s.edges[0])()
	i, v, ok := s.selectAny(w)
	if i < 0 || !ok || s.edges[i].queue != nil {
		return envelope{}, nil, false, s.n.dismissed() // the look above finds what there is
	}
	env, e := v.Interface().(envelope), s.edges[i]
	e.took(env)
	s.rotate(i)
	return env, e, true, nil
}

// selectAny waits until an edge has something or the node is dismissed; i is the
// edge, -1 if it is none.
func (s *stage) selectAny(w *worker) (i int, v reflect.Value, ok bool) {
	s.cases = s.cases[:0]
	add := func(ch any) {
		s.cases = append(s.cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ch)})
	}
	next := time.Time{}
	for _, e := range s.edges {
		if e.queue == nil {
			add(e.ch)
			continue
		}
		add(e.queue.wake)
		if due := e.queue.next(); !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	add(s.n.taking.Done())
	for _, e := range s.edges {
		if e.queue != nil {
			add(e.queue.ending())
		}
	}
	if !s.n.run.stopping() {
		add(s.n.run.sources.Done())
	}
	if !next.IsZero() {
		w.note(working, nil) // time will pass, so this is no deadlock
		timer := time.NewTimer(time.Until(next))
		defer timer.Stop()
		add(timer.C)
	}
	if i, v, ok = reflect.Select(s.cases); i >= len(s.edges) {
		return -1, v, ok
	}
	return i, v, ok
}

// rotate lets the edge after i be looked at first the next time, so that no edge
// is starved by a busy one.
func (s *stage) rotate(i int) {
	s.edges = append(append([]*edge(nil), s.edges[i+1:]...), s.edges[:i+1]...)
}
