package flowrun

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// This file has the nodes that bring several streams together.

// Join pairs each item of left with every item of right that has an equal key, in
// the order of left, and for one item of left in the order of right.
//
// The right stream is read to its end first and held in memory: it should be the
// smaller one. Workers look up left items at the same time.
func Join[L, R any, K comparable, O any](left Stream[L], right Stream[R], id string, keyL func(L) K, keyR func(R) K, pair func(L, R) O, opts ...Option) Stream[O] {
	match := func(l *L, r *R) O { return pair(*l, *r) }
	return joined(left, right, id, "go.join", "Pairs items by key.", nodes.JoinFuncs[L, R, K, O]{LeftKey: keyL, RightKey: keyR, Pair: match}, opts)
}

// OuterJoin is Join that gives also items that have no partner: pair then gets nil
// for the one that is missing. It must not keep what it is given.
func OuterJoin[L, R any, K comparable, O any](left Stream[L], right Stream[R], id string, keyL func(L) K, keyR func(R) K, pair func(*L, *R) O, outer Outer, opts ...Option) Stream[O] {
	f := nodes.JoinFuncs[L, R, K, O]{LeftKey: keyL, RightKey: keyR, Pair: pair}
	if outer&Left != 0 {
		f.Mode |= nodes.LeftJoin
	}
	if outer&Right != 0 {
		f.Mode |= nodes.RightJoin
	}
	return joined(left, right, id, "go.join", "Pairs items by key.", f, opts)
}

// An Outer says which items an outer join gives also without a partner.
type Outer uint8

// The outer joins.
const (
	Left  Outer          = 1 << iota // items of the left stream
	Right                            // items of the right stream, after everything else
	Full  = Left | Right             // both
)

// SemiJoin gives the items of left whose key is the key of an item of right.
func SemiJoin[L, R any, K comparable](left Stream[L], right Stream[R], id string, keyL func(L) K, keyR func(R) K, opts ...Option) Stream[L] {
	return joined(left, right, id, "go.semijoin", "Gives items that have a partner.", nodes.JoinFuncs[L, R, K, L]{LeftKey: keyL, RightKey: keyR, Pair: alone[L, R], Mode: nodes.SemiJoin}, opts)
}

// AntiJoin gives the items of left whose key no item of right has.
func AntiJoin[L, R any, K comparable](left Stream[L], right Stream[R], id string, keyL func(L) K, keyR func(R) K, opts ...Option) Stream[L] {
	return joined(left, right, id, "go.antijoin", "Gives items that have no partner.", nodes.JoinFuncs[L, R, K, L]{LeftKey: keyL, RightKey: keyR, Pair: alone[L, R], Mode: nodes.AntiJoin}, opts)
}

func alone[L, R any](l *L, _ *R) L { return *l }

func joined[L, R any, K comparable, O any](left Stream[L], right Stream[R], id, kind, summary string, f nodes.JoinFuncs[L, R, K, O], opts []Option) Stream[O] {
	n := &node{
		id:       id,
		spec:     graph.Spec{Kind: kind, Summary: summary, Untried: graph.NoErrors, Out: []graph.Port{typed[O]("out")}},
		operator: func(env *nodes.Env) (nodes.Operator, error) { return nodes.JoinValues(env, f), nil },
	}
	if n.spec.Holds = "the items of the right stream"; f.Mode&(nodes.SemiJoin|nodes.AntiJoin) != 0 {
		n.spec.Holds = "the keys of the right stream"
	}
	takes[L](n, "left", graph.Port{})
	takes[R](n, "right", graph.Port{ReadOrder: graph.First})
	return first[O](left.graph(), left.g.add(n, opts, wire{from: left.port, in: "left"}, wire{from: right.port, in: "right"}))
}

