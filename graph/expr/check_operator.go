package expr

import (
	"math"
	"regexp"
	"strconv"

	"github.com/expr-lang/expr/ast"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the types of operators, but for arithmetic.

// unary types -x, +x and !x.
func (c *checker) unary(a *ast.UnaryNode) *node {
	from := a.Location().From
	var x *node
	if i, ok := a.Node.(*ast.IntegerNode); ok && a.Operator == "-" {
		x = c.integer(i, true)
		if c.tree.least[i.Location().From] {
			x.from = from
			return x
		}
	} else {
		x = c.check(a.Node)
	}
	from, to := min(from, x.from), x.to
	if _, wide := c.tree.widen(x.from, x.to); wide > to {
		to = wide
	}
	not := a.Operator == "!" || a.Operator == "not"
	if x.bad() {
		if not {
			return boolNode(from, to)
		}
		return errorNode(from, to)
	}
	k := x.typ.Kind
	switch {
	case not && (k == types.KindBool || k == types.KindNull):
		return &node{kind: kNot, op: a.Operator, typ: types.Bool.WithOpt(x.typ.Nullable), args: []*node{c.convert(x, types.Bool)}, from: from, to: to, fails: x.fails}
	case !not && (x.typ.IsNumber() || k == types.KindDuration || k == types.KindNull):
		if a.Operator == "+" || k == types.KindNull {
			return x
		}
		return &node{kind: kNeg, op: "-", typ: x.typ, args: []*node{x}, from: from, to: to, fails: x.fails || k != types.KindFloat}
	}
	n, d := c.fail(diag.WrongType, from, to, "cannot apply %q to %s", a.Operator, x.typ)
	if not {
		c.hintBool(d, x)
	} else {
		c.hintNumber(d, x)
	}
	c.noteOrigin(d, x)
	return n
}

// binary types every operator with two operands.
func (c *checker) binary(a *ast.BinaryNode) *node {
	op := a.Operator
	switch op {
	case "and":
		op = "&&"
	case "or":
		op = "||"
	case "^":
		op = "**"
	}
	c.depth-- // a chain such as a + b + c leans to the left without end
	l := c.check(a.Left)
	c.depth++
	var r *node
	switch op {
	case "&&":
		r = c.under(c.facts(a.Left, notFalse), a.Right)
	case "||":
		r = c.under(c.facts(a.Left, notTrue), a.Right)
	default:
		r = c.check(a.Right)
	}
	n := &node{op: op, args: []*node{l, r}, fails: l.fails || r.fails}
	n.from, _ = c.tree.widen(l.from, l.to)
	_, n.to = c.tree.widen(r.from, r.to)
	if n.to <= n.from { // operands shared by a < b < c
		n.from, n.to = min(l.from, r.from), max(l.to, r.to)
	}
	asks := op == "&&" || op == "||" || op == "in" || op == "matches" || isComparison(op) || isTextTest(op)
	broken := func() *node {
		if asks {
			return boolNode(n.from, n.to)
		}
		return errorNode(n.from, n.to)
	}
	switch {
	case l.bad() || r.bad():
		return broken()
	case c.operator(n):
		return n
	case n.typ != nil && n.bad(): // it has been said what is wrong
		return broken()
	}
	c.wrongOperands(n)
	return broken()
}

func isTextTest(op string) bool { return op == "contains" || op == "startsWith" || op == "endsWith" }

// operator types n by its operands. It is false if they do not fit, with the error
// type if that has been reported.
func (c *checker) operator(n *node) bool {
	l, r := n.args[0].typ, n.args[1].typ
	opt := l.Nullable || r.Nullable
	switch op := n.op; {
	case op == "&&" || op == "||":
		return c.logic(n)
	case op == "==" || op == "!=":
		return c.equality(n)
	case isComparison(op):
		return c.ordering(n)
	case op == "in":
		return c.membership(n)
	case op == "matches":
		return c.matching(n)
	case op == "??":
		return c.coalesce(n)
	case op == "..":
		n.kind, n.typ, n.fails = kRange, types.List(types.Int).WithOpt(opt), true
		return l.Kind == types.KindInt && r.Kind == types.KindInt
	case isTextTest(op):
		n.kind, n.typ = kText, types.Bool.WithOpt(opt)
		return l.IsText() && r.IsText()
	}
	return c.arithmetic(n)
}

// boolNode stands for a condition with a mistake in it: it is still a condition,
// but no constant.
func boolNode(from, to int) *node { return &node{kind: kSlot, typ: types.Bool, from: from, to: to} }

// wrongOperands reports operands that an operator does not take.
func (c *checker) wrongOperands(n *node) {
	l, r := n.args[0], n.args[1]
	d := c.report(diag.WrongType, n.from, n.to, "cannot apply %q to %s and %s", n.op, l.typ, r.typ)
	d.WithHint("%s", c.operandHint(n.op, l, r))
	c.noteOrigin(d, l)
	c.noteOrigin(d, r)
}

func (c *checker) logic(n *node) bool {
	for i, x := range n.args {
		if x.typ.Kind != types.KindBool && x.typ.Kind != types.KindNull {
			return false
		}
		n.args[i] = c.convert(x, types.Bool)
	}
	n.kind = kAnd
	if n.op == "||" {
		n.kind = kOr
	}
	n.typ = types.Bool.WithOpt(n.args[0].typ.Nullable || n.args[1].typ.Nullable)
	return true
}

// equality types == and !=.
func (c *checker) equality(n *node) bool {
	l, r := n.args[0], n.args[1]
	if l.null {
		l, r = r, l
	}
	if r.null {
		n.kind, n.typ, n.args, n.fails = kIsNull, types.Bool, []*node{l}, l.fails
		return true
	}
	if !c.alike(n) {
		return false
	}
	l = n.args[0]
	if !equatable(l.typ) {
		return false
	}
	n.kind, n.typ = kCompare, types.Bool.WithOpt(l.typ.Nullable || n.args[1].typ.Nullable)
	return true
}

// equatable reports whether values of a type can be equal: all but JSON values,
// whose text says the same in many ways.
func equatable(t *types.Type) bool {
	switch t.Kind {
	case types.KindAny, types.KindOpaque, types.KindNull, types.KindVar:
		return false
	case types.KindList:
		return equatable(t.Elem) || t.Elem.Kind == types.KindError
	case types.KindRecord:
		for _, f := range t.Fields {
			if !equatable(f.Type) {
				return false
			}
		}
	}
	return true
}

// ordering types < <= > >=.
func (c *checker) ordering(n *node) bool {
	if !c.alike(n) {
		return false
	}
	switch n.args[0].typ.Kind {
	case types.KindInt, types.KindFloat, types.KindString, types.KindEnum, types.KindTime, types.KindDate, types.KindDuration, types.KindDecimal, types.KindBytes:
		n.kind, n.typ = kCompare, types.Bool.WithOpt(n.args[0].typ.Nullable || n.args[1].typ.Nullable)
		return true
	}
	return false
}

// alike brings the operands of a comparison to one form. It reports texts that
// are no word of an enum itself and then sets the error type.
func (c *checker) alike(n *node) bool {
	l, r := n.args[0], n.args[1]
	switch {
	case l.typ.Kind == types.KindEnum && r.isConst() && r.typ.Kind == types.KindString:
		return c.word(n, l, r)
	case r.typ.Kind == types.KindEnum && l.isConst() && l.typ.Kind == types.KindString:
		return c.word(n, r, l)
	case l.typ.Kind == types.KindDecimal && r.isConst():
		r = c.decimalConst(r, l.typ)
	case r.typ.Kind == types.KindDecimal && l.isConst():
		l = c.decimalConst(l, r.typ)
	}
	if l.typ.Kind == types.KindDecimal || r.typ.Kind == types.KindDecimal {
		n.args[0], n.args[1] = l, r
		return l.typ.Kind == r.typ.Kind && l.typ.Scale == r.typ.Scale
	}
	if l.typ.Kind == types.KindAny || r.typ.Kind == types.KindAny || l.typ.Kind == types.KindNull || r.typ.Kind == types.KindNull {
		return false
	}
	t, err := types.Bound(l.typ.NotNull(), r.typ.NotNull())
	if err != nil {
		return false
	}
	ordered := n.op != "==" && n.op != "!="
	switch {
	case ordered && l.typ.Kind == types.KindInt && r.typ.Kind == types.KindFloat && !roundsAlike(l, r):
		return true
	case ordered && l.typ.Kind == types.KindFloat && r.typ.Kind == types.KindInt && !roundsAlike(r, l):
		n.op, n.args[0], n.args[1] = mirrored[n.op], r, l
		return true
	case ordered:
		n.args[0], n.args[1] = c.convert(l, t), c.convert(r, t)
		return true
	}
	n.args[0], n.args[1] = c.convertExactly(l, t), c.convertExactly(r, t)
	return true
}

// roundsAlike reports whether an int and a float may be ordered as floats because
// one of them is a constant within 2^53: up to there every int is a float.
func roundsAlike(n, f *node) bool {
	const limit = 1 << 53
	return n.isConst() && !n.val.null && -limit <= n.val.n && n.val.n <= limit || f.isConst() && !f.val.null && math.Abs(f.val.float()) < limit
}

// word checks that a constant text is a word of an enum.
func (c *checker) word(n *node, enum, text *node) bool {
	for _, w := range enum.typ.Words {
		if w == text.val.s {
			return true
		}
	}
	d := c.report(diag.WrongValue, text.from, text.to, "%s is never %s", c.source(enum), textIn(text.val.s))
	d.DidYouMean(text.val.s, enum.typ.Words)
	c.noteOrigin(d, enum)
	n.typ = types.Error
	return false
}

// decimalConst gives a constant number as a decimal of t's scale if it is one
// exactly; otherwise the number itself.
func (c *checker) decimalConst(n *node, t *types.Type) *node {
	limit := int64(1e18)
	scale := int64(math.Pow10(t.Scale))
	switch n.typ.Kind {
	case types.KindInt:
		if n.val.n > -limit/scale && n.val.n < limit/scale {
			return constNode(types.Decimal(18, t.Scale), intValue(n.val.n*scale), n.from, n.to)
		}
	case types.KindFloat:
		text := strconv.FormatFloat(n.val.float(), 'f', t.Scale, 64)
		if back, _ := strconv.ParseFloat(text, 64); back != n.val.float() {
			return n
		}
		digits := make([]byte, 0, len(text))
		for i := range len(text) {
			if text[i] != '.' {
				digits = append(digits, text[i])
			}
		}
		if v, err := strconv.ParseInt(string(digits), 10, 64); err == nil && decimalFits(v) {
			return constNode(types.Decimal(18, t.Scale), intValue(v), n.from, n.to)
		}
	}
	return n
}

// membership types x in list.
func (c *checker) membership(n *node) bool {
	x, list := n.args[0], n.args[1]
	if list.typ.Kind != types.KindList || x.typ.Kind == types.KindNull {
		return false
	}
	if x.typ.Kind == types.KindEnum && list.isConst() && list.typ.Elem.Kind == types.KindString {
		for _, item := range list.args {
			if item.isConst() && !item.val.null && !c.word(n, x, item) {
				return false
			}
		}
	}
	elem, err := types.Bound(x.typ.NotNull(), list.typ.Elem.NotNull())
	if err != nil || !equatable(elem) {
		return false
	}
	n.args[0] = c.convertExactly(x, elem)
	n.args[1] = c.convertExactly(list, types.List(elem.WithOpt(list.typ.Elem.Nullable)))
	n.kind, n.typ = kIn, types.Bool.WithOpt(x.typ.Nullable || list.typ.Nullable)
	return true
}

// matching types text matches pattern; a constant pattern must be one.
func (c *checker) matching(n *node) bool {
	l, r := n.args[0], n.args[1]
	if !l.typ.IsText() || !r.typ.IsText() {
		return false
	}
	n.kind, n.typ = kMatch, types.Bool.WithOpt(l.typ.Nullable || r.typ.Nullable)
	if !r.isConst() {
		n.fails = true
		return true
	}
	if _, err := regexp.Compile(r.val.s); err != nil {
		c.report(diag.WrongValue, r.from, r.to, "%s", patternError(err)).WithHint("patterns are Go's: https://pkg.go.dev/regexp/syntax")
		n.typ = types.Error
		return false
	}
	return true
}

// coalesce types x ?? y.
func (c *checker) coalesce(n *node) bool {
	l, r := n.args[0], n.args[1]
	t, ok := c.bound([]*node{{typ: l.typ.NotNull(), kind: l.kind, val: l.val}, r})
	if !ok {
		return false
	}
	t = t.NotNull().WithOpt(r.typ.Nullable)
	n.kind, n.typ = kCoalesce, t
	n.args[0], n.args[1] = c.convert(l, t), c.convert(r, t)
	return true
}
