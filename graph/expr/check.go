package expr

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// A checker turns a syntax tree into typed nodes. It reports every problem it
// meets; a part with a problem gets the error type, which fits everywhere, so that
// nothing is said about what stands around it.
type checker struct {
	src    Text
	tree   *tree
	env    *types.Type
	hidden map[string]Hidden
	list   *diag.List
	used   map[int]bool // columns of env that are read
	names  []binding    // what `let` has named, innermost last
	loops  []loop       // functions over lists around this place, innermost last
	known  map[string]int
	slots  int
	nodes  int // visited so far
	depth  int
	quiet  int             // inside so many try(): a constant that fails is no mistake
	wrong  int             // problems so far
	said   map[string]bool // problems so far, since a < b < c is checked as two comparisons
	agg    *aggregation    // nil unless outside the aggregates of an AggExpr
}

// A binding is a name given by `let`.
type binding struct {
	name string
	typ  *types.Type
	slot int
}

// A loop is a function over a list that has a body.
type loop struct {
	item *types.Type
	slot int // of the item; its number is in the next one
	acc  *binding
}

func newChecker(src Text, t *tree, s Scope, list *diag.List) *checker {
	return &checker{src: src, tree: t, env: s.Env, hidden: s.Hidden, list: list, used: map[int]bool{}, known: map[string]int{}, said: map[string]bool{}}
}

// report adds a problem at a part of the text. A problem said twice is dropped.
func (c *checker) report(code diag.Code, from, to int, format string, args ...any) *diag.Diagnostic {
	c.wrong++
	for i, a := range args {
		if t, ok := a.(*types.Type); ok {
			args[i] = brief(t)
		}
	}
	d := diag.Diagnostic{Code: code, At: c.src.At(from, max(1, to-from)), Message: fmt.Sprintf(format, args...)}
	key := fmt.Sprint(from, code, d.Message)
	if c.said[key] {
		return &d
	}
	c.said[key] = true
	*c.list = append(*c.list, d)
	return &(*c.list)[len(*c.list)-1]
}

// brief is a type in a message: a long record is cut.
func brief(t *types.Type) string {
	const limit = 60
	s := t.String()
	if length(s) <= limit {
		return s
	}
	end := ""
	if t.Kind == types.KindRecord {
		end = "}"
	}
	if t.Nullable && t.Name == "" {
		end += "?"
	}
	return cut(s, 0, limit) + "…" + end
}

// fail is report for a part that has no type then.
func (c *checker) fail(code diag.Code, from, to int, format string, args ...any) (*node, *diag.Diagnostic) {
	return errorNode(from, to), c.report(code, from, to, format, args...)
}

func errorNode(from, to int) *node { return &node{typ: types.Error, from: from, to: to} }

// source is the text of a checked part.
func (c *checker) source(n *node) string { return string(c.tree.text[n.from:n.to]) }

// check types one part of the tree and everything below it.
func (c *checker) check(a ast.Node) *node {
	c.nodes++
	c.depth++
	defer func() { c.depth-- }()
	at := a.Location()
	if c.nodes > maxNodes {
		if c.nodes == maxNodes+1 {
			c.report(diag.TooLarge, 0, len(c.tree.text), "the expression has too many parts")
		}
		return errorNode(at.From, at.To)
	}
	if c.depth > maxDepth {
		c.report(diag.TooLarge, at.From, at.To, "expressions may be nested %d deep at most", maxDepth)
		c.nodes = maxNodes + 1
		return errorNode(at.From, at.To)
	}
	n := c.fold(c.checkKind(a))
	if n.to <= n.from {
		n.to = n.from + 1
	}
	return n
}

