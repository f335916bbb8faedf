package scheduler

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/flowrun/flowrun/nodes"
)

// An order is the jobs of a node that are under way, in the order of the input: a
// reorder buffer. A worker that has done its job leaves it here and goes on; whoever
// leaves the job whose turn it is delivers that one and all that are ready behind it.
// So nobody waits for a turn unless one job takes as long as a whole window of others,
// or makes more than may be held back, and the wake-ups that a token passed from hand
// to hand would cost fall away.
//
// Where workers send as they like it only counts, but for cuts: the jobs behind the last
// one keep what they make until all before it are delivered; whoever delivers the last of
// these delivers the cut. Where the order is kept a cut is a job like others.
//
// mu is held for a few steps and never while sending or in the code of a kind.
type order struct {
	linked bool // the order is kept; else jobs are only counted
	window int  // so many jobs at most, but for parts of what was given back

	mu      sync.Mutex
	line    line         // the head is the job whose turn it is
	under   atomic.Int64 // jobs under way, but for those given back; written under mu
	sending bool         // somebody delivers the head
	spare   spareJobs
	back    []*job       // given back, and not taken again wholly
	given   atomic.Int64 // how many these are; written under mu

	full bool          // the taker waits for room in the window
	room chan struct{} // wakes it

	settling bool          // the taker waits until nothing is under way
	settle   chan struct{} // wakes it

	over    bool          // nothing more will be taken
	drained chan struct{} // closed: and all was delivered

	reached headway // of a source: where it is after what was taken last
	cuts    cuts    // where the order is not kept
}

// A window has this many jobs for each worker: one in work and one that waits for
// its turn, so that a slow item holds nobody up until the others are one ahead.
//
// The pieces of a source are large and much alike, so there it is one in all.
const windowPerWorker = 2

func newOrder(n *node) *order {
	window := windowPerWorker * n.workers.Max
	if n.source() {
		window = n.workers.Max + 1
	}
	linked := n.spec.Engine.Order == "strict" || n.source() && n.spec.Engine.Order != "none"
	return &order{window: window, linked: linked, room: make(chan struct{}, 1), settle: make(chan struct{}, 1), drained: make(chan struct{})}
}

// wait says what to wait for before another job may be taken; nil if there is room.
// The caller holds the take token.
func (o *order) wait() <-chan struct{} {
	if int(o.under.Load()) < o.window { // nobody but the caller makes it more than that
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.full = int(o.under.Load()) >= o.window; o.full {
		return o.room
	}
	return nil
}

// begin makes a job of a task, behind all others. The caller holds the take token.
func (o *order) begin(t *task) *job {
	o.mu.Lock()
	o.under.Add(1)
	j := o.spare.take()
	j.status = inWork
	if o.linked {
		o.line.link(j, o.line.tail)
	}
	j.task = *t
	o.took(&j.task)
	o.mu.Unlock()
	return j
}

// took notes a task that was taken: how far a source is then, and behind which cut it
// comes. The caller holds mu.
func (o *order) took(t *task) {
	o.reached.note(t.after)
	t.gen = o.cuts.taken
}

// claim reports whether it is the turn of a job that is still in work, which may
// then send as it goes.
func (o *order) claim(j *job) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.linked {
		return !o.behind(j)
	}
	turn := !o.sending && o.line.head == j
	if turn {
		o.sending = true
	}
	return turn
}

