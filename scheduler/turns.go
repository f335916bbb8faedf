package scheduler

import (
	"context"
	"sync"
	"time"
)

// A job is a piece of work and what comes of it. The worker that took the piece
// owns the job while it works on it; then it belongs to whoever delivers it.
type job struct {
	piece                // made is what the worker made of it, once it has
	out    output        // what it emitted, and where it emits
	err    error         // of taking or of working
	items  int           // of the piece
	took   time.Duration // in the kind's own code
	place  uint64        // in the order of the input
	status jobStatus     // guarded by turns.mu
}

type jobStatus uint8

const (
	inWork      jobStatus = iota
	ready                 // worked on; whoever delivers the one before delivers it
	wantsToSend           // its worker waits for its turn in the middle of the work
)

// clear releases what a job still holds.
func (j *job) clear() {
	j.out.drop()
	if j.data != nil {
		j.data.Release()
	}
	j.piece, j.err, j.items, j.took = piece{}, nil, 0, 0
}

// turns brings what several workers make back into the order of the input. A
// worker that has done its job leaves it here and goes on; whoever leaves the job
// whose turn it is delivers that one and all that are ready behind it. So nobody
// waits for a turn unless one job takes as long as a whole window of others, or
// makes more than may be held back, and the wake-ups that a token passed from hand
// to hand would cost fall away.
type turns struct {
	mu      sync.Mutex
	next    uint64 // the place of the job whose turn it is
	sending bool   // somebody delivers it
	jobs    []*job // the window: by place, modulo its length

	taken uint64        // how many places were given; guarded by the take token
	full  bool          // the taker waits for room in the window
	room  chan struct{} // wakes it
}

// A window has this many jobs for each worker: one in work and one that waits for
// its turn, so that a slow item holds nobody up until the others are one ahead.
//
// The pieces of a source are large and much alike, so there it is one in all.
const windowPerWorker = 2

func newTurns(s *stage) *turns {
	window := windowPerWorker * s.n.workers.Max
	if s.def.Next != nil {
		window = s.n.workers.Max + 1
	}
	return &turns{jobs: make([]*job, window), room: make(chan struct{}, 1)}
}

// begin gives the job for the next piece, waiting until the window has room. The
// caller holds the take token and calls took once there is a piece.
func (t *turns) begin(ctx context.Context, w *worker) (*job, error) {
	t.mu.Lock()
	for t.taken-t.next >= uint64(len(t.jobs)) {
		t.full = true
		t.mu.Unlock()
		if err := t.awaitRoom(ctx, w); err != nil {
			return nil, err
		}
		t.mu.Lock()
	}
	slot := &t.jobs[t.taken%uint64(len(t.jobs))]
	if *slot == nil {
		*slot = &job{}
	}
	j := *slot
	j.status, j.place = inWork, t.taken
	t.mu.Unlock()
	return j, nil
}

func (t *turns) awaitRoom(ctx context.Context, w *worker) error {
	defer w.waits(queueing, nil)()
	select {
	case <-t.room:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// claim reports whether it is the turn of a job that is still in work, which may
// then send as it goes.
func (t *turns) claim(j *job) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sending || t.next != j.place {
		return false
	}
	t.sending = true
	return true
}

// await waits for the turn of a job that is in work.
func (t *turns) await(ctx context.Context, j *job) error {
	t.mu.Lock()
	if !t.sending && t.next == j.place {
		t.sending = true
		t.mu.Unlock()
		return nil
	}
	if j.out.wake == nil {
		j.out.wake = make(chan struct{}, 1)
	}
	j.status = wantsToSend
	t.mu.Unlock()
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
func (t *turns) leave(j *job) bool {
	if j.out.turn {
		return true // it came in the middle of the work
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sending || t.next != j.place {
		j.status = ready
		return false
	}
	t.sending = true
	return true
}

// advance ends the turn of the job that was delivered. It gives the next one if
// that is ready to be delivered by the same worker.
func (t *turns) advance() *job {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next++
	if t.full {
		t.full = false
		t.room <- struct{}{} // there is one taker, so this never blocks
	}
	j := t.jobs[t.next%uint64(len(t.jobs))]
	if j != nil && j.place == t.next {
		switch j.status {
		case ready:
			j.status = inWork
			return j
		case wantsToSend:
			j.status = inWork
			j.out.wake <- struct{}{}
			return nil
		}
	}
	t.sending = false
	return nil
}

// deliver delivers a job whose turn it is, and all that are ready behind it.
func (t *turns) deliver(ctx context.Context, w *worker, s *stage, j *job) error {
	for j != nil {
		if err := s.deliver(ctx, w, j); err != nil {
			return err
		}
		j = t.advance()
	}
	return nil
}

// clear releases what a run that was killed left behind.
func (t *turns) clear(s *stage) {
	for _, j := range t.jobs {
		if j != nil {
			s.abandon(j.made)
			j.clear()
		}
	}
}
