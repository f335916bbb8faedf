package scheduler

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/control"
)

// A node is a graph.Node in a run: its operator, its edges, and what its workers
// share. A driver makes it work.
type node struct {
	workplace
	spec      *graph.Node
	env       *nodes.Env
	options   *Options
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

	// What it asks and tells the run.
	fail      func(error)    // ends the run
	guarded   func(f func()) // a panic of the engine itself ends the run
	forfeited func() bool    // nobody will see what a sink has made
	valve     *valve
	cuts      *cutLink                                 // nil: the run has no cuts
	push      func(edges []*edge, d record.Data) error // of a serial run: sends; else nil

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
	reached headway      // of a source without an order: see there; guarded by mu
	brake   brake        // on while an edge behind the node holds too much
	holding holding      // of a Holder; belongs to whoever has the turn
	acks    acks         // of a source that acknowledges by cuts

	// sendToken is held while sending when workers send in no order; nil when the
	// order sees to it that one worker at a time sends. serialToken is held by a call of
	// the serial part, for the same case.
	sendToken   chan struct{}
	serialToken chan struct{}

	recent []ItemError // guarded by mu
}

// A cutLink is what a node knows of the cuts of its run, and whom it tells.
type cutLink struct {
	*flight
	met     func(at cut) // it has sent the cut on and flushed
	flushed func(took time.Duration)
	ended   func() // it has come to every cut
}

// An ItemError is an item that failed, without its secrets.
type ItemError struct {
	Time     time.Time `json:"time"`
	Error    string    `json:"error"`
	Item     string    `json:"item"`
	File     string    `json:"file,omitempty"` // that the item was read from, by this node
	Line     int       `json:"line,omitempty"`
	At       string    `json:"at,omitempty"`       // file:line:column in the flow: of the expression, or of the node
	Excerpt  string    `json:"excerpt,omitempty"`  // what stands there, with carets under it
	Hint     diag.Hint `json:"hint,omitzero"`      // what to do about it
	Attempts int       `json:"attempts,omitempty"` // to work on it; 0: one
	Stack    string    `json:"stack,omitempty"`    // of a panic
	Stopped  bool      `json:"stopped,omitempty"`  // it ended the run

	// What At, Excerpt and Hint are made of when somebody asks: most of the items that fail
	// are forgotten before.
	at    diag.Span
	cause error
}

// From says where the item was read from, "" if its node has not read it.
func (e *ItemError) From() string { return from(e.File, e.Line) }

// from is a place in a file, or one that has no lines, as that of a message has.
func from(file string, line int) string {
	if file == "" || line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// keptErrors is how many failed items a node remembers.
const keptErrors = 5

// noteError remembers an item that failed. Its texts are made before the lock: how an
// error or an item writes itself is up to its author.
func (n *node) noteError(item nodes.BadItem, stopped bool) {
	e := ItemError{
		Time: time.Now(), Error: redact.Text(item.Err.Error()), Item: itemText(item), File: item.File, Line: item.Line,
		Attempts: item.Attempts, Stack: stackOf(item.Err), Stopped: stopped,
		at: n.place(item.Err), cause: item.Err,
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.recent) == keptErrors {
		n.recent = append(n.recent[:0], n.recent[1:]...)
	}
	n.recent = append(n.recent, e)
}

// itemFailure is the error of an item that stops the flow.
func (n *node) itemFailure(item nodes.BadItem) error {
	n.noteError(item, true)
	return &Failure{Node: n.spec.ID, Kind: n.spec.Kind, Item: itemText(item), File: item.File, Line: item.Line, At: n.place(item.Err), Err: item.Err}
}

// place is where in the flow an error comes from, as closely as it can be told.
func (n *node) place(err error) diag.Span {
	if at := diag.PlaceOf(err); !at.IsZero() {
		return at
	}
	return n.spec.At
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
	case n.life.ctx.Err() != nil: // first, for it ends before those that are made of it
		return context.Cause(n.life.ctx)
	case n.inputCtx.Err() == nil:
		return nil
	}
	return nodes.ErrDone
}

// source reports whether the node reads nothing.
func (n *node) source() bool { return len(n.in) == 0 }

// drains reports whether a source that is stopped gives away what it has read.
func (n *node) drains() bool {
	return n.parts.Drainer != nil || n.parts.Endless != nil && n.parts.Endless.Endless()
}

