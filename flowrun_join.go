package flowrun

import (
	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// An Outer says which items an outer join gives also without a partner.
type Outer uint8

// The outer joins.
const (
	Left  Outer          = 1 << iota // items of the left stream
	Right                            // items of the right stream, after everything else
	Full  = Left | Right             // both
)

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
	takes[R](n, "right", graph.Port{Reading: graph.First})
	return first[O](left.graph(), left.g.add(n, opts, wire{from: left.port, in: "left"}, wire{from: right.port, in: "right"}))
}
