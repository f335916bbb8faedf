package nodes

import (
	"context"
	"sync/atomic"

	"github.com/flowrun/flowrun/graph/record"
)

// This file and the others called values make operators and workers of functions over
// Go values. The shapes of kinds are built on them, and so are the functions of
// package flowrun.
//
// What they have in common. Items that failed, by an error or a panic, are bad items of
// the node and leave nothing behind; their neighbours go on. A worker belongs to one
// goroutine, and so does the memory that it uses again. Between any two items a call
// asks whether it is to yield.

// values is what adapters of items of a type share. It belongs to one goroutine.
type values[T any] struct {
	env   *Env
	plain bool // items need no tries of their own
	pool  record.Pool[T]
}

func valuesOf[T any](env *Env) values[T] { return values[T]{env: env, plain: env.Plain()} }

// A call is what one call of an operator or a worker works on: Go values, with a
// reference of its own.
type call[T any] struct {
	*record.Items[T]
	calls interrupter // not the Input itself, which would then live on the heap
	out   Out
	n     int  // the first n items are those of the call: others were given away
	sole  bool // nobody else has the items, so their memory may be written to
	exact bool // the items stand at the same places as in the input
}

// begin makes Go values of an input, which has them already unless it comes from a
// node of the catalogue. Records that do not fit the Go type are bad items.
func (v *values[T]) begin(in *Input, out Out) (call[T], error) {
	if xs, ok := in.Data.(*record.Items[T]); ok {
		sole := xs.Sole() && v.env.DeadLetters == nil
		xs.Retain()
		return call[T]{xs, in.calls(), out, len(xs.V), sole, true}, nil
	}
	xs, exact, stop := v.convert(in.Data, out)
	return call[T]{xs, in.calls(), out, len(xs.V), v.env.DeadLetters == nil, exact}, stop
}

// convert makes Go values of records. It is not exact if some did not fit.
func (v *values[T]) convert(data record.Data, out Out) (xs *record.Items[T], exact bool, stop error) {
	exact = true
	xs = record.ItemsOf(data, &v.pool, func(row int, err error) {
		exact = false
		if stop == nil {
			stop = out.Bad(BadItem{Err: err, Data: data, Row: row})
		}
	})
	if stop != nil {
		xs.Release()
	}
	return xs, exact, stop
}

// settle ends a stretch of items before item at, or with it, if err is its error. It
// gives the item to go on with. An error of settle ends the call.
func (c *call[T]) settle(ctx context.Context, at, tries int, err error) (next int, stop error) {
	if err != nil {
		if err := c.bad(at, tries, err); err != nil {
			return at, err
		}
		at++
	}
	if at < c.n && c.calls.flag.Load() {
		return at, c.yield(ctx, at)
	}
	return at, nil
}

func (c *call[T]) bad(i, tries int, err error) error {
	return c.out.Bad(BadItem{Err: err, Data: c.Items, Row: i, Attempts: tries})
}

// yield asks how many items are left to the call. A call whose input lost some keeps
// them all: another worker would report the lost ones again.
func (c *call[T]) yield(ctx context.Context, done int) (err error) {
	if !c.exact {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	}
	c.n, err = c.calls.yield(done, len(c.V))
	return err
}

// An interrupter is the part of an Input that asks for a yield.
type interrupter struct {
	flag   *atomic.Bool
	holder Yielder
}

func (in *Input) calls() interrupter { return interrupter{in.interruption(), in.holder} }

func (i interrupter) yield(done, items int) (int, error) {
	if i.holder == nil {
		return items, nil
	}
	return i.holder.Yield(done)
}

// never is the flag of a call that cannot be interrupted.
var never atomic.Bool

// interruption gives what Interrupted looks at, for loops over many items.
func (in *Input) interruption() *atomic.Bool {
	if in.flag == nil {
		return &never
	}
	return in.flag
}

// room gives memory for as many results as there are items: that of the items
// themselves if nobody else has them and they are of the same type. Result k must not
// be written before item k was read.
func room[I, O any](c *call[I], pool *record.Pool[O]) *record.Items[O] {
	if same, ok := any(c.Items).(*record.Items[O]); ok && c.sole {
		same.Retain()
		return same
	}
	ys := pool.Get(c.n)
	ys.V = ys.V[:c.n]
	return ys
}

// fill says that the first k places of what room gave hold results, of n items. The
// others must not keep alive what they point to; those beyond n are none of the call's,
// for whoever was given these items may read them here.
func fill[O any](ys *record.Items[O], k, n int) *record.Items[O] {
	clear(ys.V[k:n])
	ys.V = ys.V[:k]
	return ys
}

// lifetime is the Open and Close of an operator that is made of a struct which may
// have them.
type lifetime struct {
	open  func(ctx context.Context) error // nil: nothing
	close func() error                    // nil: nothing
}

// lifetimeOf takes the methods of a struct.
func lifetimeOf(n any, env *Env) (l lifetime) {
	if o, ok := n.(Opener); ok {
		l.open = func(ctx context.Context) error { return o.Open(ctx, env) }
	}
	if c, ok := n.(Closer); ok {
		l.close = c.Close
	}
	return l
}

// Open implements Starter.
func (l *lifetime) Open(ctx context.Context) error {
	if l.open == nil {
		return nil
	}
	return Guard(func() error { return l.open(ctx) })
}

// Close implements Closer.
func (l *lifetime) Close() error {
	if l.close == nil {
		return nil
	}
	return Guard(l.close)
}
