package nodes

import (
	"context"
	"errors"

	"github.com/flowrun/flowrun/graph/record"
)

// This file has the workers over functions of one Go value.

// MapValues is a worker that gives f of each item, by output 0. The timeout and the
// tries of the node are those of an item.
func MapValues[I, O any](env *Env, f func(ctx context.Context, x I) (O, error)) Worker {
	return &mapWorker[I, O]{values: valuesOf[I](env), f: f}
}

type mapWorker[I, O any] struct {
	values[I]
	f    func(context.Context, I) (O, error)
	outs record.Pool[O]
}

// Work implements Worker.
func (m *mapWorker[I, O]) Work(ctx context.Context, in Input, out Out) (any, error) {
	c, err := m.begin(&in, out)
	if err != nil {
		return nil, err
	}
	defer c.Release()
	ys, k := room(&c, &m.outs), 0
	for i := 0; i < c.n; {
		from, tries := i, 1
		if m.plain {
			i, err = m.run(ctx, &in, c.V[:c.n], ys.V[k:], i)
		} else if tries, err = m.try(ctx, c.V[i], ys.V[k:]); err == nil {
			i++
		}
		k += i - from
		if i, err = c.settle(ctx, i, tries, err); err != nil {
			ys.Release()
			return nil, err
		}
	}
	return nil, out.Emit(0, fill(ys, k, c.n))
}

// run maps items from number i on, until one fails or the call is interrupted; it
// gives the number of that one, or of all. One recover serves them all.
func (m *mapWorker[I, O]) run(ctx context.Context, in *Input, xs []I, ys []O, i int) (at int, err error) {
	defer catch(&err)
	f, interrupted := m.f, in.interruption()
	xs = xs[i:]
	ys = ys[:len(xs)]
	for k, x := range xs {
		at = i + k
		y, err := f(ctx, x)
		if err != nil {
			return at, err
		}
		ys[k] = y
		if interrupted.Load() {
			return at + 1, nil
		}
	}
	return i + len(xs), nil
}

// try maps one item. What a try that failed made does not count.
func (m *mapWorker[I, O]) try(ctx context.Context, x I, ys []O) (tries int, err error) {
	return m.env.Tries(ctx, func(ctx context.Context) error {
		y, err := m.f(ctx, x)
		if err == nil {
			ys[0] = y
		}
		return err
	})
}

// FilterValues is a worker that lets the items pass for which keep is true. The
// others are counted as filtered.
func FilterValues[T any](env *Env, keep func(x T) bool) Worker {
	return &filterWorker[T]{values: valuesOf[T](env), keep: keep}
}

type filterWorker[T any] struct {
	values[T]
	keep func(T) bool
	outs record.Pool[T]
}

// Work implements Worker.
func (f *filterWorker[T]) Work(ctx context.Context, in Input, out Out) (any, error) {
	c, err := f.begin(&in, out)
	if err != nil {
		return nil, err
	}
	defer c.Release()
	ys, k, bad := room(&c, &f.outs), 0, 0
	for i := 0; i < c.n; {
		if k, i, err = f.run(&in, c.V[:c.n], ys.V, k, i); err != nil {
			bad++
		}
		if i, err = c.settle(ctx, i, 1, err); err != nil {
			ys.Release()
			return nil, err
		}
	}
	out.Filtered(c.n - k - bad)
	return nil, out.Emit(0, fill(ys, k, c.n))
}

// run filters items from number i on; k are kept already. It ends before an item for
// which keep panics.
func (f *filterWorker[T]) run(in *Input, xs, ys []T, k, i int) (kept, at int, err error) {
	defer catch(&err)
	keep, interrupted := f.keep, in.interruption()
	kept = k
	for j, x := range xs[i:] {
		at = i + j
		if keep(x) {
			ys[k] = x
			k++
			kept = k
		}
		if interrupted.Load() {
			return kept, at + 1, nil
		}
	}
	return kept, len(xs), nil
}

// EachValue is a worker that calls f for each item and gives nothing on. ErrDone of f
// ends the node.
func EachValue[T any](env *Env, f func(ctx context.Context, x T) error) Worker {
	return &eachWorker[T]{values: valuesOf[T](env), f: f}
}

type eachWorker[T any] struct {
	values[T]
	f func(context.Context, T) error
}

// Work implements Worker.
func (e *eachWorker[T]) Work(ctx context.Context, in Input, out Out) (any, error) {
	c, err := e.begin(&in, out)
	if err != nil {
		return nil, err
	}
	defer c.Release()
	for i := 0; i < c.n; {
		tries := 1
		if e.plain {
			i, err = e.run(ctx, &in, c.V[:c.n], i)
		} else if tries, err = e.env.Tries(ctx, func(ctx context.Context) error { return e.f(ctx, c.V[i]) }); err == nil {
			i++
		}
		if errors.Is(err, ErrDone) {
			return nil, ErrDone
		}
		if i, err = c.settle(ctx, i, tries, err); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// run works from item i on, as that of mapWorker does.
func (e *eachWorker[T]) run(ctx context.Context, in *Input, xs []T, i int) (at int, err error) {
	defer catch(&err)
	f, interrupted := e.f, in.interruption()
	for j, x := range xs[i:] {
		at = i + j
		if err := f(ctx, x); err != nil {
			return at, err
		}
		if interrupted.Load() {
			return at + 1, nil
		}
	}
	return len(xs), nil
}

// processValues is a worker that gives what f appends to out for a whole batch. An
// error is that of every item of it. Its operator is a Gatherer.
func processValues[I, O any](env *Env, f func(ctx context.Context, in []I, out []O) ([]O, error)) Worker {
	return &processWorker[I, O]{values: valuesOf[I](env), f: f}
}

type processWorker[I, O any] struct {
	values[I]
	f    func(context.Context, []I, []O) ([]O, error)
	outs record.Pool[O]
}

// Work implements Worker.
func (p *processWorker[I, O]) Work(ctx context.Context, in Input, out Out) (any, error) {
	c, err := p.begin(&in, out)
	if err != nil {
		return nil, err
	}
	defer c.Release()
	ys := p.outs.Get(c.n)
	tries, err := p.env.Tries(ctx, func(ctx context.Context) error {
		v, err := p.f(ctx, c.V, ys.V[:0])
		ys.V = v
		return err
	})
	if err == nil {
		return nil, out.Emit(0, ys)
	}
	ys.Release()
	return nil, c.allBad(tries, err)
}

// allBad reports every item of a batch that failed as a whole.
func (c *call[T]) allBad(tries int, err error) error {
	for i := range c.n {
		if err := c.bad(i, tries, err); err != nil {
			return err
		}
	}
	return nil
}

// AsValues is a worker that makes Go values of records, and gives on what are some
// already.
func AsValues[T any](env *Env) Worker {
	v := valuesOf[T](env)
	return WorkFunc(func(_ context.Context, in Input, out Out) (any, error) {
		c, err := v.begin(&in, out)
		if err != nil {
			return nil, err
		}
		return nil, out.Emit(0, c.Items)
	})
}
