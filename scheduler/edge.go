package scheduler

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/scheduler/control"
	"github.com/flowrun/flowrun/scheduler/metrics"
	"github.com/flowrun/flowrun/scheduler/queue"
	"github.com/flowrun/flowrun/scheduler/tap"
)

// This file is the way of a batch over an edge, between the books of its sender and of
// its reader.

// maxSlots bounds the envelopes on a channel, whatever its capacity in items:
// slots cost memory even when empty.
const (
	defaultSlots = 64
	maxSlots     = 4096
)

// An edge is one bounded queue. Its capacity counts items and bytes; the queue holds
// envelopes, and the counts are kept beside it. One goroutine at a time sends, one at
// a time receives.
type edge struct {
	life     *lifetime
	spec     *graph.Edge
	bell     *bell            // wakes the reader
	account  *control.Account // of limits.memory; nil: there is no limit, or the edge needs none
	refusal  func()           // tells the sender, once, that the reader wants no more
	cuts     *flight          // nil: the run has none
	brake    func(on bool)    // see brake.go; nil without cuts
	queue    queue.Queue
	ranker   *ranker // of a queue that reorders; else nil
	capacity int64
	bytes    int64
	spills   bool

	space   chan struct{} // wakes a sender that waits for room
	waiting atomic.Bool   // a sender does
	ended   atomic.Bool   // nothing more will be sent

	refused    chan struct{} // closed: the reader wants no more
	refuseOnce sync.Once

	overruled atomic.Bool   // the sender need not wait for room: see intake.approach
	braking   atomic.Bool   // what leads here waits until there is room: see brake.go
	come      queue.Mark    // the mark that the reader has come to last
	sentCut   atomic.Uint64 // the epoch of the cut that was sent last
	came      atomic.Uint64 // the epoch of come

	taps  *tap.Point
	count metrics.Edge
}

func newEdge(life *lifetime, spec *graph.Edge, memory *control.Memory, spillDir string, taps *tap.Set) *edge {
	slots := min(defaultSlots, spec.Contract.Capacity)
	if spec.Contract.Capacity != graph.DefaultCapacity {
		slots = min(maxSlots, spec.Contract.Capacity)
	}
	e := &edge{
		life: life, spec: spec, taps: tap.NewPoint(taps), space: make(chan struct{}, 1), refused: make(chan struct{}),
		capacity: int64(spec.Contract.Capacity), bytes: int64(spec.Contract.Bytes),
	}
	e.account = memory.Account(&e.count.Bytes, func() { poke(e.space) })
	switch {
	case spec.Contract.Reorders():
		e.queue, e.ranker = &queue.Heap{}, newRanker(&spec.Contract)
	case spec.Contract.OnFull == "spill":
		e.spills = true
		if e.account != nil { // one half within the bounds, the other one in the overflow
			e.bytes = min(e.bytes, max(1, e.account.Share()/2))
			e.account = nil
		}
		e.queue = queue.NewSpill(queue.SpillConfig{
			Type: spec.Type, Items: e.capacity, Bytes: e.bytes, Slots: slots, Dir: spillDir,
			Spilled: func(items int) { e.count.Spilled.Add(int64(items)) },
		})
	case !spec.Contract.Blocks():
		e.queue = &queue.List{}
	default:
		e.queue = queue.NewChannel(slots)
	}
	return e
}

// room reports whether the items may be put on the edge now. An empty edge takes
// anything: a single item may be larger than the bound in bytes.
func (e *edge) room(env queue.Envelope) bool {
	if e.spills {
		return true
	}
	if e.queue.Full() {
		return false
	}
	if e.overruled.Load() {
		return true
	}
	items, bytes := e.count.Items.Load(), e.count.Bytes.Load()+int64(env.Bytes)
	return items == 0 || items+int64(env.Items) <= e.capacity && bytes <= e.bytes && e.account.Room(bytes)
}

