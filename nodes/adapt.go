package nodes

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
)

// Read declares a Source.
func Read[N Source[O], O any](kind, summary string, proto N, opts ...Option) Decl {
	d := declare(kind, summary, proto)
	d.Spec.Out = []graph.Port{goPort[O]("out")}
	d.Spec.Workers = graph.Single
	d.Spec.Lines = graph.Lines{Emits: "an item is there", Waits: "its output is full", Fails: "it cannot read"}
	d.program = func(settings any, env *Env) (*Program, error) {
		n := copyOf(settings).(N)
		return opened(n, env, &Program{Run: func(ctx context.Context, io *IO) error { return readAll(ctx, n, io) }}), nil
	}
	return d.with(opts)
}

// readAll gives items on as they come: one by one as long as the source is slow
// or nobody waits, in batches when it is fast. The source flushes by itself: see
// gathering. When ctx ends, emit says so, for sources that only look there.
func readAll[N Source[O], O any](ctx context.Context, n N, io *IO) error {
	if ctx.Err() != nil { // it was told to stop before it began
		return context.Cause(ctx)
	}
	out := io.Out()
	g := newGathering[O](out)
	defer context.AfterFunc(ctx, func() { g.refuse(context.Cause(ctx)) })()
	err := guard(func() error {
		return n.Read(ctx, func(x O) error { io.Await(); return g.add(x) })
	})
	if flushed := g.close(); err == nil {
		err = flushed
	}
	return errors.Join(err, out.Close())
}

// guard turns a panic into an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := Recovered(recover()); p != nil {
			err = p
		}
	}()
	return f()
}

// opened adds the Open and Close of a struct that has them.
func opened(n any, env *Env, p *Program) *Program {
	if o, ok := n.(Opener); ok {
		p.Open = func(ctx context.Context) error { return guard(func() error { return o.Open(ctx, env) }) }
	}
	if c, ok := n.(Closer); ok {
		p.Settle = func(bool) error { return guard(c.Close) }
	}
	return p
}

// perWorker makes a stage whose workers each have their own opened copy of the
// settings.
func perWorker[N any](settings N, env *Env, work func(n N) Work) *Program {
	var closers []Closer
	return &Program{
		Stages: []Stage{{GoValues: true, Worker: func(ctx context.Context) (Work, error) {
			n := copyOf(settings).(N)
			if o, ok := any(n).(Opener); ok {
				if err := guard(func() error { return o.Open(ctx, env) }); err != nil {
					return nil, err
				}
			}
			if c, ok := any(n).(Closer); ok {
				closers = append(closers, c)
			}
			return work(n), nil
		}}},
		Settle: func(bool) error {
			var errs []error
			for _, c := range closers {
				errs = append(errs, guard(c.Close))
			}
			return errors.Join(errs...)
		},
	}
}

// badGo reports an item of Go values that failed.
func badGo(out Out, d record.Data, i, attempts int, err error) error {
	return out.Bad(BadItem{Err: err, Data: d, Row: i, Attempts: attempts})
}

// take gives the input as Go values. Items that do not fit the Go type are bad
// items of the node.
func take[I any](in record.Data, pool *record.Pool[I], out Out) (*record.Items[I], error) {
	var stop error
	xs := record.ItemsOf(in, pool, func(row int, err error) {
		if stop == nil {
			stop = badGo(out, in, row, 1, err)
		}
	})
	if stop != nil {
		xs.Release()
		return nil, stop
	}
	return xs, nil
}

// Map declares a Mapper. N is inferred from proto, I and O from its method.
func Map[N Mapper[I, O], I, O any](kind, summary string, proto N, opts ...Option) Decl {
	d := declare(kind, summary, proto)
	d.Spec.In, d.Spec.Out = []graph.Port{goPort[I]("in")}, []graph.Port{goPort[O]("out")}
	d.Spec.Conserves = true
	d.Spec.Lines = graph.Lines{Emits: "an item was mapped", Waits: "its output is full", Fails: "an item fails and on_error says fail"}
	d.program = func(settings any, env *Env) (*Program, error) {
		return perWorker(settings.(N), env, func(n N) Work { return mapWork(n, env) }), nil
	}
	return d.with(opts)
}