// await waits for the turn of a job that is in work.
func (o *order) await(ctx context.Context, j *job) error {
	if o.claim(j) {
		return nil
	}
	if !o.linked {
		return o.awaitCut(ctx, j)
	}
	o.mu.Lock()
	if !o.sending && o.line.head == j {
		o.sending = true
		o.mu.Unlock()
		return nil
	}
	if j.out.wake == nil {
		j.out.wake = make(chan struct{}, 1)
	}
	j.status = wantsToSend
	o.mu.Unlock()
	defer j.out.w.waits(queueing, nil)()
	select {
	case <-j.out.wake:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leave hands in a job that is done. It reports whether the caller is to deliver
// it: its turn has come.
func (o *order) leave(j *job) bool {
	if j.out.turn {
		return true // it came in the middle of the work
	}
	status := ready
	if j.err != nil && !errors.Is(j.err, nodes.ErrDone) {
		status = failed
	}
	o.mu.Lock()
	turn := !o.sending && o.line.head == j
	if turn {
		o.sending = true
	} else {
		j.status = status
	}
	o.mu.Unlock()
	return turn
}

// advance ends the turn of the job that was delivered. It gives the next one if
// that is ready to be delivered by the same worker.
func (o *order) advance(j *job) *job {
	o.mu.Lock()
	o.line.unlink(j)
	o.spare.put(j)
	o.finish()
	next := o.line.head
	switch {
	case next == nil:
		o.sending = false
	case next.status == ready || next.status == failed:
		next.status = inWork
	case next.status == wantsToSend:
		next.status = inWork
		next.out.wake <- struct{}{}
		next = nil
	default:
		o.sending, next = false, nil
	}
	o.mu.Unlock()
	return next
}

// finish counts a job that is not under way any more, and wakes whoever waits for that.
// The caller holds mu.
func (o *order) finish() {
	o.under.Add(-1)
	if o.full {
		o.full = false
		poke(o.room)
	}
	if o.settling && o.idle() {
		o.settling = false
		poke(o.settle)
	}
	o.drain()
}

// idle reports whether nothing is under way. The caller holds mu.
func (o *order) idle() bool { return o.under.Load() == 0 && len(o.back) == 0 }

// drain tells those who wait for the end that it has come. The caller holds mu.
func (o *order) drain() {
	if o.over && o.idle() {
		select {
		case <-o.drained:
		default:
			close(o.drained)
		}
	}
}

// end says that nothing more will be taken.
func (o *order) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	o.drain()
}

// count counts a task that belongs to no job yet.
func (o *order) count(t *task) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.under.Add(1)
	o.took(t)
}

// settled waits until nothing is under way. The caller holds the take token.
func (o *order) settled(w *worker) error {
	for {
		o.mu.Lock()
		o.settling = !o.idle()
		if !o.settling {
			o.mu.Unlock()
			return nil
		}
		o.mu.Unlock()
		if err := w.reason(&wait{what: queueing, on: o.settle, over: w.place.life.ctx.Done()}); err != nil {
			return err
		}
	}
}

// failsBefore reports whether a job that comes before this one has failed.
func (o *order) failsBefore(j *job) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.line.failsBefore(j)
}

// giveBack puts the rest of a job's task behind it, for anybody to take.
func (o *order) giveBack(t task, of *job) {
	o.mu.Lock()
	defer o.mu.Unlock()
	rest := o.spare.take()
	rest.task, rest.status = t, givenBack
	o.more(rest, 1)
	if o.linked {
		o.line.link(rest, of)
	}
	o.back = append(o.back, rest)
	o.given.Store(int64(len(o.back)))
}

// takeBack takes some of what was given back, in the order of the input; nil if there
// is nothing. part says how much of what waits. Once an item has failed that will end the
// run, nothing behind it is begun.
func (o *order) takeBack(part func(port, waiting int) int) *job {
	if o.given.Load() == 0 {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, rest := range o.back {
		if o.linked && o.line.failsBefore(rest) || o.behind(rest) {
			continue
		}
		n := rest.in.Data.Len()
		k := min(n-rest.handed, max(1, part(rest.in.Port, n-rest.handed)))
		o.under.Add(1)
		j := o.spare.take()
		j.task, j.status = rest.task, inWork
		o.more(j, 1)
		j.in.Data = rest.in.Data.Slice(rest.handed, rest.handed+k)
		rest.handed += k
		if o.linked {
			o.line.link(j, rest.before)
		}
		if rest.handed == n {
			o.back = append(o.back[:i:i], o.back[i+1:]...)
			o.given.Store(int64(len(o.back)))
			if o.linked {
				o.line.unlink(rest)
			}
			o.more(rest, -1)
			rest.clear()
			o.spare.put(rest)
		}
		return j
	}
	return nil
}

// clear releases what a run that was killed left behind.
func (o *order) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for j := o.line.head; j != nil; j = j.behind {
		j.clear()
	}
	for _, rest := range o.back {
		rest.clear()
	}
	o.line, o.back = line{}, nil
}

