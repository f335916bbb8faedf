package nodes

import (
	"context"
	"errors"
	"strings"
)

// This file has the operator that folds Go values by key.

// CloseKey is what the Fold of a Folder returns to close the key of the item: what
// Close makes of the state is emitted, if there is a Close, and the state is dropped. It
// is no error of the item. An item that has the key later begins a new state.
//
//lint:ignore ST1012 it is no failure, as io/fs.SkipDir is none
var CloseKey = errors.New("the key is closed")

// FoldFuncs is an operator that keeps a state for each key.
type FoldFuncs[I any, K comparable, S, O any] struct {
	Key  func(x I) K
	Fold func(ctx context.Context, state *S, x I, emit func(O)) error
	// Close emits what is left in the state of a key: at the end of the input, in the
	// order of the first items of the keys, or after Fold has returned CloseKey. It may
	// be nil.
	Close func(ctx context.Context, key K, state *S, emit func(O)) error
}

// FoldValues makes the operator of f. An item that fails leaves nothing behind: a key
// whose first item failed stays unknown; a state that exists is as Fold left it, so a
// Fold that fails must not have changed it. If Close fails after CloseKey, that is the
// error of the item and the key stays; at the end of the input it ends the run.
func FoldValues[I any, K comparable, S, O any](env *Env, f FoldFuncs[I, K, S, O]) Operator {
	return foldValues(env, f)
}

func foldValues[I any, K comparable, S, O any](env *Env, f FoldFuncs[I, K, S, O]) *serialOp[I, O] {
	states := &states[I, K, S, O]{FoldFuncs: f, byKey: map[K]*state[K, S]{}}
	end := states.end
	if f.Close == nil {
		end = nil
	}
	return SerialValues(env, states.item, end).(*serialOp[I, O])
}

// states holds a state for each key, and their order as a list, from which a key that
// is closed is gone.
type states[I any, K comparable, S, O any] struct {
	FoldFuncs[I, K, S, O]
	byKey       map[K]*state[K, S]
	first, last *state[K, S]
}

type state[K comparable, S any] struct {
	key          K
	value        S
	before, next *state[K, S]
}

// item folds one item.
func (s *states[I, K, S, O]) item(ctx context.Context, x I, emit func(O)) error {
	key := s.Key(x)
	st, known := s.byKey[key]
	if !known {
		st = &state[K, S]{key: key}
	}
	err := s.Fold(ctx, &st.value, x, emit)
	switch {
	case err == nil:
		if !known {
			s.add(st)
		}
	case errors.Is(err, CloseKey):
		if s.Close != nil {
			if err := s.Close(ctx, st.key, &st.value, emit); err != nil {
				return err
			}
		}
		if known {
			s.remove(st)
		}
		return nil
	}
	return err
}

// add makes a key known. A key that is a text is copied: it may be a part of a large
// one.
func (s *states[I, K, S, O]) add(st *state[K, S]) {
	if text, ok := any(&st.key).(*string); ok {
		*text = strings.Clone(*text)
	}
	s.byKey[st.key] = st
	if st.before = s.last; st.before != nil {
		st.before.next = st
	} else {
		s.first = st
	}
	s.last = st
}

func (s *states[I, K, S, O]) remove(st *state[K, S]) {
	delete(s.byKey, st.key)
	if st.before != nil {
		st.before.next = st.next
	} else {
		s.first = st.next
	}
	if st.next != nil {
		st.next.before = st.before
	} else {
		s.last = st.before
	}
}

// end closes all keys. An emit of a Close says nothing of an error, so it is looked for
// between the keys.
func (s *states[I, K, S, O]) end(ctx context.Context, emit func(O) error) error {
	var stop error
	add := func(y O) {
		if stop == nil {
			stop = emit(y)
		}
	}
	for st := s.first; st != nil; st = st.next {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := s.Close(ctx, st.key, &st.value, add); err != nil {
			return err
		}
		if stop != nil {
			return stop
		}
	}
	return nil
}