func (c *checker) checkKind(a ast.Node) *node {
	at := a.Location()
	switch a := a.(type) {
	case *ast.NilNode:
		return nullNode(types.Null, at.From, at.To)
	case *ast.BoolNode:
		return constNode(types.Bool, boolValue(a.Value), at.From, at.To)
	case *ast.IntegerNode:
		return c.integer(a, false)
	case *ast.FloatNode:
		return constNode(types.Float, floatValue(a.Value), at.From, at.To)
	case *ast.StringNode:
		return constNode(types.String, textValue(c.tree.str(a)), at.From, at.To)
	case *ast.BytesNode:
		return constNode(types.Bytes, textValue(string(a.Value)), at.From, at.To)
	case *ast.IdentifierNode:
		return c.identifier(a)
	case *ast.PointerNode:
		return c.pointer(a)
	case *ast.ChainNode: // ?. is the same as . because null goes through every step
		c.depth--
		n := c.checkKind(a.Node)
		c.depth++
		return n
	case *ast.MemberNode:
		return c.member(a)
	case *ast.SliceNode:
		return c.slice(a)
	case *ast.UnaryNode:
		return c.unary(a)
	case *ast.BinaryNode:
		return c.binary(a)
	case *ast.ConditionalNode:
		return c.conditional(a)
	case *ast.ArrayNode:
		return c.listLiteral(a)
	case *ast.MapNode:
		return c.recordLiteral(a)
	case *ast.BuiltinNode:
		return c.call(a.Name, a.Arguments, at.From)
	case *ast.CallNode:
		return c.callNode(a)
	case *ast.VariableDeclaratorNode:
		return c.let(a)
	case *ast.SequenceNode:
		n, d := c.fail(diag.BadExpression, at.From, at.To, "only the last of several statements would count")
		d.WithHint("name the others with let, as in let x = a * 2; x + 1")
		return n
	}
	n, _ := c.fail(diag.BadExpression, at.From, at.To, "this is not supported here")
	return n
}

func constNode(t *types.Type, v value, from, to int) *node {
	return &node{kind: kConst, typ: t, val: v, from: from, to: to}
}

// nullNode is the literal null as a value of type t.
func nullNode(t *types.Type, from, to int) *node {
	return &node{kind: kConst, typ: t.Opt(), val: null, null: true, from: from, to: to}
}

// integer types an int literal. 2^63 is legal behind a minus only.
func (c *checker) integer(a *ast.IntegerNode, negative bool) *node {
	at := a.Location()
	switch {
	case c.tree.least[at.From] && negative:
		return constNode(types.Int, intValue(-1<<63), at.From, at.To)
	case c.tree.least[at.From]:
		e := bigInt(at.From, at.To, string(c.tree.text[at.From:at.To]))
		n, d := c.fail(e.code, at.From, at.To, "%s", e.message)
		d.WithHint("%s", e.hint)
		return n
	}
	return constNode(types.Int, intValue(int64(a.Value)), at.From, at.To)
}

// identifier types a name: one given by let, null, a field, or the item.
func (c *checker) identifier(a *ast.IdentifierNode) *node {
	at := a.Location()
	name, quoted := c.tree.names[at.From]
	if !quoted {
		if call, ok := c.tree.calls[at.From]; ok {
			return c.resolve(&callSite{name: call, from: at.From, to: at.To, nameAt: at.From})
		}
		name = a.Value
		for i := len(c.names) - 1; i >= 0; i-- {
			if b := c.names[i]; b.name == name {
				return c.refine(&node{kind: kSlot, slot: b.slot, typ: b.typ, from: at.From, to: at.To}, a)
			}
		}
		if name == "null" {
			return nullNode(types.Null, at.From, at.To)
		}
	}
	if c.agg != nil {
		return c.outsideAggregate(name, at.From, at.To)
	}
	if c.env.Kind == types.KindError {
		return errorNode(at.From, at.To)
	}
	if !c.env.IsRecord() {
		if name == "item" {
			return c.refine(&node{kind: kField, typ: c.env, from: at.From, to: at.To}, a)
		}
		return c.unknownName(name, at.From, at.To)
	}
	i := c.env.Index(name)
	if i < 0 {
		return c.unknownName(name, at.From, at.To)
	}
	c.used[i] = true
	f := &c.env.Fields[i]
	if f.Type.Kind == types.KindError {
		return errorNode(at.From, at.To)
	}
	return c.refine(&node{kind: kField, index: i, typ: f.Type, field: f, from: at.From, to: at.To}, a)
}

