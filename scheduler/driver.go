package scheduler

import (
	"context"
	"errors"
	"time"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A driver makes a node work: intake is how it takes, order in which order what its workers
// make leaves, and staff who they are, where their number may change.
type driver struct {
	*node
	intake *intake
	order  *order // nil: one worker that needs no others
	staff  staff  // nil: the same, or its workers stay the same; guarded by mu

	epoch uint64 // of the last cut that it has met; guarded by the epochs' mu, as is
	over  bool   // it has ended, and so has come to every cut
}

// A staff is workers whose number may change.
type staff interface {
	timeOfAll() time.Duration // how long they have been there, added up
	staying() int             // how many there are that were not told to leave
	resize(to int) bool       // reports whether it changed anything
}

// makeOrder makes the order of the node, if it has none yet.
func (n *driver) makeOrder() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.order == nil {
		n.order = newOrder(n.node)
		if n.intake != nil {
			n.intake.order = n.order
		}
	}
}

// workforce is the staff of the node, nil if it has none yet.
func (n *driver) workforce() staff {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.staff
}

// timeOfAll is how long the workers of the node have been there, added up.
func (n *driver) timeOfAll() time.Duration {
	if p := n.workforce(); p != nil {
		return p.timeOfAll()
	}
	return 0
}

// owes reports whether a source has given what it has not acknowledged.
func (n *driver) owes() bool { return n.at().pieces > n.acks.pieces }

// at is how far a source is.
func (n *driver) at() headway {
	if n.order == nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.reached
	}
	n.order.mu.Lock()
	defer n.order.mu.Unlock()
	return n.order.reached
}

func (n *driver) report(took time.Duration) metrics.NodeReport {
	c := &n.count
	latency := c.Latency.Snapshot()
	workers := max(c.Workers.Load(), 1)
	whole := float64(max(took, 1)) * float64(workers)
	if n.workers.Elastic() {
		whole = float64(max(n.timeOfAll(), 1))
	}
	share := func(ns int64) float64 { return min(1, max(0, float64(ns)/whole)) }
	rep := metrics.NodeReport{
		ID: n.spec.ID, Kind: n.spec.Kind, State: "running", Workers: int(workers), Most: int(c.Most.Load()), Resized: c.Resized.Load(),
		In: c.In.Load(), Out: c.Out.Load(), Used: c.Used.Load(), Filtered: c.Filtered.Load(),
		Skipped: c.Skipped.Load(), Dead: c.Dead.Load(), Failed: c.Failed.Load(), Retries: c.Retries.Load(),
		Busy: share(c.Busy.Load()), Blocked: share(c.Blocked.Load()), Starved: share(c.Starved.Load()),
		P50: latency.Quantile(0.5), P99: latency.Quantile(0.99), Latency: latency,
		BusyTime: time.Duration(c.Busy.Load()), BlockedTime: time.Duration(c.Blocked.Load()), StarvedTime: time.Duration(c.Starved.Load()),
		Began: moment(c.Began.Load()), Finished: moment(c.Finished.Load()),
		Limited: share(c.Limited.Load() * workers), Breaker: metrics.BreakerState(c.Breaker.Load()), Openings: c.Openings.Load(),
		Conserves: n.spec.Spec.Conserves, Source: len(n.in) == 0,
	}
	if c.Ended.Load() {
		rep.State = "done"
	}
	if !rep.Source {
		rep.Held = max(0, rep.In-rep.Used-rep.Filtered-rep.Errors())
	}
	if n.env.Dropped != nil {
		rep.FieldsDropped = n.env.Dropped()
	}
	if n.env.Notes != nil {
		for _, note := range n.env.Notes() {
			rep.Notes = append(rep.Notes, metrics.Note(note))
		}
	}
	if n.env.Standing != nil {
		standing := metrics.Standing(n.env.Standing())
		rep.Standing = &standing
	}
	if n.env.Progress != nil {
		rep.Done, rep.Total = n.env.Progress()
	}
	return rep
}

// moment is a time that a counter holds, zero if it holds none.
func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

// holds is the input over which a node has not come to a cut, or over which something came
// before the cut that is still in work.
func (n *driver) holds(epoch uint64) string {
	for port, edges := range n.in {
		for _, e := range edges {
			if e.came.Load() < epoch {
				return n.spec.In[port].Name
			}
		}
	}
	n.mu.Lock()
	o := n.order
	n.mu.Unlock()
	if o == nil || n.source() {
		return ""
	}
	return n.spec.In[o.port()].Name
}

// sendsTo is the edge on which a worker of the node waits for room, by its ID; -1: none does.
func (n *driver) sendsTo() int {
	for _, w := range n.everyone() {
		if doing, edge := w.doing(); doing == sending && edge >= 0 {
			return edge
		}
	}
	return -1
}

// open makes a worker: its parallel part, and what sees its inputs before.
func (n *driver) open(ctx context.Context) (*worker, error) {
	w := n.newWorker(n.workers.Max)
	err := guard(func() (err error) {
		if n.parts.Parallel != nil {
			w.work, err = n.parts.Parallel.NewWorker(ctx)
		}
		for _, i := range n.env.Intercepts() {
			if i.Arrive != nil {
				w.sees = append(w.sees, i.Arrive())
			}
		}
		return err
	})
	if err != nil {
		w.note(ended, nil)
	}
	return w, err
}

// yield is called by whoever works on a job, between two of its items. It gives how
// many items of the job are left to it: the others are given back, if anybody is idle.
func (n *driver) yield(j *job, done int) (int, error) {
	items := j.in.Data.Len()
	if j.upTo > 0 {
		items = j.upTo
	}
	if n.life.ctx.Err() != nil {
		return done, context.Cause(n.life.ctx)
	}
	x := n.exchange
	if n.failing.Load() && x != nil && n.order.linked && n.order.failsBefore(j) {
		return done, errFailing
	}
	keep := max(done, 1)
	if x == nil || !j.splits || x.idle.Load() == 0 || keep >= items {
		if x == nil || x.idle.Load() == 0 {
			n.calm()
		}
		return items, nil
	}
	rest := j.task
	rest.in.Data, rest.seen = j.in.Data.Slice(keep, items), true
	n.intake.cost[j.in.Port].Store(0) // what was known of it did not hold
	j.items -= items - keep
	j.upTo = keep
	n.order.giveBack(rest, j)
	n.calm()
	for range min(int(x.idle.Load()), items-keep) {
		poke(x.back)
	}
	return keep, nil
}

// calm takes back that those who work are to yield, unless the run is over or about to
// be.
func (n *driver) calm() {
	n.interrupt.Store(false)
	if n.life.ctx.Err() != nil || n.failing.Load() {
		n.interrupt.Store(true)
	}
}

// errFailing ends work on what comes after an item that will end the run.
var errFailing = errors.New("an item before this one has failed")
