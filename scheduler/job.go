package scheduler

import (
	"context"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// A task is what a worker works on at once: some items of an input, a piece of a
// source, or an event that has a place among them.
type task struct {
	kind  taskKind
	early bool            // of a time that was not waited for
	in    nodes.Input     // of items, or with Made the piece of a source
	edge  *edge           // where the items came from
	ended nodes.EndedEdge // of an end
	cut   cut             // of a cut
	after nodes.Position  // of a piece of a source
	gen   uint64          // cuts that were taken before it: see order.behind
	era   uint64          // of the breaker, when it was taken
	seen  bool            // was given back: it has its form, and those who look on have seen it
}

type taskKind uint8

const (
	itemsTask taskKind = iota
	timeTask           // the time has come that the operator is due at
	endTask            // an edge has ended
	cutTask            // all inputs have come to a cut
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

	order   turnKeeper // whom to ask whether its turn has come; nil: it has
	yielder yielder    // whom to ask while it is in work

	before, behind *job      // in the order; guarded by its mutex, as is
	status         jobStatus // what is known of it
}

type jobStatus uint8

const (
	inWork      jobStatus = iota
	ready                 // worked on; whoever delivers the one before delivers it
	wantsToSend           // its worker waits for its turn in the middle of the work
	givenBack             // nobody works on it: see order.giveBack
	failed                // worked on, with an error that will end the run
)

// clear releases what a job still holds. The next task overwrites the rest.
func (j *job) clear() {
	j.out.drop()
	if j.in.Data != nil {
		j.in.Data.Release()
		j.in.Data = nil
	}
	if j.in.Made != nil {
		abandon(j.in.Made)
		j.in.Made = nil
	}
	if j.made != nil {
		abandon(j.made)
		j.made = nil
	}
	j.err, j.items, j.took = nil, 0, 0
	j.upTo, j.splits, j.judged, j.handed = 0, false, false, 0
}

// abandon releases what was never worked on, or never processed.
func abandon(made any) {
	if r, ok := made.(interface{ Release() }); ok {
		r.Release()
	}
}

// A turnKeeper knows when the turn of a job has come.
type turnKeeper interface {
	claim(j *job) bool
	await(ctx context.Context, j *job) error
}

// A yielder is asked between two items of a job how many of them are left to it.
type yielder interface {
	yield(j *job, done int) (upTo int, err error)
}

// Yield implements nodes.Yielder.
func (j *job) Yield(done int) (int, error) { return j.yielder.yield(j, done) }

// inTurn makes what is emitted wait for the turn of the job.
func (j *job) inTurn(o turnKeeper) { j.order, j.out.turns, j.out.turn = o, j, false }

// claim implements turns.
func (j *job) claim() bool { return j.order.claim(j) }

// await implements turns.
func (j *job) await(ctx context.Context) error { return j.order.await(ctx, j) }
