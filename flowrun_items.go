package flowrun

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// transform is a node that turns items into items, one at a time, on any number of
// workers.
func transform[I, O any](kind, summary, id string, worker func(env *nodes.Env) nodes.Work) *node {
	return &node{
		id:      id,
		spec:    graph.Spec{Kind: kind, Summary: summary, In: []graph.Port{typed[I]("in")}, Out: []graph.Port{typed[O]("out")}},
		program: parallel(worker),
	}
}

// parallel is the program of a node whose workers share nothing.
func parallel(worker func(env *nodes.Env) nodes.Work) func(env *nodes.Env) (*nodes.Program, error) {
	return func(env *nodes.Env) (*nodes.Program, error) {
		return &nodes.Program{Stages: []nodes.Stage{{
			GoValues: true,
			Worker:   func(context.Context) (nodes.Work, error) { return worker(env), nil },
		}}}, nil
	}
}

// An input is the Go values of one call of a worker.
type input[T any] struct {
	*record.Items[T]
	sole bool // nobody else has them, so their memory may be written to
}

// inputs makes Go values of what arrives, which is Go values already unless it
// comes from a node of the catalogue.
type inputs[T any] struct{ pool record.Pool[T] }

// of gives the values with a reference of their own. Records that do not fit the
// Go type are bad items.
func (p *inputs[T]) of(in record.Data, out nodes.Out) (input[T], error) {
	if xs, ok := in.(*record.Items[T]); ok {
		sole := xs.Sole()
		xs.Retain()
		return input[T]{xs, sole}, nil
	}
	var stop error
	xs := record.ItemsOf(in, &p.pool, func(row int, err error) {
		if stop == nil {
			stop = out.Bad(nodes.BadItem{Err: err, Data: in, Row: row})
		}
	})
	if stop != nil {
		xs.Release()
	}
	return input[T]{xs, true}, stop
}

// room gives memory for as many results as there are inputs: that of the inputs
// themselves if nobody else has them and they are of the same type. Result k must
// not be written before input k was read.
func room[I, O any](xs input[I], pool *record.Pool[O]) *record.Items[O] {
	if same, ok := any(xs.Items).(*record.Items[O]); ok && xs.sole {
		same.Retain()
		return same
	}
	ys := pool.Get(len(xs.V))
	ys.V = ys.V[:len(xs.V)]
	return ys
}

// fill says that the first k places of what room gave hold results. The others
// must not keep alive what they point to.
func fill[O any](ys *record.Items[O], k int) *record.Items[O] {
	clear(ys.V[k:])
	ys.V = ys.V[:k]
	return ys
}

// catch turns a panic into the error of the item that it happened on. It must be
// deferred itself.
func catch(err *error) {
	if p := nodes.Recovered(recover()); p != nil {
		*err = p
	}
}

// guard runs f and catches its panics.
func guard(f func() error) (err error) {
	defer catch(&err)
	return f()
}

// attempt runs one item of a node: with the tries and the timeout of the node, if
// it has any. It gives the number of tries.
func attempt(ctx context.Context, env *nodes.Env, try func(context.Context) error) (tries int, err error) {
	if !env.Plain() {
		return env.Tries(ctx, try)
	}
	defer catch(&err)
	return 1, try(ctx)
}

