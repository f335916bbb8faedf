package flowrun

import (
	"context"
	"errors"
	"math"
	"sync/atomic"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
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
	return joined(left, right, id, "go.join", "Pairs items by key.", &join[L, R, K, O]{keyL: keyL, keyR: keyR, pair: match}, opts)
}

// OuterJoin is Join that gives also items that have no partner: pair then gets nil
// for the one that is missing. It must not keep what it is given.
func OuterJoin[L, R any, K comparable, O any](left Stream[L], right Stream[R], id string, keyL func(L) K, keyR func(R) K, pair func(*L, *R) O, outer Outer, opts ...Option) Stream[O] {
	return joined(left, right, id, "go.join", "Pairs items by key.", &join[L, R, K, O]{keyL: keyL, keyR: keyR, pair: pair, outer: outer}, opts)
}

// SemiJoin gives the items of left whose key is the key of an item of right.
func SemiJoin[L, R any, K comparable](left Stream[L], right Stream[R], id string, keyL func(L) K, keyR func(R) K, opts ...Option) Stream[L] {
	return joined(left, right, id, "go.semijoin", "Gives items that have a partner.", &join[L, R, K, L]{keyL: keyL, keyR: keyR, pair: alone[L, R], pick: withPartner}, opts)
}

// AntiJoin gives the items of left whose key no item of right has.
func AntiJoin[L, R any, K comparable](left Stream[L], right Stream[R], id string, keyL func(L) K, keyR func(R) K, opts ...Option) Stream[L] {
	return joined(left, right, id, "go.antijoin", "Gives items that have no partner.", &join[L, R, K, L]{keyL: keyL, keyR: keyR, pair: alone[L, R], pick: withoutPartner}, opts)
}

func alone[L, R any](l *L, _ *R) L { return *l }

// A pick is a join that gives left items as they are.
type pick uint8

const (
	pairs pick = iota
	withPartner
	withoutPartner
)

// A join is what its functions say.
type join[L, R any, K comparable, O any] struct {
	keyL  func(L) K
	keyR  func(R) K
	pair  func(*L, *R) O
	outer Outer
	pick  pick
}

func joined[L, R any, K comparable, O any](left Stream[L], right Stream[R], id, kind, summary string, j *join[L, R, K, O], opts []Option) Stream[O] {
	in := []graph.Port{typed[L]("left"), typed[R]("right")}
	in[1].Reading = graph.First
	n := &node{
		id:   id,
		spec: graph.Spec{Kind: kind, Summary: summary, In: in, Out: []graph.Port{typed[O]("out")}},
		program: func(env *nodes.Env) (*nodes.Program, error) {
			t := &table[L, R, K, O]{join: j, byKey: map[K]chain{}}
			return &nodes.Program{Stages: []nodes.Stage{
				{Input: 1, GoValues: true, Commit: t.build},
				{Input: 0, GoValues: true, Worker: func(context.Context) (nodes.Work, error) { return t.probe(), nil }, Finish: t.rest},
			}}, nil
		},
	}
	return first[O](left.graph(), left.g.add(n, opts, wire{from: left.port, in: "left"}, wire{from: right.port, in: "right"}))
}

// A table holds the right side of a running join. It is built by one goroutine,
// and then read by all workers.
type table[L, R any, K comparable, O any] struct {
	*join[L, R, K, O]
	byKey   map[K]chain
	rows    []R
	next    []int32 // of each row: the next one of its key, 0 at the end
	matched []atomic.Bool
	ins     inputs[R]
	outs    record.Pool[O]
}

// A chain is the rows of a key, by their numbers from 1.
type chain struct{ first, last int32 }

func (t *table[L, R, K, O]) build(_ context.Context, in record.Data, _ any, out nodes.Out) error {
	xs, err := t.ins.of(in, out)
	if err != nil {
		return err
	}
	defer xs.Release()
	for i, x := range xs.V {
		if err := guard(func() error { return t.add(x) }); err != nil {
			if err := out.Bad(nodes.BadItem{Err: err, Data: xs.Items, Row: i}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *table[L, R, K, O]) add(x R) error {
	key := t.keyR(x)
	if len(t.rows) == math.MaxInt32 {
		return errors.New("the right stream has too many items for a join")
	}
	t.rows, t.next = append(t.rows, x), append(t.next, 0)
	row := int32(len(t.rows))
	c, known := t.byKey[key]
	if known {
		t.next[c.last-1] = row
	} else {
		c.first = row
	}
	c.last = row
	t.byKey[key] = c
	return nil
}

// probe makes the part of a worker. The first worker is made when the table is
// complete, and before any of them works.
func (t *table[L, R, K, O]) probe() nodes.Work {
	if t.outer&Right != 0 && t.matched == nil {
		t.matched = make([]atomic.Bool, len(t.rows))
	}
	ins, outs := new(inputs[L]), new(record.Pool[O])
	return func(_ context.Context, in record.Data, _ any, out nodes.Out) (any, error) {
		xs, err := ins.of(in, out)
		if err != nil {
			return nil, err
		}
		defer xs.Release()
		e := &emission[O]{out: out, pool: outs}
		defer e.drop()
		left := 0
		for i := range xs.V {
			err := guard(func() error { return t.lookUp(&xs.V[i], e.add) })
			if err == nil && e.fresh() == 0 {
				left++
			}
			if err := e.settle(err, nodes.BadItem{Data: xs.Items, Row: i}); err != nil {
				return nil, err
			}
		}
		out.Filtered(left)
		return nil, e.flush()
	}
}

// lookUp gives what a left item makes with its partners.
func (t *table[L, R, K, O]) lookUp(x *L, emit func(O)) error {
	c, found := t.byKey[t.keyL(*x)]
	switch {
	case t.pick != pairs:
		if found == (t.pick == withPartner) {
			emit(t.pair(x, nil))
		}
	case !found:
		if t.outer&Left != 0 {
			emit(t.pair(x, nil))
		}
	default:
		for row := c.first; row != 0; row = t.next[row-1] {
			emit(t.pair(x, &t.rows[row-1]))
			if t.matched != nil {
				t.matched[row-1].Store(true)
			}
		}
	}
	return nil
}

// rest gives the right items that nobody matched.
func (t *table[L, R, K, O]) rest(_ context.Context, out nodes.Out) error {
	if t.outer&Right == 0 {
		return nil
	}
	e := &emission[O]{out: out, pool: &t.outs}
	defer e.drop()
	for i := range t.rows {
		if t.matched != nil && t.matched[i].Load() {
			continue
		}
		if err := guard(func() error { e.add(t.pair(nil, &t.rows[i])); return nil }); err != nil {
			return err
		}
		if err := e.settle(nil, nodes.BadItem{}); err != nil {
			return err
		}
	}
	return e.flush()
}