func mapWork[N Mapper[I, O], I, O any](n N, env *Env) Work {
	ins, outs := new(record.Pool[I]), new(record.Pool[O])
	plain := env.Plain()
	return func(ctx context.Context, in record.Data, _ any, out Out) (any, error) {
		xs, err := take(in, ins, out)
		if err != nil {
			return nil, err
		}
		defer xs.Release()
		ys := outs.Get(len(xs.V))
		for i := 0; i < len(xs.V); i++ {
			attempts := 1
			if plain {
				ys.V, i, err = mapRun(ctx, n, xs.V, ys.V, i)
			} else {
				attempts, err = env.Tries(ctx, func(ctx context.Context) error {
					y, err := n.Map(ctx, xs.V[i])
					if err == nil {
						ys.V = append(ys.V, y)
					}
					return err
				})
			}
			if err != nil {
				if err := badGo(out, xs, i, attempts, err); err != nil {
					ys.Release()
					return nil, err
				}
			}
		}
		return nil, out.Emit(0, ys)
	}
}

// mapRun maps from item i on until one fails; it returns that item's place, or the
// number of items. One recover serves the whole run.
func mapRun[N Mapper[I, O], I, O any](ctx context.Context, n N, xs []I, ys []O, i int) (made []O, at int, err error) {
	made, at = ys, i
	defer func() {
		if p := Recovered(recover()); p != nil {
			err = p
		}
	}()
	for ; at < len(xs); at++ {
		y, err := n.Map(ctx, xs[at])
		if err != nil {
			return made, at, err
		}
		made = append(made, y)
	}
	return made, at, nil
}

// Expand declares an Expander.
func Expand[N Expander[I, O], I, O any](kind, summary string, proto N, opts ...Option) Decl {
	d := declare(kind, summary, proto)
	d.Spec.In, d.Spec.Out = []graph.Port{goPort[I]("in")}, []graph.Port{goPort[O]("out")}
	d.Spec.Lines = graph.Lines{Emits: "an item was expanded", Waits: "its output is full", Fails: "an item fails and on_error says fail"}
	d.program = func(settings any, env *Env) (*Program, error) {
		return perWorker(settings.(N), env, func(n N) Work { return expandWork(n, env) }), nil
	}
	return d.with(opts)
}

// expandWork gives on what an item emitted only if the item succeeded: one that
// is tried again does not leave half of its output behind.
func expandWork[N Expander[I, O], I, O any](n N, env *Env) Work {
	ins, outs := new(record.Pool[I]), new(record.Pool[O])
	return func(ctx context.Context, in record.Data, _ any, out Out) (any, error) {
		xs, err := take(in, ins, out)
		if err != nil {
			return nil, err
		}
		defer xs.Release()
		ys := outs.Get(len(xs.V))
		emit := func(y O) error { ys.V = append(ys.V, y); return nil }
		for i := range xs.V {
			before := len(ys.V)
			attempts, err := env.Tries(ctx, func(ctx context.Context) error {
				ys.V = ys.V[:before]
				return n.Expand(ctx, xs.V[i], emit)
			})
			if err != nil {
				ys.V = ys.V[:before]
				if err := badGo(out, xs, i, attempts, err); err != nil {
					ys.Release()
					return nil, err
				}
			}
			if len(ys.V) >= record.MaxRows {
				full := ys
				ys = outs.Get(record.MaxRows)
				if err := out.Emit(0, full); err != nil {
					ys.Release()
					return nil, err
				}
			}
		}
		return nil, out.Emit(0, ys)
	}
}

// Process declares a Processor.
func Process[N Processor[I, O], I, O any](kind, summary string, proto N, opts ...Option) Decl {
	d := declare(kind, summary, proto)
	d.Spec.In, d.Spec.Out = []graph.Port{goPort[I]("in")}, []graph.Port{goPort[O]("out")}
	d.Spec.Lines = graph.Lines{Emits: "a batch was worked on", Waits: "its output is full", Fails: "a batch fails and on_error says fail"}
	d.program = func(settings any, env *Env) (*Program, error) {
		p := perWorker(settings.(N), env, func(n N) Work { return processWork(n, env) })
		p.Stages[0].Whole = true
		return p, nil
	}
	return d.with(opts)
}

func processWork[N Processor[I, O], I, O any](n N, env *Env) Work {
	ins, outs := new(record.Pool[I]), new(record.Pool[O])
	return func(ctx context.Context, in record.Data, _ any, out Out) (any, error) {
		xs, err := take(in, ins, out)
		if err != nil {
			return nil, err
		}
		defer xs.Release()
		ys := outs.Get(len(xs.V))
		attempts, err := env.Tries(ctx, func(ctx context.Context) error {
			v, err := n.Process(ctx, xs.V, ys.V[:0])
			ys.V = v
			return err
		})
		if err == nil {
			return nil, out.Emit(0, ys)
		}
		ys.Release()
		return nil, badAll(out, xs, len(xs.V), attempts, err)
	}
}

