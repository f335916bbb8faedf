package flowrun

import (
	"context"
	"fmt"

	"github.com/flowrun/flowrun/nodes"
)

// This file has the nodes that see their items in the order of the input, and keep a
// state.

// Fold keeps a state for each key, zero at first, and folds the items of the key
// into it. When the input has ended it gives the states, in the order in which
// their keys first came. A fold that fails must leave the state as it was; a key whose
// first item fails stays unknown.
//
// The states stay in memory until then, or until the fold of one returns CloseKey.
func Fold[T any, K comparable, S any](in Stream[T], id string, key func(x T) K, fold func(state *S, x T) error, opts ...Option) Stream[Entry[K, S]] {
	n := serial[T, Entry[K, S]]("go.fold", "Folds items into a state for each key.", id, func(env *nodes.Env) nodes.Operator {
		return nodes.FoldValues(env, nodes.FoldFuncs[T, K, S, Entry[K, S]]{
			Key:  key,
			Fold: func(_ context.Context, state *S, x T, _ func(Entry[K, S])) error { return fold(state, x) },
			Close: func(_ context.Context, key K, state *S, emit func(Entry[K, S])) error {
				emit(Entry[K, S]{key, *state})
				return nil
			},
		})
	})
	n.spec.Holds = "a state for each key"
	return first[Entry[K, S]](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}

// An Entry is what Fold gives for a key.
type Entry[K comparable, S any] struct {
	Key   K `flow:"key"`
	Value S `flow:"value"`
}

// CloseKey is what the function of a Fold or a Scan returns when the key of the item is
// complete. It is no error: Fold gives the entry of the key at once, and both drop the
// state. An item that has the key later begins a new one.
var CloseKey = nodes.CloseKey

// Reduce joins the items of each key, two at a time, and gives one for each key
// when the input has ended, in the order in which the keys first came.
func Reduce[T any, K comparable](in Stream[T], id string, key func(x T) K, join func(a, b T) T, opts ...Option) Stream[T] {
	type part struct {
		value T
		there bool
	}
	n := serial[T, T]("go.reduce", "Joins the items of each key to one.", id, func(env *nodes.Env) nodes.Operator {
		return nodes.FoldValues(env, nodes.FoldFuncs[T, K, part, T]{
			Key: key,
			Fold: func(_ context.Context, state *part, x T, _ func(T)) error {
				if state.there {
					x = join(state.value, x)
				}
				*state = part{x, true}
				return nil
			},
			Close: func(_ context.Context, _ K, state *part, emit func(T)) error {
				emit(state.value)
				return nil
			},
		})
	})
	n.spec.Holds = "an item for each key"
	return first[T](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}

// Scan is a Fold that gives something on the way: whatever step emits for an item,
// which leaves at once. A step that fails must leave the state as it was; what it
// emitted is taken back. After a step that returns CloseKey the state is dropped.
func Scan[T any, K comparable, S, O any](in Stream[T], id string, key func(x T) K, step func(state *S, x T, emit func(O)) error, opts ...Option) Stream[O] {
	n := serial[T, O]("go.scan", "Works on items one after the other with a state for each key.", id, func(env *nodes.Env) nodes.Operator {
		return nodes.FoldValues(env, nodes.FoldFuncs[T, K, S, O]{
			Key:  key,
			Fold: func(_ context.Context, state *S, x T, emit func(O)) error { return step(state, x, emit) },
		})
	})
	n.spec.Holds = "a state for each key"
	return first[O](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}

// Batch puts size items together. The last batch may have fewer. The slices are
// the receiver's.
func Batch[T any](in Stream[T], id string, size int, opts ...Option) Stream[[]T] {
	n := serial[T, []T]("go.batch", "Puts several items together.", id, func(env *nodes.Env) nodes.Operator {
		return nodes.BatchValues[T](env, size)
	})
	n.spec.Keeps, n.spec.Returns = "the items of a batch that is not full", true
	n.spec.Lines.Fails = "never"
	if size < 1 {
		n.wrong = append(n.wrong, fmt.Sprintf("a batch has at least one item, not %d", size))
	}
	return first[[]T](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}

// Limit lets the first n items pass. Then it ends, and so does everything that
// only fed it.
func Limit[T any](in Stream[T], id string, n int, opts ...Option) Stream[T] {
	d := serial[T, T]("go.limit", "Lets the first items pass.", id, func(*nodes.Env) nodes.Operator { return nodes.LimitValues(n) })
	d.spec.Conserves, d.spec.Untried, d.spec.Lines.Fails = true, "", "never"
	if n < 0 {
		d.wrong = append(d.wrong, fmt.Sprintf("a limit is at least 0, not %d", n))
	}
	return first[T](in.graph(), in.g.add(d, opts, wire{from: in.port}))
}
