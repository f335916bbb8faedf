package window

import (
	"context"
	"math"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

// An alignOp is the operator of kinds that read several inputs so that none runs
// ahead: the next item is that of the input that has come least far, the first of
// these in the order of the file. So which items are late depends on the items alone.
//
// Between two calls it awaits one input, of which it has nothing, and holds what it
// has of the others: a batch of each at most. Inputs that have fallen silent are read
// too, as soon as they have something again.
type alignOp struct {
	kind    alignTarget
	marks   *watermarks
	inputs  []input
	first   []int         // by port: the place of its first edge among the inputs
	idle    time.Duration // after which a silent input is not waited for; 0: never
	awaited int           // the input that is waited for; -1: none
	since   time.Time     // with idle: since when
}

// An alignTarget is what an alignOp brings the items of its inputs to, in their order.
type alignTarget interface {
	// read computes what is needed of a batch of an input. Items that fail are
	// reported and take no part.
	read(input int, b *record.Batch, out nodes.Out) (timedBatch, error)
	// take takes items of a batch that was read, from up to to.
	take(input int, items timedBatch, from, to int, out nodes.Out) error
	// moved is called when only the watermark may have moved, because an input is
	// silent or has ended.
	moved(out nodes.Out) error
	// finish is called at the end of all inputs.
	finish(out nodes.Out) error
}

// A timedBatch is a batch that was read: how many items take part and their times.
type timedBatch interface {
	len() int
	time(i int) int64
	Release()
}

// An input is an edge and what has been received and not taken.
type input struct {
	conv  *columns.Conversion
	b     *record.Batch // nil: nothing
	items timedBatch
	at    int // how many of items are taken
	ended bool
}

var (
	_ nodes.Selective = (*alignOp)(nil)
	_ nodes.Timed     = (*alignOp)(nil)
)

// newAlignOp makes the operator over all edges of a node, those of each port being
// read as items of one type.
func newAlignOp(env *nodes.Env, kind alignTarget, marks *watermarks, idle time.Duration, ports ...*types.Type) *alignOp {
	a := &alignOp{kind: kind, marks: marks, idle: idle}
	for port, t := range ports {
		a.first = append(a.first, len(a.inputs))
		for _, e := range env.Node.In[port].Edges {
			a.inputs = append(a.inputs, input{conv: columns.NewConversion(e.Type, t, nil)})
		}
	}
	return a
}

// Open implements nodes.Starter.
func (a *alignOp) Open(context.Context) error {
	a.since = time.Now()
	return nil
}

// Close implements nodes.Closer. It gives back what was not taken.
func (a *alignOp) Close() error {
	for i := range a.inputs {
		a.inputs[i].drop()
	}
	return nil
}

// Wants implements nodes.Selective.
func (a *alignOp) Wants(port, edge int) bool {
	i := a.first[port] + edge
	return i == a.awaited || a.marks.out[i]
}

// Process implements nodes.Operator.
func (a *alignOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	which := a.first[in.Port] + in.Edge
	if which == a.awaited {
		a.awaited = -1
	}
	i := &a.inputs[which]
	b, err := i.conv.Batch(in.Data.(*record.Batch), out)
	if err != nil {
		return err
	}
	items, err := a.kind.read(which, b, out)
	if err != nil {
		b.Release()
		return err
	}
	i.b, i.items, a.marks.out[which] = b, items, false
	if items.len() == 0 {
		i.drop()
	}
	return a.advance(out)
}

// Due implements nodes.Timed.
func (a *alignOp) Due() time.Time {
	if a.idle == 0 || a.awaited < 0 {
		return time.Time{}
	}
	return a.since.Add(a.idle)
}

// OnTime implements nodes.Timed: the input that is waited for is silent.
func (a *alignOp) OnTime(_ context.Context, now time.Time, out nodes.Out) error {
	if due := a.Due(); due.IsZero() || now.Before(due) {
		return nil
	}
	a.marks.out[a.awaited] = true
	if err := a.kind.moved(out); err != nil {
		return err
	}
	return a.advance(out)
}

// End implements nodes.Ender. An input that has ended counts until it is its turn.
func (a *alignOp) End(_ context.Context, e nodes.EndedEdge, out nodes.Out) error {
	a.inputs[a.first[e.Port]+e.Edge].ended = true
	if err := a.advance(out); err != nil {
		return err
	}
	for i := range a.inputs {
		if !a.inputs[i].ended {
			return nil
		}
	}
	return a.kind.finish(out)
}

// advance takes what can be taken, up to an input that must be waited for.
func (a *alignOp) advance(out nodes.Out) error {
	for {
		which := a.least(-1)
		if which < 0 || a.inputs[which].items == nil && !a.inputs[which].ended {
			a.await(which)
			return nil
		}
		in := &a.inputs[which]
		if in.items == nil {
			a.marks.out[which] = true
			if err := a.kind.moved(out); err != nil {
				return err
			}
			continue
		}
		to := a.until(which)
		if err := a.kind.take(which, in.items, in.at, to, out); err != nil {
			return err
		}
		if in.at = to; to == in.items.len() {
			in.drop()
		}
	}
}

// await notes which input is waited for. Whoever was waited for already has been
// silent since then, whatever came of others meanwhile.
func (a *alignOp) await(which int) {
	if which == a.awaited {
		return
	}
	a.awaited = which
	if a.idle > 0 {
		a.since = time.Now()
	}
}

// least is the input that has come least far, but for one; -1: there is none that
// is waited for.
func (a *alignOp) least(but int) int {
	least := -1
	for i := range a.inputs {
		if i != but && !a.marks.out[i] && (least < 0 || a.marks.seen[i] < a.marks.seen[least]) {
			least = i
		}
	}
	return least
}

// until finds how many items of an input come before those of all others.
func (a *alignOp) until(which int) int {
	in := &a.inputs[which]
	limit := int64(math.MaxInt64)
	if other := a.least(which); other >= 0 {
		if limit = a.marks.seen[other]; which < other && limit < math.MaxInt64 {
			limit++ // of equals the first one goes on
		}
	}
	seen, to := a.marks.seen[which], in.at
	for to < in.items.len() && (to == in.at || seen < limit) {
		seen = max(seen, in.items.time(to))
		to++
	}
	return to
}

func (in *input) drop() {
	if in.items != nil {
		in.items.Release()
		in.b.Release()
		in.items, in.b, in.at = nil, nil, 0
	}
}