// cuts is what an order that is not kept knows of cuts. It is guarded by the order's mu.
type cuts struct {
	taken  uint64        // cuts so far
	job    *job          // the last one; nil: it was delivered
	before int           // jobs before it, with what was given back of them
	met    chan struct{} // closed when it was delivered, or given up for a later one
}

// behind reports whether a job comes after a cut that was not delivered yet. The caller
// holds mu.
func (o *order) behind(j *job) bool {
	return !o.linked && o.cuts.job != nil && j.gen == o.cuts.taken
}

// awaitCut waits until a job is not behind a cut any more.
func (o *order) awaitCut(ctx context.Context, j *job) error {
	for {
		o.mu.Lock()
		met, behind := o.cuts.met, o.behind(j)
		o.mu.Unlock()
		if !behind {
			return nil
		}
		p := j.out.w.pause(queueing, nil)
		select {
		case <-met:
		case <-ctx.Done():
		}
		j.out.w.resume(p)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// takeCut makes a job of a cut where the order is not kept. It gives the job if there is
// nothing to wait for: the caller delivers it.
func (o *order) takeCut(t *task) *job {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.beginCut(t)
}

// beginCut is takeCut for who holds mu.
func (o *order) beginCut(t *task) *job {
	c := &o.cuts
	if old := c.job; old != nil { // it was given up: nobody waits for it
		close(c.met)
		if c.before > 0 {
			o.spare.put(old)
			o.under.Add(-1)
		} // else somebody delivers it, and it is a job like others
	}
	c.before = int(o.under.Load()) + len(o.back)
	c.taken++
	c.met = make(chan struct{})
	o.under.Add(1)
	c.job = o.spare.take()
	c.job.task, c.job.status, c.job.gen = *t, inWork, c.taken
	if c.before > 0 {
		return nil
	}
	return c.job
}

// left takes a job that was delivered away, where the order is not kept; nil if it is that
// of another maker. It gives the cut that the same worker is to deliver now, if that was
// the last job before it.
func (o *order) left(gen uint64, j *job) (cut *job) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gone(gen, j)
}

// gone is left for who holds mu.
func (o *order) gone(gen uint64, j *job) (cut *job) {
	c := &o.cuts
	if j != nil && j == c.job {
		c.job = nil
		close(c.met)
	} else if c.job != nil && gen < c.taken {
		if c.before--; c.before == 0 {
			cut = c.job
		}
	}
	o.spare.put(j)
	o.finish()
	return cut
}

// more counts jobs that are made of another one, or taken away: see cuts.before. The caller
// holds mu.
func (o *order) more(j *job, by int) {
	if o.cuts.job != nil && j.gen < o.cuts.taken {
		o.cuts.before += by
	}
}

// cutSource puts a cut behind what was taken last of a source, and tells how far that is.
// If nothing is under way it is delivered at once, which takes a few steps: all there is to
// do are the marks on the edges.
func (o *order) cutSource(n *node, c cut) headway {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := task{kind: cutTask, cut: c}
	switch {
	case !o.linked:
		if j := o.beginCut(&t); j != nil {
			n.pass(c)
			o.gone(j.gen, j)
		}
	case o.line.head == nil:
		n.pass(c)
	default:
		o.under.Add(1)
		j := o.spare.take()
		j.task, j.status = t, ready
		o.line.link(j, o.line.tail)
	}
	return o.reached
}

// port is the input over which the first job came that is under way, where that is known.
func (o *order) port() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.line.head == nil {
		return 0
	}
	return o.line.head.in.Port
}
