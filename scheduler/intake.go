package scheduler

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// An intake is how a node takes: which edge, how much, and what comes before it. All
// but what is atomic is guarded by the take token, or belongs to the only worker.
type intake struct {
	n       *node
	order   *order // of the node, if it has one
	task    task   // what next has found; valid until the next call
	nap     nap    // what look has found nothing for
	inlets  []*inlet
	wanted  []*inlet // that the operator reads now
	stale   bool     // wanted is to be asked for again
	first   int      // which of them is looked at first, so that none is starved
	unwired []int    // input ports without an edge, whose end was not told yet
	again   bool     // task was taken, and could not be begun yet
	over    bool     // nothing is left to take

	met        uint64 // the epoch of the last cut that was taken
	overruling bool   // senders may be allowed to send although there is no room

	rushed  atomic.Int64            // the due time that was not waited for, because the run stops; 0: none
	ticking atomic.Bool             // a time is under way
	cost    []atomic.Int64          // ns per item, by port, a moving average; 0: not known yet
	reads   atomic.Pointer[[]*edge] // those of wanted, for the autoscaler
}

func newIntake(n *node, o *order) *intake {
	t := &intake{n: n, order: o, stale: true, cost: make([]atomic.Int64, max(1, len(n.in)))}
	for port, edges := range n.in {
		for place, e := range edges {
			t.inlets = append(t.inlets, &inlet{e: e, port: port, place: place, open: true, batch: newBatcher(n.spec.Engine.Batch, n.options)})
		}
		if len(edges) == 0 {
			t.unwired = append(t.unwired, port)
		}
	}
	t.ask()
	return t
}

// putBack is for a task that cannot be begun yet: it is the next one again.
func (t *intake) putBack() { t.again = true }

// ask asks the operator when it is due. It is called after each call of the serial
// part, by whoever made that.
func (t *intake) ask() {
	timed := t.n.parts.Timed
	if timed == nil {
		return
	}
	due := int64(0)
	if at := timed.Due(); !at.IsZero() {
		due = 1 + max(0, int64(at.Sub(t.n.life.started))) // by the monotonic clock
	}
	if t.n.due.Swap(due) != due {
		t.rushed.Store(0)
		t.n.bell.ring()
	}
}

// nowhere makes a task of the end of a port that has no edges.
func (t *intake) nowhere() {
	t.task = task{kind: endTask, ended: nodes.EndedEdge{Port: t.unwired[0], Edge: -1, Last: true}}
	t.unwired, t.stale = t.unwired[1:], true
}

// tick makes a task of the time that has come, or is not waited for.
func (t *intake) tick(early bool) {
	t.ticking.Store(true)
	t.task = task{kind: timeTask, early: early}
}

// rush reports whether a due time is not to be waited for, because the run was told to
// stop. It does so once for each.
func (t *intake) rush(due int64) bool {
	return t.n.life.stopping() && t.rushed.Swap(due) != due
}

// choose finds the edges that are read now.
func (t *intake) choose(w *worker) error {
	n := t.n
	selective := n.parts.Selective
	if !t.stale && (selective == nil || n.parts.Parallel != nil) {
		return nil
	}
	if selective != nil && t.order != nil { // it changes its mind in the call that is still under way
		if err := t.order.settled(w); err != nil {
			return err
		}
	}
	t.stale = false
	for _, in := range t.wanted {
		in.wanted = false
	}
	t.wanted = t.wanted[:0]
	err := guard(func() error {
		inOrder := -1
		for _, in := range t.inlets {
			if !in.open || in.port == inOrder || selective != nil && !selective.Wants(in.port, in.place) {
				continue
			}
			if n.spec.In[in.port].ReadOrder == graph.InOrder {
				inOrder = in.port // and none of those behind it
			}
			t.wanted, in.wanted = append(t.wanted, in), true
		}
		return nil
	})
	if n.workers.Elastic() {
		var edges []*edge
		for _, in := range t.wanted {
			edges = append(edges, in.e)
		}
		t.reads.Store(&edges)
	}
	return err
}

// open reports whether any edge has not ended.
func (t *intake) open() bool {
	return slices.ContainsFunc(t.inlets, func(in *inlet) bool { return in.open })
}

// learn updates the cost of an item.
func (t *intake) learn(port, items int, took time.Duration) {
	if items <= 0 {
		return
	}
	now := max(int64(took)/int64(items), 1)
	if old := t.cost[port].Load(); old > 0 {
		now = (3*old + now) / 4
	}
	t.cost[port].Store(now)
}

// share is how many of the waiting items to take at once.
func (t *intake) share(port, waiting int) int {
	parts := &t.n.parts
	if parts.Parallel == nil || parts.Gatherer != nil && parts.Gatherer.WholeBatches() {
		return waiting
	}
	cost := t.cost[port].Load()
	if cost == 0 {
		return 1 // it may be slow
	}
	return int(min(int64(waiting), max(1, int64(taskTime)/cost)))
}

// atOnce is share, within what the run and the node allow.
func (t *intake) atOnce(in *inlet, waiting int) int {
	if in.batch != nil {
		return waiting // it is cut to size already
	}
	return min(t.share(in.port, waiting), t.n.options.batch())
}

// most is how many items to take off a queue that reorders: few, so that what comes
// while the node works can still overtake.
func (t *intake) most(in *inlet) int {
	if in.e.ranker == nil {
		return 0 // it has no single items
	}
	cost := t.cost[in.port].Load()
	if cost == 0 || t.n.breaker != nil {
		return 1
	}
	most := max(1, int64(taskTime)/cost)
	if t.n.bucket != nil {
		most = min(most, max(1, t.n.bucket.Ready())) // those that may not pass yet can still be overtaken
	}
	return int(most)
}
