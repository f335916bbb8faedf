package join

import (
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
)

// A keyPair is two fields that must be equal.
type keyPair struct{ left, right config.Name }

// keyPairs are the fields of a join's key: {left: right, ...}, or a field, or a list
// of fields, that are called the same on both sides.
type keyPairs []keyPair

// DecodeConfig implements config.Decoder.
func (k *keyPairs) DecodeConfig(n *config.Node, list *diag.List) {
	switch n.Kind {
	case config.Mapping:
		for _, e := range n.Entries {
			if e.Value.Kind != config.Scalar {
				list.Add(diag.WrongValue, e.Value.Span, "want the name of a field of right, got %s", e.Value.Describe())
				continue
			}
			*k = append(*k, keyPair{config.Name{Value: e.Key, At: e.KeySpan}, config.Name{Value: e.Value.Text, At: e.Value.Span}})
		}
	case config.Sequence:
		for _, item := range n.Items {
			k.same(item, list)
		}
	default:
		k.same(n, list)
	}
	if len(n.Entries)+len(n.Items) == 0 && n.Kind != config.Scalar {
		list.Add(diag.WrongValue, n.Span, "the key has no field").WithHint("write on: {FIELD_OF_LEFT: FIELD_OF_RIGHT}")
	}
}

// same adds a field that is called the same on both sides.
func (k *keyPairs) same(n *config.Node, list *diag.List) {
	if n.Kind == config.Mapping && len(n.Entries) > 0 {
		k.DecodeConfig(n, list)
		return
	}
	if n.Kind != config.Scalar {
		list.Add(diag.WrongValue, n.Span, "want the name of a field, got %s", n.Describe())
		return
	}
	name := config.Name{Value: n.Text, At: n.Span}
	*k = append(*k, keyPair{name, name})
}

// ConfigType implements config.Documented.
func (keyPairs) ConfigType() (string, map[string]any) {
	text := map[string]any{"type": "string"}
	pairs := map[string]any{"type": "object", "additionalProperties": text, "minProperties": 1}
	return "{left: right}, field, or list of fields", map[string]any{"anyOf": []any{
		text, pairs, map[string]any{"type": "array", "items": map[string]any{"anyOf": []any{text, pairs}}, "minItems": 1},
	}}
}
