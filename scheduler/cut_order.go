package scheduler

import (
	"context"

	"github.com/flowrun/flowrun/nodes"
)

// This file is the cut among the jobs of a node. Where their order is kept it is a job like
// others. Where it is not, the jobs behind the last cut keep what they make until all
// before it are delivered; whoever delivers the last of these delivers the cut.

// reached is how far a source is.
type reached struct {
	position nodes.Position // nil: nothing was taken that has one
	pieces   uint64         // that had one
}

func (r *reached) note(after nodes.Position) {
	if after != nil {
		r.position = after
		r.pieces++
	}
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
			o.recycle(old)
			o.under.Add(-1)
		} // else somebody delivers it, and it is a job like others
	}
	c.before = int(o.under.Load()) + len(o.back)
	c.taken++
	c.met = make(chan struct{})
	o.under.Add(1)
	c.job = o.job()
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
	o.recycle(j)
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
func (o *order) cutSource(n *node, c cut) reached {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := task{kind: cutTask, cut: c}
	switch {
	case !o.linked:
		if j := o.beginCut(&t); j != nil {
			n.pass(c)
			o.gone(j.gen, j)
		}
	case o.head == nil:
		n.pass(c)
	default:
		o.under.Add(1)
		j := o.job()
		j.task, j.status = t, ready
		o.link(j, o.tail)
	}
	return o.reached
}

// deliverFreely delivers a job where the order is not kept, and the cut if that was the
// last job before it. own is the job if the order made it.
func (n *node) deliverFreely(ctx context.Context, w *worker, j, own *job) error {
	gen := j.gen
	var err error
	if !j.out.turn && j.kind != cutTask {
		err = n.order.await(ctx, j)
	}
	if err == nil {
		err = n.deliver(ctx, w, j)
	} else {
		j.clear()
	}
	for cut := n.order.left(gen, own); cut != nil; cut = n.order.left(cut.gen, cut) { // a cut that was given up may be before another one
		if cerr := n.deliver(ctx, w, cut); err == nil {
			err = cerr
		}
	}
	return err
}

// port is the input over which the first job came that is under way, where that is known.
func (o *order) port() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.head == nil {
		return 0
	}
	return o.head.in.Port
}
