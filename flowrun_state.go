package flowrun

import (
	"context"
	"fmt"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// An Entry is what Fold gives for a key.
type Entry[K comparable, S any] struct {
	Key   K `flow:"key"`
	Value S `flow:"value"`
}

// serial is a node whose function sees one item at a time in the order of the
// input: it may keep state. start is called once a run.
func serial[I, O any](kind, summary, id string, start func() serialWork[I, O]) *node {
	return &node{
		id: id,
		spec: graph.Spec{
			Kind: kind, Summary: summary, Workers: graph.Single,
			In: []graph.Port{typed[I]("in")}, Out: []graph.Port{typed[O]("out")},
		},
		program: func(*nodes.Env) (*nodes.Program, error) {
			work, ins, outs := start(), new(inputs[I]), new(record.Pool[O])
			commit := func(_ context.Context, in record.Data, _ any, out nodes.Out) error {
				xs, err := ins.of(in, out)
				if err != nil {
					return err
				}
				defer xs.Release()
				e := &emission[O]{out: out, pool: outs}
				defer e.drop()
				for i, x := range xs.V {
					err := guard(func() error { return work.item(x, e.add) })
					if err := e.settle(err, nodes.BadItem{Data: xs.Items, Row: i}); err != nil {
						return err
					}
				}
				return e.flush()
			}
			finish := func(_ context.Context, out nodes.Out) error {
				e := &emission[O]{out: out, pool: outs}
				defer e.drop()
				if err := work.end(func(y O) error {
					e.add(y)
					return e.settle(nil, nodes.BadItem{})
				}); err != nil {
					return err
				}
				return e.flush()
			}
			return &nodes.Program{Stages: []nodes.Stage{{GoValues: true, Commit: commit, Finish: finish}}}, nil
		},
	}
}

// serialWork is what a serial node does with an item, and when there are no more.
// An error of the emit of end must be returned.
type serialWork[I, O any] struct {
	item func(x I, emit func(O)) error
	end  func(emit func(O) error) error
}

// nothing is the end of a node that has nothing left to give.
func nothing[O any](func(O) error) error { return nil }

// Fold keeps a state for each key, zero at first, and folds the items of the key
// into it. When the input has ended it gives the states, in the order in which
// their keys first came. A fold that fails must leave the state as it was.
//
// The states stay in memory until then.
func Fold[T any, K comparable, S any](in Stream[T], id string, key func(x T) K, fold func(state *S, x T) error, opts ...Option) Stream[Entry[K, S]] {
	n := serial("go.fold", "Folds items into a state for each key.", id, func() serialWork[T, Entry[K, S]] {
		states := newStates[K, S]()
		return serialWork[T, Entry[K, S]]{
			item: func(x T, _ func(Entry[K, S])) error {
				return states.update(key(x), func(state *S) error { return fold(state, x) })
			},
			end: states.each,
		}
	})
	return first[Entry[K, S]](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}

// states holds a state for each key.
type states[K comparable, S any] struct {
	byKey map[K]*S
	order []Entry[K, *S]
}

func newStates[K comparable, S any]() *states[K, S] { return &states[K, S]{byKey: map[K]*S{}} }

// update changes the state of a key. A new key whose update fails stays unknown.
func (s *states[K, S]) update(key K, change func(state *S) error) error {
	if state := s.byKey[key]; state != nil {
		return change(state)
	}
	state := new(S)
	if err := change(state); err != nil {
		return err
	}
	s.byKey[key] = state
	s.order = append(s.order, Entry[K, *S]{key, state})
	return nil
}

func (s *states[K, S]) each(emit func(Entry[K, S]) error) error {
	for _, e := range s.order {
		if err := emit(Entry[K, S]{e.Key, *e.Value}); err != nil {
			return err
		}
	}
	return nil
}

// Reduce joins the items of each key, two at a time, and gives one for each key
// when the input has ended, in the order in which the keys first came.
func Reduce[T any, K comparable](in Stream[T], id string, key func(x T) K, join func(a, b T) T, opts ...Option) Stream[T] {
	type part struct {
		value T
		there bool
	}
	n := serial("go.reduce", "Joins the items of each key to one.", id, func() serialWork[T, T] {
		states := newStates[K, part]()
		return serialWork[T, T]{
			item: func(x T, _ func(T)) error {
				return states.update(key(x), func(state *part) error {
					if state.there {
						x = join(state.value, x)
					}
					*state = part{x, true}
					return nil
				})
			},
			end: func(emit func(T) error) error {
				return states.each(func(e Entry[K, part]) error { return emit(e.Value.value) })
			},
		}
	})
	return first[T](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}

// Scan is a Fold that gives something on the way: whatever step emits for an item,
// which leaves at once. A step that fails must leave the state as it was; what it
// emitted is taken back.
func Scan[T any, K comparable, S, O any](in Stream[T], id string, key func(x T) K, step func(state *S, x T, emit func(O)) error, opts ...Option) Stream[O] {
	n := serial("go.scan", "Works on items one after the other with a state for each key.", id, func() serialWork[T, O] {
		states := newStates[K, S]()
		return serialWork[T, O]{
			item: func(x T, emit func(O)) error {
				return states.update(key(x), func(state *S) error { return step(state, x, emit) })
			},
			end: nothing[O],
		}
	})
	return first[O](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}

// Batch puts size items together. The last batch may have fewer. The slices are
// the receiver's.
func Batch[T any](in Stream[T], id string, size int, opts ...Option) Stream[[]T] {
	n := serial("go.batch", "Puts several items together.", id, func() serialWork[T, []T] {
		var held []T
		return serialWork[T, []T]{
			item: func(x T, emit func([]T)) error {
				if held == nil {
					held = make([]T, 0, size)
				}
				if held = append(held, x); len(held) == size {
					emit(held)
					held = nil
				}
				return nil
			},
			end: func(emit func([]T) error) error {
				if held == nil {
					return nil
				}
				return emit(held)
			},
		}
	})
	if size < 1 {
		n.wrong = append(n.wrong, fmt.Sprintf("a batch has at least one item, not %d", size))
	}
	return first[[]T](in.graph(), in.g.add(n, opts, wire{from: in.port}))
}

// Limit lets the first n items pass. Then it ends, and so does everything that
// only fed it.
func Limit[T any](in Stream[T], id string, n int, opts ...Option) Stream[T] {
	d := &node{
		id: id,
		spec: graph.Spec{
			Kind: "go.limit", Summary: "Lets the first items pass.", Workers: graph.Single, Conserves: true,
			In: []graph.Port{typed[T]("in")}, Out: []graph.Port{typed[T]("out")},
		},
		program: func(*nodes.Env) (*nodes.Program, error) {
			left := n
			commit := func(_ context.Context, in record.Data, _ any, out nodes.Out) error {
				if in.Len() < left {
					left -= in.Len()
					return out.Emit(0, in.Retain())
				}
				out.Filtered(in.Len() - left)
				if err := out.Emit(0, in.Slice(0, left)); err != nil {
					return err
				}
				left = 0
				return nodes.ErrDone
			}
			return &nodes.Program{Stages: []nodes.Stage{{GoValues: true, Commit: commit}}}, nil
		},
	}
	if n < 0 {
		d.wrong = append(d.wrong, fmt.Sprintf("a limit is at least 0, not %d", n))
	}
	return first[T](in.graph(), in.g.add(d, opts, wire{from: in.port}))
}
