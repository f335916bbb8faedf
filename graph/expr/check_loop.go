package expr

import (
	"github.com/expr-lang/expr/ast"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the types of functions over a list with a body.

// checkLoop types a function over a list with a body, such as filter(list, # > 1).
func checkLoop(c *checker, s *callSite) *node {
	most := 2
	if s.name == "sortBy" || s.name == "reduce" {
		most = 3
	}
	least := 2
	if s.name == "reduce" {
		least = 3
	} else if s.name == "count" {
		least = 1
	}
	if s.name == "count" && len(s.args) == 0 {
		n, d := c.fail(diag.WrongType, s.from, s.to, "count() counts rows, and here is only one")
		d.WithHint("use it in a group or window node, or say what to count: count(list, # > 1)")
		return n
	}
	if !c.wants(s, functionNamed(s.name).sig, least, most) {
		for _, a := range s.args[:min(1, len(s.args))] {
			c.check(a)
		}
		return errorNode(s.from, s.to)
	}
	list := c.check(s.args[0])
	c.stretch(s, list)
	if list.bad() {
		return errorNode(s.from, s.to)
	}
	if list.typ.Kind != types.KindList {
		return c.noList(s, list)
	}
	n := &node{kind: kLoop, op: s.name, slot: c.newSlots(2), args: []*node{list}, from: s.from, to: s.to}
	l := loop{item: list.typ.Elem, slot: n.slot}
	if l.item.Kind == types.KindError { // of an empty list
		l.item = types.Any
	}
	var initial *node
	if s.name == "reduce" {
		if initial = c.check(s.args[2]); initial.bad() {
			return errorNode(s.from, s.to)
		}
		l.acc = &binding{typ: initial.typ, slot: c.newSlots(1)}
	}
	body := c.body(s, l)
	if body.bad() {
		return errorNode(s.from, s.to)
	}
	n.args = append(n.args, body)
	if initial != nil {
		return c.reduction(n, initial, l.acc)
	}
	if !c.loopResult(n, s) {
		return errorNode(s.from, s.to)
	}
	n.typ = n.typ.WithOpt(n.typ.Nullable || list.typ.Nullable)
	n.fails = true // by too many steps
	return n
}

func (c *checker) noList(s *callSite, x *node) *node {
	n, d := c.fail(diag.WrongType, x.from, x.to, "%s() wants a list, got %s", s.name, x.typ)
	switch {
	case x.typ.Kind == types.KindAny:
		d.WithHint("convert it: list(%s)", c.source(x))
	case aggregateNamed(s.name) != nil:
		d.WithHint("over rows, %s() belongs in a group or window node", s.name)
	}
	c.noteOrigin(d, x)
	n.from, n.to = s.from, s.to
	return n
}

// body types what is computed for each item. count without a body counts items
// that are true.
func (c *checker) body(s *callSite, l loop) *node {
	c.loops = append(c.loops, l)
	defer func() { c.loops = c.loops[:len(c.loops)-1] }()
	if len(s.args) == 1 {
		return &node{kind: kSlot, slot: l.slot, typ: l.item, from: s.from, to: s.to}
	}
	a := s.args[1]
	if p, ok := a.(*ast.PredicateNode); ok {
		a = p.Node
	}
	return c.check(a)
}

// loopResult sets the type of a loop by its name and body.
func (c *checker) loopResult(n *node, s *callSite) bool {
	list, body := n.args[0].typ, n.args[1]
	switch n.op {
	case "map":
		n.typ = types.List(body.typ)
		return true
	case "sortBy":
		return c.sorting(n, s)
	}
	if body.typ.Kind != types.KindBool {
		d := c.report(diag.WrongType, body.from, body.to, "%s() wants a condition, got %s", n.op, body.typ)
		if len(s.args) == 1 {
			d.WithHint("count() without a condition counts items that are true; len(%s) counts all", c.source(n.args[0]))
		} else {
			c.hintBool(d, body)
		}
		c.noteOrigin(d, body)
		return false
	}
	switch n.op {
	case "filter":
		n.typ = list.NotNull()
	case "find", "findLast":
		n.typ = list.Elem.Opt()
		if list.Elem.Kind == types.KindError {
			n.typ = types.Any
		}
	case "findIndex", "findLastIndex":
		n.typ = types.Int.Opt()
	case "count":
		n.typ = types.Int
	default:
		n.typ = types.Bool
	}
	return true
}

// sorting types sortBy; the order goes into index.
func (c *checker) sorting(n *node, s *callSite) bool {
	n.typ, n.index = n.args[0].typ.NotNull(), 1
	body := n.args[1]
	if !body.typ.Ordered() && body.typ.Kind != types.KindNull {
		d := c.report(diag.WrongType, body.from, body.to, "sortBy() wants a key that has an order, got %s", body.typ)
		c.noteOrigin(d, body)
		return false
	}
	if len(s.args) == 3 {
		order := c.check(s.args[2])
		var err error
		if n.index, err = checkOrder(order); err != nil {
			if !order.bad() {
				c.report(diag.WrongValue, order.from, order.to, "%s", err)
			}
			return false
		}
	}
	return true
}

// reduction types reduce: the value for each item must fit #acc.
func (c *checker) reduction(n, initial *node, acc *binding) *node {
	body := n.args[1]
	t, err := types.Bound(acc.typ, body.typ)
	if err != nil || !types.Equal(t, acc.typ) {
		bad, d := c.fail(diag.WrongType, body.from, body.to, "the value of reduce() is %s, but #acc begins as %s", body.typ, acc.typ)
		switch {
		case acc.typ.Kind == types.KindInt && body.typ.Kind == types.KindFloat:
			d.WithHint("begin with a float, such as 0.0")
		case body.typ.Nullable && !acc.typ.Nullable:
			d.WithHint("replace null by ??")
		}
		return bad
	}
	n.args = append(n.args, initial)
	n.args[1] = c.convert(body, t)
	n.index = acc.slot
	n.typ = t.WithOpt(t.Nullable || n.args[0].typ.Nullable)
	n.fails = true
	return n
}
