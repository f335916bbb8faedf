package scheduler

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/control"
	"github.com/flowrun/flowrun/scheduler/queue"
)

// This file is the part of an intake that takes items off edges.

// fetch takes off the edges that are wanted, but for those that have come to the cut of an
// epoch. errCame says that one has come to its cut.
func (t *intake) fetch(due time.Time, epoch uint64) (found bool, err error) {
	until := due
	for i := range t.wanted {
		at := (t.first + i) % len(t.wanted)
		in := t.wanted[at]
		if t.blocked(in, epoch) || t.n.brake.on.Load() && in.e.passes() && in.data == nil {
			continue
		}
		if in.data == nil {
			origin := in.batch.low(in.from) + 1
			data, what, err := t.take(in)
			if err != nil {
				return false, err
			}
			switch what {
			case foundEnd:
				t.end(in)
				return true, nil
			case foundMark:
				return false, cmp.Or(t.come(in), errCame)
			}
			if data == nil {
				until = sooner(until, in.e.queue.Due())
				if in.batch != nil {
					until = sooner(until, in.batch.due())
				}
				continue
			}
			in.data, in.at, in.origin = data, 0, origin
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
	t.nap = nap{wait: wait{what: receiving, edge: t.awaited(epoch).spec, until: until}}
	return false, nil
}

// awaited is an edge that the node waits for.
func (t *intake) awaited(epoch uint64) *edge {
	for _, in := range t.inlets {
		if in.open && epoch != 0 && in.cut != epoch {
			return in.e
		}
	}
	return t.wanted[0].e
}

// errCame says that an input has come to its cut.
var errCame = errors.New("an input has come to its cut")

// take takes off one edge; through its batcher, if batches are asked for.
func (t *intake) take(in *inlet) (data record.Data, what finding, err error) {
	if in.batch == nil {
		env, what, err := in.next(t.most(in))
		if what == foundItems {
			t.n.count.In.Add(int64(env.Items))
		}
		return env.Data, what, err
	}
	for !in.batch.full() {
		var env queue.Envelope
		if env, what, err = in.next(t.most(in)); err != nil {
			return nil, what, err
		}
		if what != foundItems {
			break
		}
		t.n.count.In.Add(int64(env.Items))
		in.batch.add(env, in.from+1)
	}
	if what == foundMark {
		return nil, what, nil
	}
	if data = in.batch.ready(what == foundEnd || t.n.life.stopping()); data != nil {
		return data, foundItems, nil
	}
	return nil, what, nil
}

// end makes a task of the end of an edge.
func (t *intake) end(in *inlet) {
	in.open, t.stale = false, true
	last := !slices.ContainsFunc(t.inlets, func(o *inlet) bool { return o.open && o.port == in.port })
	t.task = task{kind: endTask, ended: nodes.EndedEdge{Port: in.port, Edge: in.place, Last: last}}
}

// hand makes a task of the next piece of the batch that was taken, as much of it as the
// rate and the breaker of the node let pass. If that is nothing, nap says until when.
func (t *intake) hand(in *inlet) bool {
	n := in.data.Len()
	size, era := t.atOnce(in, n-in.at), uint64(control.NoEra)
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
		for in.kept != nil { // those are still counted as on the edge
			env, ok := in.kept.Take(true, 0)
			if !ok {
				in.kept = nil
				break
			}
			env.Data.Release()
			in.e.unkept(env)
		}
		if in.data != nil {
			left += in.data.Len() - in.at
			in.data.Release()
			in.data = nil
		}
	}
	return left
}
