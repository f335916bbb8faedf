package nodes

import "github.com/flowrun/flowrun/graph"

// This file declares sources over Go values.

// Read declares a Source.
func Read[N Source[O], O any](kind, summary string, proto N, opts ...Option) Decl {
	return declareSource[O](kind, summary, proto, func(settings any, env *Env) (Operator, error) {
		n := copyOf(settings).(N)
		return sourceValues(env, n.Read, lifetimeOf(n, env)), nil
	}).with(opts)
}

// ReadFrom declares a ResumableSource, which acknowledges if it is an Acknowledger.
func ReadFrom[N ResumableSource[O], O any](kind, summary string, proto N, opts ...Option) Decl {
	d := declareSource[O](kind, summary, proto, func(settings any, env *Env) (Operator, error) {
		return ResumableOperator(env, ResumableSource[O](copyOf(settings).(N))), nil
	})
	_, d.Spec.Acks = any(proto).(Acknowledger)
	return d.with(opts)
}

func declareSource[O any](kind, summary string, proto any, operator func(settings any, env *Env) (Operator, error)) Decl {
	d := declare(kind, summary, proto)
	d.Spec.Out = []graph.Port{goPort[O]("out")}
	d.Spec.Workers = graph.Single
	d.Spec.Lines = graph.Lines{Emits: "an item is there", Waits: "its output is full", Fails: "it cannot read"}
	d.operator = operator
	return d
}
