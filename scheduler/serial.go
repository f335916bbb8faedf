package scheduler

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// A serial run calls the operators of all nodes on one goroutine, one item at a
// time: each item is pushed through everything downstream before the next one is
// taken. It calls the same methods as a concurrent run by the same code, and shares
// none of its channels, tokens and queues, which makes it the baseline to measure
// against and the oracle of the tests.
//
// Items for an input that is not read yet, such as the left side of a join, wait in
// memory. Whatever is due is looked at whenever a source has given something, done by
// alarm while one waits, and waited for when all sources have ended.
type serial struct {
	life    *lifetime
	epochs  *epochs      // nil: there are no cuts
	guarded func(func()) // a panic of the engine itself ends the run

	nodes  map[*driver]*serialNode
	order  []*serialNode         // that of the flow: topological
	ends   map[*edge]*serialNode // who reads an edge
	begins []*driver             // the sources, in the order of their turns

	turn  chan struct{}    // held by whoever calls operators: see rest
	alarm *alarm           // set to what is due first when the turn is given up; nil: no node has timers
	cut   atomic.Uint64    // the last one
	low   map[*edge]uint64 // at that
}

type serialNode struct {
	n      *driver
	w      *worker
	job    job
	queues map[*edge][]queuedItem // what waits to be read
	over   bool
}

// A queuedItem is an item that waits to be read.
type queuedItem struct {
	data   record.Data
	origin uint64 // see queue.Mark
}

func newSerial(t *topology, life *lifetime, epochs *epochs, guarded func(func())) *serial {
	s := &serial{
		life: life, epochs: epochs, guarded: guarded, nodes: map[*driver]*serialNode{}, ends: map[*edge]*serialNode{},
		begins: t.sourcesInOrder(),
		turn:   make(chan struct{}, 1), low: map[*edge]uint64{},
	}
	for _, n := range t.nodes {
		sn := &serialNode{n: n, queues: map[*edge][]queuedItem{}}
		s.nodes[n], s.order = sn, append(s.order, sn)
		n.push = func(edges []*edge, d record.Data) error { return s.push(n, edges, d) }
		for _, edges := range n.in {
			for _, e := range edges {
				s.ends[e] = sn
			}
		}
	}
	if epochs != nil {
		epochs.serial = s.cutNow
	}
	return s
}

// run runs all nodes to their ends.
func (s *serial) run() {
	defer s.release()
	s.turn <- struct{}{}
	for _, sn := range s.order {
		sn.n.count.Workers.Store(1)
	}
	if s.epochs != nil {
		over := make(chan struct{})
		var coordinator sync.WaitGroup
		coordinator.Go(func() { s.guarded(func() { s.epochs.coordinate(over) }) })
		defer coordinator.Wait()
		defer close(over)
	}
	if n, err := s.all(); err != nil {
		s.failed(n, err)
	}
}

// all runs the flow. An error comes with the node that was at it.
func (s *serial) all() (*driver, error) {
	for _, sn := range slices.Backward(s.order) { // those downstream first: a node may emit before it reads
		if err := s.start(sn); err != nil {
			return sn.n, err
		}
	}
	if n, err := s.sources(); err != nil {
		return n, err
	}
	return s.wait()
}

// sources drives all sources to their ends, one after the other.
func (s *serial) sources() (*driver, error) {
	if slices.ContainsFunc(s.order, func(sn *serialNode) bool { return sn.n.parts.Timed != nil }) {
		s.alarm = newAlarm()
		over := make(chan struct{})
		var ringing sync.WaitGroup
		ringing.Go(func() { s.guarded(func() { s.alarm.run(s.life, over, s.onTime(over)) }) })
		defer ringing.Wait()
		defer close(over)
	}
	for _, n := range s.begins {
		if err := s.source(s.nodes[n]); err != nil {
			return n, err
		}
	}
	return nil, nil
}

