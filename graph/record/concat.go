package record

import (
	"reflect"
	"slices"

	"github.com/flowrun/flowrun/graph/types"
)

// This file puts several pieces of data together into one.

// Alike reports whether items of a and b can be in one: batches of one type, or Go
// values of one type.
func Alike(a, b Data) bool {
	x, isBatch := a.(*Batch)
	y, both := b.(*Batch)
	if isBatch || both {
		return isBatch && both && (x.Type == y.Type || types.Equal(x.Type, y.Type))
	}
	return reflect.TypeOf(a) == reflect.TypeOf(b)
}

// Concat gives the items of all parts, in their order, as one. There is at least
// one part, and they are alike. The references to the parts pass to Concat: it
// gives them back.
func Concat(parts []Data) Data {
	if len(parts) == 1 {
		return parts[0]
	}
	defer func() {
		for _, p := range parts {
			p.Release()
		}
	}()
	if joiner, ok := parts[0].(interface{ concat([]Data) Data }); ok {
		return joiner.concat(parts)
	}
	return concatBatches(parts)
}

// concatBatches leaves out a column that any part does not have: no later node
// needs it.
func concatBatches(parts []Data) Data {
	first := parts[0].(*Batch)
	needed := make([]bool, len(first.Cols))
	for i := range needed {
		needed[i] = !slices.ContainsFunc(parts, func(p Data) bool { return p.(*Batch).Cols[i] == nil })
	}
	all := NewNeeded(first.Type, needed)
	arena := all.Arena()
	var rows []int32
	for _, p := range parts {
		part := p.(*Batch)
		rows = rows[:0]
		for i := range part.Len() {
			rows = append(rows, int32(part.Row(i)))
		}
		for i, c := range all.Cols {
			if c != nil {
				c.Gather(all.Rows, part.Cols[i], rows, arena)
			}
		}
		all.Rows += len(rows)
	}
	return all
}

func (x *Items[T]) concat(parts []Data) Data {
	n := 0
	for _, p := range parts {
		n += p.Len()
	}
	all := make([]T, 0, n)
	for _, p := range parts {
		all = append(all, p.(*Items[T]).V...)
	}
	return Wrap(all)
}
