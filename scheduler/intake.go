package scheduler

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// A task is what a worker works on at once: some items of an input, a piece of a
// source, or an event that has a place among them.
type task struct {
	kind  taskKind
	early bool           // of a time that was not waited for
	in    nodes.Input    // of items, or with Made the piece of a source
	edge  *edge          // where the items came from
	ended nodes.Ended    // of an end
	cut   cut            // of a cut
	after nodes.Position // of a piece of a source
	gen   uint64         // cuts that were taken before it: see order.behind
	era   uint64         // of the breaker, when it was taken
	seen  bool           // was given back: it has its form, and those who look on have seen it
}

type taskKind uint8

const (
	itemsTask taskKind = iota
	timeTask           // the time has come that the operator is due at
	endTask            // an edge has ended
	cutTask            // all inputs have come to a cut
)

// An intake is how a node takes: which edge, how much, and what comes before it. All
// but what is atomic is guarded by the take token, or belongs to the only worker.
type intake struct {
	n       *node
	task    task // what next has found; valid until the next call
	nap     nap  // what look has found nothing for
	inlets  []*inlet
	wanted  []*inlet // that the operator reads now
	stale   bool     // wanted is to be asked for again
	first   int      // which of them is looked at first, so that none is starved
	unwired []int    // input ports without an edge, whose end was not told yet
	again   bool     // task was taken, and could not be begun yet
	over    bool     // nothing is left to take

	met        uint64 // the epoch of the last cut that was taken
	overruling bool   // senders may be allowed to send although there is no room

	rushed  atomic.Int64            // the due time that was not waited for, because the run stops; 0: none
	ticking atomic.Bool             // a time is under way
	cost    []atomic.Int64          // ns per item, by port, a moving average; 0: not known yet
	reads   atomic.Pointer[[]*edge] // those of wanted, for the autoscaler
}

func newIntake(n *node) *intake {
	t := &intake{n: n, stale: true, cost: make([]atomic.Int64, max(1, len(n.in)))}
	for port, edges := range n.in {
		for place, e := range edges {
			t.inlets = append(t.inlets, &inlet{e: e, port: port, place: place, open: true, batch: newBatcher(n)})
		}
		if len(edges) == 0 {
			t.unwired = append(t.unwired, port)
		}
	}
	t.ask()
	return t
}

// putBack is for a task that cannot be begun yet: it is the next one again.
func (t *intake) putBack() { t.again = true }

// ask asks the operator when it is due. It is called after each call of the serial
// part, by whoever made that.
func (t *intake) ask() {
	timed := t.n.parts.Timed
	if timed == nil {
		return
	}
	due := int64(0)
	if at := timed.Due(); !at.IsZero() {
		due = 1 + max(0, int64(at.Sub(t.n.run.started))) // by the monotonic clock
	}
	if t.n.due.Swap(due) != due {
		t.rushed.Store(0)
		t.n.bell.ring()
	}
}

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

// A nap is why there is nothing to take, and until when.
type nap struct {
	wait
	held bool // by a rate or a breaker
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
		if due = n.run.at(ns); !time.Now().Before(due) {
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

// nowhere makes a task of the end of a port that has no edges.
func (t *intake) nowhere() {
	t.task = task{kind: endTask, ended: nodes.Ended{Port: t.unwired[0], Edge: -1, Last: true}}
	t.unwired, t.stale = t.unwired[1:], true
}

// tick makes a task of the time that has come, or is not waited for.
func (t *intake) tick(early bool) {
	t.ticking.Store(true)
	t.task = task{kind: timeTask, early: early}
}

// rush reports whether a due time is not to be waited for, because the run was told to
// stop. It does so once for each.
func (t *intake) rush(due int64) bool {
	return t.n.run.stopping() && t.rushed.Swap(due) != due
}

// choose finds the edges that are read now.
func (t *intake) choose(w *worker) error {
	n := t.n
	selective := n.parts.Selective
	if !t.stale && (selective == nil || n.parts.Parallel != nil) {
		return nil
	}
	if selective != nil && n.order != nil { // it changes its mind in the call that is still under way
		if err := n.order.settled(w); err != nil {
			return err
		}
	}
	t.stale = false
	for _, in := range t.wanted {
		in.wanted = false
	}
	t.wanted = t.wanted[:0]
	err := guard(func() error {
		inOrder := -1
		for _, in := range t.inlets {
			if !in.open || in.port == inOrder || selective != nil && !selective.Wants(in.port, in.place) {
				continue
			}
			if n.spec.In[in.port].Reading == graph.InOrder {
				inOrder = in.port // and none of those behind it
			}
			t.wanted, in.wanted = append(t.wanted, in), true
		}
		return nil
	})
	if n.workers.Elastic() {
		var edges []*edge
		for _, in := range t.wanted {
			edges = append(edges, in.e)
		}
		t.reads.Store(&edges)
	}
	return err
}

// errWantsNothing is a fault of a kind.
var errWantsNothing = errors.New("the operator wants none of its inputs and waits for no time")

// onlyTime is for an operator that reads nothing now: all has ended, or it only waits
// for its time. Once the run was told to stop, that is not waited for.
func (t *intake) onlyTime(w *worker) (found bool, err error) {
	n := t.n
	if n.parts.Timed != nil && n.order != nil { // what is under way may set a time
		if err := n.order.settled(w); err != nil {
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
	t.nap = nap{wait: wait{what: napping, until: n.run.at(due)}}
	return false, nil
}

// open reports whether any edge has not ended.
func (t *intake) open() bool {
	return slices.ContainsFunc(t.inlets, func(in *inlet) bool { return in.open })
}
