package join

import (
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
)

// A keyTerm is a part of a key.
type keyTerm struct {
	name string // "": that of the field that the expression is
	text config.Text
	at   diag.Span
}

// keyTerms is a key as it is written: a field, {name: expression, ...}, or a list of
// these.
type keyTerms []keyTerm

// DecodeConfig implements config.Decoder.
func (k *keyTerms) DecodeConfig(n *config.Node, list *diag.List) {
	if n.Kind != config.Sequence {
		k.add(n, list)
		return
	}
	for _, item := range n.Items {
		k.add(item, list)
	}
	if len(n.Items) == 0 {
		list.Add(diag.WrongValue, n.Span, "the key has no part").WithHint("leave `by` out to have one group")
	}
}

func (k *keyTerms) add(n *config.Node, list *diag.List) {
	switch n.Kind {
	case config.Scalar:
		*k = append(*k, keyTerm{"", config.Text{Value: n.Text, Node: n}, n.Span})
	case config.Mapping:
		for _, e := range n.Entries {
			if e.Value.Kind != config.Scalar {
				list.Add(diag.WrongValue, e.Value.Span, "want an expression, got %s", e.Value.Describe())
				continue
			}
			*k = append(*k, keyTerm{e.Key, config.Text{Value: e.Value.Text, Node: e.Value}, e.KeySpan})
		}
	default:
		list.Add(diag.WrongValue, n.Span, "want a field or {name: expression}, got %s", n.Describe())
	}
}

// ConfigType implements config.Documented.
func (keyTerms) ConfigType() (string, map[string]any) {
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

// aggregated is a field to compute: an expression over aggregates, or {value, where}.
type aggregated struct{ value, where config.Text }

var aggregatedKeys = []string{"value", "where"}

// DecodeConfig implements config.Decoder.
func (a *aggregated) DecodeConfig(n *config.Node, list *diag.List) {
	switch n.Kind {
	case config.Scalar:
		a.value = config.Text{Value: n.Text, Node: n}
		return
	case config.Mapping:
	default:
		list.Add(diag.WrongValue, n.Span, "want an expression over aggregates, such as sum(price), got %s", n.Describe())
		return
	}
	for _, e := range n.Entries {
		if e.Key != "value" && e.Key != "where" {
			list.Add(diag.UnknownKey, e.KeySpan, "unknown key %q", e.Key).DidYouMean(e.Key, aggregatedKeys)
			continue
		}
		if e.Value.Kind != config.Scalar {
			list.Add(diag.WrongValue, e.Value.Span, "want an expression, got %s", e.Value.Describe())
			continue
		}
		text := config.Text{Value: e.Value.Text, Node: e.Value}
		if e.Key == "value" {
			a.value = text
		} else {
			a.where = text
		}
	}
	if !n.Has("value") {
		list.Add(diag.MissingKey, n.Span, "the key value is missing").WithHint("write {value: count(), where: CONDITION}")
	}
}

// ConfigType implements config.Documented.
func (aggregated) ConfigType() (string, map[string]any) {
	return "expression or {value, where}", map[string]any{"anyOf": []any{
		expressionSchema(),
		map[string]any{
			"type": "object", "additionalProperties": false, "required": []any{"value"},
			"properties": map[string]any{"value": expressionSchema(), "where": expressionSchema()},
		},
	}}
}
