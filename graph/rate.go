package graph

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/quantity"
)

// Rates and breakers, as nodes have them.

// A Rate bounds how many items go through a node in a time: Count in each Per, and
// never more than Burst at once. The zero value sets no bound. In a flow file it is
// a text such as 100/s or 10/100ms, or {limit: 100/s, burst: 20}.
type Rate struct {
	Count int
	Per   time.Duration
	Burst int // at least 1
	At    diag.Span
}

// burstTime is how much of a rate may go at once where the flow does not say: what
// comes together in this time, and at least one item.
const burstTime = 5 * time.Millisecond

// Bounds reports whether there is a bound at all.
func (r Rate) Bounds() bool { return r.Count > 0 }

// String is "100/s", with a burst other than the usual one "100/s, burst 20"; ""
// for the zero value.
func (r Rate) String() string {
	switch {
	case !r.Bounds():
		return ""
	case r.Burst != r.usualBurst():
		return r.limit() + ", burst " + strconv.Itoa(r.Burst)
	}
	return r.limit()
}

func (r Rate) limit() string {
	per := quantity.Format(r.Per)
	if unit, one := strings.CutPrefix(per, "1"); one && !strings.ContainsAny(unit, "0123456789.") {
		per = unit
	}
	return strconv.Itoa(r.Count) + "/" + per
}

func (r Rate) usualBurst() int {
	return min(maxBurst, max(1, int(float64(r.Count)*float64(burstTime)/float64(r.Per))))
}

const maxBurst = 1_000_000

// The two ways to write it.
type (
	rateLimit struct{ Rate }
	rateParts struct {
		Limit rateLimit `yaml:"limit,required" doc:"Items in a time, such as 100/s."`
		Burst int       `yaml:"burst" min:"1" max:"1000000" doc:"Items at once at most."`
	}
)

// DecodeConfig reads the short form.
func (l *rateLimit) DecodeConfig(n *config.Value, list *diag.List) {
	if n.Bad {
		return
	}
	r, per, err := quantity.ParseRate(n.Text)
	switch {
	case err != nil && per != "":
		list.Add(diag.WrongValue, n.Span, "%s", err).WithHint("write 100/s, 2.5/m or 10/100ms")
	case err != nil || n.Kind != config.Scalar:
		d := list.Add(diag.WrongValue, n.Span, "want a rate, got %s", n.Describe()).WithHint("write 100/s, 2.5/m or 10/100ms")
		if _, err := strconv.ParseFloat(n.Text, 64); err == nil {
			d.WithHint("give the time: %s/s", n.Text)
		}
	default:
		l.take(r.Count, r.Per, n.Text, per, n.Span, list)
	}
}

// take takes a rate, of which text is how it is written, and time its second part.
func (l *rateLimit) take(count int64, per time.Duration, text, time string, at diag.Span, list *diag.List) {
	wrong := func(format string, args ...any) *diag.Diagnostic {
		return list.Add(diag.WrongValue, at, format, args...)
	}
	switch {
	case per <= 0:
		wrong("a rate needs a time above zero, got %s", time).WithHint("write 100/s, 2.5/m or 10/100ms")
	case count < 0:
		wrong("a rate cannot be negative")
	case count == 0:
		wrong("a rate of 0 lets nothing pass").WithHint("leave `rate` out if there is to be no bound")
	case count > int64(per) || count > maxRate:
		wrong("the rate %s is too large", text).WithHint("more than one item in each nanosecond is no bound: leave `rate` out")
	default:
		l.Rate = Rate{Count: int(count), Per: per, At: at}
	}
}

// maxRate is the largest number of items in the time of a rate.
const maxRate = 1_000_000_000

// DecodeConfig implements config.Decoder.
func (r *Rate) DecodeConfig(n *config.Value, list *diag.List) {
	var parts rateParts
	if n.Kind == config.Mapping {
		decode(n, &parts, list)
	} else {
		parts.Limit.DecodeConfig(n, list)
	}
	r.take(parts, n.Span, list)
}

