package graph

import (
	"fmt"
	"strconv"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
)

// A WorkerRange is how many goroutines work on a node: a fixed number if both
// bounds are equal, else as many between them as the load asks for. The zero value
// leaves it to the kind. In a flow file it is a number or {min, max}.
type WorkerRange struct{ Min, Max int }

// FixedWorkers is a range of one number.
func FixedWorkers(n int) WorkerRange { return WorkerRange{n, n} }

// Elastic reports whether the number follows the load.
func (r WorkerRange) Elastic() bool { return r.Min != r.Max }

// String is "4" or "1-8", "" for the zero value.
func (r WorkerRange) String() string {
	switch {
	case r == WorkerRange{}:
		return ""
	case r.Elastic():
		return fmt.Sprintf("%d-%d", r.Min, r.Max)
	}
	return strconv.Itoa(r.Max)
}

const maxWorkers = 10000

// workerBounds is the way to write it that is no number.
type workerBounds struct {
	Min int `yaml:"min" min:"1" max:"10000" doc:"Workers when there is little to do."`
	Max int `yaml:"max,required" min:"1" max:"10000" doc:"Workers at most."`
}

// DecodeConfig implements config.Decoder.
func (r *WorkerRange) DecodeConfig(n *config.Value, list *diag.List) {
	if n.Kind != config.Mapping {
		*r = FixedWorkers(config.DecodeInt(n, 1, maxWorkers, list))
		return
	}
	bounds := workerBounds{Min: 1}
	decode(n, &bounds, list)
	r.between(bounds, keySpan(n, "min", n.Span), list)
}

// CheckConfig implements config.Checker.
func (r *WorkerRange) CheckConfig(at *config.Value, list *diag.List) {
	given := []string{"max"}
	if r.Elastic() {
		given = []string{"min", "max"}
	}
	bounds := workerBounds(*r)
	check(&bounds, &workerBounds{}, given, at, list)
	if !r.Elastic() {
		bounds.Min = bounds.Max
	}
	r.between(bounds, at.Span, list)
}

// between takes the bounds, which may be the wrong way round.
func (r *WorkerRange) between(bounds workerBounds, at diag.Span, list *diag.List) {
	if *r = WorkerRange(bounds); bounds.Max > 0 && bounds.Min > bounds.Max {
		list.Add(diag.Conflict, at, "min is %d, more than max, which is %d", bounds.Min, bounds.Max)
		*r = FixedWorkers(bounds.Max)
	}
}

// ConfigType implements config.Describer.
func (WorkerRange) ConfigType() (string, map[string]any) {
	number := map[string]any{"type": []any{"integer", "string"}}
	return "1 to 10000, or {min, max}", map[string]any{"anyOf": []any{
		map[string]any{"type": "integer", "minimum": 1, "maximum": 10000},
		map[string]any{"type": "string", "pattern": `\$\{`},
		map[string]any{"type": "object", "properties": map[string]any{"min": number, "max": number}, "required": []any{"max"}, "additionalProperties": false},
	}}
}
