package expr

import (
	"fmt"

	"github.com/expr-lang/expr/ast"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// A callSite is a call as written: name(args...) or args[0] | name(args[1:]...).
type callSite struct {
	name     string
	args     []ast.Node
	nameAt   int // where the name stands
	from, to int
}

// call types the call of a function by name.
func (c *checker) call(name string, args []ast.Node, at int) *node {
	return c.resolve(&callSite{name: name, args: args, nameAt: at, from: at, to: c.tree.end(at)})
}

// resolve finds out what is called.
func (c *checker) resolve(s *callSite) *node {
	if c.agg != nil && c.takes(s) {
		return c.aggregate(s)
	}
	f := functionNamed(s.name)
	switch {
	case f == nil:
		return c.unknownFunction(s)
	case f.special != nil:
		return f.special(c, s)
	}
	args, ok := c.arguments(s)
	if !ok {
		return errorNode(s.from, s.to)
	}
	return c.apply(f, s, args)
}

// arguments checks what stands in the parentheses, and before a pipe.
func (c *checker) arguments(s *callSite) ([]*node, bool) {
	args := make([]*node, len(s.args))
	ok := true
	for i, a := range s.args {
		args[i] = c.check(a)
		ok = ok && !args[i].bad()
		c.stretch(s, args[i])
	}
	return args, ok
}

// stretch makes the part of the call include an argument before a pipe.
func (c *checker) stretch(s *callSite, arg *node) {
	if arg.from < s.from {
		s.from, _ = c.tree.widen(arg.from, arg.to)
	}
}

func (c *checker) unknownFunction(s *callSite) *node {
	args := c
	if c.agg != nil { // most likely an aggregate was meant, whose argument is of a row
		args = c.forRow(c.list)
	}
	for _, a := range s.args {
		if _, body := a.(*ast.PredicateNode); !body {
			c.stretch(s, args.check(a))
		}
	}
	width := len([]rune(s.name))
	if _, quoted := c.tree.names[s.nameAt]; quoted {
		width += 2
	}
	if a := aggregateNamed(s.name); a != nil {
		n, d := c.fail(diag.UnknownFunc, s.nameAt, s.nameAt+width, "%s() is an aggregate over rows", s.name)
		d.WithHint("use it in a group or window node")
		return n
	}
	n, d := c.fail(diag.UnknownFunc, s.nameAt, s.nameAt+width, "unknown function %q", s.name)
	if instead, ok := insteadOf(s.name); ok {
		d.WithHint("%s", instead)
	} else {
		names := functionNames()
		if c.agg != nil {
			names = append(aggregateNames(), names...)
		}
		if near := diag.Nearest(s.name, names); near != "" {
			d.WithHint("did you mean %q?", near)
		}
	}
	n.from, n.to = s.from, s.to
	return n
}

// wants reports a wrong number of arguments.
func (c *checker) wants(s *callSite, sig string, least, most int) bool {
	n := len(s.args)
	if n >= least && (n <= most || most < 0) {
		return true
	}
	var want string
	switch {
	case most < 0:
		want = arguments(least) + " or more"
	case least == most:
		want = arguments(least)
	case most == least+1:
		want = fmt.Sprintf("%d or %s", least, arguments(most))
	default:
		want = fmt.Sprintf("%d to %s", least, arguments(most))
	}
	got := fmt.Sprint(n)
	if n == 0 {
		got = "none"
	}
	c.report(diag.WrongType, s.from, s.to, "%s() wants %s, got %s", s.name, want, got).WithHint("%s", sig)
	return false
}

func arguments(n int) string {
	switch n {
	case 0:
		return "no arguments"
	case 1:
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

// apply types the call of a strict function.
func (c *checker) apply(f *function, s *callSite, args []*node) *node {
	least, most := f.arity()
	if !c.wants(s, f.sig, least, most) {
		return errorNode(s.from, s.to)
	}
	vars := map[string]*types.Type{}
	opt, ok := false, true
	for i, a := range args {
		opt = opt || a.typ.Nullable
		if !fits(f.param(i).typ, a.typ, vars) {
			c.wrongArgument(f, args[:i+1], vars)
			ok = false
		}
	}
	if !ok {
		return errorNode(s.from, s.to)
	}
	for i, a := range args {
		args[i] = c.convert(a, filled(f.param(i).typ, a.typ, vars))
	}
	result := filled(f.result, nil, vars)
	n := &node{kind: kCall, fn: f, typ: result.WithOpt(opt), args: args, from: s.from, to: s.to, fails: true}
	if f.bind != nil {
		if _, err := f.bind(n); err != nil {
			at := args[err.(*argError).arg]
			bad, _ := c.fail(diag.WrongValue, at.from, at.to, "%s", err)
			bad.from, bad.to = s.from, s.to
			return bad
		}
	}
	return n
}

// fits reports whether an argument fits a parameter, and binds the variables in
// the parameter's type. Null fits everywhere, since the function is strict.
func fits(want, got *types.Type, vars map[string]*types.Type) bool {
	if got.Kind == types.KindNull || got.Kind == types.KindError {
		return true
	}
	switch want.Kind {
	case types.KindVar:
		switch want.Var {
		case "number":
			if !got.IsNumber() && got.Kind != types.KindDuration {
				return false
			}
		case timeOrDate:
			if got.Kind != types.KindTime && got.Kind != types.KindDate {
				return false
			}
		case "ordered":
			if !got.Ordered() {
				return false
			}
		}
		bound := vars[want.Var]
		if bound == nil {
			vars[want.Var] = got
			return true
		}
		t, err := types.Bound(bound, got)
		if err != nil {
			return false
		}
		vars[want.Var] = t
		return true
	case types.KindList:
		return got.Kind == types.KindList && fits(want.Elem, got.Elem, vars)
	case types.KindFloat:
		return got.Kind == types.KindFloat || got.Kind == types.KindInt
	case types.KindString:
		return got.IsText()
	}
	return got.Kind == want.Kind
}

// filled replaces the variables of a type in a signature. Items of lists may be
// null where those of got, the argument's type, may be.
func filled(t, got *types.Type, vars map[string]*types.Type) *types.Type {
	switch t.Kind {
	case types.KindVar:
		bound := vars[t.Var]
		switch {
		case bound == nil || bound.Kind == types.KindError || bound.Kind == types.KindNull:
			if bound = types.Any; t.Var == "number" {
				bound = types.Int
			}
		}
		return bound.NotNull().WithOpt(t.Nullable)
	case types.KindList:
		var elem *types.Type
		if got != nil && got.Kind == types.KindList {
			elem = got.Elem
		}
		f := filled(t.Elem, elem, vars)
		if t.Elem.Kind == types.KindVar && vars[t.Elem.Var] != nil {
			f = f.WithOpt(vars[t.Elem.Var].Nullable)
		} else if elem != nil {
			f = f.WithOpt(elem.Nullable)
		}
		return types.List(f).WithOpt(t.Nullable)
	}
	return t
}

// wrongArgument reports the last of some arguments, which is of the wrong type.
func (c *checker) wrongArgument(f *function, args []*node, vars map[string]*types.Type) {
	i := len(args) - 1
	want, a := f.param(i).typ, args[i]
	if want.Kind == types.KindVar && vars[want.Var] != nil && fits(want, a.typ, map[string]*types.Type{}) {
		d := c.report(diag.WrongType, a.from, a.to, "%s() wants values of one type, got %s and %s", f.name, vars[want.Var], a.typ)
		for _, before := range args[:i] {
			if hint := c.oneTypeHint(before, a); hint != "" {
				d.WithHint("%s", hint)
				break
			}
		}
		c.noteOrigin(d, a)
		return
	}
	d := c.report(diag.WrongType, a.from, a.to, "%s() wants %s, got %s", f.name, describe(want), a.typ)
	if want.Var == timeOrDate {
		want = types.Time
	}
	source := c.source(a)
	word := want.String()
	switch {
	case a.typ.Kind == types.KindAny && want.Kind == types.KindVar && want.Var != "T":
		d.WithHint("convert it: float(%s)", source)
	case a.typ.Kind == types.KindAny && want.Kind == types.KindList:
		d.WithHint("convert it: list(%s)", source)
	case a.typ.Kind == types.KindAny:
		d.WithHint("convert it: %s(%s)", word, source)
	case f.name == "sum" && a.typ.Kind == types.KindList:
		d.WithHint("say what to add: sum(%s, .field)", source)
	case f.name == "concat" && a.typ.IsText():
		d.WithHint("texts are joined with +")
	case want.Kind == types.KindList && aggregateNamed(f.name) != nil && a.typ.Kind != types.KindList:
		if c.agg == nil {
			d.WithHint("over rows, %s() belongs in a group or window node", f.name)
		} else {
			d.WithHint("aggregates cannot be nested")
		}
	case a.typ.Kind == types.KindDate && want.Kind == types.KindTime:
		d.WithHint(`a date has no time of day; its beginning in a zone is time(%s, "Europe/Berlin"), in UTC time(%[1]s)`, source)
	case isClock(want) && a.typ.IsText():
		d.WithHint("%s", c.clockText(want, a))
	case a.typ.IsText() && (want.Kind == types.KindFloat || want.Kind == types.KindInt):
		d.WithHint("write %s(%s)", word, source)
	case a.typ.IsText() && want.Kind == types.KindVar && want.Var == "number":
		d.WithHint("convert it: float(%s)", source)
	case want.Kind == types.KindString:
		d.WithHint("convert it: string(%s)", source)
	case want.Kind == types.KindInt && a.typ.Kind == types.KindFloat:
		d.WithHint("convert it: int(%s)", source)
	case a.typ.Kind == types.KindDecimal && want.Kind == types.KindFloat:
		d.WithHint("convert it: float(%s)", source)
	default:
		d.WithHint("%s", f.sig)
	}
	c.noteOrigin(d, a)
}

// describe says in words what a parameter takes.
func describe(t *types.Type) string {
	switch {
	case t.Kind == types.KindVar && t.Var == "number":
		return "a number"
	case t.Kind == types.KindVar && t.Var == timeOrDate:
		return "a time or date"
	case t.Kind == types.KindVar && t.Var == "ordered":
		return "something that has an order"
	case t.Kind == types.KindVar:
		return "a value"
	case t.Kind == types.KindList && t.Elem.Kind == types.KindVar && t.Elem.Var == "number":
		return "a list of numbers"
	case t.Kind == types.KindList && t.Elem.Kind == types.KindVar:
		return "a list"
	case t.Kind == types.KindList && t.Elem.Kind == types.KindList:
		return "a list of lists"
	}
	return t.String()
}