// badAll reports every item of a batch that failed as a whole.
func badAll(out Out, d record.Data, n, attempts int, err error) error {
	for i := range n {
		if err := badGo(out, d, i, attempts, err); err != nil {
			return err
		}
	}
	return nil
}

// Write declares a Sink.
func Write[N Sink[I], I any](kind, summary string, proto N, opts ...Option) Decl {
	d := declare(kind, summary, proto)
	d.Spec.In = []graph.Port{goPort[I]("in")}
	d.Spec.Workers = graph.Single
	d.Spec.Lines = graph.Lines{Emits: "never", Waits: "a write takes its time", Fails: "a write fails and on_error says fail"}
	d.program = func(settings any, env *Env) (*Program, error) {
		n := copyOf(settings).(N)
		ins := new(record.Pool[I])
		commit := func(ctx context.Context, in record.Data, _ any, out Out) error {
			xs, err := take(in, ins, out)
			if err != nil {
				return err
			}
			defer xs.Release()
			attempts, err := env.Tries(ctx, func(ctx context.Context) error { return n.Write(ctx, xs.V) })
			if errors.Is(err, ErrDone) {
				return ErrDone
			}
			if err != nil {
				return badAll(out, xs, len(xs.V), attempts, err)
			}
			return nil
		}
		return opened(n, env, &Program{Stages: []Stage{{GoValues: true, Commit: commit}}}), nil
	}
	return d.with(opts)
}

// Fold declares a Folder.
func Fold[N Folder[I, S, O], I, S, O any](kind, summary string, proto N, opts ...Option) Decl {
	d := declare(kind, summary, proto)
	d.Spec.In, d.Spec.Out = []graph.Port{goPort[I]("in")}, []graph.Port{goPort[O]("out")}
	d.Spec.Workers = graph.Single
	d.Spec.Lines = graph.Lines{Emits: "an item was folded, or the input has ended", Waits: "its output is full", Fails: "an item fails and on_error says fail"}
	d.program = func(settings any, env *Env) (*Program, error) {
		f := &folding[N, I, S, O]{n: copyOf(settings).(N), env: env, states: map[string]*S{}}
		return opened(f.n, env, &Program{Stages: []Stage{{GoValues: true, Commit: f.commit, Finish: f.finish}}}), nil
	}
	return d.with(opts)
}

// folding is a running Folder.
type folding[N Folder[I, S, O], I, S, O any] struct {
	n      N
	env    *Env
	states map[string]*S
	keys   []string // in the order of their first item
	ins    record.Pool[I]
	outs   record.Pool[O]
}

func (f *folding[N, I, S, O]) commit(ctx context.Context, in record.Data, _ any, out Out) error {
	xs, err := take(in, &f.ins, out)
	if err != nil {
		return err
	}
	defer xs.Release()
	ys := f.outs.Get(len(xs.V))
	emit := func(y O) { ys.V = append(ys.V, y) }
	for i, x := range xs.V {
		// One try: a state that was half changed must not be folded into again.
		err := guard(func() error {
			key := f.n.Key(x)
			state := f.states[key]
			if state == nil {
				state = new(S)
				key = strings.Clone(key)
				f.states[key] = state
				f.keys = append(f.keys, key)
			}
			return f.n.Fold(ctx, state, x, emit)
		})
		if err != nil {
			if err := badGo(out, xs, i, 1, err); err != nil {
				ys.Release()
				return err
			}
		}
	}
	return out.Emit(0, ys)
}

func (f *folding[N, I, S, O]) finish(ctx context.Context, out Out) error {
	c, ok := any(f.n).(Closing[S, O])
	if !ok {
		return nil
	}
	g := newGathering[O](out)
	for _, key := range f.keys {
		var stop error
		emit := func(y O) {
			if stop == nil {
				stop = g.add(y)
			}
		}
		err := guard(func() error { return c.Close(ctx, key, f.states[key], emit) })
		if err = cmp.Or(err, stop); err != nil {
			g.close() // nothing may be sent by its timer any more
			return err
		}
	}
	return g.close()
}
