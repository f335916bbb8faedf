package scheduler

import (
	"slices"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/queue"
)

// An inlet is an edge as its reader sees it.
type inlet struct {
	e           *edge
	port, place int
	open        bool        // its end was not told yet
	batch       *batcher    // puts batches together; nil: what is there is taken
	data        record.Data // a batch that is handed out in pieces; nil: none
	at          int         // how much of it was handed out
}

// fetch takes off the edges that are wanted.
func (t *intake) fetch(due time.Time) (found bool, err error) {
	until := due
	for i := range t.wanted {
		at := (t.first + i) % len(t.wanted)
		in := t.wanted[at]
		if in.data == nil {
			data, done, err := t.take(in)
			if err != nil {
				return false, err
			}
			if done {
				t.end(in)
				return true, nil
			}
			if data == nil {
				until = sooner(until, in.e.queue.Due())
				if in.batch != nil {
					until = sooner(until, in.batch.due())
				}
				continue
			}
			in.data, in.at = data, 0
		}
		if !t.hand(in) {
			t.nap.until = sooner(t.nap.until, due)
			return false, nil
		}
		if t.first = at; in.data == nil {
			t.first++ // so that no edge is starved by a busy one
		}
		return true, nil
	}
	t.nap = nap{wait: wait{what: receiving, edge: t.wanted[0].e, until: until}}
	return false, nil
}

// take takes off one edge; through its batcher, if batches are asked for.
func (t *intake) take(in *inlet) (data record.Data, done bool, err error) {
	var env queue.Envelope
	var ok bool
	if in.batch == nil {
		if env, ok, done, err = in.e.take(t.most(in)); ok {
			t.n.count.In.Add(int64(env.Items))
		}
		return env.Data, done, err
	}
	for !in.batch.full() {
		if env, ok, done, err = in.e.take(t.most(in)); err != nil {
			return nil, false, err
		}
		if !ok {
			break
		}
		t.n.count.In.Add(int64(env.Items))
		in.batch.add(env)
	}
	if data = in.batch.ready(done || t.n.run.stopping()); data != nil {
		return data, false, nil
	}
	return nil, done, nil
}

// end makes a task of the end of an edge.
func (t *intake) end(in *inlet) {
	in.open, t.stale = false, true
	last := !slices.ContainsFunc(t.inlets, func(o *inlet) bool { return o.open && o.port == in.port })
	t.task = task{kind: endTask, ended: nodes.Ended{Port: in.port, Edge: in.place, Last: last}}
}

// sooner is the earlier of two times, of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// hand makes a task of the next piece of the batch that was taken, as much of it as the
// rate and the breaker of the node let pass. If that is nothing, nap says until when.
func (t *intake) hand(in *inlet) bool {
	n := in.data.Len()
	size, era := t.atOnce(in, n-in.at), uint64(noEra)
	if t.n.bucket != nil || t.n.breaker != nil {
		if size, era = t.n.admit(size, &t.nap); size == 0 {
			return false
		}
	}
	j := &t.task
	*j = task{edge: in.e, era: era}
	j.in.Port, j.in.Edge = in.port, in.place
	if in.at == 0 && size >= n {
		j.in.Data, in.data = in.data, nil
		return true
	}
	end := min(in.at+size, n)
	j.in.Data = in.data.Slice(in.at, end)
	if in.at = end; end == n {
		in.data.Release()
		in.data = nil
	}
	return true
}

// drop releases what was taken off the edges and handed to nobody, and tells how many
// items that were.
func (t *intake) drop() int {
	left := 0
	for _, in := range t.inlets {
		left += in.batch.drop()
		if in.data != nil {
			left += in.data.Len() - in.at
			in.data.Release()
			in.data = nil
		}
	}
	return left
}
