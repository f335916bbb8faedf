package flow

import (
	"strings"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// A sortTerm is one thing to order by.
type sortTerm struct {
	text config.Text
	desc bool
}

// String gives the term as a drawing shows it.
func (t sortTerm) String() string {
	if t.desc {
		return "-" + t.text.Value
	}
	return t.text.Value
}

// sortKeys are the keys of a term that is written out.
var sortKeys = []string{"expr", "desc"}

// DecodeConfig implements config.Decoder.
func (t *sortTerm) DecodeConfig(v *config.Value, list *diag.List) {
	if v.Kind == config.Scalar {
		t.text = config.Text{Value: v.Text, YAML: v}
		return
	}
	if v.Kind != config.Mapping {
		list.Add(diag.WrongValue, v.Span, "want a field, an expression or {expr: EXPRESSION, desc: true}, got %s", v.Describe())
		return
	}
	for _, e := range v.Entries {
		switch {
		case e.Key == "expr" && e.Value.Kind == config.Scalar:
			t.text = config.Text{Value: e.Value.Text, YAML: e.Value}
		case e.Key == "desc" && e.Value.Kind == config.Scalar && e.Value.Type == config.Bool:
			t.desc = strings.EqualFold(e.Value.Text, "true")
		case e.Key == "expr":
			list.Add(diag.WrongValue, e.Value.Span, "want an expression, got %s", e.Value.Describe())
		case e.Key == "desc":
			list.Add(diag.WrongValue, e.Value.Span, "want true or false, got %s", e.Value.Describe())
		default:
			list.Add(diag.UnknownKey, e.KeySpan, "unknown key %q", e.Key).DidYouMean(e.Key, sortKeys)
		}
	}
	if !v.Has("expr") {
		list.Add(diag.MissingKey, v.Span, "the key expr is missing").WithHint("write {expr: EXPRESSION, desc: true}, or -FIELD")
	}
}

// ConfigType implements config.Describer.
func (sortTerm) ConfigType() (string, map[string]any) {
	expression := map[string]any{"type": []any{"string", "number", "boolean"}}
	return "field, -field, expression or {expr, desc}", map[string]any{"anyOf": []any{
		expression,
		map[string]any{
			"type": "object", "additionalProperties": false, "required": []any{"expr"},
			"properties": map[string]any{"expr": expression, "desc": map[string]any{"type": "boolean"}},
		},
	}}
}

// resolve gives the expression and whether its order is turned around: `-field` is
// a field and not a negative number, so that it works for text too.
func (t sortTerm) resolve(in *types.Type) (config.Text, bool) {
	rest, minus := strings.CutPrefix(t.text.Value, "-")
	name := strings.Trim(strings.TrimSpace(rest), "`")
	if !minus || !in.IsRecord() || in.Index(name) < 0 {
		return t.text, t.desc
	}
	return config.Text{Value: name}, !t.desc
}

func (t sortTerm) at(node diag.Span) diag.Span {
	if t.text.YAML == nil {
		return node
	}
	return t.text.YAML.Span
}
