package scheduler

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/control"
)

// A node is a graph.Node in a run: its operator, its edges, and what its workers
// share. intake is how it takes, pool who works, order in which order what they make
// leaves; see there.
type node struct {
	workplace
	run       *Run
	spec      *graph.Node
	env       *nodes.Env
	parts     nodes.Parts
	watched   bool      // somebody intercepts its calls
	in        [][]*edge // by input port
	out       [][]*edge // by output port, the error port last
	errorPort int
	workers   graph.WorkerRange
	bucket    *control.Bucket  // of its rate; nil: there is none
	pacing    chan struct{}    // held while a source sends at its rate
	breaker   *control.Breaker // nil: there is none
	heldBack  atomic.Bool      // by one of the two, now
	opened    bool
	began     time.Time // read and written by the goroutine that runs the node

	// inputCtx ends when the node is to take no more: nobody wants what it would make
	// of it, or, for a source, the run was told to stop.
	inputCtx    context.Context
	cancelInput context.CancelFunc
	unwantedNow chan struct{} // of a source with a rate: closed when none of its readers wants more
	shun        sync.Once     // closes it

	bell    *bell        // wakes whoever takes for the node
	done    atomic.Bool  // the operator wants no more
	failing atomic.Bool  // an item has failed that will stop the flow
	cut     atomic.Bool  // it is a source that was stopped, and something was left in it
	shed    atomic.Bool  // not all that was taken of it was sent
	due     atomic.Int64 // when the operator is to be woken, ns since the run began, plus 1; 0: never
	reached reached      // of a source without an order: see there; guarded by mu
	brake   brake        // on while an edge behind the node holds too much
	epoch   uint64       // of the last cut that it has met; guarded by the epochs' mu, as is
	over    bool         // it has ended, and so has come to every cut
	holding holding      // of a Holder; belongs to whoever has the turn
	acks    acks         // of a source that acknowledges by cuts

	intake *intake
	pool   *pool  // nil: one worker that needs no others
	order  *order // nil: the same

	// sendToken is held while sending when workers send in no order; nil when the
	// order sees to it that one worker at a time sends. serialToken is held by a call of
	// the serial part, for the same case.
	sendToken   chan struct{}
	serialToken chan struct{}

	recent []ItemError // guarded by mu
}

// An ItemError is an item that failed and did not stop the flow.
type ItemError struct {
	Time     time.Time `json:"time"`
	Error    string    `json:"error"`
	Item     string    `json:"item"`
	Attempts int       `json:"attempts,omitempty"` // to work on it; 0: one
	Stack    string    `json:"stack,omitempty"`    // of a panic
}

// keptErrors is how many failed items a node remembers.
const keptErrors = 5

// noteError remembers an item that failed. Its texts are made before the lock: how an
// error or an item writes itself is up to its author.
func (n *node) noteError(item nodes.BadItem) {
	e := ItemError{time.Now(), redact.Text(item.Err.Error()), itemText(item), item.Attempts, stackOf(item.Err)}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.recent) == keptErrors {
		n.recent = append(n.recent[:0], n.recent[1:]...)
	}
	n.recent = append(n.recent, e)
}

// stackOf is the stack of a panic, "" for any other error.
func stackOf(err error) string {
	if p, ok := errors.AsType[*nodes.PanicError](err); ok {
		return string(p.Stack)
	}
	return ""
}

// itemFailure is the error of an item that stops the flow.
func (n *node) itemFailure(item nodes.BadItem) error {
	return &Failure{Node: n.spec.ID, Kind: n.spec.Kind, Item: itemText(item), File: item.File, Line: item.Line, Err: item.Err}
}

// makeOrder makes the order of the node, if it has none yet.
func (n *node) makeOrder() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.order == nil {
		n.order = newOrder(n)
	}
}

// workforce is the pool of the node, nil if it has none yet.
func (n *node) workforce() *pool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pool
}

// timeOfAll is how long the workers of the node have been there, added up.
func (n *node) timeOfAll() time.Duration {
	if p := n.workforce(); p != nil {
		return p.timeOfAll()
	}
	return 0
}

// unwanted reports whether the node has readers and none of them wants more. Who
// only watches an edge does not count.
func (n *node) unwanted() bool {
	readers := 0
	for port, edges := range n.out {
		for _, e := range edges {
			switch {
			case e.spec.Contract.Watched:
			case !e.isRefused():
				return false
			case port != n.errorPort:
				readers++
			}
		}
	}
	return readers > 0
}

// shunned is told that one of the readers of the node wants no more. If none does, the node
// takes no more: it may be waiting for its own input, for as long as a slow source likes.
func (n *node) shunned() {
	if !n.unwanted() {
		return
	}
	n.cancelInput()
	if gone := n.unwantedNow; gone != nil {
		n.shun.Do(func() { close(gone) })
	}
}

