package nodes

import (
	"context"

	"github.com/flowrun/flowrun/graph/record"
)

// This file has the operator that collects Go values into lists.

// BatchValues is an operator that puts so many items together, fewer at the end.
func BatchValues[T any](env *Env, size int) Operator {
	return &batchOp[T]{values: valuesOf[T](env), size: size}
}

type batchOp[T any] struct {
	values[T]
	size  int
	items []T   // that are together; nil: none
	first int64 // the number of the first of them among all items, from 0
	given int64 // all items
	e     emission[[]T]
}

// Process implements Operator.
func (b *batchOp[T]) Process(_ context.Context, in Input, out Out) error {
	lost := lostRows{Out: out}
	c, err := b.begin(&in, &lost)
	if err != nil {
		return err
	}
	defer c.Release()
	b.e.out = out
	defer b.e.drop()
	begun := -1
	for i, x := range c.V {
		if b.items == nil {
			b.items, begun = make([]T, 0, b.size), i
		}
		if b.items = append(b.items, x); len(b.items) < b.size {
			continue
		}
		b.e.add(b.items)
		b.items = nil
		if err := b.e.settle(nil); err != nil {
			return err
		}
	}
	if begun >= 0 {
		b.first = b.given + int64(lost.place(in.Data, begun))
	}
	b.given += int64(in.Data.Len())
	return b.e.flush()
}

// Held implements Holder.
func (b *batchOp[T]) Held() int {
	if b.items == nil {
		return 0
	}
	return int(b.given - b.first)
}

// End implements Ender.
func (b *batchOp[T]) End(_ context.Context, e EndedEdge, out Out) error {
	if b.items == nil || !e.Last {
		return nil
	}
	b.e.out = out
	b.e.add(b.items)
	b.items = nil
	return b.e.flush()
}

// lostRows notes which items of an input did not fit the Go type.
type lostRows struct {
	Out
	rows []int
}

func (l *lostRows) Bad(item BadItem) error {
	l.rows = append(l.rows, item.Row)
	return l.Out.Bad(item)
}

// place gives which item of the input it is that was the i-th of those that fit.
func (l *lostRows) place(d record.Data, i int) int {
	if len(l.rows) == 0 {
		return i
	}
	lost, at := l.rows, 0
	for ; ; at++ {
		row := at
		if b, ok := d.(*record.Batch); ok {
			row = b.Row(at)
		}
		switch {
		case len(lost) > 0 && lost[0] == row:
			lost = lost[1:]
		case i == 0:
			return at
		default:
			i--
		}
	}
}

var (
	_ Ender  = (*batchOp[int])(nil)
	_ Holder = (*batchOp[int])(nil)
)
