package expr

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the types of what is taken out of a value: fields, entries and slices.

// memberName is the name behind a dot or in constant brackets.
func (c *checker) memberName(a *ast.MemberNode) string {
	if name, ok := c.tree.names[a.Property.Location().From]; ok {
		return name
	}
	if p, ok := a.Property.(*ast.StringNode); ok {
		return c.tree.str(p)
	}
	return ""
}

// member types base.name and base[index].
func (c *checker) member(a *ast.MemberNode) *node {
	base := c.check(a.Node)
	at := a.Property.Location()
	if _, constant := a.Property.(*ast.StringNode); constant && base.typ.Kind != types.KindList && !base.typ.IsText() {
		to := at.To
		if c.tree.text[a.Location().From] == '[' {
			to = c.tree.end(a.Location().From)
		}
		if base.bad() {
			return errorNode(base.from, to)
		}
		return c.named(a, base, at.From, to)
	}
	if c.tree.text[a.Location().From] != '[' { // a name behind a dot on what has no names
		if base.bad() {
			return errorNode(base.from, at.To)
		}
		return c.noMember(base, c.memberName(a), at.From, at.To)
	}
	return c.indexed(a, base)
}

// named types a member by a name known before the run.
func (c *checker) named(a *ast.MemberNode, base *node, from, to int) *node {
	name := c.memberName(a)
	whole, _ := c.tree.widen(base.from, base.to)
	switch base.typ.Kind {
	case types.KindAny:
		return &node{kind: kPath, typ: types.Any, name: name, args: []*node{base}, from: whole, to: to, fails: base.fails}
	case types.KindRecord:
		if i := base.typ.Index(name); i >= 0 {
			f := &base.typ.Fields[i]
			if f.Type.Kind == types.KindError {
				return errorNode(whole, to)
			}
			n := &node{kind: kMember, index: i, typ: f.Type.WithOpt(f.Type.Nullable || base.typ.Nullable), field: f,
				args: []*node{base}, from: whole, to: to, fails: base.fails}
			return c.refine(n, a)
		}
	}
	return c.noMember(base, name, from, to)
}

func (c *checker) noMember(base *node, name string, from, to int) *node {
	if base.typ.Kind == types.KindRecord {
		n, d := c.fail(diag.UnknownField, from, to, "no field %q in %s", name, base.typ)
		d.DidYouMean(name, base.typ.FieldNames())
		c.noteOrigin(d, base)
		n.from = base.from
		return n
	}
	n, d := c.fail(diag.WrongType, from, to, "%s has no fields, so no %q", base.typ, name)
	switch {
	case base.typ.Kind == types.KindList && base.typ.Elem.Kind == types.KindRecord:
		d.WithHint("take one item, %s[0].%s, or all of them, map(%[1]s, .%[2]s)", c.source(base), name)
	case functionNamed(name) != nil:
		d.WithHint("write %s(%s)", name, c.source(base))
	default:
		if instead, ok := insteadOf(name); ok {
			d.WithHint("%s", instead)
		}
	}
	c.noteOrigin(d, base)
	n.from = base.from
	return n
}

// indexed types base[index] for lists, text and JSON values.
func (c *checker) indexed(a *ast.MemberNode, base *node) *node {
	index := c.check(a.Property)
	from, _ := c.tree.widen(base.from, base.to)
	to := c.tree.end(a.Location().From)
	if base.bad() || index.bad() {
		return errorNode(from, to)
	}
	n := &node{kind: kIndex, args: []*node{base, index}, from: from, to: to, fails: base.fails || index.fails}
	switch base.typ.Kind {
	case types.KindAny:
		if !index.typ.IsText() && index.typ.Kind != types.KindInt {
			n, _ := c.fail(diag.WrongType, index.from, index.to, "any is indexed by int or by a name, got %s", index.typ)
			return n
		}
		n.typ = types.Any
		return n
	case types.KindList:
		if n.typ = base.typ.Elem.Opt(); n.typ.Kind == types.KindError { // of an empty list
			n.typ = types.Null
		}
	case types.KindString, types.KindEnum:
		n.typ = types.String.Opt()
	case types.KindRecord:
		n, d := c.fail(diag.WrongType, index.from, index.to, "the fields of a record must be named in the text")
		d.WithHint("there is %s", joinNames(base.typ.FieldNames()))
		return n
	default:
		n, d := c.fail(diag.WrongType, base.from, base.to, "%s cannot be indexed", base.typ)
		c.noteOrigin(d, base)
		return n
	}
	if index.typ.Kind != types.KindInt {
		n, _ := c.fail(diag.WrongType, index.from, index.to, "a %s is indexed by int, got %s", outermost(base.typ), index.typ)
		return n
	}
	return n
}

// outermost names a type with parts by its outermost word.
func outermost(t *types.Type) string {
	if t.Kind == types.KindList {
		return "list"
	}
	return t.NotNull().String()
}

// slice types base[from:to].
func (c *checker) slice(a *ast.SliceNode) *node {
	base := c.check(a.Node)
	at := a.Location().From
	from, _ := c.tree.widen(base.from, base.to)
	n := &node{kind: kSlice, args: []*node{base, nil, nil}, from: from, to: c.tree.end(at), typ: base.typ, fails: base.fails}
	if base.typ.Kind == types.KindEnum {
		n.typ = types.String.WithOpt(base.typ.Nullable)
	}
	failed := base.bad()
	for i, bound := range []ast.Node{a.From, a.To} {
		if bound == nil {
			n.args[i+1] = nullNode(types.Int, at, at)
			continue
		}
		b := c.check(bound)
		n.args[i+1] = b
		failed = failed || b.bad()
		if !b.bad() && b.typ.Kind != types.KindInt {
			c.report(diag.WrongType, b.from, b.to, "the bounds of a slice are int, got %s", b.typ)
			failed = true
		}
		n.typ = n.typ.WithOpt(n.typ.Nullable || b.typ.Nullable)
		n.fails = n.fails || b.fails
	}
	if !failed && base.typ.Kind != types.KindList && !base.typ.IsText() {
		_, d := c.fail(diag.WrongType, base.from, base.to, "a slice is taken of a list or of text, got %s", base.typ)
		if base.typ.Kind == types.KindAny {
			d.WithHint("convert it first: list(%s) or string(%[1]s)", c.source(base))
		}
		c.noteOrigin(d, base)
		failed = true
	}
	if failed {
		return errorNode(n.from, n.to)
	}
	return n
}

// noteOrigin says where the type of a part comes from, if it is that of a field.
func (c *checker) noteOrigin(d *diag.Diagnostic, n *node) {
	for n.kind == kConvert {
		n = n.args[0]
	}
	if n.field == nil || n.field.Origin == (types.Origin{}) {
		return
	}
	o := n.field.Origin
	how := o.How
	switch {
	case how == "" && o.Node == "":
		how = "declared"
	case how == "":
		how = "made by " + o.Node
	case o.Node != "":
		how += " by " + o.Node
	}
	message := fmt.Sprintf("%s is %s, %s", c.source(n), brief(n.typ), how)
	if !slices.ContainsFunc(d.Notes, func(n diag.Note) bool { return n.Message == message }) {
		d.WithNote(o.At, "%s", message)
	}
}

func joinNames(names []string) string {
	const limit = 12
	out := ""
	for i, name := range names {
		if i == limit {
			return out + ", …"
		}
		if i > 0 {
			out += ", "
		}
		out += types.Quote(name)
	}
	return out
}
