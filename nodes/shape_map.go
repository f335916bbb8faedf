package nodes

import (
	"context"

	"github.com/flowrun/flowrun/graph"
)

// This file declares kinds that take one item at a time, on all workers.

// Map declares a Mapper. N is inferred from proto, I and O from its method.
func Map[N Mapper[I, O], I, O any](kind, summary string, proto N, opts ...Option) Decl {
	d := declareParallel[I](kind, summary, proto, func(n N, env *Env) Worker { return MapValues(env, n.Map) })
	d.Spec.Out = []graph.Port{goPort[O]("out")}
	d.Spec.Conserves = true
	d.Spec.Lines.Emits = "an item was mapped"
	return d.with(opts)
}

// Expand declares an Expander.
func Expand[N Expander[I, O], I, O any](kind, summary string, proto N, opts ...Option) Decl {
	d := declareParallel[I](kind, summary, proto, func(n N, env *Env) Worker {
		return ExpandValues(env, func(ctx context.Context, x I, emit func(O)) error {
			return n.Expand(ctx, x, func(y O) error { emit(y); return nil })
		})
	})
	d.Spec.Out = []graph.Port{goPort[O]("out")}
	d.Spec.Lines.Emits = "an item was expanded"
	return d.with(opts)
}

// Split declares a Splitter. Its outputs are called first and second.
func Split[N Splitter[I, A, B], I, A, B any](kind, summary string, proto N, opts ...Option) Decl {
	d := declareParallel[I](kind, summary, proto, func(n N, env *Env) Worker { return ForkValues(env, n.Split) })
	d.Spec.Out = []graph.Port{goPort[A]("first"), goPort[B]("second")}
	d.Spec.Lines.Emits, d.Spec.Lines.Waits = "an item was split", "one of its outputs is full"
	return d.with(opts)
}

// Process declares a Processor.
func Process[N Processor[I, O], I, O any](kind, summary string, proto N, opts ...Option) Decl {
	d := declareParallel[I](kind, summary, proto, func(n N, env *Env) Worker { return processValues(env, n.Process) })
	d.Spec.Out = []graph.Port{goPort[O]("out")}
	d.Spec.Lines.Emits, d.Spec.Lines.Fails = "a batch was worked on", "a batch fails and on_error says fail"
	spread := d.operator
	d.operator = func(settings any, env *Env) (Operator, error) {
		op, err := spread(settings, env)
		return gatherOp{op.(Spread)}, err
	}
	return d.with(opts)
}

// declareParallel declares a kind whose workers each have an opened copy of the
// settings.
func declareParallel[I, N any](kind, summary string, proto N, worker func(n N, env *Env) Worker) Decl {
	d := declare(kind, summary, proto)
	d.Spec.In, d.Spec.Tries = []graph.Port{goPort[I]("in")}, true
	d.Spec.Lines = graph.Lines{Waits: "its output is full", Fails: "an item fails and on_error says fail"}
	d.operator = func(settings any, env *Env) (Operator, error) {
		return Spread(func(ctx context.Context) (Worker, error) {
			n := copyOf(settings).(N)
			l := lifetimeOf(n, env)
			if err := l.Open(ctx); err != nil {
				return nil, err
			}
			w := worker(n, env)
			if l.close != nil {
				w = &closedWorker{w, l}
			}
			return w, nil
		}), nil
	}
	return d
}

// A closedWorker has a copy of the settings that is closed when the worker leaves.
type closedWorker struct {
	Worker
	lifetime lifetime
}

// Close implements Closer.
func (w *closedWorker) Close() error { return w.lifetime.Close() }

// A gatherOp is a Spread whose workers get batches as they come.
type gatherOp struct{ Spread }

// WholeBatches implements Gatherer.
func (gatherOp) WholeBatches() bool { return true }
