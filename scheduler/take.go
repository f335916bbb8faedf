package scheduler

// This file is how a stage takes its input: edge by edge, piece by piece.

import (
	"context"
	"errors"
	"io"
	"reflect"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

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
	if s.def.Worker == nil || s.def.Whole || s.gather != nil {
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
	if cost == 0 || s.n.breaker != nil {
		return 1
	}
	most := int64(gatherRows)
	if s.n.bucket != nil {
		most = min(most, max(1, s.n.bucket.ready())) // those that may not pass yet can still be overtaken
	}
	return int(min(most, max(1, int64(pieceTime)/cost)))
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
		p, err := s.fetch(w)
		if errors.Is(err, nodes.ErrDone) {
			s.done.Store(true)
			err = io.EOF
		}
		if err != nil {
			s.over = true
			return piece{}, err
		}
		s.rest, s.at = p, 0
	}
	p := s.rest
	n := p.data.Len()
	size, err := s.admit(ctx, w, s.atOnce(n-s.at))
	if err != nil {
		return piece{}, err
	}
	p.era = s.era
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
	s.n.run.pausing.pass(s.n.taking)
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
	if err == nil {
		s.n.run.pausing.pass(s.n.taking)
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
// have ended, nodes.ErrDone if nobody wants what the node would make of it, the
// cause of ctx if that ends first.
func (s *stage) receive(ctx context.Context, w *worker) (piece, error) {
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
			env, ok, err = e.receive(ctx, w)
			if !ok && err == nil {
				s.edges = s.edges[1:]
			}
		} else {
			env, e, ok, err = s.receiveAny(ctx, w)
		}
		if ok {
			s.n.count.In.Add(int64(env.items))
		}
		if ok || err != nil {
			return piece{data: env.data, edge: e}, err
		}
		if ctx.Err() != nil {
			return piece{}, context.Cause(ctx)
		}
	}
	return piece{}, io.EOF
}

// receiveAny takes from whichever edge has something. It returns without one when
// an edge ended, which it then no longer looks at.
func (s *stage) receiveAny(ctx context.Context, w *worker) (envelope, *edge, bool, error) {
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
	i, v, ok := s.selectAny(ctx, w)
	if i < 0 || !ok || s.edges[i].queue != nil {
		return envelope{}, nil, false, s.n.dismissed() // the look above finds what there is
	}
	env, e := v.Interface().(envelope), s.edges[i]
	e.took(env)
	s.rotate(i)
	return env, e, true, nil
}

// selectAny waits until an edge has something, ctx ends or the node is dismissed; i
// is the edge, -1 if it is none.
func (s *stage) selectAny(ctx context.Context, w *worker) (i int, v reflect.Value, ok bool) {
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
	add(ctx.Done())
	w.mayWakeItself(ctx)
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
