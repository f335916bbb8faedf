package aggregate

import (
	"slices"
	"strings"
	"unicode"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file has the settings of kinds that aggregate: what to group by, and what to
// compute.

// A Term is a part of a key.
type Term struct {
	Name string // "": that of the field that the expression is
	Text config.Text
	At   diag.Span
}

// String gives the term as a drawing shows it.
func (t Term) String() string {
	if t.Name == "" {
		return t.Text.Value
	}
	return t.Name
}

// Terms is a key as it is written: a field, {name: expression, ...}, or a list of
// these.
type Terms []Term

// DecodeConfig implements config.Decoder.
func (k *Terms) DecodeConfig(v *config.Value, list *diag.List) {
	if v.Kind != config.Sequence {
		k.add(v, list)
		return
	}
	for _, item := range v.Items {
		k.add(item, list)
	}
	if len(v.Items) == 0 {
		list.Add(diag.WrongValue, v.Span, "the key is empty").WithHint("leave `by` out to have one group")
	}
}

func (k *Terms) add(v *config.Value, list *diag.List) {
	switch v.Kind {
	case config.Scalar:
		*k = append(*k, Term{"", config.Text{Value: v.Text, YAML: v}, v.Span})
	case config.Mapping:
		for _, e := range v.Entries {
			if e.Value.Kind != config.Scalar {
				list.Add(diag.WrongValue, e.Value.Span, "want an expression, got %s", e.Value.Describe())
				continue
			}
			*k = append(*k, Term{e.Key, config.Text{Value: e.Value.Text, YAML: e.Value}, e.KeySpan})
		}
	default:
		list.Add(diag.WrongValue, v.Span, "want a field or {name: expression}, got %s", v.Describe())
	}
}

// ConfigType implements config.Describer.
func (Terms) ConfigType() (string, map[string]any) {
	named := map[string]any{"type": "object", "additionalProperties": expressionSchema()}
	part := map[string]any{"anyOf": []any{map[string]any{"type": "string"}, named}}
	return "field, {name: expression}, or a list of them", map[string]any{"anyOf": []any{
		part, map[string]any{"type": "array", "items": part, "minItems": 1},
	}}
}

// expressionSchema is a function, not a variable: the packs are variables too, and
// might be made before it.
func expressionSchema() map[string]any {
	return map[string]any{"type": []any{"string", "number", "boolean", "null"}}
}

// Columns checks the parts over items of type in and gives them as the fields of
// a record.
func (k Terms) Columns(c *graph.Inference, in *types.Type) *columns.Columns {
	key := columns.New()
	for _, term := range k {
		e := columns.Check(c, term.Text, in)
		f := types.Field{Name: term.Name, Type: e.Type(), Origin: c.Origin("grouped by", term.At)}
		if term.Name == "" {
			f.Name = term.nameOf(c, e, in)
		}
		key.Compute(f, e, in)
	}
	return key
}

// nameOf gives a part of the key without a name that of its field. If the type of the items
// is not known, because the node that they come from is wrong, a name is taken for a field:
// then nodes that read the key later have nothing to complain of.
func (t Term) nameOf(c *graph.Inference, e *expr.Expr, in *types.Type) string {
	if i := columns.FieldOf(e, in); i >= 0 {
		return in.Fields[i].Name
	}
	if e.Type().Kind == types.KindError && isName(t.Text.Value) {
		return t.Text.Value
	}
	if e.Type().Kind != types.KindError {
		c.List().Add(diag.MissingKey, t.At, "the key %s has no name", t.Text.Value).WithHint("write {NAME: %s}", t.Text.Value)
	}
	return ""
}

// isName reports whether an expression is a name and nothing else.
func isName(text string) bool {
	return text != "" && !unicode.IsDigit([]rune(text)[0]) &&
		strings.IndexFunc(text, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) < 0
}

// A Value is a field to compute: an expression over aggregates, or {value, where}.
type Value struct{ Value, Where config.Text }

var valueKeys = []string{"value", "where"}

// DecodeConfig implements config.Decoder.
func (a *Value) DecodeConfig(v *config.Value, list *diag.List) {
	switch v.Kind {
	case config.Scalar:
		a.Value = config.Text{Value: v.Text, YAML: v}
		return
	case config.Mapping:
	default:
		list.Add(diag.WrongValue, v.Span, "want an expression over aggregates, such as sum(price), got %s", v.Describe())
		return
	}
	for _, e := range v.Entries {
		if e.Key != "value" && e.Key != "where" {
			list.Add(diag.UnknownKey, e.KeySpan, "unknown key %q", e.Key).DidYouMean(e.Key, valueKeys)
			continue
		}
		if e.Value.Kind != config.Scalar {
			list.Add(diag.WrongValue, e.Value.Span, "want an expression, got %s", e.Value.Describe())
			continue
		}
		text := config.Text{Value: e.Value.Text, YAML: e.Value}
		if e.Key == "value" {
			a.Value = text
		} else {
			a.Where = text
		}
	}
	if !v.Has("value") {
		list.Add(diag.MissingKey, v.Span, "the key value is missing").WithHint("write {value: count(), where: CONDITION}")
	}
}

// ConfigType implements config.Describer.
func (Value) ConfigType() (string, map[string]any) {
	return "expression or {value, where}", map[string]any{"anyOf": []any{
		expressionSchema(),
		map[string]any{
			"type": "object", "additionalProperties": false, "required": []any{"value"},
			"properties": map[string]any{"value": expressionSchema(), "where": expressionSchema()},
		},
	}}
}

// Forgets says which replies to requests the parts do not collect, "" if all: it completes
// graph.Ways.
func Forgets(parts []Part) string {
	for _, p := range parts {
		if p.Where != nil && p.Expr.Type().HoldsReply() {
			return "items for which `where` of " + types.Quote(p.Name) + " is not true are not in it"
		}
	}
	return ""
}

// Fails says which of the records that the parts make of several items may fail, without the
// replies to requests in them, "" if none: it completes graph.Ways. by is the part of such a
// record that is a key, by which a record that failed is shown.
func Fails(c *graph.Inference, parts []Part, by, in *types.Type) string {
	if c.Node.Engine.OnError != "dead" {
		return ""
	}
	kept := slices.ContainsFunc(by.Fields, func(f types.Field) bool {
		_, same := in.Field(f.Name)
		return same && f.Type.IsReply()
	})
	for _, p := range parts {
		if !kept && p.Expr.Fails() {
			return "where " + types.Quote(p.Name) + " cannot be computed, what comes to " + c.Node.ID + "." + graph.ErrorPort + " is not the items, and has no replies"
		}
	}
	return ""
}

// Parts checks the fields to compute, over items of type in.
func Parts(c *graph.Inference, set config.Map[Value], in *types.Type) []Part {
	var parts []Part
	graph.Makes(c, set)
	for _, s := range set {
		p := Part{Name: s.Key, Expr: c.Aggregate(s.Value.Value, in)}
		if s.Value.Where.Value != "" {
			p.Where = c.Expr(s.Value.Where, in)
			p.Where.Want(types.Bool.Opt(), "where", c.List())
		}
		parts = append(parts, p)
	}
	return parts
}
