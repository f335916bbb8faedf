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
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/queue"
)

// A task is what a worker works on at once: some items of an input, a piece of a
// source, or an event that has a place among them.
type task struct {
	kind  taskKind
	in    nodes.Input // of items, or with Made the piece of a source
	edge  *edge       // where the items came from
	at    time.Time   // of a time
	ended nodes.Ended // of an end
	era   uint64      // of the breaker, when it was taken
}

type taskKind uint8

const (
	itemsTask taskKind = iota
	timeTask           // the time has come that the operator is due at
	endTask            // an edge has ended
)

// An intake is how a node takes: which edge, how much, and what comes before it. All
// but cost and reads is guarded by the take token, or belongs to the only worker.
type intake struct {
	n       *node
	inlets  []*inlet
	wanted  []*inlet // that the operator reads now
	stale   bool     // wanted is to be asked for again
	first   int      // which of them is looked at first, so that none is starved
	unwired []int    // input ports without an edge, whose end was not told yet

	again  *task // was taken, and could not be begun yet
	over   bool  // nothing is left to take
	rushed int64 // the due time that was not waited for, because the run stops

	ticking atomic.Bool             // a time is under way
	cost    []atomic.Int64          // ns per item, by port, a moving average; 0: not known yet
	reads   atomic.Pointer[[]*edge] // those of wanted, for the autoscaler
}