// Map gives f of each item.
func Map[I, O any](in Stream[I], id string, f func(ctx context.Context, x I) (O, error), opts ...Option) Stream[O] {
	n := transform[I, O]("go.map", "Gives one item for each.", id, func(env *nodes.Env) nodes.Work {
		return (&mapper[I, O]{f: f, env: env, plain: env.Plain()}).work
	})
	n.spec.Conserves = true
	return first[O](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}

// Apply is Map for a function that cannot fail.
func Apply[I, O any](in Stream[I], id string, f func(x I) O, opts ...Option) Stream[O] {
	return Map(in, id, func(_ context.Context, x I) (O, error) { return f(x), nil }, opts...)
}

type mapper[I, O any] struct {
	f     func(context.Context, I) (O, error)
	env   *nodes.Env
	plain bool // no tries, no timeout
	ins   inputs[I]
	outs  record.Pool[O]
}

func (m *mapper[I, O]) work(ctx context.Context, in record.Data, _ any, out nodes.Out) (any, error) {
	xs, err := m.ins.of(in, out)
	if err != nil {
		return nil, err
	}
	defer xs.Release()
	ys := room(xs, &m.outs)
	n, k := len(xs.V), 0
	for i := 0; i < n; i++ {
		attempts := 1
		if m.plain {
			from := i
			i, err = m.run(ctx, xs.V, ys.V[k:], i)
			k += i - from
		} else {
			var y O
			attempts, err = m.env.Tries(ctx, func(ctx context.Context) (err error) { y, err = m.f(ctx, xs.V[i]); return err })
			if err == nil {
				ys.V[k] = y
				k++
			}
		}
		if err == nil {
			continue
		}
		if err := out.Bad(nodes.BadItem{Err: err, Data: xs.Items, Row: i, Attempts: attempts}); err != nil {
			ys.Release()
			return nil, err
		}
	}
	return nil, out.Emit(0, fill(ys, k))
}

// run maps items from number i on, until one fails; it gives the number of that
// one, or of all. One recover serves them all.
func (m *mapper[I, O]) run(ctx context.Context, xs []I, ys []O, i int) (at int, err error) {
	defer catch(&err)
	f := m.f
	xs = xs[i:]
	ys = ys[:len(xs)]
	for k, x := range xs {
		at = i + k
		y, err := f(ctx, x)
		if err != nil {
			return at, err
		}
		ys[k] = y
	}
	return i + len(xs), nil
}

// Filter lets the items pass for which keep is true. The others are counted as
// filtered.
func Filter[T any](in Stream[T], id string, keep func(x T) bool, opts ...Option) Stream[T] {
	n := transform[T, T]("go.filter", "Lets some items pass.", id, func(*nodes.Env) nodes.Work {
		return (&filter[T]{keep: keep}).work
	})
	n.spec.Conserves = true
	return first[T](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}

type filter[T any] struct {
	keep func(T) bool
	ins  inputs[T]
	outs record.Pool[T]
}

func (f *filter[T]) work(_ context.Context, in record.Data, _ any, out nodes.Out) (any, error) {
	xs, err := f.ins.of(in, out)
	if err != nil {
		return nil, err
	}
	defer xs.Release()
	ys := room(xs, &f.outs)
	n, k, bad := len(xs.V), 0, 0
	for i := 0; i < n; i++ {
		if k, i, err = f.run(xs.V, ys.V, k, i); err == nil {
			continue
		}
		bad++
		if err := out.Bad(nodes.BadItem{Err: err, Data: xs.Items, Row: i}); err != nil {
			ys.Release()
			return nil, err
		}
	}
	out.Filtered(n - k - bad)
	return nil, out.Emit(0, fill(ys, k))
}

// run filters items from number i on; k are kept already. It ends before an item
// for which keep panics.
func (f *filter[T]) run(xs, ys []T, k, i int) (kept, at int, err error) {
	defer catch(&err)
	keep := f.keep
	for kept, at = k, i; at < len(xs); at++ {
		if x := xs[at]; keep(x) {
			ys[kept] = x
			kept++
		}
	}
	return kept, at, nil
}

// FlatMap gives any number of items for each: those that f emits. An item that
// fails leaves nothing behind, also when it had emitted something before.
func FlatMap[I, O any](in Stream[I], id string, f func(ctx context.Context, x I, emit func(O)) error, opts ...Option) Stream[O] {
	n := transform[I, O]("go.flatmap", "Gives any number of items for each.", id, func(env *nodes.Env) nodes.Work {
		ins, outs := new(inputs[I]), new(record.Pool[O])
		return func(ctx context.Context, in record.Data, _ any, out nodes.Out) (any, error) {
			xs, err := ins.of(in, out)
			if err != nil {
				return nil, err
			}
			defer xs.Release()
			e := emission[O]{out: out, pool: outs}
			defer e.drop()
			for i := range xs.V {
				attempts, err := attempt(ctx, env, func(ctx context.Context) error {
					e.undo()
					return f(ctx, xs.V[i], e.add)
				})
				if err := e.settle(err, nodes.BadItem{Data: xs.Items, Row: i, Attempts: attempts}); err != nil {
					return nil, err
				}
			}
			return nil, e.flush()
		}
	})
	return first[O](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}

// An emission gathers what items emit. What an item emitted counts when the item
// has succeeded.
type emission[O any] struct {
	out    nodes.Out
	pool   *record.Pool[O]
	held   *record.Items[O]
	before int // how much of it counts
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
	return len(e.held.V) - e.before
}

// undo takes back what the current item has emitted.
func (e *emission[O]) undo() {
	if e.held != nil {
		fill(e.held, e.before)
	}
}

// settle ends an item: with an error it is a bad one. An error of settle ends the
// node.
func (e *emission[O]) settle(err error, item nodes.BadItem) error {
	if err != nil {
		e.undo()
		item.Err = err
		return e.out.Bad(item)
	}
	if e.held == nil {
		return nil
	}
	if e.before = len(e.held.V); e.before >= record.MaxRows {
		return e.flush()
	}
	return nil
}

// flush sends what is held.
func (e *emission[O]) flush() error {
	ys := e.held
	e.held, e.before = nil, 0
	if ys == nil {
		return nil
	}
	return e.out.Emit(0, ys)
}

// drop releases what was not sent.
func (e *emission[O]) drop() {
	if e.held != nil {
		e.held.Release()
		e.held = nil
	}
}
