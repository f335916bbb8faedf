package scheduler

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// An envelope is what travels on an edge. It is not generic: only the code at the
// two ends of an edge knows what the data holds.
type envelope struct {
	epoch uint64 // of the checkpoint that the data belongs to
	data  record.Data
	items int
	bytes int
	order []rank        // where the items go in a queue that reorders; else nil
	sent  time.Duration // when it was sent, since the run began
}

// maxSlots bounds the envelopes on a channel, whatever its capacity in items:
// slots cost memory even when empty.
const (
	defaultSlots = 64
	maxSlots     = 4096
)

// An edge is one bounded channel. Its capacity counts items and bytes; the channel
// holds envelopes, and the counts are kept beside it. One goroutine at a time
// sends, one at a time receives.
type edge struct {
	run      *Run
	spec     *graph.Edge
	sender   *node
	ch       chan envelope
	capacity int64
	bytes    int64
	overflow *overflow // for on_full: spill; else nil
	queue    *queue    // for contracts that a channel cannot keep; else nil

	space   chan struct{} // wakes a sender that waits for room
	waiting atomic.Bool   // a sender does

	refused    chan struct{} // closed: the reader wants no more
	refuseOnce sync.Once

	taps  taps
	count metrics.Edge
}

func newEdge(run *Run, spec *graph.Edge) *edge {
	slots := min(defaultSlots, spec.Contract.Capacity)
	if spec.Contract.Capacity != graph.DefaultCapacity {
		slots = min(maxSlots, spec.Contract.Capacity)
	}
	e := &edge{
		run: run, spec: spec, ch: make(chan envelope, slots), space: make(chan struct{}, 1), refused: make(chan struct{}),
		capacity: int64(spec.Contract.Capacity), bytes: int64(spec.Contract.Bytes),
	}
	if spec.Contract.OnFull == "spill" {
		if run.pool != nil { // one half on the channel, the other one in the overflow
			e.bytes = min(e.bytes, max(1, run.pool.share/2))
		}
		e.overflow = newOverflow(spec, e.bytes, run.options.SpillDir)
	}
	if spec.Contract.Reorders() || !spec.Contract.Blocks() && e.overflow == nil {
		e.queue = newQueue(e)
	}
	return e
}

// room reports whether the items may be put on the edge now. An empty edge takes
// anything: a single item may be larger than the bound in bytes.
func (e *edge) room(env envelope) bool {
	items, bytes := e.count.Items.Load(), e.count.Bytes.Load()+int64(env.bytes)
	return items == 0 || items+int64(env.items) <= e.capacity && bytes <= e.bytes && (e.run.pool == nil || e.run.pool.room(e, bytes))
}

// send puts an envelope on the edge and waits for room, telling w that it does.
// The reference to the data passes to the edge. It reports whether the reader
// still wants data.
func (e *edge) send(ctx context.Context, env envelope, w *worker) (wanted bool, err error) {
	if e.isRefused() {
		return e.discard(env), nil
	}
	if e.taps.list.Load() != nil {
		e.taps.offer(env.data, 0, env.data.Len())
	}
	if e.queue != nil {
		return e.sendQueued(ctx, env, w)
	}
	if e.overflow != nil {
		e.note(&env)
		err := e.overflow.send(e, env)
		return err == nil, err
	}
	if !e.room(env) {
		if wanted, err := e.awaitRoom(ctx, env, w); !wanted || err != nil {
			return false, err
		}
	}
	e.note(&env)
	select {
	case e.ch <- env:
		return true, nil
	default:
	}
	defer w.waits(sending, e)()
	select {
	case e.ch <- env:
		return true, nil
	case <-e.refused:
		e.unnote(env)
		return e.discard(env), nil
	case <-ctx.Done():
		e.unnote(env)
		env.data.Release()
		return false, context.Cause(ctx)
	}
}

// note books and stamps what is about to be put on the edge.
func (e *edge) note(env *envelope) {
	env.sent = e.run.clock()
	e.count.Sent.Add(int64(env.items))
	items := e.count.Items.Add(int64(env.items))
	e.count.Raise(items)
	if items == int64(env.items) {
		e.count.Oldest.Store(int64(env.sent))
	}
	e.count.Bytes.Add(int64(env.bytes))
	if e.run.pool != nil && e.overflow == nil {
		e.run.pool.settle(e)
	}
}

// unnote takes back a note: the envelope was not sent after all.
func (e *edge) unnote(env envelope) {
	e.count.Sent.Add(-int64(env.items))
	e.count.Items.Add(-int64(env.items))
	e.count.Bytes.Add(-int64(env.bytes))
	if e.run.pool != nil && e.overflow == nil {
		e.run.pool.settle(e)
	}
}

func (e *edge) discard(env envelope) bool {
	e.count.Sent.Add(int64(env.items))
	e.count.Unwanted.Add(int64(env.items))
	env.data.Release()
	return false
}

func (e *edge) awaitRoom(ctx context.Context, env envelope, w *worker) (bool, error) {
	defer w.waits(sending, e)()
	if p := e.run.pool; p != nil {
		p.wait(e, true)
		defer p.wait(e, false)
	}
	for {
		e.waiting.Store(true)
		if e.room(env) { // the reader may have made room before it could see that we wait
			e.waiting.Store(false)
			return true, nil
		}
		select {
		case <-e.space:
		case <-e.refused:
			return e.discard(env), nil
		case <-ctx.Done():
			env.data.Release()
			return false, context.Cause(ctx)
		}
	}
}

