package window

import (
	"context"
	"math"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

// An aligner reads several inputs so that none runs ahead: the next item is that
// of the input that has come least far, the first of these in the order of the
// file. So which items are late depends on the items alone.
type aligner struct {
	inputs []input
	marks  *watermarks
	idle   time.Duration // after which a silent input is not waited for; 0: never
	read   func(input int, b *record.Batch, out nodes.Out) (timesOf, error)
}

// timesOf is a batch that was read: how many items take part and their times.
type timesOf interface {
	len() int
	time(i int) int64
	release()
}

// An input is an edge and what has been received and not taken.
type input struct {
	from  nodes.Receiver
	t     *types.Type
	conv  *columns.Conversion
	b     *record.Batch // nil: nothing
	items timesOf
	at    int // how many of items are taken
	ended bool
}

// add adds an input, whose items are read as ones of type to.
func (a *aligner) add(e *graph.Edge, from nodes.Receiver, to *types.Type) {
	a.inputs = append(a.inputs, input{from: from, t: e.Type, conv: columns.NewConversion(e.Type, to, nil)})
}

// next gives an input and items of it, from at up to to, that come before those of
// all other inputs; -1 at the end of all. moved says that only the watermark may
// have moved, because an input is silent or has ended.
func (a *aligner) next(ctx context.Context, out nodes.Out) (which, to int, moved bool, err error) {
	for i := range a.inputs {
		if in := &a.inputs[i]; a.marks.out[i] && !in.ended && in.items == nil {
			if d, ok := in.from.TryReceive(); ok {
				if err := a.took(i, d, out); err != nil {
					return 0, 0, false, err
				}
			}
		}
	}
	which = a.least(-1)
	if which < 0 {
		return a.awaitSilent(ctx, out)
	}
	if a.inputs[which].items == nil {
		moved, err = a.receive(ctx, which, out)
		return which, a.inputs[which].at, moved, err
	}
	return which, a.until(which), false, nil
}

// least is the input that has come least far, but for one; -1: there is none that
// is waited for.
func (a *aligner) least(but int) int {
	least := -1
	for i := range a.inputs {
		if i != but && !a.marks.out[i] && (least < 0 || a.marks.seen[i] < a.marks.seen[least]) {
			least = i
		}
	}
	return least
}

// until finds how many items of an input come before those of all others.
func (a *aligner) until(which int) int {
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

// used counts items of an input as taken.
func (a *aligner) used(which, to int) {
	in := &a.inputs[which]
	if in.at = to; in.items != nil && in.at == in.items.len() {
		in.drop()
	}
}

func (in *input) drop() {
	if in.items != nil {
		in.items.release()
		in.b.Release()
		in.items, in.b, in.at = nil, nil, 0
	}
}

// receive waits for an input. It reports whether the input fell silent or ended.
func (a *aligner) receive(ctx context.Context, which int, out nodes.Out) (moved bool, err error) {
	in, limited := &a.inputs[which], ctx
	if a.idle > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, a.idle)
		defer cancel()
	}
	d, err := in.from.Receive(limited)
	switch {
	case err != nil && ctx.Err() == nil && limited.Err() != nil:
		a.marks.out[which] = true
		return true, nil
	case err != nil:
		return false, err
	case d == nil:
		in.ended, a.marks.out[which] = true, true
		return true, nil
	}
	return false, a.took(which, d, out)
}

// took keeps what was received of an input.
func (a *aligner) took(which int, d record.Data, out nodes.Out) error {
	in := &a.inputs[which]
	b, err := columns.Records(d, in.t, out)
	if err != nil {
		return err
	}
	in.b = in.conv.Batch(b)
	b.Release()
	items, err := a.read(which, in.b, out)
	if err != nil {
		in.b.Release()
		return err
	}
	in.items, in.at, a.marks.out[which] = items, 0, false
	if items.len() == 0 {
		in.drop()
	}
	return nil
}

// awaitSilent waits while all inputs that have not ended are silent: for the first
// of them, not longer than idle, after which next looks at the others.
func (a *aligner) awaitSilent(ctx context.Context, out nodes.Out) (which, to int, moved bool, err error) {
	for i := range a.inputs {
		if a.inputs[i].ended {
			continue
		}
		a.marks.out[i] = false
		moved, err = a.receive(ctx, i, out)
		return i, a.inputs[i].at, moved, err
	}
	return -1, 0, false, nil
}

// release gives back what was not taken.
func (a *aligner) release() {
	for i := range a.inputs {
		a.inputs[i].drop()
	}
}

func (r *reading) len() int         { return r.keys.Len() }
func (r *reading) time(i int) int64 { return r.times.Int[r.keys.Row(i)] }

// runAligned is a window over several inputs.
func (w *windowing) runAligned(ctx context.Context, io *nodes.IO, env *nodes.Env) error {
	out, r := io.Out(), w.reader()
	a := &aligner{marks: w.marks, idle: w.k.Idle}
	a.read = func(_ int, b *record.Batch, out nodes.Out) (timesOf, error) { return r.read(b, out) }
	for i, e := range env.Node.Input("in").Edges {
		a.add(e, io.In[0][i], w.k.in)
	}
	defer a.release()
	for {
		which, to, moved, err := a.next(ctx, out)
		switch {
		case err != nil:
			return err
		case which < 0:
			if err := w.finish(out); err != nil {
				return err
			}
			return out.Close()
		case moved:
			err = w.store.close(w.marks.now(), false, &w.sender, out)
		case a.inputs[which].items != nil:
			err = w.take(a.inputs[which].items.(*reading), a.inputs[which].at, to, which, out)
			a.used(which, to)
		}
		if err != nil {
			return err
		}
	}
}
