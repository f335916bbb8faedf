package flow

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
)

// A pace is items in a second; 0 sets none.
type pace float64

// paceText is a number, and perhaps a span: 100, 100/s, 2.5/m, 1/10s.
var paceText = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)(?:/([0-9]*)(ms|s|m|h))?$`)

// DecodeConfig implements config.Decoder.
func (p *pace) DecodeConfig(v *config.Value, list *diag.List) {
	rate, ok := parsePace(v.Text)
	if v.Kind != config.Scalar || !ok {
		list.Add(diag.WrongValue, v.Span, "want items per second, got %s", v.Describe()).WithHint("write 100, 100/s, 30/m or 1/10s")
		return
	}
	*p = rate
}

// ConfigType implements config.Describer.
func (pace) ConfigType() (string, map[string]any) {
	return "items in a second, or as 100/s, 30/m, 1/10s", map[string]any{"type": []any{"number", "string"}}
}

func parsePace(text string) (pace, bool) {
	parts := paceText.FindStringSubmatch(strings.ReplaceAll(strings.ReplaceAll(text, "_", ""), " ", ""))
	if parts == nil {
		return 0, false
	}
	items, err := strconv.ParseFloat(parts[1], 64)
	if err != nil || items <= 0 || math.IsInf(items, 0) {
		return 0, false
	}
	span := time.Second
	if parts[3] != "" {
		count := parts[2]
		if count == "" {
			count = "1"
		}
		if span, err = time.ParseDuration(count + parts[3]); err != nil || span <= 0 {
			return 0, false
		}
	}
	return pace(items / span.Seconds()), true
}
