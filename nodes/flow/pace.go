package flow

import (
	"strings"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/quantity"
)

// A pace is items in a second; 0 sets none.
type pace float64

// DecodeConfig implements config.Decoder.
func (p *pace) DecodeConfig(v *config.Value, list *diag.List) {
	rate, ok := parsePace(v.Text)
	if v.Kind != config.Scalar || !ok {
		list.Add(diag.WrongValue, v.Span, "want items per second, got %s", v.Describe()).WithHint("write 100, 100/s, 2.5/m or 1/10s")
		return
	}
	*p = rate
}

// ConfigType implements config.Describer.
func (pace) ConfigType() (string, map[string]any) {
	return "items per second, or as 100/s, 2.5/m, 1/10s", map[string]any{"type": []any{"number", "string"}}
}

// parsePace reads a rate, or a number of items in a second.
func parsePace(text string) (pace, bool) {
	if !strings.Contains(text, "/") {
		text += "/s"
	}
	r, _, err := quantity.ParseRate(text)
	if err != nil || r.Count <= 0 || r.Per <= 0 {
		return 0, false
	}
	return pace(float64(r.Count) / r.Per.Seconds()), true
}