// onTime does what is due, in its turn, and reports whether the run goes on.
func (s *serial) onTime(over <-chan struct{}) func() bool {
	return func() bool {
		select {
		case <-over:
			return false
		case s.turn <- struct{}{}:
		}
		err := s.due()
		if err != nil {
			s.failed(nil, err) // before anybody else has the turn
		}
		s.rest()
		return err == nil
	}
}

// setAlarm sets the alarm to what is due first. The caller has the turn.
func (s *serial) setAlarm() {
	if s.alarm == nil {
		return
	}
	due := int64(0)
	if first := s.earliest(); first != nil {
		due = first.n.due.Load()
	}
	s.alarm.set(due)
}

// failed ends the run because of a node, unless the error says which.
func (s *serial) failed(n *driver, err error) {
	if f, ok := errors.AsType[*nodeError](err); ok {
		n, err = f.n, f.err
	}
	n.fail(err)
}

// release gives back what a run that was ended early has left.
func (s *serial) release() {
	for _, sn := range s.order {
		for _, q := range sn.queues {
			for _, d := range q {
				d.data.Release()
			}
		}
		if sn.w != nil && !sn.over {
			if err := sn.w.close(); err != nil {
				sn.n.fail(err)
			}
		}
	}
}

// start opens the worker of a node, and does what is due at once.
func (s *serial) start(sn *serialNode) error {
	sn.n.begin()
	var err error
	if sn.w, err = sn.n.open(s.life.ctx); err != nil {
		return at(sn.n, err)
	}
	if err := guard(func() error { sn.n.intake = newIntake(sn.n.node, nil); return nil }); err != nil {
		return at(sn.n, err)
	}
	if sn.n.source() {
		return nil
	}
	return s.step(sn)
}

// source drives a node without inputs to its end.
func (s *serial) source(sn *serialNode) error {
	for {
		s.rest()
		err := sn.n.intake.pull(s.life.ctx, sn.w)
		s.work()
		if errors.Is(err, nodes.ErrDone) {
			sn.n.done.Store(true)
			err = io.EOF
		}
		if err == io.EOF {
			return s.finished(sn)
		}
		if err != nil {
			return at(sn.n, err)
		}
		if err := s.due(); err != nil { // time may have passed
			return err
		}
		sn.job.task = sn.n.intake.task
		sn.n.reach(sn.job.after)
		if err := sn.n.do(s.life.ctx, sn.w, &sn.job); err != nil {
			return at(sn.n, err)
		}
	}
}

// due lets every node do what is due by now, the earliest first.
func (s *serial) due() error {
	for {
		sn := s.earliest()
		if sn == nil || time.Now().Before(s.life.at(sn.n.due.Load())) {
			return nil
		}
		if err := s.step(sn); err != nil {
			return err
		}
	}
}

// earliest is the node that is due first, nil if none is due at any time.
func (s *serial) earliest() *serialNode {
	var first *serialNode
	for _, sn := range s.order {
		if due := sn.n.due.Load(); due != 0 && !sn.over && (first == nil || due < first.n.due.Load()) {
			first = sn
		}
	}
	return first
}

// wait waits for what is due when all sources have ended.
func (s *serial) wait() (*driver, error) {
	for {
		sn := s.earliest()
		if sn == nil {
			return nil, nil
		}
		s.rest()
		err := s.nap(s.life.at(sn.n.due.Load()))
		s.work()
		if err != nil {
			return sn.n, err
		}
		for _, sn := range s.order { // a stop wakes all of them early
			if sn.over || sn.n.source() {
				continue
			}
			if err := s.step(sn); err != nil {
				return sn.n, err
			}
		}
	}
}

// nap waits until a time, or until the run is told to stop.
func (s *serial) nap(until time.Time) error {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	var stop <-chan struct{}
	if !s.life.stopping() {
		stop = s.life.sources.Done()
	}
	select {
	case <-timer.C:
	case <-stop:
	case <-s.life.ctx.Done():
		return context.Cause(s.life.ctx)
	}
	return nil
}

