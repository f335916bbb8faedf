package websocket

import (
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
)

// This file has the setting `send`: texts, which may have secrets in them.

// A sendSetting is the setting `send`.
type sendSetting struct{ texts []config.Secret }

// DecodeConfig implements config.Decoder.
func (s *sendSetting) DecodeConfig(v *config.Value, list *diag.List) {
	items := []*config.Value{v}
	if v.Kind == config.Sequence {
		items = v.Items
	}
	for _, x := range items {
		switch {
		case x.Bad:
		case x.Kind == config.Mapping || x.Kind == config.Sequence || x.Text == "":
			list.Add(diag.WrongType, x.Span, "want a text").WithHint("JSON has quotes of its own: send: '{\"subscribe\": \"BTC\"}'")
		default:
			s.texts = append(s.texts, config.NewSecret(x.Text))
		}
	}
}

// MayBeSecret implements config.SecretTaker. Most subscriptions are none; a token in one is in
// the hands of its author.
func (sendSetting) MayBeSecret(string) bool { return false }

// ConfigType implements config.Describer.
func (sendSetting) ConfigType() (string, map[string]any) {
	return "text, or list of texts", map[string]any{"type": []string{"string", "array"}, "items": map[string]any{"type": "string"}}
}
