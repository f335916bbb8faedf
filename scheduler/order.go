package scheduler

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// A job is a task and what comes of it. The worker that took the task owns the job
// while it works on it; then it belongs to whoever delivers it.
type job struct {
	task
	out    output        // what it emitted, and where it emits
	made   any           // by the worker
	err    error         // of taking or of working
	items  int           // of the task
	took   time.Duration // in the kind's own code
	upTo   int           // items that are still the job's after a yield; 0: all
	splits bool          // others may take some of it
	judged bool          // the breaker knows what became of it
	handed int           // of what was given back: how much was taken again

	before, behind *job      // in the order; guarded by its mutex, as is
	status         jobStatus // what is known of it
}

type jobStatus uint8

const (
	inWork      jobStatus = iota
	ready                 // worked on; whoever delivers the one before delivers it
	wantsToSend           // its worker waits for its turn in the middle of the work
	givenBack             // nobody works on it: see pool.giveBack
	failed                // worked on, with an error that will end the run
)

// clear releases what a job still holds.
func (j *job) clear() {
	j.out.drop()
	if j.in.Data != nil {
		j.in.Data.Release()
	}
	abandon(j.in.Made)
	abandon(j.made)
	j.task, j.made, j.err, j.items, j.took = task{}, nil, nil, 0, 0
	j.upTo, j.splits, j.judged, j.handed = 0, false, false, 0
}

// abandon releases what was never worked on, or never processed.
func abandon(made any) {
	if r, ok := made.(interface{ Release() }); ok {
		r.Release()
	}
}

// An order is the jobs of a node that are under way, in the order of the input: a
// reorder buffer. A worker that has done its job leaves it here and goes on; whoever
// leaves the job whose turn it is delivers that one and all that are ready behind it.
// So nobody waits for a turn unless one job takes as long as a whole window of others,
// or makes more than may be held back, and the wake-ups that a token passed from hand
// to hand would cost fall away.
//
// Where workers send as they like it only counts.
//
// mu is held for a few steps and never while sending or in the code of a kind.
type order struct {
	mu      sync.Mutex
	head    *job // whose turn it is
	tail    *job
	count   int    // jobs under way, but for those given back
	window  int    // so many at most, but for parts of what was given back
	sending bool   // somebody delivers the head
	free    *job   // jobs to be used again, by behind
	back    []*job // given back, and not taken again wholly

	full bool          // the taker waits for room in the window
	room chan struct{} // wakes it

	settling bool          // the taker waits until nothing is under way
	settle   chan struct{} // wakes it

	over    bool          // nothing more will be taken
	drained chan struct{} // closed: and all was delivered
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
	return &order{window: window, room: make(chan struct{}, 1), settle: make(chan struct{}, 1), drained: make(chan struct{})}
}

// wait says what to wait for before another job may be taken; nil if there is room.
// The caller holds the take token.
func (o *order) wait() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.full = o.count >= o.window; o.full {
		return o.room
	}
	return nil
}

// job gives an empty job.
func (o *order) job() *job {
	o.mu.Lock()
	defer o.mu.Unlock()
	j := o.free
	if j == nil {
		return &job{}
	}
	o.free, j.behind = j.behind, nil
	return j
}

// append puts a job behind all others. The caller holds the take token.
func (o *order) append(j *job) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count++
	j.status = inWork
	o.link(j, o.tail)
}

// link puts a job behind another one, nil for the front. The caller holds mu.
func (o *order) link(j, after *job) {
	j.before = after
	if after == nil {
		j.behind, o.head = o.head, j
	} else {
		j.behind, after.behind = after.behind, j
	}
	if j.behind == nil {
		o.tail = j
	} else {
		j.behind.before = j
	}
}

// unlink takes a job out. The caller holds mu.
func (o *order) unlink(j *job) {
	if j.before == nil {
		o.head = j.behind
	} else {
		j.before.behind = j.behind
	}
	if j.behind == nil {
		o.tail = j.before
	} else {
		j.behind.before = j.before
	}
	j.before, j.behind = nil, nil
}