// send puts an envelope on the edge, telling w while it waits for room. The reference
// to the data passes to the edge. What the reader does not want any more is thrown away.
func (e *edge) send(ctx context.Context, env queue.Envelope, w *worker) (err error) {
	if e.isRefused() {
		e.discard(env)
		return nil
	}
	if e.taps.Tapped() {
		e.taps.Offer(env.Data, 0, env.Data.Len())
	}
	fits := e.room(env)
	if !fits && !e.spec.Contract.Blocks() {
		if env, fits, err = e.full(env); !fits || err != nil {
			return err
		}
	}
	if fits {
		e.put(env)
	} else if err := e.awaitRoom(ctx, env, w); err != nil {
		return err
	}
	if e.spills {
		return e.queue.Err()
	}
	return nil
}

// put puts an envelope on the edge that there is room for.
func (e *edge) put(env queue.Envelope) {
	e.note(&env)
	e.queue.Put(env)
	e.bell.ring()
	if e.overruled.Load() {
		e.overfull()
	}
}

// awaitRoom puts an envelope on the edge as soon as there is room, or throws it away once
// the reader wants no more.
func (e *edge) awaitRoom(ctx context.Context, env queue.Envelope, w *worker) error {
	defer w.waits(sending, e.spec)()
	e.account.Hungry(true)
	defer e.account.Hungry(false)
	for {
		e.waiting.Store(true)
		if e.room(env) { // the reader may have made room before it could see that we wait
			e.waiting.Store(false)
			e.put(env)
			return nil
		}
		select {
		case <-e.space:
		case <-e.refused:
			e.discard(env)
			return nil
		case <-ctx.Done():
			env.Data.Release()
			return context.Cause(ctx)
		}
	}
}

// note books and stamps what is about to be put on the edge.
func (e *edge) note(env *queue.Envelope) {
	env.Sent = e.life.clock()
	e.count.Sent.Add(int64(env.Items))
	items := e.count.Items.Add(int64(env.Items))
	e.count.Raise(items)
	if items == int64(env.Items) {
		e.count.Oldest.Store(int64(env.Sent))
	}
	e.count.Bytes.Add(int64(env.Bytes))
	e.account.Settle()
}

func (e *edge) discard(env queue.Envelope) {
	e.count.Sent.Add(int64(env.Items))
	e.count.Unwanted.Add(int64(env.Items))
	env.Data.Release()
}

// A finding is what there is on an edge.
type finding uint8

const (
	foundNothing finding = iota
	foundItems
	foundMark // it is in come
	foundEnd  // of the edge, or what is on it cannot be read: see the error
)

// take takes the next envelope, at most most items of a queue of single ones.
func (e *edge) take(most int) (env queue.Envelope, what finding, err error) {
	if env, what, err = e.look(most); what == foundItems {
		e.receive(env)
		e.free(env)
	}
	return env, what, err
}

// look is take without the books: what it gives is still counted as on the edge.
func (e *edge) look(most int) (env queue.Envelope, what finding, err error) {
	ended := e.ended.Load() // before the look: what is put later is not missed
	if env, ok := e.queue.Take(e.life.stopping(), most); ok {
		return env, foundItems, nil
	}
	if e.spills {
		if err := e.queue.Err(); errors.Is(err, queue.ErrStore) {
			return env, foundNothing, nil // the sender fails of it
		} else if err != nil {
			return env, foundEnd, err
		}
	}
	switch {
	case e.marked():
		return env, foundMark, nil
	case ended && e.queue.Due().IsZero():
		return env, foundEnd, nil
	}
	return env, foundNothing, nil
}

// receive books what the reader has taken.
func (e *edge) receive(env queue.Envelope) {
	e.count.Received.Add(int64(env.Items))
	e.count.Items.Add(-int64(env.Items))
	e.count.Wait.Add(e.life.clock() - env.Sent)
	e.count.Oldest.Store(int64(env.Sent)) // what comes next is hardly younger
	e.relieve()
}

// free books that an envelope does not take room in the queue any more, which the sender
// may wait for.
func (e *edge) free(env queue.Envelope) {
	e.count.Bytes.Add(-int64(env.Bytes))
	e.account.Settle()
	e.wakeSender()
}

// unkept books what the reader has kept and nobody wants any more.
func (e *edge) unkept(env queue.Envelope) {
	if e.life.ctx.Err() == nil {
		e.count.Unwanted.Add(int64(env.Items))
		e.count.Items.Add(-int64(env.Items))
	}
}

func (e *edge) wakeSender() {
	if e.waiting.Load() && e.waiting.Swap(false) {
		poke(e.space)
	}
}

