package nodes

import (
	"context"

	"github.com/flowrun/flowrun/graph/record"
)

// This file has the workers over functions that emit any number of items for one.

// An emission gathers what items emit by one output. What an item emitted counts when
// the item has succeeded.
type emission[O any] struct {
	out  Out // of the current call
	port int
	pool record.Pool[O]
	held *record.Items[O]
	kept int // how much of held counts
}

func (e *emission[O]) add(y O) {
	if e.held == nil {
		e.held = e.pool.Get(record.MaxRows)
	}
	e.held.V = append(e.held.V, y)
}

// fresh is how many items the current item has emitted.
func (e *emission[O]) fresh() int {
	if e.held == nil {
		return 0
	}
	return len(e.held.V) - e.kept
}

// undo takes back what the current item has emitted.
func (e *emission[O]) undo() {
	if e.held != nil {
		fill(e.held, e.kept, len(e.held.V))
	}
}

// keep ends an item that has succeeded. It reports whether there is enough to send.
func (e *emission[O]) keep() (full bool) {
	if e.held == nil {
		return false
	}
	e.kept = len(e.held.V)
	return e.kept >= record.MaxRows
}

// settle is keep for an item without an error, undo for one that failed, and sends what
// is enough.
func (e *emission[O]) settle(err error) error {
	if err != nil {
		e.undo()
	}
	if e.keep() {
		return e.flush()
	}
	return nil
}

// flush sends what is held.
func (e *emission[O]) flush() error {
	ys := e.held
	e.held, e.kept = nil, 0
	if ys == nil {
		return nil
	}
	return e.out.Emit(e.port, ys)
}

// drop releases what was not sent.
func (e *emission[O]) drop() {
	if e.held != nil {
		e.held.Release()
		e.held, e.kept = nil, 0
	}
}

// An expander calls a function for each item, which emits. A worker calls it, with the
// timeout and the tries of the node; or it is called in order, each item once, for its
// function may keep state.
type expander[I, O any] struct {
	values[I]
	f       func(ctx context.Context, x I, emit func(O)) error
	inOrder bool
}

// process works on the items of a call. emit is the method add of e.
func (x *expander[I, O]) process(ctx context.Context, in *Input, out Out, e *emission[O], emit func(O)) error {
	c, err := x.begin(in, out)
	if err != nil {
		return err
	}
	defer c.Release()
	e.out = out
	defer e.drop()
	for i := 0; i < c.n; {
		tries := 1
		if x.inOrder || x.plain {
			i, err = x.run(ctx, in, c.V[:c.n], i, e, emit)
		} else if tries, err = x.try(ctx, c.V[i], e, emit); err == nil {
			i++
		}
		if err := e.settle(err); err != nil {
			return err
		}
		if i, err = c.settle(ctx, i, tries, err); err != nil {
			return err
		}
		if x.inOrder && i < c.n && ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return e.flush()
}

// run goes through the items from number i on, until one fails, the call is interrupted or
// there is enough to send. Whoever works in order may not be interrupted, so it also looks
// whether the run is over.
func (x *expander[I, O]) run(ctx context.Context, in *Input, xs []I, i int, e *emission[O], emit func(O)) (at int, err error) {
	defer catch(&err)
	interrupted := in.interruption()
	for at = i; at < len(xs); {
		if err := x.f(ctx, xs[at], emit); err != nil {
			return at, err
		}
		at++
		if e.keep() || interrupted.Load() || x.inOrder && ctx.Err() != nil {
			break
		}
	}
	return at, nil
}

func (x *expander[I, O]) try(ctx context.Context, item I, e *emission[O], emit func(O)) (tries int, err error) {
	return x.env.Tries(ctx, func(ctx context.Context) error {
		e.undo()
		return x.f(ctx, item, emit)
	})
}

// ExpandValues is a worker that gives what f emits for each item, by output 0. An item
// that fails, or is tried again, leaves nothing behind.
func ExpandValues[I, O any](env *Env, f func(ctx context.Context, x I, emit func(O)) error) Worker {
	w := &expandWorker[I, O]{expander: expander[I, O]{values: valuesOf[I](env), f: f}}
	w.emit = w.e.add
	return w
}

type expandWorker[I, O any] struct {
	expander[I, O]
	e    emission[O]
	emit func(O)
}

// Work implements Worker.
func (w *expandWorker[I, O]) Work(ctx context.Context, in Input, out Out) (any, error) {
	return nil, w.process(ctx, &in, out, &w.e, w.emit)
}

// ForkValues is a worker with two outputs: what f gives to first leaves by output 0, and
// what it gives to second by output 1. An item that fails, or is tried again, leaves
// nothing behind.
func ForkValues[I, A, B any](env *Env, f func(ctx context.Context, x I, first func(A), second func(B)) error) Worker {
	w := &forkWorker[I, A, B]{values: valuesOf[I](env), f: f}
	w.second.port = 1
	w.a, w.b = w.first.add, w.second.add
	return w
}

type forkWorker[I, A, B any] struct {
	values[I]
	f      func(ctx context.Context, x I, first func(A), second func(B)) error
	first  emission[A]
	second emission[B]
	a      func(A)
	b      func(B)
}

// Work implements Worker.
func (w *forkWorker[I, A, B]) Work(ctx context.Context, in Input, out Out) (any, error) {
	c, err := w.begin(&in, out)
	if err != nil {
		return nil, err
	}
	defer c.Release()
	w.first.out, w.second.out = out, out
	defer w.first.drop()
	defer w.second.drop()
	for i := 0; i < c.n; {
		tries := 1
		if w.plain {
			i, err = w.run(ctx, &in, c.V[:c.n], i)
		} else if tries, err = w.try(ctx, c.V[i]); err == nil {
			i++
		}
		if err := w.first.settle(err); err != nil {
			return nil, err
		}
		if err := w.second.settle(err); err != nil {
			return nil, err
		}
		if i, err = c.settle(ctx, i, tries, err); err != nil {
			return nil, err
		}
	}
	if err := w.first.flush(); err != nil {
		return nil, err
	}
	return nil, w.second.flush()
}

// run is that of an expander.
func (w *forkWorker[I, A, B]) run(ctx context.Context, in *Input, xs []I, i int) (at int, err error) {
	defer catch(&err)
	interrupted := in.interruption()
	for at = i; at < len(xs); {
		if err := w.f(ctx, xs[at], w.a, w.b); err != nil {
			return at, err
		}
		at++
		fullA, fullB := w.first.keep(), w.second.keep()
		if fullA || fullB || interrupted.Load() {
			break
		}
	}
	return at, nil
}

func (w *forkWorker[I, A, B]) try(ctx context.Context, x I) (tries int, err error) {
	return w.env.Tries(ctx, func(ctx context.Context) error {
		w.first.undo()
		w.second.undo()
		return w.f(ctx, x, w.a, w.b)
	})
}
