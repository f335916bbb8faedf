package nodes

import "github.com/flowrun/flowrun/graph"

// This file declares kinds that see their items in order.

// Fold declares a Folder.
func Fold[N Folder[I, S, O], I, S, O any](kind, summary string, proto N, opts ...Option) Decl {
	d := declare(kind, summary, proto)
	d.Spec.In, d.Spec.Out = []graph.Port{goPort[I]("in")}, []graph.Port{goPort[O]("out")}
	d.Spec.Workers, d.Spec.Untried, d.Spec.Holds = graph.Single, graph.KeepsState, "a state for each key"
	d.Spec.Lines = graph.Lines{Emits: "an item was folded, or the input has ended", Waits: "its output is full", Fails: "an item fails and on_error says fail"}
	d.operator = func(settings any, env *Env) (Operator, error) {
		n := copyOf(settings).(N)
		f := FoldFuncs[I, string, S, O]{Key: n.Key, Fold: n.Fold}
		if c, ok := any(n).(StateCloser[S, O]); ok {
			f.Close = c.Close
		}
		op := foldValues(env, f)
		op.lifetime = lifetimeOf(n, env)
		return op, nil
	}
	return d.with(opts)
}

// Connect declares a Connector. Its inputs are called left and right.
func Connect[N Connector[L, R, O], L, R, O any](kind, summary string, proto N, opts ...Option) Decl {
	d := declare(kind, summary, proto)
	d.Spec.In, d.Spec.Out = []graph.Port{goPort[L]("left"), goPort[R]("right")}, []graph.Port{goPort[O]("out")}
	d.Spec.Workers, d.Spec.Untried, d.Spec.Keeps = graph.Single, graph.KeepsState, "the state of its functions"
	d.Spec.Interleaves = true
	d.Spec.Lines = graph.Lines{
		Emits: "an item was worked on, or both inputs have ended", Waits: "its output is full",
		Ends: "both inputs have ended", Fails: "an item fails and on_error says fail",
	}
	d.operator = func(settings any, env *Env) (Operator, error) {
		n := copyOf(settings).(N)
		f := ConnectFuncs[L, R, O]{Left: n.Left, Right: n.Right}
		if e, ok := any(n).(Finisher[O]); ok {
			f.End = e.End
		}
		op := connectValues(env, f)
		op.lifetime = lifetimeOf(n, env)
		return op, nil
	}
	return d.with(opts)
}

// Write declares a Sink.
func Write[N Sink[I], I any](kind, summary string, proto N, opts ...Option) Decl {
	d := declare(kind, summary, proto)
	d.Spec.In, d.Spec.Tries = []graph.Port{goPort[I]("in")}, true
	if _, many := any(proto).(InFlighter); !many {
		d.Spec.Workers = graph.Single
	}
	d.Spec.Lines = graph.Lines{Emits: "never", Waits: "a write takes its time", Fails: "a write fails and on_error says fail"}
	d.operator = func(settings any, env *Env) (Operator, error) {
		return SinkOperator(env, Sink[I](copyOf(settings).(N))), nil
	}
	return d.with(opts)
}
