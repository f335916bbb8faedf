package nodes

import (
	"context"
	"errors"
	"math"
	"sync/atomic"

	"github.com/flowrun/flowrun/graph/record"
)

// This file has the operator that joins Go values by key.

// JoinMode says what a join gives.
type JoinMode uint8

// The joins.
const (
	InnerJoin JoinMode = 0         // pairs
	LeftJoin  JoinMode = 1 << iota // pairs, and left items without a partner
	RightJoin                      // pairs, and right items without one, after everything else
	SemiJoin                       // left items that have a partner, alone
	AntiJoin                       // left items that have none, alone
	FullJoin  = LeftJoin | RightJoin
)

// JoinFuncs is an operator that pairs items of input 0, the left ones, with those of
// input 1, the right ones, that have an equal key: in the order of the left ones, and for
// one of them in the order of the right ones.
type JoinFuncs[L, R any, K comparable, O any] struct {
	LeftKey  func(x L) K
	RightKey func(x R) K
	// Pair makes a result, which must not keep the pointers. The partner that is
	// missing, or is not given, is nil.
	Pair func(l *L, r *R) O
	Mode JoinMode
}

// JoinValues makes the operator of f. It reads the right items to their end first and
// holds them, or their keys where that is enough. Workers look up left items at the same
// time.
func JoinValues[L, R any, K comparable, O any](env *Env, f JoinFuncs[L, R, K, O]) Operator {
	return &joinOp[L, R, K, O]{JoinFuncs: f, env: env, byKey: map[K]chain{}}
}

// A joinOp is written to by its serial part until the right items have ended, and read
// by all workers then.
type joinOp[L, R any, K comparable, O any] struct {
	JoinFuncs[L, R, K, O]
	env     *Env
	byKey   map[K]chain
	rows    []R
	next    []int32       // of each row: the next one of its key, 0 at the end
	matched []atomic.Bool // of each row, if that matters
	built   bool
	e       emission[O]
}

// A chain is the rows of a key, by their numbers from 1.
type chain struct{ first, last int32 }

// alone reports whether left items are given without their partners.
func (j *joinOp[L, R, K, O]) alone() bool { return j.Mode&(SemiJoin|AntiJoin) != 0 }

// Wants implements Selective.
func (j *joinOp[L, R, K, O]) Wants(port, _ int) bool { return port == 1 || j.built }

// Process implements Operator: it adds right items to the table.
func (j *joinOp[L, R, K, O]) Process(ctx context.Context, in Input, out Out) error {
	xs := in.Made.(*record.Items[R])
	defer xs.Release()
	for i := range xs.V {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := Guard(func() error { return j.add(xs.V[i]) }); err != nil {
			if err := out.Bad(BadItem{Err: err, Data: xs, Row: i}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *joinOp[L, R, K, O]) add(x R) error {
	key := j.RightKey(x)
	if j.alone() {
		j.byKey[key] = chain{}
		return nil
	}
	if len(j.rows) == math.MaxInt32 {
		return errors.New("the right side has too many items for a join")
	}
	c, known := j.byKey[key]
	j.rows, j.next = append(j.rows, x), append(j.next, 0)
	row := int32(len(j.rows))
	if known {
		j.next[c.last-1] = row
	} else {
		c.first = row
	}
	c.last = row
	j.byKey[key] = c
	return nil
}

// End implements Ender: the end of the right items completes the table, that of the left
// ones gives right items that nobody has matched.
func (j *joinOp[L, R, K, O]) End(ctx context.Context, e EndedEdge, out Out) error {
	switch {
	case !e.Last:
		return nil
	case e.Port == 1:
		j.built = true
		if j.Mode&RightJoin != 0 {
			j.matched = make([]atomic.Bool, len(j.rows))
		}
		return nil
	case j.Mode&RightJoin == 0:
		return nil
	}
	return j.e.rest(ctx, out, func(_ context.Context, emit func(O) error) error {
		for i := range j.rows {
			if j.matched != nil && j.matched[i].Load() {
				continue
			}
			if err := emit(j.Pair(nil, &j.rows[i])); err != nil {
				return err
			}
		}
		return nil
	})
}

// NewWorker implements Parallel.
func (j *joinOp[L, R, K, O]) NewWorker(context.Context) (Worker, error) {
	w := &joinWorker[L, R, K, O]{j: j, left: valuesOf[L](j.env), right: valuesOf[R](j.env)}
	w.emit = w.e.add
	return w, nil
}

type joinWorker[L, R any, K comparable, O any] struct {
	j     *joinOp[L, R, K, O]
	left  values[L]
	right values[R]
	e     emission[O]
	emit  func(O)
}

// Work implements Worker: it looks left items up, and makes Go values of right ones.
func (w *joinWorker[L, R, K, O]) Work(ctx context.Context, in Input, out Out) (any, error) {
	if in.Port == 1 {
		c, err := w.right.begin(&in, out)
		if err != nil {
			return nil, err
		}
		return c.Items, nil
	}
	c, err := w.left.begin(&in, out)
	if err != nil {
		return nil, err
	}
	defer c.Release()
	w.e.out = out
	defer w.e.drop()
	alone, none := 0, 0
	for i := 0; i < c.n; {
		i, none, err = w.run(&in, c.V[:c.n], i)
		alone += none
		if err := w.e.settle(err); err != nil {
			return nil, err
		}
		if i, err = c.settle(ctx, i, 1, err); err != nil {
			return nil, err
		}
	}
	out.Filtered(alone)
	return nil, w.e.flush()
}

// run looks items up from number i on, as that of an expander does; none of them gave
// nothing.
func (w *joinWorker[L, R, K, O]) run(in *Input, xs []L, i int) (at, none int, err error) {
	defer catch(&err)
	interrupted := in.interruption()
	for at = i; at < len(xs); {
		w.j.lookUp(&xs[at], w.emit)
		at++
		if w.e.fresh() == 0 {
			none++
		}
		if w.e.keep() || interrupted.Load() {
			break
		}
	}
	return at, none, nil
}

// lookUp gives what a left item makes with its partners.
func (j *joinOp[L, R, K, O]) lookUp(x *L, emit func(O)) {
	c, found := j.byKey[j.LeftKey(*x)]
	switch {
	case j.alone():
		if found == (j.Mode == SemiJoin) {
			emit(j.Pair(x, nil))
		}
	case !found:
		if j.Mode&LeftJoin != 0 {
			emit(j.Pair(x, nil))
		}
	default:
		for row := c.first; row != 0; row = j.next[row-1] {
			emit(j.Pair(x, &j.rows[row-1]))
			if j.matched != nil {
				j.matched[row-1].Store(true)
			}
		}
	}
}

var (
	_ Selective = (*joinOp[int, int, int, int])(nil)
	_ Ender     = (*joinOp[int, int, int, int])(nil)
	_ Parallel  = (*joinOp[int, int, int, int])(nil)
)