// sleep waits for a time, as a worker that may do nothing before: it is neither at work
// nor stuck. It returns early when the node is to take no more.
func (n *node) sleep(ctx context.Context, w *worker, until time.Time) error {
	defer n.holdBack()()
	defer w.waits(napping, nil)()
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	over := n.inputCtx.Done()
	if n.source() && n.life.stopping() {
		over = n.unwantedNow // it is, and what is on its way goes on while anybody wants it
	}
	select {
	case <-timer.C:
	case <-over:
		if err := n.dismissed(); err != nil && (!n.life.stopping() || n.unwanted()) {
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

// lastEpoch is the number of the only epoch of a run without checkpoints.
const lastEpoch = 1

// seal completes what a sink was given.
func (n *node) seal(ctx context.Context) error {
	thrown := n.forfeited() // what nobody will see need not be safe
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

// keep lets a sink give what is of use although the run has ended badly.
func (n *node) keep(ctx context.Context) error {
	k := n.parts.Keeper
	if k == nil || !n.opened {
		return nil
	}
	return guard(func() error { return k.Keep(ctx) })
}

// wrap names the node in an error, once.
func (n *node) wrap(err error) error {
	if _, named := errors.AsType[*Failure](err); named {
		return err
	}
	return &Failure{Node: n.spec.ID, Kind: n.spec.Kind, At: n.place(err), Err: err}
}

// meet is the turn of a cut: everything before it was delivered, and nothing behind it. It
// is sent on first, so that those behind need not wait for the flush.
func (n *node) meet(ctx context.Context, c cut) error {
	if h := n.parts.Holder; h != nil {
		held := 0
		if err := guard(func() error { held = h.Held(); return nil }); err != nil {
			return err
		}
		c.low = n.holding.low(c.low, held)
	}
	if !n.sendCut(c) {
		return nil
	}
	if f := n.parts.Flusher; f != nil {
		start := n.life.clock()
		if err := guard(func() error { return f.Flush(ctx) }); err != nil {
			return err
		}
		took := n.life.clock() - start
		n.count.Busy.Add(int64(took))
		n.cuts.flushed(took)
	}
	n.cuts.met(c)
	return nil
}

// pass is meet for a source, which has nothing to flush.
func (n *node) pass(c cut) {
	if n.sendCut(c) {
		n.cuts.met(c)
	}
}

// sendCut puts a cut on every edge that leaves the node, that of errors too. One that was
// given up goes no further.
func (n *node) sendCut(c cut) bool {
	if n.cuts.epoch.Load() != c.epoch {
		return false
	}
	for _, edges := range n.out {
		for _, e := range edges {
			e.mark(c)
		}
	}
	return true
}

// begin notes that the node begins.
func (n *node) begin() {
	n.began = time.Now()
	n.count.Began.Store(n.began.UnixNano())
	n.options.Events.Info("node started", "node", n.spec.ID, "kind", n.spec.Kind, "workers", max(n.workers.Min, 1))
}

// finish notes that the last worker of the node has ended.
func (n *node) finish() {
	c := &n.count
	c.Finished.Store(time.Now().UnixNano())
	c.Ended.Store(true)
	n.options.Events.Info("node ended", "node", n.spec.ID, "in", c.In.Load(), "out", c.Out.Load(),
		"errors", c.Skipped.Load()+c.Dead.Load()+c.Failed.Load(), "seconds", time.Since(n.began).Seconds())
}

// holdBack notes that the node is held back, and what it returns that it is not any
// more.
func (n *node) holdBack() func() {
	start := time.Now()
	n.heldBack.Store(true)
	return func() {
		n.heldBack.Store(false)
		n.count.Limited.Add(int64(time.Since(start)))
	}
}

// acksEarly reports whether a source acknowledges what it takes, at once.
func (n *node) acksEarly() bool {
	return n.spec.Engine.Ack == graph.AckEarly && n.spec.Acknowledges() && !n.options.Discard && !n.options.NoAcks
}

// acknowledgeEarly does that.
func (n *node) acknowledgeEarly(after nodes.Position) error {
	if after == nil || n.parts.Acknowledger == nil || !n.acksEarly() {
		return nil
	}
	n.acks.pieces++
	return n.acknowledge(after)
}

// reach notes how far a source without an order is after what it has taken.
func (n *node) reach(after nodes.Position) {
	if after != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.reached.note(after)
	}
}

// acknowledge calls Taken.
func (n *node) acknowledge(at nodes.Position) error {
	return guard(func() error { return n.parts.Acknowledger.Taken(at) })
}