// step lets a node do what it can: what is due, what has come, what has ended.
func (s *serial) step(sn *serialNode) error {
	for !sn.over {
		found, err := s.look(sn)
		if err == io.EOF {
			return s.finished(sn)
		}
		if err != nil || !found {
			return at(sn.n, err)
		}
		sn.job.task = sn.n.intake.task
		if err := sn.n.do(s.life.ctx, sn.w, &sn.job); err != nil {
			return at(sn.n, err)
		}
	}
	return nil
}

// look finds what there is to do, as intake.look does; io.EOF if the node has ended.
func (s *serial) look(sn *serialNode) (found bool, err error) {
	n, in := sn.n, sn.n.intake
	switch {
	case s.life.ctx.Err() != nil:
		return false, context.Cause(s.life.ctx)
	case n.done.Load() || n.unwanted():
		n.done.Store(true)
		return false, io.EOF
	case len(in.unwired) > 0:
		in.nowhere()
		return true, nil
	}
	due := n.due.Load()
	if due != 0 && !time.Now().Before(s.life.at(due)) {
		in.tick(false)
		return true, nil
	}
	if err := in.choose(sn.w); err != nil {
		return false, err
	}
	if len(in.wanted) == 0 {
		return in.onlyTime(sn.w)
	}
	for _, from := range in.wanted {
		if len(sn.queues[from.e]) > 0 {
			return true, s.take(sn, from)
		}
	}
	for _, from := range in.wanted {
		if from.e.ended.Load() {
			in.end(from)
			return true, nil
		}
	}
	return false, nil
}

// take takes an item off an edge, when the rate and the breaker of the node let it
// pass.
func (s *serial) take(sn *serialNode, from *inlet) error {
	n, in, q := sn.n, sn.n.intake, sn.queues[from.e]
	for from.data, from.at = q[0].data, 0; !in.hand(from); {
		done := n.holdBack()
		err := s.nap(in.nap.until)
		done()
		if err != nil {
			from.data = nil
			return err
		}
	}
	sn.queues[from.e] = q[1:]
	items := int64(q[0].data.Len())
	from.e.count.Received.Add(items)
	from.e.count.Items.Add(-items)
	n.count.In.Add(items)
	return nil
}

// finished completes a node, and ends its outputs.
func (s *serial) finished(sn *serialNode) error {
	if sn.over {
		return nil
	}
	sn.over = true
	n := sn.n
	if n.done.Load() {
		n.closeBooks()
	}
	err := sn.w.close()
	if err == nil {
		err = n.seal(s.life.ctx)
	}
	if n.parts.Acknowledger == nil {
		if cerr := n.close(); err == nil {
			err = cerr
		}
	}
	n.finish()
	if err != nil {
		return at(n, err)
	}
	defer s.epochs.ended(n)
	for _, edges := range n.in {
		for _, e := range edges {
			e.refuse()
			for _, d := range sn.queues[e] {
				e.count.Unwanted.Add(int64(d.data.Len()))
				e.count.Items.Add(-int64(d.data.Len()))
				d.data.Release()
			}
			delete(sn.queues, e)
		}
	}
	for _, edges := range n.out {
		for _, e := range edges {
			e.end()
			if err := s.step(s.ends[e]); err != nil {
				return err
			}
		}
	}
	return nil
}

// push gives data to every edge, item by item.
func (s *serial) push(n *driver, edges []*edge, d record.Data) error {
	defer d.Release()
	if s.life.ctx.Err() != nil {
		return context.Cause(s.life.ctx)
	}
	for i := range d.Len() {
		for _, e := range edges {
			e.count.Sent.Add(1)
			if e.isRefused() {
				e.count.Unwanted.Add(1)
				continue
			}
			e.count.Raise(e.count.Items.Add(1))
			if e.taps.Tapped() {
				e.taps.Offer(d, i, i+1)
			}
			sn := s.ends[e]
			sn.queues[e] = append(sn.queues[e], queuedItem{d.Slice(i, i+1), s.low[e] + 1})
			if err := s.step(sn); err != nil {
				return err
			}
		}
	}
	if n.unwanted() {
		return nodes.ErrDone
	}
	return nil
}
