// Package meter measures, during a run, what each node of a flow spends: how much
// processor time, and how much of its time in parts that one worker at a time does.
//
// A Meter intercepts the calls of the operators. While the code of a kind runs, its
// goroutine keeps its thread, whose processor time the system counts. That costs about
// a microsecond for each call, so a run is measured when somebody asks for it.
//
// What it does not see: goroutines that a kind starts itself, and what the engine does
// with the items. Both are in the processor time of the process.
package meter

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// Operators gives the operator of a node; see scheduler.Operators.
type Operators interface {
	Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error)
}

// A Meter is the Operators of a run on all cores that is measured. It must not be
// used for a serial run, whose coroutines cannot keep a thread.
type Meter struct {
	of    Operators
	nodes map[string]*node
	alone map[string]bool

	began   time.Time
	machine time.Duration // processor time of the whole machine then
	process time.Duration // and of this process
	queued  time.Duration // time for which its threads had waited for a processor
}

// New measures the operators for one run.
func New(of Operators) *Meter {
	m := &Meter{of: of, nodes: map[string]*node{}, alone: map[string]bool{}, began: time.Now()}
	m.machine, _ = machineTime()
	m.process, m.queued = metrics.CPUTime(), queued()
	return m
}

// Queue is how long the process waited for a processor since New, for each unit of
// processor time that it got: next to nothing on a machine that others do not use.
func (m *Meter) Queue() float64 {
	own := metrics.CPUTime() - m.process
	if own <= 0 {
		return 0
	}
	return max(0, float64(queued()-m.queued)/float64(own))
}

// Free is how many of the cores were there for this process since New: what other
// programs of the same or a higher priority used is not. At least the share counts
// that the process got. 0 is not known.
func (m *Meter) Free() float64 {
	now, processors := machineTime()
	took := time.Since(m.began)
	if processors == 0 || took < 20*time.Millisecond { // the machine counts in ticks of ten
		return 0
	}
	own := metrics.CPUTime() - m.process
	others := max(0, now-m.machine-own)
	cores := float64(runtime.GOMAXPROCS(0))
	return min(cores, max(float64(processors)-float64(others)/float64(took), float64(own)/float64(took), 0.5))
}

// Alone gives the nodes that work on one goroutine, whatever the flow says.
func (m *Meter) Alone() map[string]bool { return m.alone }

// maxThreads is how many workers of a node may keep a thread each; a node that has
// more is not measured.
const maxThreads = 128

// A node is what is counted of one; workers count at once.
type node struct {
	parallel bool         // it has a parallel part
	cpu      atomic.Int64 // ns
	serial   atomic.Int64 // ns, not waiting for others
}

// Operator gives the operator of a node, whose calls are measured. The scheduler
// calls it for one node after the other, before the run.
func (m *Meter) Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error) {
	op, err := m.of.Operator(n, env)
	if err != nil {
		return nil, err
	}
	_, parallel := op.(nodes.Parallel)
	m.alone[n.ID] = !parallel
	if env.Workers > maxThreads || threadTime() < 0 {
		return op, nil
	}
	count := &node{parallel: parallel}
	m.nodes[n.ID] = count
	env.Intercept(nodes.Intercept{Around: count.around})
	return op, nil
}

// Fill writes what was measured into the report of the run.
func (m *Meter) Fill(r *metrics.Report) {
	for i := range r.Nodes {
		if count := m.nodes[r.Nodes[i].ID]; count != nil {
			r.Nodes[i].CPU = max(1, time.Duration(count.cpu.Load()))
			r.Nodes[i].Serial = time.Duration(count.serial.Load())
		}
	}
}

// around measures a call. Opening is no part of the work.
func (count *node) around(ctx context.Context, c nodes.Call, out nodes.Out, next func(context.Context, nodes.Out) error) error {
	nothing := c.Part == nodes.PartProcess && count.parallel && c.Input.Made == nil
	if c.Part == nodes.PartOpen || nothing {
		return next(ctx, out)
	}
	watch := count.start(out)
	defer watch.stop(c.Part.Serial())
	return next(ctx, watch)
}

// A watch measures one call, on the thread of its goroutine. It stands still while the
// operator emits: what happens then is the engine's, which may wait.
type watch struct {
	nodes.Out
	count *node
	cpu   time.Duration // of the thread when it was started
	at    time.Time
	took  time.Duration
}

func (count *node) start(out nodes.Out) *watch {
	w := &watch{Out: out, count: count}
	w.resume()
	return w
}

func (w *watch) resume() {
	runtime.LockOSThread()
	w.cpu, w.at = threadTime(), time.Now()
}

func (w *watch) pause() {
	w.took += time.Since(w.at)
	w.count.cpu.Add(int64(threadTime() - w.cpu))
	runtime.UnlockOSThread()
}

// stop ends the measurement, also when the operator panics.
func (w *watch) stop(serial bool) {
	w.pause()
	if serial {
		w.count.serial.Add(int64(w.took))
	}
}

// Emit implements nodes.Out.
func (w *watch) Emit(port int, d record.Data) error {
	w.pause()
	defer w.resume()
	return w.Out.Emit(port, d)
}
