package expr

import (
	"errors"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// The functions over lists.

// maxItems bounds a list that an expression makes, and maxSteps the items it
// visits for one row.
const (
	maxItems = 1 << 20
	maxSteps = 1 << 20
)

var errManyItems = fmt.Errorf("the list would have more than %d items", maxItems)

// listFunctions work on lists. Null items count as items, but not for sum, mean,
// min and max. The functions with a body compute it for each item: # is the item,
// .name a field of it, #index its number from 0.
func listFunctions() []function {
	return []function{
		{sig: "len(x: [T]|string) int", special: checkLen, summary: "How many items a list has, or characters a text.", example: `len("été") == 3 && len([1, 2]) == 2`},
		{sig: "first(list: [T]) T?", summary: "The first item; null if there is none.", example: `first([4, 5]) == 4`,
			eval: func(_ *row, a []value) (value, error) { return item(a[0].list, 0), nil }},
		{sig: "last(list: [T]) T?", summary: "The last item; null if there is none.", example: `last([4, 5]) == 5`,
			eval: func(_ *row, a []value) (value, error) { return item(a[0].list, -1), nil }},
		{sig: "take(list: [T], n: int) [T]", summary: "The first n items.", example: `take([1, 2, 3], 2) == [1, 2]`,
			eval: func(_ *row, a []value) (value, error) {
				return listValue(a[0].list[:min(max(a[1].n, 0), int64(len(a[0].list)))]), nil
			}},
		{sig: "sort(list: [ordered], order: string = asc) [ordered]", summary: "The items in order, with \"desc\" backwards. Null comes before everything, so it is last with \"desc\"; the kind sort puts it last in both.", example: `sort([2, 3, 1], "desc") == [3, 2, 1]`, bind: bindSort},
		{sig: "unique(list: [T]) [T]", summary: "The items without those that came before.", example: `unique([1, 2, 1]) == [1, 2]`, bind: bindUnique},
		{sig: "reverse(x: [T]|string) [T]|string", special: checkReverse, summary: "The items, or the characters of a text, from the last to the first.", example: `reverse([1, 2]) == [2, 1] && reverse("ab") == "ba"`},
		{sig: "concat(a: [T], b: [T]...) [T]", summary: "The items of all lists.", example: `concat([1], [2, 3]) == [1, 2, 3]`, eval: concatLists},
		{sig: "flatten(lists: [[T]]) [T]", summary: "The items of the lists in a list.", example: `flatten([[1], [2, 3]]) == [1, 2, 3]`,
			eval: func(r *row, a []value) (value, error) { return concatLists(r, a[0].list) }},
		{sig: "mean(list: [number]) float?", summary: "The arithmetic mean; null if there are no numbers.", example: `mean([1, 2]) == 1.5`, bind: bindMean},
		{sig: "median(list: [number]) float?", summary: "The middle number, or the mean of the two in the middle; null if there are no numbers.", example: `median([1, 9, 2]) == 2`, bind: bindMedian},
		{sig: "sum(list: [T], value = #) number", special: checkSum, summary: "The sum of the items, or of a value for each of them.", example: `sum([1, 2]) == 3 && sum([{n: 1}, {n: 2}], .n * 2) == 6`},
		{sig: "count(list: [T], condition = #) int", special: checkLoop, summary: "How many items a condition is true for.", example: `count([1, 5, 7], # > 4) == 2`},
		{sig: "filter(list: [T], condition) [T]", special: checkLoop, summary: "The items that a condition is true for.", example: `filter([1, 5, 7], # > 4) == [5, 7]`},
		{sig: "map(list: [T], value: U) [U]", special: checkLoop, summary: "A value for each item.", example: `map([1, 2], # * 10) == [10, 20]`},
		{sig: "all(list: [T], condition) bool", special: checkLoop, summary: "Whether a condition is true for every item.", example: `all([1, 2], # > 0)`},
		{sig: "any(list: [T], condition) bool", special: checkLoop, summary: "Whether a condition is true for an item.", example: `any([1, 2], # > 1)`},
		{sig: "none(list: [T], condition) bool", special: checkLoop, summary: "Whether a condition is true for no item.", example: `none([1, 2], # > 2)`},
		{sig: "one(list: [T], condition) bool", special: checkLoop, summary: "Whether a condition is true for exactly one item.", example: `one([1, 2], # > 1)`},
		{sig: "find(list: [T], condition) T?", special: checkLoop, summary: "The first item that a condition is true for; null if there is none.", example: `find([1, 5, 7], # > 4) == 5`},
		{sig: "findLast(list: [T], condition) T?", special: checkLoop, summary: "The last item that a condition is true for; null if there is none.", example: `findLast([1, 5, 7], # > 4) == 7`},
		{sig: "findIndex(list: [T], condition) int?", special: checkLoop, summary: "The number, from 0, of the first item that a condition is true for; null if there is none.", example: `findIndex([1, 5, 7], # > 4) == 1`},
		{sig: "findLastIndex(list: [T], condition) int?", special: checkLoop, summary: "The number of the last item that a condition is true for; null if there is none.", example: `findLastIndex([1, 5, 7], # > 4) == 2`},
		{sig: "sortBy(list: [T], key: ordered, order: string = asc) [T]", special: checkLoop, summary: "The items in the order of a key, with \"desc\" backwards; items with one key stay as they were. A key of null comes before all others, as in sort().", example: `sortBy(["bb", "a"], len(#)) == ["a", "bb"]`},
		{sig: "reduce(list: [T], value: U, initial: U) U", special: checkLoop, summary: "The last value of #acc, which is the initial one first and then the value computed for each item.", example: `reduce([1, 2, 3], #acc * 10 + #, 0) == 123`},
	}
}

// item gives an item of a list, counted from the end if i is negative; null
// outside.
func item(list []value, i int64) value {
	if i < 0 {
		i += int64(len(list))
	}
	if i < 0 || i >= int64(len(list)) {
		return null
	}
	return list[i]
}

func concatLists(r *row, lists []value) (value, error) {
	n := 0
	for _, l := range lists {
		n += len(l.list)
	}
	if n > maxItems {
		return null, errManyItems
	}
	out := r.values(n)[:0]
	for _, l := range lists {
		out = append(out, l.list...)
	}
	return listValue(out), nil
}

// checkOrder reads the order that sort and sortBy take: 1 or -1.
func checkOrder(n *node) (int, error) {
	if n.isConst() && !n.val.null && (n.val.s == "asc" || n.val.s == "desc") {
		return 1 - 2*bit(n.val.s == "desc"), nil
	}
	return 0, errors.New(`the order is "asc" or "desc"`)
}

func bindSort(n *node) (call, error) {
	order, elem := 1, n.args[0].typ.Elem
	if len(n.args) > 1 {
		var err error
		if order, err = checkOrder(n.args[1]); err != nil {
			return nil, &argError{1, err}
		}
	}
	return func(r *row, a []value) (value, error) {
		out := r.values(len(a[0].list))
		copy(out, a[0].list)
		slices.SortStableFunc(out, func(x, y value) int { return order * compareValues(elem, x, y) })
		return listValue(out), nil
	}, nil
}

func bindUnique(n *node) (call, error) {
	elem := n.args[0].typ.Elem
	return func(r *row, a []value) (value, error) {
		seen := make(map[string]bool, len(a[0].list))
		out := r.values(len(a[0].list))[:0]
		var key []byte
		for _, v := range a[0].list {
			if key = appendKey(key[:0], v, elem); !seen[string(key)] {
				seen[string(key)] = true
				out = append(out, v)
			}
		}
		return listValue(out), nil
	}, nil
}

// appendKey appends what is equal for values that are equal: their JSON, with one
// zero for both and, for what is JSON itself, with the one form of keys.
func appendKey(dst []byte, v value, t *types.Type) []byte {
	switch {
	case v.null:
		return append(dst, "null"...)
	case t.Kind == types.KindFloat && v.float() == 0:
		return append(dst, '0')
	case t.Kind == types.KindAny:
		return record.AppendCanonical(dst, v.s)
	case t.Kind == types.KindList:
		dst = append(dst, '[')
		for _, item := range v.list {
			dst = append(appendKey(dst, item, t.Elem), ',')
		}
		return append(dst, ']')
	case t.Kind == types.KindRecord:
		dst = append(dst, '{')
		for i, f := range t.Fields {
			dst = append(appendKey(dst, v.list[i], f.Type), ',')
		}
		return append(dst, '}')
	}
	return appendJSON(dst, v, t)
}

// numberOf gives the items of a list of numbers as floats: durations in
// nanoseconds.
func numberOf(elem *types.Type) func(value) float64 {
	switch elem.Kind {
	case types.KindFloat:
		return value.float
	case types.KindDecimal:
		return func(v value) float64 { return decimalFloat(v.n, elem.Scale) }
	}
	return func(v value) float64 { return float64(v.n) }
}

func bindMean(n *node) (call, error) {
	number := numberOf(n.args[0].typ.Elem)
	return func(_ *row, a []value) (value, error) {
		sum, count := 0.0, 0
		for _, v := range a[0].list {
			if !v.null {
				sum += number(v)
				count++
			}
		}
		if count == 0 {
			return null, nil
		}
		if notFinite(sum) {
			return null, errors.New("the sum of the numbers is not finite")
		}
		return floatValue(sum / float64(count)), nil
	}, nil
}

func bindMedian(n *node) (call, error) {
	number := numberOf(n.args[0].typ.Elem)
	return func(_ *row, a []value) (value, error) {
		var all []float64
		for _, v := range a[0].list {
			if !v.null {
				all = append(all, number(v))
			}
		}
		if len(all) == 0 {
			return null, nil
		}
		slices.Sort(all)
		m := len(all) / 2
		if len(all)%2 == 1 {
			return floatValue(all[m]), nil
		}
		mid := all[m-1]/2 + all[m]/2
		if notFinite(mid) {
			return null, errors.New("the median of the numbers is not finite")
		}
		return floatValue(mid), nil
	}, nil
}

// addUp adds the items of a list that are not null.
func addUp(t *types.Type, items []value) (value, error) {
	if t.Kind == types.KindFloat {
		sum := 0.0
		for _, v := range items {
			if !v.null {
				sum += v.float()
			}
		}
		if notFinite(sum) {
			return null, errors.New("the sum of the numbers is not finite")
		}
		return floatValue(sum), nil
	}
	sum := int64(0)
	for _, v := range items {
		next := sum + v.n // null has zero
		if addOverflows(sum, v.n, next) || t.Kind == types.KindDecimal && !decimalFits(next) {
			return null, fmt.Errorf("the sum overflows %s", t.NotNull())
		}
		sum = next
	}
	return intValue(sum), nil
}

// plainFunction gives a function that is no entry of the table.
func plainFunction(name, sig string, bind func(n *node) (call, error)) *function {
	f := &function{sig: sig, bind: bind}
	f.parse()
	f.name = name
	return f
}

func checkLen(c *checker, s *callSite) *node {
	args, ok := c.arguments(s)
	if !c.wants(s, "len(list) or len(text)", 1, 1) || !ok {
		return errorNode(s.from, s.to)
	}
	x := args[0]
	count := func(_ *row, a []value) (value, error) { return intValue(int64(length(a[0].s))), nil }
	switch x.typ.Kind {
	case types.KindString, types.KindEnum, types.KindNull:
	case types.KindBytes:
		count = func(_ *row, a []value) (value, error) { return intValue(int64(len(a[0].s))), nil }
	case types.KindList:
		count = func(_ *row, a []value) (value, error) { return intValue(int64(len(a[0].list))), nil }
	default:
		n, d := c.fail(diag.WrongType, x.from, x.to, "len() wants a list or text, got %s", x.typ)
		if x.typ.Kind == types.KindAny {
			d.WithHint("convert it: list(%s) or string(%[1]s)", c.source(x))
		}
		c.noteOrigin(d, x)
		return n
	}
	f := &function{name: "len", eval: count}
	return &node{kind: kCall, fn: f, typ: types.Int.WithOpt(x.typ.Nullable), args: args, from: s.from, to: s.to, fails: x.fails}
}

func checkReverse(c *checker, s *callSite) *node {
	args, ok := c.arguments(s)
	if !c.wants(s, "reverse(list) or reverse(text)", 1, 1) || !ok {
		return errorNode(s.from, s.to)
	}
	if args[0].typ.IsText() {
		return c.apply(plainFunction("reverse", "reverse(text: string) string", func(*node) (call, error) {
			return text1(func(s string) string {
				r := []rune(s)
				slices.Reverse(r)
				return string(r)
			}), nil
		}), s, args)
	}
	return c.apply(plainFunction("reverse", "reverse(list: [T]) [T]", func(*node) (call, error) {
		return func(r *row, a []value) (value, error) {
			out := r.values(len(a[0].list))
			copy(out, a[0].list)
			slices.Reverse(out)
			return listValue(out), nil
		}, nil
	}), s, args)
}

// checkSum types sum(list) and sum(list, value).
func checkSum(c *checker, s *callSite) *node {
	sum := plainFunction("sum", "sum(list: [number]) number", func(n *node) (call, error) {
		t := n.typ
		return func(_ *row, a []value) (value, error) { return addUp(t, a[0].list) }, nil
	})
	if len(s.args) < 2 {
		args, ok := c.arguments(s)
		if !ok {
			return errorNode(s.from, s.to)
		}
		return c.apply(sum, s, args)
	}
	s.name = "map"
	values := checkLoop(c, s)
	s.name = "sum"
	if values.bad() {
		return values
	}
	if e := values.typ.Elem; !e.IsNumber() && e.Kind != types.KindDuration && e.Kind != types.KindNull {
		body := values.args[1]
		n, d := c.fail(diag.WrongType, body.from, body.to, "sum() wants a number for each item, got %s", e)
		c.noteOrigin(d, body)
		return n
	}
	return c.apply(sum, &callSite{name: "sum", args: s.args[:1], nameAt: s.nameAt, from: s.from, to: s.to}, []*node{values})
}