// dismissed says why the node is to take no more, nil if it may: the run is killed,
// or it is nodes.ErrDone.
func (n *node) dismissed() error {
	switch {
	case n.run.ctx.Err() != nil: // first, for it ends before those that are made of it
		return context.Cause(n.run.ctx)
	case n.inputCtx.Err() == nil:
		return nil
	}
	return nodes.ErrDone
}

// source reports whether the node reads nothing.
func (n *node) source() bool { return len(n.in) == 0 }

// drains reports whether a source that is stopped gives away what it has read.
func (n *node) drains() bool {
	return n.parts.Drainer != nil || n.parts.Unending != nil && n.parts.Unending.Endless()
}

// sleep waits for a time, as a worker that may do nothing before: it is neither at work
// nor stuck. It returns early when the node is to take no more.
func (n *node) sleep(ctx context.Context, w *worker, until time.Time) error {
	defer n.holdBack()()
	defer w.waits(napping, nil)()
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	over := n.inputCtx.Done()
	if n.source() && n.run.stopping() {
		over = n.unwantedNow // it is, and what is on its way goes on while anybody wants it
	}
	select {
	case <-timer.C:
	case <-over:
		if err := n.dismissed(); err != nil && (!n.run.stopping() || n.unwanted()) {
			return err
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// closeBooks counts what a node that ended early took and did not give on.
func (n *node) closeBooks() {
	c := &n.count
	if !n.spec.Spec.Conserves || n.source() {
		return
	}
	lost := c.Filtered.Load() + c.Skipped.Load() + c.Dead.Load() + c.Failed.Load()
	if left := c.In.Load() - c.Out.Load() - lost; left > 0 {
		c.Filtered.Add(left)
		c.Used.Add(-left)
	}
}

// main runs the operator of the node to its end, then ends its outputs and refuses
// its inputs.
func (n *node) main(ctx context.Context) {
	n.begin()
	defer func() {
		n.finish()
		for _, edges := range n.out {
			for _, e := range edges {
				e.end()
			}
		}
		for _, edges := range n.in {
			for _, e := range edges {
				e.refuse()
			}
		}
		n.run.epochs.ended(n)
	}()
	err := guard(func() error { return n.drive(ctx) })
	if done := errors.Is(err, nodes.ErrDone); err == nil || done {
		if done {
			n.closeBooks()
		}
		err = n.seal(ctx)
	}
	if n.parts.Acknowledger == nil { // else it is needed to the end
		if cerr := n.close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		n.run.fail(n, err)
	}
}

// drive runs the workers of the node.
func (n *node) drive(ctx context.Context) error {
	err := guard(func() error { n.intake = newIntake(n); return nil })
	if err != nil {
		return err
	}
	n.count.Workers.Store(int64(n.workers.Min))
	switch {
	case n.workers.Max == 1 && n.order == nil:
		err = n.alone(ctx)
	case n.spec.Engine.Order == "key" && !n.source():
		err = n.keyed(ctx, n.workers.Max)
	default:
		err = n.together(ctx)
	}
	if left := n.intake.drop(); n.done.Load() {
		n.count.Filtered.Add(int64(left))
	}
	if err == nil && n.done.Load() {
		err = nodes.ErrDone
	}
	return err
}

// lastEpoch is the number of the only epoch of a run without checkpoints.
const lastEpoch = 1

// seal completes what a sink was given.
func (n *node) seal(ctx context.Context) error {
	thrown := n.run.forfeited() // what nobody will see need not be safe
	if f := n.parts.Flusher; f != nil {
		if err := guard(func() error { return f.Flush(ctx) }); err != nil {
			return err
		}
	}
	if c := n.parts.Committer; c != nil && !thrown {
		return guard(func() error { return c.Seal(ctx, lastEpoch) })
	}
	return nil
}

// close closes the operator, once.
func (n *node) close() error {
	c := n.parts.Closer
	if c == nil || !n.opened {
		return nil
	}
	n.parts.Closer = nil
	return guard(c.Close)
}

// settle makes the output of a sink visible, or takes it back.
func (n *node) settle(ctx context.Context, ok bool) error {
	c := n.parts.Committer
	if c == nil || !n.opened {
		return nil
	}
	if ok {
		return guard(func() error { return c.Commit(ctx, lastEpoch) })
	}
	return guard(func() error { return c.Abort(ctx) })
}

// guard turns a panic in the code of a kind into an error that names the place.
func guard(f func() error) error { return nodes.Guard(f) }

// wrap names the node in an error, once.
func (n *node) wrap(err error) error {
	if _, named := errors.AsType[*Failure](err); named {
		return err
	}
	return &Failure{Node: n.spec.ID, Kind: n.spec.Kind, Err: err}
}
