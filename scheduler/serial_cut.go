package scheduler

import "github.com/flowrun/flowrun/scheduler/queue"

// This file is the cut of a serial run. Between two pieces of a source, and while all wait,
// nothing is on its way but what waits for an input that is not read yet: all nodes can be
// cut at once, by whoever has the turn.

// rest lets others cut the run while this goroutine calls no operator.
func (s *serial) rest() {
	for {
		s.cutAll()
		s.setAlarm()
		<-s.turn
		if !s.asked() {
			return
		}
		select {
		case s.turn <- struct{}{}:
		default:
			return // whoever has it now cuts
		}
	}
}

// work ends a rest.
func (s *serial) work() {
	s.turn <- struct{}{}
	s.cutAll()
}

// cutNow cuts the run if it rests. If not, it will be cut as soon as it does.
func (s *serial) cutNow() {
	select {
	case s.turn <- struct{}{}:
		s.cutAll()
		<-s.turn
	default:
	}
}

// asked reports whether a cut is under way that was not met.
func (s *serial) asked() bool {
	e := s.epochs
	if e == nil {
		return false
	}
	flight := e.epoch.Load()
	return flight != 0 && flight != s.cut.Load()
}

// cutAll cuts every node, if that is asked for. The caller has the turn.
func (s *serial) cutAll() {
	if !s.asked() {
		return
	}
	s.cut.Store(s.epochs.epoch.Load())
	for _, sn := range s.order {
		if sn.over {
			continue
		}
		if err := s.cutNode(sn); err != nil {
			s.failed(sn.n, err) // or another one, that it has sent something to
			return
		}
	}
}

func (s *serial) cutNode(sn *serialNode) error {
	n, c := sn.n, cut{s.cut.Load(), queue.NoLow}
	if n.source() {
		c.low = c.epoch
		s.epochs.reached(n, c.epoch, n.at())
	}
	for _, in := range n.intake.inlets {
		if !in.open {
			continue
		}
		low, err := s.come(sn, in.e)
		if err != nil {
			return err
		}
		c.low = min(c.low, low)
	}
	if n.parts.Settler != nil { // before the edges have the cut: it may send something yet
		sn.job.task = task{kind: cutTask, cut: c}
		err := n.settleUp(s.life.ctx, sn.w, &sn.job)
		sn.job.clear()
		if err != nil {
			return err
		}
	}
	for _, edges := range n.out {
		for _, e := range edges {
			s.low[e] = c.low
		}
	}
	return n.meet(s.life.ctx, c)
}

// come gives the Low of an edge, and checks its books.
func (s *serial) come(sn *serialNode, e *edge) (low uint64, err error) {
	low = s.low[e]
	if e.ended.Load() {
		low = queue.NoLow
	}
	var held int64
	for _, d := range sn.queues[e] {
		held += int64(d.data.Len())
	}
	if q := sn.queues[e]; len(q) > 0 {
		low = min(low, q[0].origin-1)
	}
	return low, e.audit(seenCut{
		edge: e.spec, epoch: s.cut.Load(), low: low,
		sent: e.count.Sent.Load(), received: e.count.Received.Load(), held: held,
	})
}
