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

// Limits bound a flow as a whole. A zero sets no bound.
type Limits struct {
	Workers int         `yaml:"workers" min:"1" max:"10000" doc:"Pieces of work that all nodes together work on at once. Nodes that have something to do take turns."`
	Memory  config.Size `yaml:"memory" min:"64KB" doc:"Bytes that wait on all edges together. Half of it is shared out among the edges; the other half is for whoever needs more."`
}

// Wrong says what is wrong with limits that come from a program: a flow file could
// not have them. It is "" if they are sound.
func (l Limits) Wrong() string {
	switch {
	case l.Workers < 0 || l.Workers > 10000:
		return fmt.Sprintf("the limit of workers is %d, want 1 to 10000, or 0 for none", l.Workers)
	case l.Memory < 0 || l.Memory > 0 && l.Memory < 64_000:
		return fmt.Sprintf("the limit of memory is %d bytes, want at least 64 kB, or 0 for none", int64(l.Memory))
	}
	return ""
}

// declareLimits reads the limits of the flow.
func (c *compiler) declareLimits() {
	if n := c.root.Get("limits"); n != nil && n.Kind == config.Mapping {
		decode(n, &c.flow.Limits, &c.list)
	}
}

func decode(n *config.Value, into any, list *diag.List) {
	schemaOf(into).DecodeAt(n, n.Span, into, list)
}

// check holds the settings that are given to the schema of a prototype: see
// config.Schema.Check.
func check(from, proto any, given []string, at *config.Value, list *diag.List) {
	written := &config.Value{Kind: config.Mapping, Span: at.Span}
	for _, key := range given {
		written.Entries = append(written.Entries, config.Entry{Key: key, KeySpan: at.Span, Value: &config.Value{Span: at.Span}})
	}
	schemaOf(proto).Check(written, from, list)
}