// An inlet is an edge as its reader sees it.
type inlet struct {
	e           *edge
	port, place int
	open        bool        // its end was not told yet
	batch       *batcher    // puts batches together; nil: what is there is taken
	data        record.Data // a batch that is handed out in pieces; nil: none
	at          int         // how much of it was handed out
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
func (t *intake) putBack(j task) { t.again = &j }

// ask asks the operator when it is due. It is called after each call of the serial
// part, by whoever made that.
func (t *intake) ask() {
	timed := t.n.parts.Timed
	if timed == nil {
		return
	}
	due := int64(0)
	if at := timed.Due(); !at.IsZero() {
		due = max(1, at.UnixNano())
	}
	if t.n.due.Swap(due) != due {
		t.n.bell.ring()
	}
}

// errAgain says that there is something else to do first than to take.
var errAgain = errors.New("look again")

// next takes the next task, waiting for it; io.EOF if there is none any more. The
// caller holds the take token. errAgain and errLeave are for workers of a pool.
func (t *intake) next(ctx context.Context, w *worker) (task, error) {
	if t.n.source() {
		return t.pull(ctx)
	}
	asleep, yielded := false, false
	defer func() {
		if asleep {
			t.n.bell.asleep.Store(false)
		}
	}()
	for {
		j, nap, err := t.look(w)
		if err != nil {
			t.over = t.over || err != errAgain
			return task{}, err
		}
		switch {
		case nap == nil:
			return j, nil
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
		if nap.held {
			held := t.n.holdBack()
			err = t.wait(w, nap)
			held()
		} else {
			err = t.wait(w, nap)
		}
		if err != nil {
			return task{}, err
		}
	}
}

// A nap is why there is nothing to take, and until when.
type nap struct {
	wait
	held bool // by a rate or a breaker
}

func (t *intake) wait(w *worker, nap *nap) error {
	nap.on, nap.over, nap.hurry = t.n.bell.c, t.n.inputCtx.Done(), nap.held || !nap.until.IsZero()
	switch w.await(nap.wait) {
	case wokenBack:
		return errAgain
	case wokenLeave:
		return errLeave
	}
	return nil
}

// look takes what can be taken now, or says what to wait for.
func (t *intake) look(w *worker) (task, *nap, error) {
	n := t.n
	if t.over || n.done.Load() {
		return task{}, nil, io.EOF
	}
	if err := n.dismissed(); errors.Is(err, nodes.ErrDone) {
		n.done.Store(true)
		return task{}, nil, io.EOF
	} else if err != nil {
		return task{}, nil, err
	}
	if t.again != nil {
		j := *t.again
		t.again = nil
		return j, nil, nil
	}
	if len(t.unwired) > 0 {
		port := t.unwired[0]
		t.unwired = t.unwired[1:]
		t.stale = true
		return task{kind: endTask, ended: nodes.Ended{Port: port, Edge: -1, Last: true}}, nil, nil
	}
	due := time.Time{}
	if ns := n.due.Load(); ns != 0 && !t.ticking.Load() {
		if due = time.Unix(0, ns); !time.Now().Before(due) {
			return t.tick(), nil, nil
		}
	}
	if err := t.choose(w); err != nil {
		return task{}, nil, err
	}
	if len(t.wanted) == 0 {
		return t.onlyTime(w, due)
	}
	return t.fetch(due)
}

// tick makes a task of the time that has come.
func (t *intake) tick() task {
	t.ticking.Store(true)
	return task{kind: timeTask, at: time.Now()}
}

// choose finds the edges that are read now.
func (t *intake) choose(w *worker) error {
	n := t.n
	if n.parts.Selective == nil || n.parts.Parallel != nil {
		if !t.stale {
			return nil
		}
		if n.parts.Selective != nil && n.order != nil { // it changes its mind in the call that is still under way
			if err := n.order.settled(w); err != nil {
				return err
			}
		}
	}
	t.stale = false
	t.wanted = t.wanted[:0]
	err := guard(func() error {
		inOrder := -1
		for _, in := range t.inlets {
			if !in.open || in.port == inOrder || n.parts.Selective != nil && !n.parts.Selective.Wants(in.port, in.place) {
				continue
			}
			if n.spec.In[in.port].Reading == graph.InOrder {
				inOrder = in.port // and none of those behind it
			}
			t.wanted = append(t.wanted, in)
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
func (t *intake) onlyTime(w *worker, due time.Time) (task, *nap, error) {
	n := t.n
	if n.parts.Timed != nil && n.order != nil { // what is under way may set a time
		if err := n.order.settled(w); err != nil {
			return task{}, nil, err
		}
	}
	ns := n.due.Load()
	switch {
	case ns == 0 && !slices.ContainsFunc(t.inlets, func(in *inlet) bool { return in.open }):
		return task{}, nil, io.EOF
	case ns == 0:
		return task{}, nil, errWantsNothing
	case n.run.stopping() && ns != t.rushed:
		t.rushed = ns
		return t.tick(), nil, nil
	}
	return task{}, &nap{wait: wait{what: napping, until: time.Unix(0, ns)}}, nil
}

// fetch takes off the edges that are wanted.
func (t *intake) fetch(due time.Time) (task, *nap, error) {
	sleep := nap{wait: wait{what: receiving, edge: t.wanted[0].e, until: due}}
	for i := range t.wanted {
		at := (t.first + i) % len(t.wanted)
		in := t.wanted[at]
		if in.data == nil {
			env, ok, done, err := t.take(in)
			if err != nil {
				return task{}, nil, err
			}
			if done {
				return t.end(in), nil, nil
			}
			if !ok {
				sleep.until = sooner(sleep.until, in.e.queue.Due())
				if in.batch != nil {
					sleep.until = sooner(sleep.until, in.batch.due())
				}
				continue
			}
			in.data, in.at = env.Data, 0
		}
		j, held := t.hand(in)
		if held != nil {
			held.until = sooner(held.until, due)
			return task{}, held, nil
		}
		if t.first = at; in.data == nil {
			t.first++ // so that no edge is starved by a busy one
		}
		return j, nil, nil
	}
	return task{}, &sleep, nil
}

// take takes off one edge; through its batcher, if batches are asked for.
func (t *intake) take(in *inlet) (env queue.Envelope, ok, done bool, err error) {
	if in.batch == nil {
		env, ok, done, err = in.e.take(t.most(in.port))
		t.n.count.In.Add(int64(env.Items))
		return env, ok, done, err
	}
	for !in.batch.full() {
		env, ok, done, err = in.e.take(t.most(in.port))
		if err != nil {
			return env, false, false, err
		}
		if !ok {
			break
		}
		t.n.count.In.Add(int64(env.Items))
		in.batch.add(env)
	}
	if data := in.batch.ready(done || t.n.run.stopping()); data != nil {
		return queue.Envelope{Data: data, Items: data.Len()}, true, false, nil
	}
	return env, false, done, nil
}

// end makes a task of the end of an edge.
func (t *intake) end(in *inlet) task {
	in.open, t.stale = false, true
	last := !slices.ContainsFunc(t.inlets, func(o *inlet) bool { return o.open && o.port == in.port })
	return task{kind: endTask, ended: nodes.Ended{Port: in.port, Edge: in.place, Last: last}}
}

// sooner is the earlier of two times, of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// hand hands out the next piece of the batch that was taken, as much of it as the rate
// and the breaker of the node let pass.
func (t *intake) hand(in *inlet) (task, *nap) {
	n := in.data.Len()
	size, era, held := t.n.admit(t.atOnce(in, n-in.at))
	if held != nil {
		return task{}, held
	}
	j := task{in: nodes.Input{Port: in.port, Edge: in.place, Data: in.data}, edge: in.e, era: era}
	if in.at == 0 && size >= n {
		in.data = nil
		return j, nil
	}
	end := min(in.at+size, n)
	j.in.Data = in.data.Slice(in.at, end)
	if in.at = end; end == n {
		in.data.Release()
		in.data = nil
	}
	return j, nil
}

// drop releases what was taken off the edges and handed to nobody, and tells how many
// items that were.
func (t *intake) drop() int {
	left := 0
	for _, in := range t.inlets {
		left += in.batch.drop()
		if in.data != nil {
			left += in.data.Len() - in.at
			in.data.Release()
			in.data = nil
		}
	}
	return left
}