// Zip pairs the first item of left with the first of right, the second with the
// second, and so on, until one of the streams ends.
func Zip[L, R, O any](left Stream[L], right Stream[R], id string, pair func(L, R) O, opts ...Option) Stream[O] {
	// Each side waits for the other, which is how the check finds out that one of the
	// edges may have to spill.
	return two[L, R, O](left, right, &node{
		id:       id,
		spec:     graph.Spec{Kind: "go.zip", Summary: "Pairs items by their place.", Keeps: "the place that each of its inputs has reached", Untried: graph.NoErrors},
		operator: func(env *nodes.Env) (nodes.Operator, error) { return nodes.ZipValues(env, pair), nil },
	}, graph.First, opts)
}

// Connect works on the items of two streams with one state, zero at first: onLeft and
// onRight see one item at a time, in the order in which they come, which is that of each
// stream and none between the two. What they emit leaves at once. atEnd, which may be
// nil, is called when both streams have ended.
//
// An item that fails must leave the state as it was; what it emitted is taken back.
func Connect[L, R, S, O any](left Stream[L], right Stream[R], id string,
	onLeft func(state *S, x L, emit func(O)) error, onRight func(state *S, x R, emit func(O)) error, atEnd func(state *S, emit func(O)) error,
	opts ...Option) Stream[O] {
	return two[L, R, O](left, right, &node{
		id:   id,
		spec: graph.Spec{Kind: "go.connect", Summary: "Works on two streams with one state.", Keeps: "the state of its functions", Interleaves: true, Untried: graph.KeepsState},
		operator: func(env *nodes.Env) (nodes.Operator, error) {
			state := new(S)
			f := nodes.ConnectFuncs[L, R, O]{
				Left:  func(_ context.Context, x L, emit func(O)) error { return onLeft(state, x, emit) },
				Right: func(_ context.Context, x R, emit func(O)) error { return onRight(state, x, emit) },
			}
			if atEnd != nil {
				f.End = func(_ context.Context, emit func(O) error) error {
					return atEnd(state, func(y O) { _ = emit(y) }) // which remembers its error
				}
			}
			return nodes.ConnectValues(env, f), nil
		},
	}, graph.Free, opts)
}

// two gives a node its two inputs and its output. It works on one item at a time.
func two[L, R, O any](left Stream[L], right Stream[R], n *node, reading graph.ReadOrder, opts []Option) Stream[O] {
	n.spec.Workers, n.spec.Out = graph.Single, []graph.Port{typed[O]("out")}
	takes[L](n, "left", graph.Port{ReadOrder: reading})
	takes[R](n, "right", graph.Port{ReadOrder: reading})
	return first[O](left.graph(), left.g.add(n, opts, wire{from: left.port, in: "left"}, wire{from: right.port, in: "right"}))
}

// Merge gives the items of all streams as they come: in their order among those of
// one stream, in no certain order among those of several. There must be one stream at
// least.
func Merge[T any](streams []Stream[T], id string, opts ...Option) Stream[T] {
	n := pass[T]("go.merge", "Gives the items of all streams as they come.", id, graph.Free)
	n.spec.Interleaves = true
	return united(n, streams, opts)
}

// Concat gives the items of each stream after those of the one before it. There must be
// one stream at least.
func Concat[T any](streams []Stream[T], id string, opts ...Option) Stream[T] {
	return united(pass[T]("go.concat", "Gives the items of one stream after those of the other.", id, graph.InOrder), streams, opts)
}

func pass[T any](kind, summary, id string, reading graph.ReadOrder) *node {
	n := &node{
		id:       id,
		spec:     graph.Spec{Kind: kind, Summary: summary, Workers: graph.Single, Conserves: true, Lines: graph.Lines{Fails: "never"}, Out: []graph.Port{typed[T]("out")}},
		operator: func(*nodes.Env) (nodes.Operator, error) { return nodes.PassValues(), nil },
	}
	takes[T](n, "in", graph.Port{Arity: graph.Many, ReadOrder: reading})
	return n
}

func united[T any](n *node, streams []Stream[T], opts []Option) Stream[T] {
	if len(streams) == 0 {
		panic("flowrun: " + n.id + " was given no stream to read")
	}
	var wires []wire
	for _, s := range streams {
		s.graph()
		wires = append(wires, wire{from: s.port})
	}
	return first[T](streams[0].g, streams[0].g.add(n, opts, wires...))
}