// claim reports whether it is the turn of a job that is still in work, which may
// then send as it goes.
func (o *order) claim(j *job) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sending || o.head != j {
		return false
	}
	o.sending = true
	return true
}

// await waits for the turn of a job that is in work.
func (o *order) await(ctx context.Context, j *job) error {
	if o.claim(j) {
		return nil
	}
	o.mu.Lock()
	if !o.sending && o.head == j {
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
	o.mu.Lock()
	defer o.mu.Unlock()
	if j.out.turn {
		return true // it came in the middle of the work
	}
	if o.sending || o.head != j {
		if j.status = ready; j.err != nil && !errors.Is(j.err, nodes.ErrDone) {
			j.status = failed
		}
		return false
	}
	o.sending = true
	return true
}

// advance ends the turn of the job that was delivered. It gives the next one if
// that is ready to be delivered by the same worker.
func (o *order) advance(j *job) *job {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.unlink(j)
	j.behind, o.free = o.free, j
	o.finish()
	if next := o.head; next != nil {
		switch next.status {
		case ready, failed:
			next.status = inWork
			return next
		case wantsToSend:
			next.status = inWork
			next.out.wake <- struct{}{}
			return nil
		}
	}
	o.sending = false
	return nil
}

// finish counts a job that is not under way any more, and wakes whoever waits for that.
// The caller holds mu.
func (o *order) finish() {
	o.count--
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
func (o *order) idle() bool { return o.count == 0 && len(o.back) == 0 }

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

// begin and left count a job where workers send as they like.
func (o *order) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count++
}

func (o *order) left() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.finish()
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
		switch w.await(wait{what: queueing, on: o.settle, over: w.n.run.ctx.Done()}) {
		case wokenEnd:
			return context.Cause(w.n.run.ctx)
		case wokenBack:
			return errAgain
		case wokenLeave:
			return errLeave
		}
	}
}

// poke sends to whoever waits, or will; one poke is enough.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// failsBefore reports whether a job that comes before this one has failed.
func (o *order) failsBefore(j *job) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.fails(j)
}

func (o *order) fails(j *job) bool {
	for k := o.head; k != nil && k != j; k = k.behind {
		if k.status == failed {
			return true
		}
	}
	return false
}

// giveBack puts the rest of a job's task behind it, for anybody to take.
func (o *order) giveBack(rest, of *job, linked bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	rest.status = givenBack
	if linked {
		o.link(rest, of)
	}
	o.back = append(o.back, rest)
}

// takeBack takes some of what was given back, in the order of the input; nil if there
// is nothing. Once an item has failed that will end the run, nothing behind it is
// begun.
func (o *order) takeBack(size func(port, waiting int) int, linked bool) *job {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, rest := range o.back {
		if linked && o.fails(rest) {
			continue
		}
		n := rest.in.Data.Len()
		k := min(n-rest.handed, max(1, size(rest.in.Port, n-rest.handed)))
		j := o.free
		if j == nil {
			j = &job{}
		} else {
			o.free, j.behind = j.behind, nil
		}
		j.task, j.status = rest.task, inWork
		j.in.Data = rest.in.Data.Slice(rest.handed, rest.handed+k)
		rest.handed += k
		o.count++
		if linked {
			o.link(j, rest.before)
		}
		if rest.handed == n {
			o.back = append(o.back[:i:i], o.back[i+1:]...)
			if linked {
				o.unlink(rest)
			}
			rest.clear()
			rest.behind, o.free = o.free, rest
		}
		return j
	}
	return nil
}

// clear releases what a run that was killed left behind.
func (o *order) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for j := o.head; j != nil; j = j.behind {
		j.clear()
	}
	for _, rest := range o.back {
		rest.clear()
	}
	o.head, o.tail, o.back = nil, nil, nil
}