// CheckConfig implements config.Checker. The burst is the usual one unless it is given.
func (r *Rate) CheckConfig(at *config.Value, list *diag.List) {
	var parts rateParts
	parts.Limit.take(int64(r.Count), r.Per, fmt.Sprintf("%d/%s", r.Count, r.Per), r.Per.String(), at.Span, list)
	if parts.Burst = r.Burst; at.Has("burst") {
		check(&parts, &rateParts{}, []string{"burst"}, at, list)
	}
	*r = Rate{}
	r.take(parts, at.Span, list)
}

// take takes a rate, if there is one.
func (r *Rate) take(parts rateParts, at diag.Span, list *diag.List) {
	if !parts.Limit.Bounds() {
		return
	}
	*r = parts.Limit.Rate
	r.At = at
	if r.Burst = parts.Burst; r.Burst == 0 {
		r.Burst = r.usualBurst()
	}
	if most := math.MaxInt64 / 4 / int64(r.Per); int64(r.Burst) > most {
		list.Add(diag.WrongValue, at, "a burst of %d would take ages to gather at %s: want at most %d", r.Burst, r.limit(), most)
		*r = Rate{}
	}
}

// ConfigType implements config.Describer.
func (Rate) ConfigType() (string, map[string]any) {
	limit := map[string]any{"type": "string", "pattern": `^([0-9][0-9_]*\s*/\s*\S+|.*\$\{.*)$`}
	return "rate, or {limit, burst}", map[string]any{"anyOf": []any{limit, map[string]any{
		"type": "object", "required": []any{"limit"}, "additionalProperties": false,
		"properties": map[string]any{"limit": limit, "burst": map[string]any{"type": []any{"integer", "string"}}},
	}}}
}

// A Breaker stops a node that keeps failing for a while: after Failures items in a
// row that failed for good it takes nothing for OpenFor, then tries one item. The
// zero value is no breaker. In a flow file it is {failures, open_for}.
type Breaker struct {
	Failures int
	OpenFor  time.Duration
	At       diag.Span
}

type breakerParts struct {
	Failures int           `yaml:"failures" min:"1" max:"1000000" doc:"Items in a row that fail before the breaker opens."`
	OpenFor  time.Duration `yaml:"open_for" min:"1ms" doc:"How long the node takes nothing before it tries one item."`
}

func usualBreaker() *breakerParts { return &breakerParts{Failures: 5, OpenFor: 30 * time.Second} }

// DecodeConfig implements config.Decoder.
func (b *Breaker) DecodeConfig(n *config.Value, list *diag.List) {
	parts := *usualBreaker()
	if n.Kind != config.Mapping {
		if !n.Bad {
			list.Add(diag.WrongValue, n.Span, "want {failures, open_for}, got %s", n.Describe()).
				WithHint("write breaker: {failures: %d, open_for: %s}", parts.Failures, parts.OpenFor)
		}
		return
	}
	decode(n, &parts, list)
	*b = Breaker{parts.Failures, parts.OpenFor, n.Span}
}

// CheckConfig implements config.Checker.
func (b *Breaker) CheckConfig(at *config.Value, list *diag.List) {
	parts := breakerParts{b.Failures, b.OpenFor}
	check(&parts, usualBreaker(), []string{"failures", "open_for"}, at, list)
	*b = Breaker{parts.Failures, parts.OpenFor, at.Span}
}

// String is "5 failures, open for 30s"; "" for the zero value.
func (b Breaker) String() string {
	if b.Failures == 0 {
		return ""
	}
	return fmt.Sprintf("%d failures, open for %s", b.Failures, b.OpenFor)
}

// ConfigType implements config.Describer.
func (Breaker) ConfigType() (string, map[string]any) {
	form := schemaOf(usualBreaker()).JSONSchema()
	return "{failures, open_for}", form
}
