package expr

import (
	"slices"

	"github.com/flowrun/flowrun/graph/types"
)

// This file has the closures that give lists and records, and those of loops.

// compileList is for the operators that give lists and records.
func compileList(n *node) fn[[]value] {
	switch n.kind {
	case kList, kRecord:
		args := make([]func(*row) value, len(n.args))
		for i, a := range n.args {
			args[i] = boxed(a)
		}
		return func(r *row) ([]value, bool) {
			items := r.values(len(args))
			for i, a := range args {
				items[i] = a(r)
			}
			return items, true
		}
	case kSlice:
		return both(compile(lists(), n.args[0]), compileBounds(n), func(_ *row, l []value, b [2]int64) ([]value, bool) {
			from, to := clampRange(b[0], b[1], int64(len(l)))
			if from >= to {
				return nil, true
			}
			return l[from:to:to], true
		})
	case kRange:
		return compileRange(n)
	case kConvert:
		x, from, to := compile(lists(), n.args[0]), n.args[0].typ, n.typ
		return func(r *row) ([]value, bool) {
			l, ok := x(r)
			if !ok {
				return nil, false
			}
			return convertValue(r, listValue(l), from, to, n.exact).list, true
		}
	}
	panic("expr: no list from this node")
}

// compileLoop runs a function over a list with a body.
func compileLoop[T any](as *form[T], n *node) fn[T] {
	list, body, unbox := compile(lists(), n.args[0]), boxed(n.args[1]), as.unbox
	run := loops(n)
	if n.op == "reduce" {
		initial := boxed(n.args[2])
		acc := n.index
		run = func(r *row, items []value, each func(i int) value) value {
			saved := r.slots[acc]
			r.slots[acc] = initial(r)
			for i := range items {
				r.slots[acc] = each(i)
			}
			result := r.slots[acc]
			r.slots[acc] = saved
			return result
		}
	}
	slot := n.slot
	return func(r *row) (x T, ok bool) {
		items, ok := list(r)
		if !ok {
			return x, false
		}
		v := run(r, items, func(i int) value {
			r.step()
			r.slots[slot], r.slots[slot+1] = items[i], intValue(int64(i))
			return body(r)
		})
		if r.err != nil || v.null {
			return x, false
		}
		return unbox(v), true
	}
}

// A loopRun computes the result of a loop from its items; each gives the value of
// the body for one of them.
type loopRun func(r *row, items []value, each func(i int) value) value

func loops(n *node) loopRun {
	switch n.op {
	case "map":
		return func(r *row, items []value, each func(int) value) value {
			out := r.values(len(items))
			for i := range items {
				out[i] = each(i)
			}
			return listValue(out)
		}
	case "filter":
		return func(r *row, items []value, each func(int) value) value {
			out := r.values(len(items))[:0]
			for i, v := range items {
				if each(i).isTrue() {
					out = append(out, v)
				}
			}
			return listValue(out)
		}
	case "find", "findIndex", "findLast", "findLastIndex":
		return searching(n.op)
	case "sortBy":
		key, order := n.args[1].typ, n.index
		return func(r *row, items []value, each func(int) value) value { return sorted(r, items, each, key, order) }
	case "reduce":
		return nil // needs a slot of its own
	}
	return counting(n.op)
}

// counting is for the loops that only count; those that can stop early do.
func counting(op string) loopRun {
	return func(_ *row, items []value, each func(int) value) value {
		hits := 0
		for i := range items {
			hit := each(i).isTrue()
			hits += bit(hit)
			switch {
			case op == "any" && hit:
				return boolValue(true)
			case op == "none" && hit, op == "all" && !hit, op == "one" && hits > 1:
				return boolValue(false)
			}
		}
		switch op {
		case "count":
			return intValue(int64(hits))
		case "any":
			return boolValue(false)
		case "one":
			return boolValue(hits == 1)
		}
		return boolValue(true) // all and none
	}
}

func searching(op string) loopRun {
	last := op == "findLast" || op == "findLastIndex"
	index := op == "findIndex" || op == "findLastIndex"
	return func(_ *row, items []value, each func(int) value) value {
		for k := range items {
			i := k
			if last {
				i = len(items) - 1 - k
			}
			if each(i).isTrue() {
				if index {
					return intValue(int64(i))
				}
				return items[i]
			}
		}
		return null
	}
}

func sorted(r *row, items []value, each func(int) value, key *types.Type, order int) value {
	keys := r.values(len(items))
	places := make([]int, len(items))
	for i := range items {
		keys[i], places[i] = each(i), i
	}
	slices.SortStableFunc(places, func(i, j int) int { return order * compareValues(key, keys[i], keys[j]) })
	out := r.values(len(items))
	for k, i := range places {
		out[k] = items[i]
	}
	return listValue(out)
}
