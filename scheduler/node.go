package scheduler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A node is a graph.Node in a run.
type node struct {
	run       *Run
	spec      *graph.Node
	env       *nodes.Env
	program   *nodes.Program
	in        [][]*edge // by input port
	out       [][]*edge // by output port, the error port last
	errorPort int
	workers   graph.WorkerRange
	bucket    *bucket     // of its rate; nil: there is none
	breaker   *breaker    // nil: there is none
	heldBack  atomic.Bool // by one of the two, now
	opened    bool
	began     time.Time // read and written by the goroutine that runs the node

	// taking ends when the node is to take no more: nobody wants what it would
	// make of it, or, for a source, the run was told to stop.
	taking  context.Context
	dismiss context.CancelFunc

	// sendToken is held while sending when workers send in no order; nil when
	// turns see to it that one worker at a time sends.
	sendToken chan struct{}
	// commitToken is held by a commit, for the same case.
	commitToken chan struct{}

	count metrics.Node

	mu     sync.Mutex
	crew   []*worker // who works here, and some who did
	now    *stage    // with several workers that runs; nil: none
	recent []ItemError

	atGate []chan struct{} // workers that wait for the gate of the run; guarded by its mu

	elapsed time.Duration // of all workers of such stages that have ended
}

// An ItemError is an item that failed and did not stop the flow.
type ItemError struct {
	Time     time.Time `json:"time"`
	Error    string    `json:"error"`
	Item     string    `json:"item"`
	Attempts int       `json:"attempts,omitempty"` // to work on it; 0: one
}

// keptErrors is how many failed items a node remembers.
const keptErrors = 5

// noteError remembers an item that failed.
func (n *node) noteError(item nodes.BadItem) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.recent) == keptErrors {
		n.recent = append(n.recent[:0], n.recent[1:]...)
	}
	n.recent = append(n.recent, ItemError{time.Now(), item.Err.Error(), itemText(item), item.Attempts})
}

// itemFailure is the error of an item that stops the flow.
func (n *node) itemFailure(item nodes.BadItem) error {
	return &Failure{Node: n.spec.ID, Kind: n.spec.Kind, Item: itemText(item), File: item.File, Line: item.Line, Err: item.Err}
}

// newWorker adds a goroutine to the crew.
func (n *node) newWorker() *worker {
	w := &worker{n: n}
	n.mu.Lock()
	if len(n.crew) > 2*n.workers.Max+2 { // others hold the old slice, so it stays as it is
		n.crew = slices.DeleteFunc(slices.Clone(n.crew), func(w *worker) bool { return activity(w.at.Load()&0xff) == ended })
	}
	n.crew = append(n.crew, w)
	n.mu.Unlock()
	return w
}

// setCurrent says which stage with several workers runs.
func (n *node) setCurrent(s *stage) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.now != nil {
		n.elapsed += n.now.crew.timeOfAll()
	}
	n.now = s
}

// current is the stage with several workers that runs, nil if none does.
func (n *node) current() *stage {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.now
}

// timeOfAll is how long the workers of stages with several of them have been there,
// added up.
func (n *node) timeOfAll() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.now == nil {
		return n.elapsed
	}
	return n.elapsed + n.now.crew.timeOfAll()
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

// dismissed says why the node is to take no more, nil if it may: the run is killed,
// or it is nodes.ErrDone.
func (n *node) dismissed() error {
	switch {
	case n.taking.Err() == nil:
		return nil
	case n.run.ctx.Err() != nil:
		return context.Cause(n.run.ctx)
	}
	return nodes.ErrDone
}

// refuse says for a reader that it wants no more of an edge. If no reader of the
// sending node wants more, the node is told, because it may be waiting for its own
// input meanwhile, for as long as a slow source likes.
func (e *edge) refuse() {
	e.refuseOnce.Do(func() {
		close(e.refused)
		if e.sender.unwanted() {
			e.sender.dismiss()
		}
	})
}

// closeBooks counts what a node that ended early took and did not give on.
func (n *node) closeBooks() {
	c := &n.count
	if !n.spec.Spec.Conserves || len(n.in) == 0 {
		return
	}
	lost := c.Filtered.Load() + c.Skipped.Load() + c.Dead.Load() + c.Failed.Load()
	if left := c.In.Load() - c.Out.Load() - lost; left > 0 {
		c.Filtered.Add(left)
		c.Used.Add(-left)
	}
}

// work runs the program of the node to its end, then ends its outputs and refuses
// its inputs.
func (n *node) work(ctx context.Context) {
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
	}()
	var err error
	if n.program.Run != nil {
		err = n.runCustom(ctx)
	} else {
		for i := range n.program.Stages {
			if err = n.runStage(ctx, &n.program.Stages[i]); err != nil {
				break
			}
		}
	}
	switch {
	case errors.Is(err, nodes.ErrDone):
		n.closeBooks()
	case err != nil:
		n.run.fail(n, err)
	}
}

// guard turns a panic in the code of a kind into an error that names the place.
func guard(f func() error) (err error) {
	defer func() {
		if p := nodes.Recovered(recover()); p != nil {
			err = p
		}
	}()
	return f()
}

// runCustom runs a program that has no stages.
func (n *node) runCustom(ctx context.Context) error {
	w := n.newWorker()
	defer w.note(ended, nil)
	n.count.Workers.Store(1)
	var outs []*output
	io := &nodes.IO{Out: func() nodes.OutCloser {
		o := &output{}
		o.begin(ctx, w, nil)
		outs = append(outs, o)
		return n.gated(o)
	}, Gate: n.gate()}
	in := newInputs(n, w, &outs)
	io.In, io.Any = in.all, in.any
	runCtx := ctx
	if len(n.in) == 0 {
		runCtx = n.taking
	}
	start := time.Now()
	err := guard(func() error { return n.program.Run(runCtx, io) })
	n.count.Busy.Add(int64(max(0, time.Since(start)-w.lost-n.rested())))
	in.drop()
	filtered, bad := 0, 0
	for _, o := range outs {
		if ferr := o.flushErrors(); err == nil {
			err = ferr
		}
		filtered += o.filtered
		bad += o.bad
		o.drop()
	}
	n.count.Filtered.Add(int64(filtered))
	n.count.Used.Add(n.count.In.Load() - n.count.Filtered.Load() - int64(bad))
	if err != nil && len(n.in) == 0 && n.dismissed() == nodes.ErrDone {
		return nil // a source that was told to stop
	}
	return err
}

// A receiver is the reading end of an edge in a custom program.
type receiver struct {
	e *edge
	w *worker
}

func (r *receiver) Receive(ctx context.Context) (record.Data, error) {
	env, ok, err := r.e.receive(ctx, r.w)
	if !ok || err != nil {
		return nil, err
	}
	r.w.n.count.In.Add(int64(env.items))
	return env.data, nil
}

func (r *receiver) TryReceive() (record.Data, bool) {
	env, ok, _ := r.e.tryReceive()
	if !ok {
		return nil, false
	}
	r.w.n.count.In.Add(int64(env.items))
	return env.data, true
}

func (r *receiver) Stop() { r.e.refuse() }

// wrap names the node in an error, once.
func (n *node) wrap(err error) error {
	if _, named := errors.AsType[*Failure](err); named {
		return err
	}
	if p, ok := errors.AsType[*nodes.PanicError](err); ok {
		return &Failure{Node: n.spec.ID, Kind: n.spec.Kind, Err: fmt.Errorf("%w\n%s", err, p.Stack)}
	}
	return &Failure{Node: n.spec.ID, Kind: n.spec.Kind, Err: err}
}