func (c *checker) unknownName(name string, from, to int) *node {
	var candidates []string
	for _, b := range c.names {
		candidates = append(candidates, b.name)
	}
	if !c.env.IsRecord() {
		n, d := c.fail(diag.UnknownField, from, to, "unknown name %q", name)
		d.WithHint("items are %s here; the item is named item", brief(c.env))
		return n
	}
	if hidden, ok := c.hidden[name]; ok {
		n, d := c.fail(diag.UnknownField, from, to, "unknown field %q: %s", name, hidden.Why)
		d.WithHint("%s", hidden.Hint)
		return n
	}
	n, d := c.fail(diag.UnknownField, from, to, "unknown field %q", name)
	candidates = append(candidates, c.env.FieldNames()...)
	switch near := diag.Nearest(name, candidates); {
	case near == "" && elsewhereValues[name] != "":
		d.WithHint("%s", elsewhereValues[name])
	case near == "" && functionNamed(name) != nil:
		d.WithHint("%s is a function: write %[1]s(...)", name)
	case near == "" && c.env.Open:
		d.WithHint("the record may have more fields than its type names; declare %s there to use it", types.Quote(name))
	case near != "" && !types.IsWord(near):
		d.WithHint("did you mean `%s`?", near)
	default:
		d.DidYouMean(name, candidates)
	}
	return n
}

// pointer types # and its kind inside a function over a list.
func (c *checker) pointer(a *ast.PointerNode) *node {
	at := a.Location()
	to := at.To + len([]rune(a.Name))
	if len(c.loops) == 0 {
		n, _ := c.fail(diag.BadExpression, at.From, to, "# stands for an item inside functions over lists only")
		return n
	}
	l := c.loops[len(c.loops)-1]
	switch {
	case a.Name == "":
		if string(c.tree.text[at.From:at.To]) == "." { // .field is #.field
			to = at.From
		}
		return c.refine(&node{kind: kSlot, slot: l.slot, typ: l.item, from: at.From, to: to}, a)
	case a.Name == "index":
		return &node{kind: kSlot, slot: l.slot + 1, typ: types.Int, from: at.From, to: to}
	case a.Name == "acc" && l.acc != nil:
		return &node{kind: kSlot, slot: l.acc.slot, typ: l.acc.typ, from: at.From, to: to}
	}
	n, d := c.fail(diag.UnknownField, at.From, to, "unknown name %q", "#"+a.Name)
	d.WithHint("there is # for the item, #index for its number, and in reduce() #acc")
	return n
}

// let types `let name = value; body`.
func (c *checker) let(a *ast.VariableDeclaratorNode) *node {
	at := a.Location()
	if _, quoted := c.tree.names[at.From]; quoted {
		c.report(diag.BadName, at.From, at.To, "a name given by let is written without backquotes")
	}
	if functionNamed(a.Name) != nil || a.Name == "null" || a.Name == "nil" {
		c.report(diag.BadName, at.From, at.To, "%q already has a meaning", a.Name)
	}
	v := c.check(a.Value)
	slot := c.newSlots(1)
	c.names = append(c.names, binding{a.Name, v.typ, slot})
	c.depth-- // a row of lets is no nesting
	body := c.check(a.Expr)
	c.depth++
	c.names = c.names[:len(c.names)-1]
	from := at.From
	if i := c.tree.token[at.From]; i > 0 {
		from = c.tree.tokens[i-1].From
	}
	if v.bad() || body.bad() {
		return errorNode(from, body.to)
	}
	return &node{kind: kLet, typ: body.typ, args: []*node{v, body}, slot: slot, from: from, to: body.to, fails: v.fails || body.fails}
}

func (c *checker) newSlots(n int) int {
	c.slots += n
	return c.slots - n
}