// end says that nothing more will be sent. Only the scheduler calls it, once.
func (e *edge) end() {
	e.taps.End()
	e.ended.Store(true)
	e.bell.ring()
}

func (e *edge) isRefused() bool {
	select {
	case <-e.refused:
		return true
	default:
		return false
	}
}

// refuse says for a reader that it wants no more of an edge.
func (e *edge) refuse() {
	e.refuseOnce.Do(func() {
		close(e.refused)
		e.relieve()
		e.refusal()
	})
}

// empty throws away what is left when all workers have ended. What a reader
// refused counts as unwanted; what a kill left behind stays in Items.
func (e *edge) empty(refused bool) {
	for {
		env, ok := e.queue.Take(true, int(e.capacity))
		if _, marked := e.queue.Marked(); !ok && marked {
			continue
		}
		if !ok {
			break
		}
		if refused {
			e.count.Unwanted.Add(int64(env.Items))
			e.count.Items.Add(-int64(env.Items))
		}
		env.Data.Release()
	}
	e.queue.Close()
}

// report gives what the edge counts.
func (e *edge) report() metrics.EdgeReport {
	c := &e.count
	wait := c.Wait.Snapshot()
	rep := metrics.EdgeReport{
		From: e.spec.From.ID + "." + e.spec.FromPort.Name, To: e.spec.To.ID + "." + e.spec.ToPort.Name,
		Capacity: e.spec.Contract.Capacity, Items: c.Items.Load(), Bytes: c.Bytes.Load(), Peak: c.Peak.Load(),
		Sent: c.Sent.Load(), Received: c.Received.Load(), Unwanted: c.Unwanted.Load(), Dropped: c.Dropped.Load(), Spilled: c.Spilled.Load(),
		WaitP50: wait.Quantile(0.5), WaitP99: wait.Quantile(0.99), Wait: wait,
	}
	if !e.spec.Contract.Blocks() {
		rep.OnFull = e.spec.Contract.OnFull
	}
	if rep.Items > 0 {
		rep.Oldest = max(0, e.life.clock()-time.Duration(c.Oldest.Load()))
	}
	return rep
}

// mark puts a cut on an edge, behind what was sent. It never waits.
func (e *edge) mark(c cut) {
	if e.isRefused() {
		return
	}
	e.sentCut.Store(c.epoch)
	e.queue.Mark(queue.Mark{Epoch: c.epoch, Low: c.low, Sent: e.count.Sent.Load(), Dropped: e.count.Dropped.Load()})
	e.bell.ring()
}

// passes reports whether a cut passes by what waits on the edge.
func (e *edge) passes() bool {
	_, ordered := e.queue.(*queue.Channel)
	return !ordered
}

// marked takes the mark off the queue if the reader has come to it; it is in come then.
func (e *edge) marked() (ok bool) {
	if e.cuts == nil {
		return false
	}
	e.come, ok = e.queue.Marked()
	return ok
}

// overrule lets the sender of an edge send although there is no room, because a cut is
// behind what it sends, or ends that. What is too much brakes the sources.
func (e *edge) overrule(on bool) {
	if e.overruled.Load() == on || !e.spec.Contract.Blocks() {
		return
	}
	e.overruled.Store(on)
	if on {
		e.wakeSender()
	}
}

// audit checks the books of an edge at a cut: law C7.
func (e *edge) audit(c seenCut) error {
	if observe := e.cuts.observe; observe != nil {
		observe(c)
	}
	if c.sent == c.received+c.held+c.dropped {
		return nil
	}
	return fmt.Errorf("the books do not balance at cut %d: %s: %d items were sent, %d received, %d wait, %d were dropped",
		c.epoch, e.spec, c.sent, c.received, c.held, c.dropped)
}

// overfull brakes what leads to an edge that was sent more than it has room for. It is
// called by whoever sends.
func (e *edge) overfull() {
	if e.cuts != nil && !e.braking.Load() && e.count.Items.Load() > e.capacity {
		e.brake(true)
	}
}

// relieve ends that once there is room again, or nobody wants what is there. It is called
// by whoever takes.
func (e *edge) relieve() {
	if e.braking.Load() && (e.count.Items.Load() <= e.capacity || e.isRefused()) {
		e.brake(false)
	}
}
