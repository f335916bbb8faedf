package expr

import (
	"fmt"
	"strconv"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the types of + - * / % and **, and the hints where there is none.

// arithmetic types + - * / % ** by the kinds of their operands. It sets the
// node's kind and type and converts the operands to the form that is computed
// with.
func (c *checker) arithmetic(n *node) bool {
	l, r := n.args[0].typ.Kind, n.args[1].typ.Kind
	opt := n.args[0].typ.Nullable || n.args[1].typ.Nullable
	n.fails = true
	switch {
	case l == types.KindNull || r == types.KindNull:
		return false
	case n.op == "+" && n.args[0].typ.IsText() && n.args[1].typ.IsText():
		n.kind, n.typ = kConcat, types.String.WithOpt(opt)
		return true
	case l == types.KindDecimal || r == types.KindDecimal:
		return c.decimals(n, opt)
	case l == types.KindDate || r == types.KindDate:
		return c.dates(n, opt)
	case l == types.KindTime || r == types.KindTime || l == types.KindDuration || r == types.KindDuration:
		return c.times(n, opt)
	case !n.args[0].typ.IsNumber() || !n.args[1].typ.IsNumber():
		return false
	}
	t := types.Float
	if l == types.KindInt && r == types.KindInt && n.op != "/" && n.op != "**" {
		t = types.Int
	}
	if n.op == "%" && t != types.Int {
		return false
	}
	c.operate(n, kArith, t, t, opt)
	return true
}

// operate makes n an operation on operands of type operand.
func (c *checker) operate(n *node, k kind, operand, result *types.Type, opt bool) {
	n.kind, n.typ = k, result.WithOpt(opt)
	n.args[0], n.args[1] = c.convert(n.args[0], operand), c.convert(n.args[1], operand)
}

// times types the arithmetic of times and durations.
func (c *checker) times(n *node, opt bool) bool {
	l, r := n.args[0].typ.Kind, n.args[1].typ.Kind
	const t, d, i, f = types.KindTime, types.KindDuration, types.KindInt, types.KindFloat
	result := types.Duration
	switch op := n.op; {
	case op == "-" && l == t && r == t, (op == "+" || op == "-" || op == "%") && l == d && r == d:
		n.kind = kArith
	case (op == "+" || op == "-") && l == t && r == d, op == "+" && l == d && r == t:
		n.kind, result = kArith, types.Time
	case op == "*" && (l == d && r == i || l == i && r == d):
		n.kind = kArith
	case op == "/" && l == d && r == d:
		c.operate(n, kArith, types.Float, types.Float, opt)
		return true
	case op == "*" && l == f && r == d:
		n.args[0], n.args[1] = n.args[1], n.args[0]
		n.kind = kScale
	case (op == "*" || op == "/") && l == d && r == f:
		n.kind = kScale
	case op == "/" && l == d && r == i:
		n.args[1] = c.convert(n.args[1], types.Float)
		n.kind = kScale
	default:
		return false
	}
	n.typ = result.WithOpt(opt)
	return true
}

// decimals types + and - of one scale and * with int. Everything else would have
// to round, which float(x) says openly.
func (c *checker) decimals(n *node, opt bool) bool {
	if n.op == "+" || n.op == "-" {
		if n.args[1].isConst() {
			n.args[1] = c.decimalConst(n.args[1], n.args[0].typ)
		} else if n.args[0].isConst() {
			n.args[0] = c.decimalConst(n.args[0], n.args[1].typ)
		}
	}
	l, r := n.args[0].typ, n.args[1].typ
	const dec = types.KindDecimal
	var t *types.Type
	switch {
	case (n.op == "+" || n.op == "-") && l.Kind == dec && r.Kind == dec && l.Scale == r.Scale:
		t = types.Decimal(min(18, max(l.Precision, r.Precision)+1), l.Scale)
	case n.op == "*" && l.Kind == dec && r.Kind == types.KindInt:
		t = types.Decimal(18, l.Scale)
	case n.op == "*" && l.Kind == types.KindInt && r.Kind == dec:
		t = types.Decimal(18, r.Scale)
	default:
		return false
	}
	n.kind, n.typ = kArith, t.WithOpt(opt)
	return true
}

// operandHint says what to do about operands that do not go together.
func (c *checker) operandHint(op string, l, r *node) string {
	lk, rk := l.typ.Kind, r.typ.Kind
	switch {
	case l.null || r.null:
		return "compare with null by == or !=, and replace it by ??"
	case lk == types.KindAny || rk == types.KindAny:
		return c.anyHint(l, r)
	case op == "in":
		switch {
		case r.typ.IsText():
			return fmt.Sprintf("write %s contains %s", c.source(r), c.source(l))
		case rk == types.KindRecord:
			return "in looks into a list; the fields of a record are known from its type"
		}
		if hint := c.inHint(l, r); hint != "" {
			return hint
		}
		return "write x in [1, 2, 3]"
	case op == "contains" && lk == types.KindList:
		return fmt.Sprintf("write %s in %s", c.source(r), c.source(l))
	case op == "&&" || op == "||":
		if lk != types.KindBool {
			return boolHint(c.source(l), l.typ)
		}
		return boolHint(c.source(r), r.typ)
	case op == "??":
		if loose := c.tree.looseIn(l.from, r.to); loose != nil {
			return fmt.Sprintf("?? binds weaker than %q: write %s", loose.other, oneLine(loose.instead))
		}
		if hint := c.oneTypeHint(l, r); hint != "" {
			return hint
		}
		return "both sides of ?? must be of one type"
	case op == "%" && l.typ.IsNumber() && r.typ.IsNumber():
		return "% is for int; convert with int(...)"
	case op == "..":
		return "a range goes from int to int, as in 1..10"
	case lk == types.KindDecimal || rk == types.KindDecimal:
		if l.typ.IsNumber() && r.typ.IsNumber() {
			return "decimals compute with decimals of one scale; convert with float(...)"
		}
	}
	if h := c.textHint(op, l, r); h != "" {
		return h
	}
	if h := c.textHint(op, r, l); h != "" {
		return h
	}
	return c.timeHint(op, l, r)
}

// textHint is for text where something else was meant.
func (c *checker) textHint(op string, other, text *node) string {
	if !text.typ.IsText() {
		return ""
	}
	source := c.source(text)
	word := other.typ.NotNull().String()
	switch k := other.typ.Kind; {
	case op == "+" && text.isConst() && k == types.KindDuration && readsAs(types.Date, text.val.s):
		return fmt.Sprintf("write to_date(%s)", source)
	case op == "+" && text.isConst() && k == types.KindDuration && readsAs(types.Time, text.val.s):
		return fmt.Sprintf("write time(%s)", source)
	case op == "+" && other.typ.HoldsReply():
		return "a reply can only be carried along and compared"
	case op == "+":
		return fmt.Sprintf("make text of it: string(%s)", c.source(other))
	case other.typ.IsNumber() && text.isConst():
		if _, err := strconv.ParseFloat(text.val.s, 64); err == nil {
			return "remove the quotes: " + text.val.s
		}
		return fmt.Sprintf("%s is not a number", source)
	case k == types.KindInt || k == types.KindFloat:
		return fmt.Sprintf("%s is text; declare it `%s` in the reader's type or use %[2]s(%[1]s)", source, word)
	case isClock(other.typ):
		return c.clockText(other.typ, text)
	case k == types.KindBool && text.isConst() && (text.val.s == "true" || text.val.s == "false"):
		return "remove the quotes: " + text.val.s
	case k == types.KindBool:
		return fmt.Sprintf("%s is text; use bool(%[1]s)", source)
	}
	return ""
}

func (c *checker) timeHint(op string, l, r *node) string {
	lk, rk := l.typ.Kind, r.typ.Kind
	timed := func(k types.Kind) bool { return k == types.KindTime || k == types.KindDuration }
	switch {
	case lk == types.KindDate && rk == types.KindTime:
		return fmt.Sprintf("compare days: to_date(%s), or times: time(%s)", c.source(r), c.source(l))
	case lk == types.KindTime && rk == types.KindDate:
		return fmt.Sprintf("compare days: to_date(%s), or times: time(%s)", c.source(l), c.source(r))
	case lk == types.KindDate && r.typ.IsNumber() && (op == "+" || op == "-"):
		return fmt.Sprintf(`a number has no unit: write %s * duration("1d")`, c.source(r))
	case lk == types.KindDate && rk == types.KindDate:
		return "dates can be subtracted and compared"
	case timed(lk) && r.typ.IsNumber() && (op == "+" || op == "-"):
		return fmt.Sprintf(`a number has no unit: write %s * duration("1s")`, c.source(r))
	case lk == types.KindDuration && r.typ.IsNumber():
		return fmt.Sprintf("compare numbers: seconds(%s)", c.source(l))
	case lk == types.KindTime && r.typ.IsNumber():
		return fmt.Sprintf("compare times: from_unix(%s)", c.source(r))
	case lk == types.KindTime && rk == types.KindTime:
		return "times can be subtracted and compared"
	case lk == types.KindBool && r.typ.IsNumber():
		return fmt.Sprintf("make a number of it: (%s ? 1 : 0)", c.source(l))
	case rk == types.KindBool && l.typ.IsNumber():
		return fmt.Sprintf("make a number of it: (%s ? 1 : 0)", c.source(r))
	}
	return ""
}

// anyHint tells how to convert a JSON value, by what stands beside it.
func (c *checker) anyHint(l, r *node) string {
	x, other := l, r
	if x.typ.Kind != types.KindAny {
		x, other = r, l
	}
	to := "string"
	switch k := other.typ.Kind; k {
	case types.KindInt, types.KindFloat, types.KindBool, types.KindTime, types.KindDuration:
		to = other.typ.NotNull().String()
	case types.KindDate:
		to = "to_date"
	case types.KindList:
		to = "list"
	case types.KindDecimal:
		to = "float"
	case types.KindAny:
		return fmt.Sprintf("any has no type of its own; convert both sides, as in float(%s)", c.source(x))
	}
	return fmt.Sprintf("any has no type of its own; convert it: %s(%s)", to, c.source(x))
}

func boolHint(source string, t *types.Type) string {
	switch {
	case t.Kind == types.KindAny:
		return fmt.Sprintf("convert it: bool(%s)", source)
	case t.IsText():
		return fmt.Sprintf(`compare it, as in %s == "yes", or use bool(%[1]s)`, source)
	case t.IsNumber():
		return fmt.Sprintf("compare it, as in %s != 0", source)
	case t.Kind == types.KindList:
		return fmt.Sprintf("compare its length, as in len(%s) > 0", source)
	}
	return ""
}

func (c *checker) hintBool(d *diag.Diagnostic, n *node) {
	d.WithHint("%s", boolHint(c.source(n), n.typ))
}

func (c *checker) hintNumber(d *diag.Diagnostic, n *node) {
	if n.typ.IsText() || n.typ.Kind == types.KindAny {
		d.WithHint("convert it: float(%s)", c.source(n))
	}
}
