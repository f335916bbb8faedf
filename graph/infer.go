package graph

import (
	"bufio"
	"context"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has what kinds say while a flow is compiled: what comes out for what goes
// in, and what they read of it.

// Inferer is implemented by settings structs of kinds whose outputs depend on
// their inputs or settings. It is called once, in topological order, and may keep
// what it finds (checked expressions) in unexported fields for the run.
type Inferer interface{ Infer(c *Inference) }

// Brancher is implemented by settings structs of kinds whose output ports depend
// on the settings, such as the conditions of a route. It is called before Infer,
// and must cope with settings that are wrong.
type Brancher interface{ Outputs() []Port }

// Validator is implemented by settings structs of sources that read rows of a declared
// type: whether a row is held against its type also in fields that nobody reads.
type Validator interface{ ValidatesUnread() bool }

// Pinner is implemented by settings structs of kinds that ask somebody for a type which
// their setting `as` could say. It is called after Infer, and gives what they were told, nil
// if they did not ask.
type Pinner interface{ Pinned() *types.Type }

// Needer is implemented by settings structs of kinds that read only some fields.
// It is called once after Infer, in reverse order. A kind without it needs every
// field.
type Needer interface{ Needs(c *Needs) }

// An Inference is a kind's view of the graph while types are inferred.
type Inference struct {
	Node *Node
	Flow *Flow
	list *diag.List

	compiler *compiler
	hidden   map[string]expr.Hidden // from expressions of the node
}

// List is where problems go.
func (c *Inference) List() *diag.List { return c.list }

// In gives the type that arrives at an input, the Error type if it has no edge.
func (c *Inference) In(port string) *types.Type {
	if p := c.Node.Input(port); p != nil {
		return p.Arriving()
	}
	return types.Error
}

// Out says what an output carries.
func (c *Inference) Out(port string, t *types.Type) {
	if p := c.Node.Output(port); p != nil {
		p.Carries = t
	}
}

// Record gives the type that arrives at an input if it is a record; if it is
// not, that is a problem at the edge and the result is nil. The Error type gives
// nil silently.
func (c *Inference) Record(port string) *types.Type {
	t := c.In(port)
	if t.Kind != types.KindError && !t.IsRecord() {
		at := c.Node.At
		if p := c.Node.Input(port); p != nil && len(p.Edges) > 0 {
			at = p.Edges[0].At
		}
		c.list.Add(diag.TypeMismatch, at, "%s takes records, got %s", c.Node.ID, t)
	}
	if !t.IsRecord() {
		return nil
	}
	return t
}

// Expr checks an expression over items of type env. A nil or erroneous env gives
// an expression of the Error type without a message. So does a text that is not there
// because of what is wrong already: it is one mistake, not two.
func (c *Inference) Expr(text config.Text, env *types.Type) *expr.Expr {
	if c.missing(text) {
		return c.noted(CheckExpr(config.Text{Value: "null"}, c.Node.At, types.Error, c.list))
	}
	if env == nil {
		env = types.Error
	}
	return c.noted(checkText(text, c.Node.At, expr.Scope{Env: env, Hidden: c.hidden}, c.list, expr.Scope.Check))
}

// Hide says of a name that the expressions of the node, checked from now on, do not know
// it, why, and what to do instead; a field of that name is not hidden.
func (c *Inference) Hide(name, why, hint string) {
	if c.hidden == nil {
		c.hidden = map[string]expr.Hidden{}
	}
	c.hidden[name] = expr.Hidden{Why: why, Hint: hint}
}

// Makes hides the fields that a mapping of fields to expressions makes: none of its
// expressions sees what another computes.
func Makes[V any](c *Inference, set config.Map[V]) {
	for _, s := range set {
		c.Hide(s.Key, "this node makes it, and its expressions see only what comes in",
			fmt.Sprintf("compute what needs %s in a map that reads this node", types.Quote(s.Key)))
	}
}

// missing tells whether a text is that of a key which the node lacks, or whose value
// could not be read.
func (c *Inference) missing(text config.Text) bool {
	return text.YAML == nil && text.Value == "" && c.list.HasErrors()
}

// noted lists an expression with its node.
func (c *Inference) noted(e *expr.Expr) *expr.Expr {
	if e.Type().Kind != types.KindError {
		c.Node.Exprs = append(c.Node.Exprs, e)
	}
	return e
}

// Aggregate checks an expression over aggregates of items of type env.
func (c *Inference) Aggregate(text config.Text, env *types.Type) *expr.AggExpr {
	if env == nil {
		env = types.Error
	}
	a := checkText(text, c.Node.At, expr.Scope{Env: env, Hidden: c.hidden}, c.list, expr.Scope.CheckAggregate)
	for _, agg := range a.Aggs {
		if agg.Arg != nil {
			c.noted(agg.Arg)
		}
	}
	return a
}

// Field finds a field of a record by a name that a setting gives; a problem if
// there is none. A nil record finds nothing and says nothing.
func (c *Inference) Field(name config.Name, in *types.Type) (types.Field, bool) {
	if in == nil {
		return types.Field{}, false
	}
	f, ok := in.Field(name.Value)
	if !ok {
		c.list.Add(diag.UnknownField, c.orNode(name.At), "unknown field %q", name.Value).DidYouMean(name.Value, in.FieldNames())
	}
	return f, ok
}

func (c *Inference) orNode(at diag.Span) diag.Span {
	if at.IsZero() {
		return c.Node.At
	}
	return at
}

// Unread reports whether one of some settings of the node may be written and could not be
// read: it has a message then, and is not missing.
func (c *Inference) Unread(keys ...string) bool {
	with := c.compiler.settings[c.Node]
	return c.compiler.misread[c.Node] && with != nil && slices.ContainsFunc(keys, with.Has)
}

// Origin marks a field as made by this node.
func (c *Inference) Origin(how string, at diag.Span) types.Origin {
	return types.Origin{Node: c.Node.ID, How: how, At: c.orNode(at)}
}

// Stdin is standard input to look ahead into, nil if it is not known yet.
func (c *Inference) Stdin() *bufio.Reader { return c.Flow.stdin }

// Peers gives the context in which a kind may ask the peer that it talks to in a run, nil
// if it may not: then all it knows is what its settings say. A peer that does not answer
// is diag.Unreachable.
func (c *Inference) Peers() context.Context { return c.compiler.opts.Peers }

// Path resolves a path of the settings: relative to the folder of the flow.
func (c *Inference) Path(p string) string { return c.Flow.Path(p) }

// Type reads a type that a setting names or writes out. Without one it gives nil.
func (c *Inference) Type(ref TypeRef) *types.Type {
	if ref.YAML.IsNull() {
		return nil
	}
	return typeOf(ref.YAML, c.Flow.Types, c.list)
}

// A TypeRef is a setting that is a type: the name of a declared one, or a type
// written out, as text or as YAML.
type TypeRef struct{ YAML *config.Value }

// DecodeConfig keeps the node; Inference.Type reads it.
func (r *TypeRef) DecodeConfig(v *config.Value, _ *diag.List) { r.YAML = v }

// ConfigType documents the setting.
func (TypeRef) ConfigType() (string, map[string]any) {
	return "type", map[string]any{"type": []string{"string", "object", "array"}}
}

// Needs is a kind's view of the graph while needed fields are gathered.
type Needs struct {
	node *Node
	in   map[string]Fields
}

// Out gives the fields that later nodes read of an output.
func (c *Needs) Out(port string) Fields {
	if p := c.node.Output(port); p != nil {
		return p.Needed
	}
	return Fields{}
}

// In says which fields of an input the node reads or passes on. What it does not
// speak of needs nothing.
func (c *Needs) In(port string, f Fields) {
	if c.node.Input(port) == nil {
		panic(fmt.Sprintf("graph: kind %s has no input %q", c.node.Kind, port))
	}
	c.in[port] = c.in[port].Union(f)
}
