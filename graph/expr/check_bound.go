package expr

import (
	"slices"

	"github.com/expr-lang/expr/ast"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file brings branches and entries to one type, and computes what is constant.

// conditional types cond ? a : b and if cond {a} else {b}.
func (c *checker) conditional(a *ast.ConditionalNode) *node {
	cond := c.check(a.Cond)
	x := c.under(c.facts(a.Cond, isTrue), a.Exp1)
	c.depth-- // else if else if is no nesting
	y := c.under(c.facts(a.Cond, notTrue), a.Exp2)
	c.depth++
	from, _ := c.tree.widen(cond.from, cond.to)
	_, to := c.tree.widen(y.from, y.to)
	if !cond.bad() && cond.typ.Kind != types.KindBool {
		d := c.report(diag.WrongType, cond.from, cond.to, "a condition must be bool, got %s", cond.typ)
		c.hintBool(d, cond)
		c.noteOrigin(d, cond)
		return errorNode(from, to)
	}
	if cond.bad() || x.bad() || y.bad() {
		return errorNode(from, to)
	}
	branches := []*node{x, y}
	t, ok := c.bound(branches)
	if !ok {
		n, d := c.fail(diag.WrongType, from, to, "the branches have different types: %s and %s", x.typ, y.typ)
		hint := c.oneTypeHint(x, y)
		if hint == "" {
			hint = "make both the same type, as with string(...)"
		}
		d.WithHint("%s", hint)
		c.noteOrigin(d, x)
		c.noteOrigin(d, y)
		return n
	}
	x, y = c.convert(branches[0], t), c.convert(branches[1], t)
	return &node{kind: kCond, typ: t, args: []*node{cond, x, y}, from: from, to: to, fails: cond.fails || x.fails || y.fails}
}

// bound gives the type that all nodes can be converted to. Constants bend: a text
// that is a word of the others' enum is one, a number beside decimals is a
// decimal if it is one exactly; such nodes are replaced in the slice.
func (c *checker) bound(nodes []*node) (*types.Type, bool) {
	t := types.Error
	for _, n := range nodes {
		if k := n.typ.Kind; k == types.KindEnum || k == types.KindDecimal {
			t = n.typ
			break
		}
	}
	for i, n := range nodes {
		switch {
		case t.Kind == types.KindEnum && n.isConst() && n.typ.Kind == types.KindString && slices.Contains(t.Words, n.val.s):
			continue
		case t.Kind == types.KindDecimal && n.isConst() && n.typ.IsNumber():
			n = c.decimalConst(n, t)
			nodes[i] = n
		}
		var err error
		if t, err = types.Bound(t, n.typ); err != nil {
			return nil, false
		}
	}
	return t, true
}

// listLiteral types [a, b, c].
func (c *checker) listLiteral(a *ast.ArrayNode) *node {
	at := a.Location()
	n := &node{kind: kList, from: at.From, to: c.tree.end(at.From)}
	failed := false
	for _, x := range a.Nodes {
		item := c.check(x)
		failed = failed || item.bad()
		n.args = append(n.args, item)
	}
	if failed {
		return errorNode(n.from, n.to)
	}
	elem, ok := c.bound(n.args)
	if !ok {
		return c.mixedItems(n)
	}
	for i, item := range n.args {
		n.args[i] = c.convert(item, elem)
	}
	n.typ, n.fails = types.List(elem), anyFails(n.args)
	return n
}

func (c *checker) mixedItems(n *node) *node {
	for i := range n.args {
		if _, ok := c.bound(slices.Clone(n.args[:i+1])); !ok {
			_, d := c.fail(diag.WrongType, n.args[i].from, n.args[i].to, "the items of a list must be of one type, got %s and %s", n.args[i-1].typ, n.args[i].typ)
			hint := c.oneTypeHint(n.args[i-1], n.args[i])
			if hint == "" {
				hint = `a record holds values of several types: {a: 1, b: "x"}`
			}
			d.WithHint("%s", hint)
			c.noteOrigin(d, n.args[i])
			break
		}
	}
	return errorNode(n.from, n.to)
}

// recordLiteral types {a: x, b: y}.
func (c *checker) recordLiteral(a *ast.MapNode) *node {
	at := a.Location()
	n := &node{kind: kRecord, from: at.From, to: c.tree.end(at.From)}
	t := types.Record()
	failed := false
	for _, p := range a.Pairs {
		pair := p.(*ast.PairNode)
		key := pair.Key.Location()
		v := c.check(pair.Value)
		failed = failed || v.bad()
		name, constant := "", false
		if k, ok := pair.Key.(*ast.StringNode); ok {
			name, constant = c.tree.str(k), true
		}
		if quoted, ok := c.tree.names[key.From]; ok {
			name = quoted
		}
		switch {
		case !constant:
			c.report(diag.BadExpression, key.From, key.To, "the names of fields must be written out")
			failed = true
		case t.Index(name) >= 0:
			c.report(diag.NameClash, key.From, key.To, "field %q appears twice", name)
			failed = true
		default:
			t.Fields = append(t.Fields, types.Field{Name: name, Type: v.typ, Origin: types.Origin{How: "an expression"}})
			n.args = append(n.args, v)
		}
	}
	if len(a.Pairs) == 0 {
		bad, d := c.fail(diag.BadExpression, n.from, n.to, "a record needs a field")
		d.WithHint("write {name: value}")
		return bad
	}
	if failed {
		return errorNode(n.from, n.to)
	}
	n.typ, n.fails = t, anyFails(n.args)
	return n
}

// convert gives n in the form of type to. Null stays possible where it was.
func (c *checker) convert(n *node, to *types.Type) *node { return c.converted(n, to, false) }

// convertExactly is convert for operands that are asked whether they are equal: an
// int that no float equals, such as 2^53 + 1, equals none.
func (c *checker) convertExactly(n *node, to *types.Type) *node { return c.converted(n, to, true) }

func (c *checker) converted(n *node, to *types.Type, exact bool) *node {
	if n.bad() || to.Kind == types.KindError || types.Equal(n.typ, to) {
		return n
	}
	if n.isConst() && n.val.null {
		m := *n
		m.typ = to.Opt()
		return &m
	}
	to = to.NotNull().WithOpt(n.typ.Nullable)
	if sameForm(n.typ, to) {
		m := *n
		m.typ = to
		return &m
	}
	m := &node{kind: kConvert, typ: to, args: []*node{n}, from: n.from, to: n.to, field: n.field, fails: n.fails, exact: exact}
	if n.kind == kConst {
		v := convertValue(nil, n.val, n.typ, to, exact)
		m = constNode(to, v, n.from, n.to)
		if m.args = n.args; to.Kind != types.KindList {
			m.args = []*node{n}
		}
	}
	return m
}

// sameForm reports whether values of both types are the same memory.
func sameForm(a, b *types.Type) bool {
	switch {
	case a.Kind == types.KindError || a.IsText() && b.IsText():
		return true
	case a.Kind != b.Kind:
		return false
	}
	switch a.Kind {
	case types.KindList:
		return sameForm(a.Elem, b.Elem)
	case types.KindRecord:
		return slices.EqualFunc(a.Fields, b.Fields, func(f, g types.Field) bool { return f.Name == g.Name && sameForm(f.Type, g.Type) })
	case types.KindDecimal:
		return a.Scale == b.Scale
	}
	return true
}

// convertValue gives v, of type from, in the form of type to, which from fits.
// Items are put in the memory of r. exact is that of a node.
func convertValue(r *row, v value, from, to *types.Type, exact bool) value {
	if v.null || sameForm(from, to) {
		return v
	}
	switch {
	case to.Kind == types.KindAny:
		return textValue(string(appendJSON(nil, v, from)))
	case to.Kind == types.KindFloat && from.Kind == types.KindDecimal && exact:
		return floatValue(record.ExactDecimal(v.n, from.Scale))
	case to.Kind == types.KindFloat && from.Kind == types.KindDecimal:
		return floatValue(decimalFloat(v.n, from.Scale))
	case to.Kind == types.KindFloat && exact:
		return floatValue(record.ExactFloat(v.n))
	case to.Kind == types.KindFloat:
		return floatValue(float64(v.n))
	case to.Kind == types.KindDecimal:
		return intValue(v.n * pow10(to.Scale-from.Scale)) // Bound leaves room for the digits
	case to.Kind == types.KindList:
		items := r.values(len(v.list))
		for i, item := range v.list {
			items[i] = convertValue(r, item, from.Elem, to.Elem, exact)
		}
		return listValue(items)
	case to.Kind == types.KindRecord:
		fields := r.values(len(to.Fields))
		for i, f := range to.Fields {
			fields[i] = null
			if k := from.Index(f.Name); k >= 0 {
				fields[i] = convertValue(r, v.list[k], from.Fields[k].Type, f.Type, exact)
			}
		}
		return listValue(fields)
	}
	return v
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// decimalFloat is the float nearest to n·10^-scale.
func decimalFloat(n int64, scale int) float64 { return quotient(n, pow10(scale)) }

// settle replaces what only an empty list has, items of no type, by any.
func settle(t *types.Type) *types.Type {
	switch t.Kind {
	case types.KindList:
		if t.Elem.Kind == types.KindError {
			return types.List(types.Any).WithOpt(t.Nullable)
		}
		if elem := settle(t.Elem); elem != t.Elem {
			return types.List(elem).WithOpt(t.Nullable)
		}
	case types.KindRecord:
		for i, f := range t.Fields {
			if ft := settle(f.Type); ft != f.Type {
				c := *t
				c.Name, c.Fields = "", slices.Clone(t.Fields)
				c.Fields[i].Type = ft
				return settle(&c)
			}
		}
	}
	return t
}

// fold computes a part that is made of constants only, so that what can go wrong
// with it goes wrong now.
func (c *checker) fold(n *node) *node {
	switch n.kind {
	case kConst, kField, kSlot, kRange, kLoop, kLet, kTry:
		return n
	}
	if n.bad() || n.kind == kCall && n.fn.impure {
		return n
	}
	for _, a := range n.args {
		if !a.isConst() {
			return n
		}
	}
	v, err := constant(n)
	if err != nil {
		if c.quiet > 0 {
			return n
		}
		bad, _ := c.fail(diag.WrongValue, n.from, n.to, "%s", err)
		return bad
	}
	m := constNode(n.typ, v, n.from, n.to)
	if n.kind == kList {
		m.args = n.args // for what is said of single items
	}
	if !v.null {
		m.typ = n.typ.NotNull()
	}
	return m
}
