package flow

import (
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
)

// A moment is a time that a setting gives.
type moment struct {
	time.Time           // UTC; zero: not given
	at        diag.Span // where
}

// DecodeConfig implements config.Decoder. Times outside the years 1678 to 2261 do
// not fit into 64 bits of nanoseconds.
func (m *moment) DecodeConfig(v *config.Value, list *diag.List) {
	m.at = v.Span
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly, time.DateTime} {
		t, err := time.Parse(layout, v.Text)
		if y := t.Year(); v.Kind == config.Scalar && err == nil && 1678 <= y && y <= 2261 {
			m.Time = t.UTC()
			return
		}
	}
	list.Add(diag.WrongValue, v.Span, "want a time from 1678 to 2261, got %s", v.Describe()).WithHint("write 2026-01-31 or 2026-01-31T15:04:05Z")
}

// ConfigType implements config.Describer.
func (moment) ConfigType() (string, map[string]any) {
	return "time, such as 2026-01-31 or 2026-01-31T15:04:05Z", map[string]any{"type": "string"}
}
