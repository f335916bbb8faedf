package scheduler

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// A serial run executes the programs of all nodes on one goroutine, one item at a
// time: each item is pushed through everything downstream before the next one is
// taken. It shares the stages of a concurrent run and none of its channels,
// tokens and queues, which makes it the baseline to measure against and the
// oracle of the tests.
//
// Items for an input that is not read yet, such as the left side of a join, wait
// in memory. A custom program runs as a coroutine: it is resumed when what it
// waits for is there.
type serial struct {
	run   *Run
	nodes map[*node]*serialNode
	ends  map[*edge]*serialNode // who reads an edge
}

type serialNode struct {
	n     *node
	w     *worker
	job   job     // the current one of a stage
	o     *output // of job, or of a custom program
	stage int     // the current one
	s     *stage
	work  nodes.Work
	over  bool

	queues map[*edge][]record.Data // what waits to be read
	ended  map[*edge]bool

	resume func() (*edge, bool) // of a custom program
	cancel func()
	needs  *edge   // what it waits for
	anyOf  []*edge // or these
	early  bool    // it ended before its input
}

func (r *Run) runSerial() {
	s := &serial{run: r, nodes: map[*node]*serialNode{}, ends: map[*edge]*serialNode{}}
	r.serial = s
	defer func() {
		for _, sn := range s.nodes {
			if sn.cancel != nil {
				sn.cancel()
			}
			for _, q := range sn.queues {
				for _, d := range q {
					d.Release()
				}
			}
		}
	}()
	for _, n := range r.nodes {
		sn := &serialNode{n: n, w: n.newWorker(), queues: map[*edge][]record.Data{}, ended: map[*edge]bool{}}
		sn.o = &sn.job.out
		sn.o.begin(r.ctx, sn.w, nil)
		s.nodes[n] = sn
		n.count.Workers.Store(1)
		for _, edges := range n.in {
			for _, e := range edges {
				s.ends[e] = sn
			}
		}
	}
	// Those downstream first: a custom program may emit before it reads.
	for _, n := range slices.Backward(r.nodes) {
		n.begin()
		if err := s.start(s.nodes[n]); err != nil {
			s.failed(n, err)
			return
		}
	}
	for _, n := range s.sourcesInOrder() {
		if err := s.source(s.nodes[n]); err != nil {
			s.failed(n, err)
			return
		}
	}
}

func (s *serial) failed(n *node, err error) {
	if f, ok := errors.AsType[*nodeError](err); ok {
		n, err = f.n, f.err
	}
	s.run.fail(n, err)
}

// A nodeError says on its way up which node failed.
type nodeError struct {
	n   *node
	err error
}

func (e *nodeError) Error() string { return e.err.Error() }
func (e *nodeError) Unwrap() error { return e.err }

func at(n *node, err error) error {
	if err == nil || errors.Is(err, nodes.ErrDone) {
		return err
	}
	if _, ok := errors.AsType[*nodeError](err); ok {
		return err
	}
	return &nodeError{n, err}
}

// sourcesInOrder puts sources that lead to an input that is read first before the
// others, so that the other side need not wait in memory.
func (s *serial) sourcesInOrder() []*node {
	var first, later []*node
	for _, n := range s.run.nodes {
		switch {
		case len(n.in) > 0:
		case leadsToFirst(n.spec, map[*graph.Node]bool{}):
			first = append(first, n)
		default:
			later = append(later, n)
		}
	}
	return append(first, later...)
}

func leadsToFirst(n *graph.Node, seen map[*graph.Node]bool) bool {
	if seen[n] {
		return false
	}
	seen[n] = true
	for _, out := range n.Out {
		for _, e := range out.Edges {
			if e.ToPort.Reading == graph.First || leadsToFirst(e.To, seen) {
				return true
			}
		}
	}
	return false
}

