package scheduler

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// This file has the worker: what it is doing, and what it may wait for.

// What a worker may be doing.
type activity uint8

const (
	working   activity = iota
	receiving          // waits for input
	sending            // waits for room
	queueing           // waits for its turn
	napping            // waits for a time, which comes by itself
	ended
)

// A worker is what the scheduler knows of one goroutine of a node.
type worker struct {
	place *workplace
	work  nodes.Worker  // the parallel part; nil: there is none
	sees  []arrival     // what sees inputs before the operator does
	at    atomic.Uint64 // what it does, and the edge it waits on: see note
	lost  time.Duration // of its current task: time spent waiting
	timer *time.Timer   // of its waits; nil: there was none yet
	// inside says that it is one of those that the limit of the flow lets work.
	inside bool
}

// An arrival is one worker's nodes.Intercept.Arrive.
type arrival = func(ctx context.Context, in nodes.Input, out nodes.Out) (record.Data, error)

// note says what the worker does, and on which edge it waits, nil if on none.
func (w *worker) note(a activity, e *graph.Edge) {
	v := uint64(a)
	if e != nil {
		v |= uint64(e.ID+1) << 8
	}
	w.at.Store(v)
}

// doing gives what note has said last: the edge by its ID, -1 if there is none.
func (w *worker) doing() (a activity, edge int) {
	v := w.at.Load()
	return activity(v & 0xff), int(v>>8) - 1
}

// waits notes that the worker waits and returns what to call when it does not any
// more; that call counts the time. A worker that waits lets others work.
func (w *worker) waits(a activity, e *graph.Edge) func() {
	p := w.pause(a, e)
	return func() { w.resume(p) }
}

// A pause is a wait under way.
type pause struct {
	what   activity
	start  time.Duration
	inside bool
}

// pause begins a wait, and resume ends it: waits, where a function for each costs too
// much.
func (w *worker) pause(a activity, e *graph.Edge) pause {
	w.note(a, e)
	p := pause{what: a, inside: w.inside, start: w.place.life.clock()}
	w.exit()
	return p
}

func (w *worker) resume(p pause) {
	if p.inside {
		w.enter() // if that fails, the run is over, which whoever waited will see
	}
	took := w.place.life.clock() - p.start
	switch p.what {
	case sending:
		w.place.count.Blocked.Add(int64(took))
	case receiving:
		w.place.count.Starved.Add(int64(took))
	}
	w.lost += took
	w.note(working, nil)
}

// enter waits until the limit of the flow lets the worker work, and exit lets
// another one. Both do nothing if there is no limit.
func (w *worker) enter() error {
	gate := w.place.gate
	if gate == nil {
		return nil
	}
	at := w.at.Load()
	w.note(queueing, nil)
	defer w.at.Store(at)
	if turn := gate.Enter(&w.place.line); turn != nil {
		over := w.place.life.ctx
		select {
		case <-turn:
		case <-over.Done():
			return context.Cause(over)
		}
	}
	w.inside = true
	return nil
}

func (w *worker) exit() {
	if w.inside {
		w.inside = false
		w.place.gate.Exit()
	}
}

// hold waits for a token of the node.
func hold(ctx context.Context, token chan struct{}, w *worker) error {
	select {
	case token <- struct{}{}:
		return nil
	default:
	}
	defer w.waits(queueing, nil)()
	select {
	case token <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// A wakeReason says what ended a wait.
type wakeReason uint8

const (
	wokenFor   wakeReason = iota // what was waited for
	wokenBack                    // work was given back that anybody may take
	wokenLeave                   // the worker is to go
	wokenTime                    // its time has come
	wokenStop                    // the run was told to stop
	wokenEnd                     // the run is over, or the node is to take no more
)

// A wait is what a worker that has nothing to do waits for.
type wait struct {
	what  activity
	edge  *graph.Edge     // that the watch is told of; may be nil
	on    <-chan struct{} // a token, room, a bell
	until time.Time       // zero: for ever
	over  <-chan struct{} // the context that ends it
	hurry bool            // a stop ends it too
}

var (
	errAgain = errors.New("look again")                        // there is something else to do first
	errLeave = errors.New("the worker is not needed any more") // it is to go
)

// await is where a worker waits for something to do. Meanwhile it may be asked to
// leave, or be given work back; and if others have work that could be shared, it asks
// them to, after a while.
func (w *worker) await(want *wait) wakeReason {
	p := w.place.exchange
	begun := w.pause(want.what, want.edge)
	defer w.resume(begun)
	var back, leave, stop <-chan struct{}
	asks := false
	until := want.until
	if p != nil {
		back, leave = p.back, p.leave
		p.idle.Add(1)
		defer p.idle.Add(-1)
		if asks = p.splittable.Load() > 0; asks {
			if soon := time.Now().Add(taskTime); until.IsZero() || soon.Before(until) {
				until = soon
			} else {
				asks = false
			}
		}
	}
	if want.hurry && !w.place.life.stopping() {
		stop = w.place.life.sources.Done()
	}
	for {
		var timer <-chan time.Time
		if !until.IsZero() {
			timer = w.after(time.Until(until))
			if !asks || !want.until.IsZero() {
				w.note(napping, want.edge)
			}
		}
		select {
		case <-want.on:
			w.stopTimer(timer)
			return wokenFor
		case <-back:
			w.stopTimer(timer)
			return wokenBack
		case <-leave:
			w.stopTimer(timer)
			return wokenLeave
		case <-stop:
			w.stopTimer(timer)
			return wokenStop
		case <-want.over:
			w.stopTimer(timer)
			return wokenEnd
		case <-timer:
		}
		if !asks {
			return wokenTime
		}
		w.place.interrupt.Store(true)
		asks, until = false, want.until
		w.note(want.what, want.edge)
	}
}

// reason waits, and gives why the worker is not to go on with what it waited for, nil
// if it is.
func (w *worker) reason(want *wait) error {
	switch w.await(want) {
	case wokenBack:
		return errAgain
	case wokenLeave:
		return errLeave
	case wokenEnd:
		return context.Cause(w.place.life.ctx)
	}
	return nil
}

// after gives a channel that is sent to after d. The worker has one timer.
func (w *worker) after(d time.Duration) <-chan time.Time {
	if w.timer == nil {
		w.timer = time.NewTimer(d)
	} else {
		w.timer.Reset(d)
	}
	return w.timer.C
}

func (w *worker) stopTimer(timer <-chan time.Time) {
	if timer != nil {
		w.timer.Stop()
	}
}

// close closes the parallel part of a worker.
func (w *worker) close() error {
	w.note(ended, nil)
	if c, ok := w.work.(nodes.Closer); ok {
		w.work = nil
		return guard(c.Close)
	}
	return nil
}

// taskTime is how long a task should take: long enough to make tokens
// cheap, short enough to share work among workers and to hold nothing back.
const taskTime = 250 * time.Microsecond

// A nap is why there is nothing to take, and until when.
type nap struct {
	wait
	held bool // by a rate or a breaker
}
