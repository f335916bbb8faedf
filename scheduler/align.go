package scheduler

import (
	"github.com/flowrun/flowrun/scheduler/queue"
)

// This file is a cut as a node sees it; see the laws C1 to C7 of the package. epochs.go
// says when there is one.
//
// A cut comes over every edge as a mark of its queue. When all inputs of a node have come
// to theirs, the cut is a task like items or a time: it gets a place in the order of the
// node, and whoever delivers it sends it on. A source has no input: its cut is put behind
// what was taken last, from outside, so that nobody needs to wake a source that sleeps.

// aligning gives the epoch whose cut the node has to take and has not taken; 0: there is
// none.
func (t *intake) aligning() uint64 {
	if c := t.n.cuts; c != nil {
		if flight := c.epoch.Load(); flight != t.met {
			return flight
		}
	}
	return 0
}

// align brings the inputs to the cut of an epoch, as far as they are not in use, and makes
// a task of the cut once all have come to it.
func (t *intake) align(epoch uint64) (found bool, err error) {
	low := uint64(queue.NoLow)
	all := true
	for _, in := range t.inlets {
		if !in.open {
			continue
		}
		if in.cut != epoch {
			if err := t.approach(in, epoch); err != nil {
				return false, err
			}
		}
		all = all && in.cut == epoch
		low = min(low, in.low)
	}
	if all {
		t.met, t.task = epoch, task{kind: cutTask, cut: cut{epoch, low}}
	}
	return all, nil
}

// approach does for an input what does not come by itself: it stands in for a sender that
// has ended, lets one that waits for room send, and reads what the operator does not want
// yet.
func (t *intake) approach(in *inlet, epoch uint64) error {
	e := in.e
	if e.ended.Load() && e.sentCut.Load() != epoch {
		e.mark(cut{epoch, queue.NoLow})
	}
	ordered := !e.passes()
	if ordered && in.wanted && in.kept == nil {
		return nil // fetch comes to it
	}
	if in.data != nil && in.wanted {
		return nil // a part of it was handed out, and the rest comes first
	}
	e.overrule(true)
	t.overruling = true
	for in.cut != epoch { // a mark may be that of a cut that was given up
		var env queue.Envelope
		what, err := foundNothing, error(nil)
		if ordered {
			env, what, err = e.look(0)
		} else if e.marked() {
			what = foundMark
		}
		switch what {
		case foundMark:
			err = t.come(in)
		case foundItems:
			in.keep(env)
			e.free(env)
		default:
			return err
		}
		if err != nil {
			return err
		}
	}
	e.overrule(false)
	return nil
}

// keep keeps what was read for a cut before the operator wants it.
func (in *inlet) keep(env queue.Envelope) {
	if in.kept == nil {
		in.kept = &queue.List{}
		in.kept.Mark(queue.Mark{Low: in.from})
		in.kept.Marked()
	}
	in.kept.Put(env)
}

// come notes that an input has come to the mark that its edge has just given, and checks
// the books of the edge there.
func (t *intake) come(in *inlet) error {
	e, m := in.e, in.e.come
	held := m.Held
	if in.kept != nil {
		in.kept.Mark(m)
		m, _ = in.kept.Marked()
		held += m.Held
	}
	in.cut, in.from, in.low = m.Epoch, m.Low, in.batch.low(m.Low)
	if in.data != nil { // the operator has wanted a part of it, and does not want the rest now
		in.low = min(in.low, in.origin-1)
	}
	e.came.Store(m.Epoch)
	return e.audit(seenCut{
		edge: e.spec, epoch: m.Epoch, low: in.low,
		sent: m.Sent, received: e.count.Received.Load(), held: held, dropped: m.Dropped,
	})
}

// blocked reports whether an input waits for the others of its node to come to the cut.
func (t *intake) blocked(in *inlet, epoch uint64) bool {
	return epoch != 0 && in.cut == epoch && !t.n.cuts.misaligned
}

// giveUp ends what a cut allows that was given up.
func (t *intake) giveUp() {
	t.overruling = false
	for _, in := range t.inlets {
		in.e.overrule(false)
	}
}