// start prepares a node: its first stage, or its coroutine.
func (s *serial) start(sn *serialNode) error {
	if sn.n.program.Run == nil {
		return at(sn.n, s.openStage(sn))
	}
	if len(sn.n.in) == 0 {
		return nil
	}
	next, stop := iter.Pull(func(yield func(*edge) bool) {
		in := sn.inputs(yield)
		defer in.drop()
		io := &nodes.IO{In: in.all, Any: in.any, Out: func() nodes.OutCloser { return sn.o }}
		err := guard(func() error { return sn.n.program.Run(s.run.ctx, io) })
		if ferr := sn.o.flushErrors(); err == nil {
			err = ferr
		}
		if sn.early = errors.Is(err, nodes.ErrDone); err != nil && !sn.early {
			s.run.fail(sn.n, err)
		}
	})
	sn.resume, sn.cancel = next, stop
	return s.step(sn)
}

// step lets a coroutine run until it waits again or has ended.
func (s *serial) step(sn *serialNode) error {
	sn.anyOf = nil
	e, ok := sn.resume()
	sn.needs = e
	if s.run.ctx.Err() != nil {
		return context.Cause(s.run.ctx)
	}
	if !ok {
		sn.n.count.Filtered.Add(int64(sn.o.filtered))
		sn.n.count.Used.Add(sn.n.count.In.Load() - sn.n.count.Filtered.Load() - int64(sn.o.bad))
		if sn.early {
			sn.n.closeBooks()
		}
		return s.finished(sn)
	}
	return nil
}

// openStage makes the current stage ready. Past the last one the node has ended.
func (s *serial) openStage(sn *serialNode) error {
	if sn.stage >= len(sn.n.program.Stages) {
		return s.finished(sn)
	}
	def := &sn.n.program.Stages[sn.stage]
	sn.s = &stage{n: sn.n, def: def}
	work, err := sn.s.open(s.run.ctx)
	sn.work = work
	return err
}

