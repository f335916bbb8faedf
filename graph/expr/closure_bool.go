package expr

import (
	"regexp"
	"strings"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the closures that give bools.

// compileBool is for the operators that give bools.
func compileBool(n *node) fn[bool] {
	switch n.kind {
	case kNot:
		x := compile(bools(), n.args[0])
		return func(r *row) (bool, bool) { v, ok := x(r); return !v && ok, ok }
	case kAnd:
		return threeValued(compile(bools(), n.args[0]), compile(bools(), n.args[1]), false)
	case kOr:
		return threeValued(compile(bools(), n.args[0]), compile(bools(), n.args[1]), true)
	case kCompare:
		return compileCompare(n)
	case kIsNull:
		x, want := boxed(n.args[0]), n.op == "=="
		return func(r *row) (bool, bool) { return x(r).null == want, true }
	case kText:
		f := textTest(n.op)
		return both(compile(texts(), n.args[0]), compile(texts(), n.args[1]), func(_ *row, s, t string) (bool, bool) { return f(s, t), true })
	case kMatch:
		return compileMatch(n)
	case kIn:
		return compileIn(n)
	}
	panic("expr: no bool from this node")
}

// threeValued is and or or: decides is the value that settles the matter whatever
// the other side is. The right side is not computed where the left one decides.
func threeValued(x, y fn[bool], decides bool) fn[bool] {
	return func(r *row) (bool, bool) {
		a, oka := x(r)
		if oka && a == decides {
			return decides, true
		}
		b, okb := y(r)
		if okb && b == decides {
			return decides, true
		}
		return !decides && oka && okb, oka && okb
	}
}

func textTest(op string) func(s, t string) bool {
	switch op {
	case "contains":
		return strings.Contains
	case "startsWith":
		return strings.HasPrefix
	}
	return strings.HasSuffix
}

func compileMatch(n *node) fn[bool] {
	x := compile(texts(), n.args[0])
	if p := n.args[1]; p.isConst() && !p.val.null {
		re := regexp.MustCompile(p.val.s) // the checker has compiled it before
		return func(r *row) (bool, bool) {
			s, ok := x(r)
			return ok && re.MatchString(s), ok
		}
	}
	find, _ := patterns(n, 1)
	return both(x, compile(texts(), n.args[1]), func(r *row, s, pattern string) (bool, bool) {
		re, err := find(pattern)
		if err != nil {
			r.fail(err)
			return false, false
		}
		return re.MatchString(s), true
	})
}

// compileIn looks into a list. Of a constant list it makes a set, and a range is
// not made at all.
func compileIn(n *node) fn[bool] {
	x, list := n.args[0], n.args[1]
	switch {
	case list.kind == kRange && x.form() == record.FormInt:
		from, to := compile(ints(), list.args[0]), compile(ints(), list.args[1])
		return both(compile(ints(), x), both(from, to, func(_ *row, a, b int64) ([2]int64, bool) { return [2]int64{a, b}, true }),
			func(_ *row, v int64, bounds [2]int64) (bool, bool) { return bounds[0] <= v && v <= bounds[1], true })
	case list.isConst() && !list.val.null && x.form() == record.FormInt:
		return inSet(compile(ints(), x), setOf(list.val.list, ints().unbox))
	case list.isConst() && !list.val.null && x.form() == record.FormText:
		return inSet(compile(texts(), x), setOf(list.val.list, texts().unbox))
	}
	t, get := x.typ.NotNull(), boxed(x)
	return both(func(r *row) (value, bool) { v := get(r); return v, !v.null }, compile(lists(), list), func(_ *row, v value, items []value) (bool, bool) {
		for _, item := range items {
			if !item.null && equalValues(t, v, item) {
				return true, true
			}
		}
		return false, true
	})
}

func setOf[T comparable](items []value, unbox func(value) T) func(T) bool {
	var all []T
	set := map[T]bool{}
	for _, v := range items {
		if !v.null {
			all = append(all, unbox(v))
			set[unbox(v)] = true
		}
	}
	if len(all) > 8 {
		return func(x T) bool { return set[x] }
	}
	return func(x T) bool {
		for _, y := range all {
			if x == y {
				return true
			}
		}
		return false
	}
}

func inSet[T any](x fn[T], has func(T) bool) fn[bool] {
	return func(r *row) (bool, bool) {
		v, ok := x(r)
		return ok && has(v), ok
	}
}

// compileText is for the operators that give text or JSON.
func compileText(n *node) fn[string] {
	switch n.kind {
	case kConcat:
		return both(compile(texts(), n.args[0]), compile(texts(), n.args[1]), func(r *row, a, b string) (string, bool) {
			s, err := concat(r.arena, a, b)
			if err != nil {
				r.fail(err)
				return "", false
			}
			return s, true
		})
	case kConvert: // to JSON
		x, from := boxed(n.args[0]), n.args[0].typ
		return func(r *row) (string, bool) {
			v := x(r)
			if v.null {
				return "", false
			}
			return r.text(func(dst []byte) []byte { return appendJSON(dst, v, from) }), true
		}
	case kPath:
		x, name := compile(texts(), n.args[0]), n.name
		return func(r *row) (string, bool) {
			s, ok := x(r)
			if !ok {
				return "", false
			}
			return jsonMember(s, name)
		}
	case kSlice:
		bounds := compileBounds(n)
		return both(compile(texts(), n.args[0]), bounds, func(_ *row, s string, b [2]int64) (string, bool) { return cut(s, b[0], b[1]), true })
	case kIndex:
		x := compile(texts(), n.args[0])
		if n.args[1].form() == record.FormText {
			return both(x, compile(texts(), n.args[1]), func(_ *row, s, name string) (string, bool) { return jsonMember(s, name) })
		}
		find := charAt
		if n.args[0].typ.Kind == types.KindAny {
			find = jsonIndex
		}
		return both(x, compile(ints(), n.args[1]), func(_ *row, s string, i int64) (string, bool) { return find(s, i) })
	}
	panic("expr: no text from this node")
}

// compileBounds gives the two bounds of a slice; one that is not written is the
// beginning or the end.
func compileBounds(n *node) fn[[2]int64] {
	bound := func(a *node, missing int64) fn[int64] {
		if a.null && a.kind == kConst {
			return func(*row) (int64, bool) { return missing, true }
		}
		return compile(ints(), a)
	}
	return both(bound(n.args[1], 0), bound(n.args[2], 1<<62), func(_ *row, from, to int64) ([2]int64, bool) { return [2]int64{from, to}, true })
}
