package nodes

import (
	"context"

	"github.com/flowrun/flowrun/graph/record"
)

// This file has the operator that pairs Go values by their place.

// ZipValues is an operator that pairs the first item of input 0 with the first of input
// 1, the second with the second, and so on, until one of them has no more.
func ZipValues[L, R, O any](env *Env, pair func(L, R) O) Operator {
	return &zipOp[L, R, O]{left: zipSide[L]{values: valuesOf[L](env)}, right: zipSide[R]{values: valuesOf[R](env)}, pair: pair}
}

type zipOp[L, R, O any] struct {
	left  zipSide[L]
	right zipSide[R]
	pair  func(L, R) O
	e     emission[O]
}

// A zipSide is what has come by one of the inputs and has no partner yet: at most one
// batch, for more is not wanted meanwhile.
type zipSide[T any] struct {
	values[T]
	xs    *record.Items[T] // nil: none
	at    int
	ended bool
}

func (s *zipSide[T]) take(in *Input, out Out) error {
	c, err := s.begin(in, out)
	if err == nil {
		s.xs, s.at = c.Items, 0
	}
	return err
}

// empty reports whether nothing is left, and then holds nothing.
func (s *zipSide[T]) empty() bool {
	if s.xs != nil && s.at == len(s.xs.V) {
		s.drop()
	}
	return s.xs == nil
}

func (s *zipSide[T]) drop() {
	if s.xs != nil {
		s.xs.Release()
		s.xs = nil
	}
}

// Wants implements Selective.
func (z *zipOp[L, R, O]) Wants(port, _ int) bool {
	if port == 0 {
		return z.left.empty()
	}
	return z.right.empty()
}

// Process implements Operator.
func (z *zipOp[L, R, O]) Process(ctx context.Context, in Input, out Out) (err error) {
	if in.Port == 0 {
		err = z.left.take(&in, out)
	} else {
		err = z.right.take(&in, out)
	}
	if err != nil {
		return err
	}
	z.e.out = out
	defer z.e.drop()
	for !z.left.empty() && !z.right.empty() {
		failed := z.run(ctx)
		if err := z.e.settle(failed); err != nil {
			return err
		}
		if failed != nil {
			if err := out.Bad(BadItem{Err: failed, Data: z.left.xs, Row: z.left.at}); err != nil {
				return err
			}
			z.left.at++
			z.right.at++
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if err := z.e.flush(); err != nil {
		return err
	}
	return z.over()
}

// run pairs until a side is empty, there is enough to send, a pair fails or the run is
// over.
func (z *zipOp[L, R, O]) run(ctx context.Context) (err error) {
	defer catch(&err)
	l, r := &z.left, &z.right
	for l.at < len(l.xs.V) && r.at < len(r.xs.V) {
		z.e.add(z.pair(l.xs.V[l.at], r.xs.V[r.at]))
		l.at++
		r.at++
		if z.e.keep() || ctx.Err() != nil {
			break
		}
	}
	return nil
}

// End implements Ender.
func (z *zipOp[L, R, O]) End(_ context.Context, e EndedEdge, _ Out) error {
	if e.Port == 0 {
		z.left.ended = true
	} else {
		z.right.ended = true
	}
	return z.over()
}

// over is ErrDone when there will be no more pairs.
func (z *zipOp[L, R, O]) over() error {
	if z.left.ended && z.left.empty() || z.right.ended && z.right.empty() {
		return ErrDone
	}
	return nil
}

// Close implements Closer.
func (z *zipOp[L, R, O]) Close() error {
	z.left.drop()
	z.right.drop()
	return nil
}

var (
	_ Selective = (*zipOp[int, int, int])(nil)
	_ Ender     = (*zipOp[int, int, int])(nil)
	_ Closer    = (*zipOp[int, int, int])(nil)
)