// finished ends the outputs of a node.
func (s *serial) finished(sn *serialNode) error {
	if sn.over {
		return nil
	}
	sn.over = true
	sn.n.finish()
	for _, edges := range sn.n.in {
		for _, e := range edges {
			e.refuse()
			for _, d := range sn.queues[e] {
				e.count.Unwanted.Add(int64(d.Len()))
				e.count.Items.Add(-int64(d.Len()))
				d.Release()
			}
			delete(sn.queues, e)
		}
	}
	for _, edges := range sn.n.out {
		for _, e := range edges {
			if err := s.endEdge(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// source drives a node without inputs to its end.
func (s *serial) source(sn *serialNode) error {
	if sn.n.program.Run != nil {
		io := &nodes.IO{Out: func() nodes.OutCloser { return sn.n.gated(sn.o) }, Gate: sn.n.gate()}
		start := time.Now()
		err := guard(func() error { return sn.n.program.Run(sn.n.taking, io) })
		sn.n.count.Busy.Add(int64(max(0, time.Since(start)-sn.n.rested())))
		if err != nil && !errors.Is(err, nodes.ErrDone) && sn.n.dismissed() != nodes.ErrDone {
			return at(sn.n, err)
		}
		return s.finished(sn)
	}
	for {
		p, err := sn.s.next(s.run.ctx, sn.w)
		if err == io.EOF {
			break
		}
		if err != nil {
			return at(sn.n, err)
		}
		if err := sn.s.do(s.run.ctx, sn.w, sn.work, &sn.job, p); err != nil {
			return at(sn.n, err)
		}
	}
	return s.endStage(sn)
}

// endStage finishes the current stage and goes on with the next.
func (s *serial) endStage(sn *serialNode) error {
	done := sn.s.done.Load()
	if sn.s.def.Finish != nil {
		err := sn.s.finish(s.run.ctx)
		if err != nil && !errors.Is(err, nodes.ErrDone) {
			return at(sn.n, err)
		}
		done = done || err != nil
	}
	if done {
		sn.n.closeBooks()
		return s.finished(sn)
	}
	sn.stage++
	if err := s.openStage(sn); err != nil || sn.over {
		return at(sn.n, err)
	}
	return s.catchUp(sn)
}

// catchUp works off what waited for the current stage, and ends it if all its
// edges have ended.
func (s *serial) catchUp(sn *serialNode) error {
	for !sn.over {
		e, open := s.reading(sn)
		if e == nil {
			if open {
				return nil
			}
			return s.endStage(sn)
		}
		d := sn.queues[e][0]
		sn.queues[e] = sn.queues[e][1:]
		if err := s.process(sn, e, d); err != nil {
			return err
		}
	}
	return nil
}

// reading gives an edge of the current stage that has something, and whether any
// edge of the stage is still open.
func (s *serial) reading(sn *serialNode) (ready *edge, open bool) {
	inOrder := sn.n.spec.In[sn.s.def.Input].Reading == graph.InOrder
	for _, e := range sn.n.in[sn.s.def.Input] {
		if len(sn.queues[e]) > 0 {
			return e, true
		}
		if !sn.ended[e] {
			open = true
			if inOrder {
				return nil, true
			}
		}
	}
	return nil, open
}

// process runs one item through the current stage.
func (s *serial) process(sn *serialNode, e *edge, d record.Data) error {
	n := int64(d.Len())
	e.count.Received.Add(n)
	e.count.Items.Add(-n)
	sn.n.count.In.Add(n)
	if _, err := sn.s.admit(s.run.ctx, sn.w, 1); err != nil {
		d.Release()
		return at(sn.n, err)
	}
	if err := sn.s.do(s.run.ctx, sn.w, sn.work, &sn.job, piece{data: d, edge: e, era: sn.s.era}); err != nil {
		return at(sn.n, err)
	}
	if sn.s.done.Load() {
		return s.endStage(sn)
	}
	return nil
}

// push gives data to every edge, item by item.
func (s *serial) push(n *node, edges []*edge, d record.Data) error {
	defer d.Release()
	if s.run.ctx.Err() != nil {
		return context.Cause(s.run.ctx)
	}
	for i := range d.Len() {
		for _, e := range edges {
			e.count.Sent.Add(1)
			if e.isRefused() {
				e.count.Unwanted.Add(1)
				continue
			}
			e.count.Raise(e.count.Items.Add(1))
			if e.taps.list.Load() != nil {
				e.taps.offer(d, i, i+1)
			}
			sn := s.ends[e]
			sn.queues[e] = append(sn.queues[e], d.Slice(i, i+1))
			if err := s.wake(sn, e); err != nil {
				return err
			}
		}
	}
	if n.unwanted() {
		return nodes.ErrDone
	}
	return nil
}

// wake lets a node work on what is there.
func (s *serial) wake(sn *serialNode, e *edge) error {
	if sn.n.program.Run != nil {
		if sn.needs == e || slices.Contains(sn.anyOf, e) {
			return s.step(sn)
		}
		return nil
	}
	return s.catchUp(sn)
}

func (s *serial) endEdge(e *edge) error {
	sn := s.ends[e]
	sn.ended[e] = true
	e.endTaps()
	if sn.over {
		return nil
	}
	return s.wake(sn, e)
}

// A serialReceiver is the reading end of an edge in a coroutine.
type serialReceiver struct {
	sn    *serialNode
	e     *edge
	yield func(*edge) bool
}

var errAbandoned = errors.New("the run has ended")

func (r *serialReceiver) Receive(ctx context.Context) (record.Data, error) {
	for {
		if d, ok := r.TryReceive(); ok {
			return d, nil
		}
		if r.sn.ended[r.e] {
			return nil, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !r.yield(r.e) {
			return nil, errAbandoned
		}
	}
}

func (r *serialReceiver) TryReceive() (record.Data, bool) {
	q := r.sn.queues[r.e]
	if len(q) == 0 {
		return nil, false
	}
	r.sn.queues[r.e] = q[1:]
	n := int64(q[0].Len())
	r.e.count.Received.Add(n)
	r.e.count.Items.Add(-n)
	r.sn.n.count.In.Add(n)
	return q[0], true
}

func (r *serialReceiver) Stop() { r.e.refuse() }