// receive takes the next envelope; ok is false at the end of the edge. The error
// is nodes.ErrDone if nobody wants what the reading node would make of it, and the
// cause of ctx if that is done first.
func (e *edge) receive(ctx context.Context, w *worker) (env envelope, ok bool, err error) {
	if env, ok, done := e.tryReceive(); ok || done {
		return env, ok, e.fault()
	}
	if e.queue != nil {
		return e.receiveQueued(ctx, w)
	}
	// Let those who are about to send go first: a reader that wakes for every single
	// item of a burst costs more than the items.
	runtime.Gosched()
	if env, ok, done := e.tryReceive(); ok || done {
		return env, ok, e.fault()
	}
	defer w.waits(receiving, e)()
	w.mayWakeItself(ctx)
	select {
	case env, ok = <-e.ch:
		if !ok && e.overflow != nil { // filled between the look and the end
			env, ok, _ = e.tryReceive()
			return env, ok, e.fault()
		}
		if ok {
			e.took(env)
		}
		return env, ok, nil
	case <-w.n.taking.Done():
		return env, false, w.n.dismissed()
	case <-ctx.Done():
		return env, false, context.Cause(ctx)
	}
}

// fault is why the overflow cannot be read back, nil if it can.
func (e *edge) fault() error {
	if e.overflow == nil {
		return nil
	}
	return e.overflow.fault()
}

// tryReceive is receive that does not wait. done says that the edge has ended.
func (e *edge) tryReceive() (env envelope, ok, done bool) {
	switch {
	case e.overflow != nil:
		env, ok, done = e.overflow.tryReceive(e)
	case e.queue != nil:
		env, ok, _, done = e.queue.take(time.Now(), e.hurry())
	default:
		select {
		case env, ok = <-e.ch:
			done = !ok
		default:
		}
	}
	if ok {
		e.took(env)
	}
	return env, ok, done
}

func (e *edge) took(env envelope) {
	e.count.Received.Add(int64(env.items))
	e.count.Items.Add(-int64(env.items))
	e.count.Bytes.Add(-int64(env.bytes))
	e.count.Wait.Add(e.run.clock() - env.sent)
	e.count.Oldest.Store(int64(env.sent)) // what comes next is hardly younger
	if e.run.pool != nil && e.overflow == nil {
		e.run.pool.settle(e)
	}
	if e.waiting.Swap(false) {
		select {
		case e.space <- struct{}{}:
		default:
		}
	}
}

// end says that nothing more will be sent. Only the scheduler calls it, once.
func (e *edge) end() {
	e.endTaps()
	close(e.ch)
	if e.queue != nil {
		close(e.queue.over)
	}
}

func (e *edge) isRefused() bool {
	select {
	case <-e.refused:
		return true
	default:
		return false
	}
}

// empty throws away what is left when all workers have ended. What a reader
// refused counts as unwanted; what a kill left behind stays in Items.
func (e *edge) empty(refused bool) {
	for {
		var env envelope
		var ok bool
		switch {
		case e.overflow != nil:
			env, ok, _ = e.overflow.tryReceive(e)
		case e.queue != nil:
			env, ok, _, _ = e.queue.take(time.Time{}, true)
		default:
			select {
			case env, ok = <-e.ch:
			default:
			}
		}
		if !ok {
			break
		}
		if refused {
			e.count.Unwanted.Add(int64(env.items))
			e.count.Items.Add(-int64(env.items))
		}
		env.data.Release()
	}
	if e.overflow != nil {
		e.overflow.close()
	}
	if e.queue != nil {
		e.queue.close()
	}
}

// What a worker may be doing.
type activity uint8

const (
	working   activity = iota
	receiving          // waits for input
	sending            // waits for room
	queueing           // waits for its turn
	ended
)

// A worker is what the scheduler knows of one goroutine of a node.
type worker struct {
	n    *node
	at   atomic.Uint64 // what it does, and the edge it waits on: see note
	lost time.Duration // of its current piece of work: time spent waiting
	// inside says that it is one of those that the limit of the flow lets work.
	inside bool
}

// note says what the worker does.
func (w *worker) note(a activity, e *edge) {
	v := uint64(a)
	if e != nil {
		v |= uint64(e.spec.ID+1) << 8
	}
	w.at.Store(v)
}

// mayWakeItself notes that a wait ends by itself, because ctx has a deadline: such
// a worker is not stuck.
func (w *worker) mayWakeItself(ctx context.Context) {
	if _, timed := ctx.Deadline(); timed {
		w.note(working, nil)
	}
}

// waits notes that the worker waits and returns what to call when it does not any
// more; that call counts the time. A worker that waits lets others work.
func (w *worker) waits(a activity, e *edge) func() {
	w.note(a, e)
	inside := w.inside
	w.exit()
	start := w.n.run.clock()
	return func() {
		if inside {
			w.enter() // if that fails, the run is over, which whoever waited will see
		}
		took := w.n.run.clock() - start
		switch a {
		case sending:
			w.n.count.Blocked.Add(int64(took))
		case receiving:
			w.n.count.Starved.Add(int64(took))
		}
		w.lost += took
		w.note(working, nil)
	}
}

// enter waits until the limit of the flow lets the worker work, and exit lets
// another one. Both do nothing if there is no limit.
func (w *worker) enter() error {
	if w.n.run.gate == nil {
		return nil
	}
	at := w.at.Load()
	w.note(queueing, nil)
	err := w.n.run.gate.enter(w.n.run.ctx, w)
	w.inside = err == nil
	w.at.Store(at)
	return err
}

func (w *worker) exit() {
	if w.inside {
		w.inside = false
		w.n.run.gate.exit()
	}
}