// callNode types a call of a name that expr-lang does not know.
func (c *checker) callNode(a *ast.CallNode) *node {
	at := a.Location()
	switch callee := a.Callee.(type) {
	case *ast.IdentifierNode:
		name := callee.Value
		if quoted, ok := c.tree.names[at.From]; ok {
			name = quoted
		}
		return c.call(name, a.Arguments, at.From)
	case *ast.MemberNode:
		name, base := c.memberName(callee), c.check(callee.Node)
		if base.bad() { // as Math is: that is told
			return errorNode(at.From, c.tree.end(at.From))
		}
		n, d := c.fail(diag.BadExpression, at.From, c.tree.end(at.From), "values have no methods")
		if functionNamed(name) != nil {
			d.WithHint("write %s(%s), or %[2]s | %[1]s()", name, c.source(base))
		} else if between := instead[name]; between != "" {
			d.WithHint("%s", between)
		} else if instead, ok := insteadOf(name); ok {
			d.WithHint("%s", instead)
		}
		return n
	}
	n, _ := c.fail(diag.BadExpression, at.From, at.To, "only functions can be called")
	return n
}

// key names what a part reads if it is a field, an item or a member of one; ""
// for everything else. Parts with one key have one value.
func (c *checker) key(a ast.Node) string {
	switch a := a.(type) {
	case *ast.IdentifierNode:
		if name, ok := c.tree.names[a.Location().From]; ok {
			return "`" + name
		}
		if _, call := c.tree.calls[a.Location().From]; call {
			return ""
		}
		for i := len(c.names) - 1; i >= 0; i-- {
			if b := c.names[i]; b.name == a.Value {
				return fmt.Sprint("let", b.slot)
			}
		}
		return "`" + a.Value
	case *ast.PointerNode:
		if len(c.loops) > 0 && a.Name == "" {
			return fmt.Sprint("#", c.loops[len(c.loops)-1].slot)
		}
	case *ast.ChainNode:
		return c.key(a.Node)
	case *ast.MemberNode:
		if _, constant := a.Property.(*ast.StringNode); constant {
			if base := c.key(a.Node); base != "" {
				return base + "\x00" + c.memberName(a)
			}
		}
	}
	return ""
}

// refine takes null out of the type of a part that a condition around it has
// tested.
func (c *checker) refine(n *node, a ast.Node) *node {
	if len(c.known) > 0 && n.typ.Nullable {
		if k := c.key(a); k != "" && c.known[k] > 0 {
			n.typ = n.typ.NotNull()
		}
	}
	return n
}

// truth is what is known of a condition where a part is computed.
type truth uint8

const (
	isTrue truth = iota
	isFalse
	notTrue  // false or null
	notFalse // true or null
)

func (t truth) not() truth { return [...]truth{isFalse, isTrue, notFalse, notTrue}[t] }

// facts lists the keys that are not null where the condition a is t.
func (c *checker) facts(a ast.Node, t truth) []string {
	switch a := a.(type) {
	case *ast.UnaryNode:
		if a.Operator == "!" || a.Operator == "not" {
			return c.facts(a.Node, t.not())
		}
	case *ast.BinaryNode:
		switch op := a.Operator; {
		case (op == "&&" || op == "and") && (t == isTrue || t == notFalse), (op == "||" || op == "or") && (t == isFalse || t == notTrue):
			return append(c.facts(a.Left, t), c.facts(a.Right, t)...)
		case op == "!=" && (t == isTrue || t == notFalse), op == "==" && (t == isFalse || t == notTrue):
			if isNullLiteral(a.Right) {
				return c.keys(a.Left)
			}
			if isNullLiteral(a.Left) {
				return c.keys(a.Right)
			}
		}
		if (t == isTrue || t == isFalse) && isComparison(a.Operator) && !isNullLiteral(a.Left) && !isNullLiteral(a.Right) {
			return append(c.keys(a.Left), c.keys(a.Right)...) // a comparison with null would be null
		}
	}
	return nil
}

func (c *checker) keys(a ast.Node) []string {
	if k := c.key(a); k != "" {
		return []string{k}
	}
	return nil
}

func isNullLiteral(a ast.Node) bool {
	id, ok := a.(*ast.IdentifierNode)
	_, isNil := a.(*ast.NilNode)
	return isNil || ok && id.Value == "null"
}

func isComparison(op string) bool {
	return strings.Contains(" < <= > >= == != ", " "+op+" ")
}

// under checks a where the facts hold.
func (c *checker) under(facts []string, a ast.Node) *node {
	for _, k := range facts {
		c.known[k]++
	}
	n := c.check(a)
	for _, k := range facts {
		c.known[k]--
	}
	return n
}
