package expr

import (
	"maps"
	"slices"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has what other packages do with an expression: check it, and ask what it
// gives and reads.

// Text is an expression as its author wrote it, with a way back to the file it
// stands in.
type Text interface {
	// Source is the expression.
	Source() string
	// At gives the place of a part of it; offset and width count characters of
	// Source.
	At(offset, width int) diag.Span
}

// An excerpt is a part of a text, in characters.
type excerpt struct {
	whole    Text
	from, to int
}

func (e excerpt) Source() string { return string([]rune(e.whole.Source())[e.from:e.to]) }

func (e excerpt) At(offset, width int) diag.Span { return e.whole.At(e.from+offset, width) }

// An Expr is a checked expression. It is immutable and may be shared.
type Expr struct {
	src    Text
	env    *types.Type
	typ    *types.Type
	root   *node // nil if there was a problem
	slots  int
	fields []string
}

// Check parses an expression and checks it against the type of the items it will
// see. If env is a record, its fields are the names the expression knows, else
// there is one name, item. Every problem is added to the list; the result is never
// nil, but its type has KindError if there was one.
func Check(src Text, env *types.Type, list *diag.List) *Expr {
	return Scope{Env: env}.Check(src, list)
}

// A Scope is what an expression can see.
type Scope struct {
	Env    *types.Type       // of the items
	Hidden map[string]Hidden // names that an author may think it sees
}

// Hidden says of a name why an expression does not know it, and what to do instead.
type Hidden struct{ Why, Hint string }

// Check is the function Check for an expression in the scope.
func (s Scope) Check(src Text, list *diag.List) *Expr {
	t, ok := read(src, list)
	if !ok {
		return &Expr{src: src, env: s.Env, typ: types.Error}
	}
	c, before := newChecker(src, t, s, list), len(*list)
	e := c.finish(c.check(t.root), s.Env)
	if len(*list) == before {
		t.warnLoose(src, list)
	}
	return e
}

// read parses and reports what is wrong with the syntax.
func read(src Text, list *diag.List) (*tree, bool) {
	t, e := parse(src.Source())
	if e == nil {
		return t, true
	}
	list.Add(e.code, src.At(e.offset, max(1, e.width)), "%s", e.message).WithHint("%s", e.hint)
	return nil, false
}

// finish makes an expression of a checked node. The error type without a message,
// from a field that already has one elsewhere, stays the error type.
func (c *checker) finish(root *node, env *types.Type) *Expr {
	e := &Expr{src: c.src, env: env, typ: types.Error, slots: c.slots}
	if env.IsRecord() {
		names := map[string]bool{}
		for i := range c.used {
			names[env.Fields[i].Name] = true
		}
		e.fields = slices.Sorted(maps.Keys(names))
	}
	c.keepReplies(root)
	if c.wrong > 0 || root.bad() {
		return e
	}
	e.typ = settle(root.typ)
	e.root = c.convert(root, e.typ)
	return e
}

// Type is what the expression computes; its Kind is KindError if the expression
// has a problem.
func (e *Expr) Type() *types.Type { return e.typ }

// Want reports whether the expression may stand where a value of type want is
// needed, and adds a problem if not: "where must be bool, got string". what names
// the place. An expression that already has a problem passes in silence.
func (e *Expr) Want(want *types.Type, what string, list *diag.List) bool {
	why, ok := types.Fits(e.typ, want)
	if ok {
		return true
	}
	c := &checker{src: e.src, tree: &tree{text: []rune(e.src.Source())}, list: list}
	n := *e.root
	n.from, n.to = trimmed(c.tree.text)
	d := list.Add(diag.WrongType, e.src.At(n.from, max(1, n.to-n.from)), "%s must be %s, got %s", what, want, e.typ)
	switch {
	case e.typ.Nullable && !want.Nullable && e.typ.Kind == want.Kind:
		d.WithHint("it may be null; replace null by ??")
	case want.Kind == types.KindBool:
		c.hintBool(d, &n)
	case e.typ.Kind == want.Kind:
		d.WithHint("%s", why)
	case c.wantHint(want, &n) != "":
		d.WithHint("%s", c.wantHint(want, &n))
	case want.IsNumber() && e.typ.IsText():
		d.WithHint("convert it: %s(...)", want.NotNull())
	case want.Kind == types.KindString:
		d.WithHint("convert it: string(...)")
	}
	c.noteOrigin(d, &n)
	return false
}

// As gives the expression with its values in the form of type want, which they must
// fit (see Want): an int is a float then, and any value is JSON where want is any.
// Eval needs a column for the type of the result.
func (e *Expr) As(want *types.Type) *Expr {
	if e.root == nil || types.Equal(e.typ, want) {
		return e
	}
	as := *e
	as.root = (&checker{}).convert(e.root, want)
	as.typ = as.root.typ
	return &as
}

// trimmed gives the part of a text without white space at its ends.
func trimmed(text []rune) (from, to int) {
	to = len(text)
	for from < to && text[from] <= ' ' {
		from++
	}
	for to > from && text[to-1] <= ' ' {
		to--
	}
	return from, to
}

// Fields lists the top-level fields of env that the expression reads, sorted. It
// is empty if env is no record.
func (e *Expr) Fields() []string { return e.fields }

// String is the expression as written.
func (e *Expr) String() string { return e.src.Source() }
