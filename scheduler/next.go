package scheduler

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// This file is the part of an intake that finds the next task, and sleeps until there
// is one.

// next takes the next task, waiting for it; io.EOF if there is none any more. The
// caller holds the take token. errAgain and errLeave are for workers of a pool.
func (t *intake) next(ctx context.Context, w *worker) error {
	if t.n.source() {
		return t.pull(ctx, w)
	}
	asleep, yielded := false, false
	defer func() {
		if asleep {
			t.n.bell.asleep.Store(false)
		}
	}()
	for {
		found, err := t.look(w)
		switch {
		case err != nil:
			t.over = t.over || err != errAgain
			return err
		case found:
			return nil
		case !yielded:
			// Let those who are about to send go first: a reader that wakes for every single
			// item of a burst costs more than the items.
			runtime.Gosched()
			yielded = true
			continue
		case !asleep: // look once more: what comes from now on rings
			asleep = true
			t.n.bell.asleep.Store(true)
			continue
		}
		if err = t.sleep(w); err != nil {
			return err
		}
	}
}

func (t *intake) sleep(w *worker) error {
	nap := &t.nap
	if nap.held {
		defer t.n.holdBack()()
	}
	nap.on, nap.over, nap.hurry = t.n.bell.c, t.n.inputCtx.Done(), nap.held || !nap.until.IsZero()
	switch w.await(&nap.wait) {
	case wokenBack:
		return errAgain
	case wokenLeave:
		return errLeave
	}
	return nil
}

// look finds the task that can be taken now, or what to wait for.
func (t *intake) look(w *worker) (found bool, err error) {
	n := t.n
	if t.over || n.done.Load() {
		return false, io.EOF
	}
	switch err := n.dismissed(); err {
	case nil:
	case nodes.ErrDone:
		n.done.Store(true)
		return false, io.EOF
	default:
		return false, err
	}
	if t.again {
		t.again = false
		return true, nil
	}
	if len(t.unwired) > 0 {
		t.nowhere()
		return true, nil
	}
	due := time.Time{}
	if ns := n.due.Load(); ns != 0 && !t.ticking.Load() && !n.brake.on.Load() {
		if due = n.life.at(ns); !time.Now().Before(due) {
			t.tick(false)
			return true, nil
		}
	}
	for {
		if err := t.choose(w); err != nil {
			return false, err
		}
		epoch := t.aligning()
		if epoch != 0 {
			if found, err := t.align(epoch); found || err != nil {
				return found, err
			}
		} else if t.overruling {
			t.giveUp()
		}
		if len(t.wanted) == 0 {
			return t.onlyTime(w)
		}
		if found, err := t.fetch(due, epoch); err != errCame {
			return found, err
		}
	}
}

// onlyTime is for an operator that reads nothing now: all has ended, or it only waits
// for its time. Once the run was told to stop, that is not waited for.
func (t *intake) onlyTime(w *worker) (found bool, err error) {
	n := t.n
	if n.parts.Timed != nil && t.order != nil { // what is under way may set a time
		if err := t.order.settled(w); err != nil {
			return false, err
		}
	}
	due := n.due.Load()
	switch {
	case due == 0 && !t.open():
		return false, io.EOF
	case due == 0:
		return false, errWantsNothing
	case t.rush(due):
		t.tick(true)
		return true, nil
	}
	t.nap = nap{wait: wait{what: napping, until: n.life.at(due)}}
	return false, nil
}

// errWantsNothing is a fault of a kind.
var errWantsNothing = errors.New("the operator wants none of its inputs and waits for no time")
