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

// The two ways to write it.
type (
	workerNumber struct {
		Workers int `yaml:"workers" min:"1" max:"10000" doc:"."`
	}
	workerBounds struct {
		Min int `yaml:"min" min:"1" max:"10000" doc:"Workers when there is little to do."`
		Max int `yaml:"max,required" min:"1" max:"10000" doc:"Workers at most."`
	}
)

// DecodeConfig implements config.Decoder.
func (r *WorkerRange) DecodeConfig(n *config.Node, list *diag.List) {
	if n.Kind != config.Mapping {
		var number workerNumber
		decode(&config.Node{Kind: config.Mapping, Span: n.Span, Entries: []config.Entry{{Key: "workers", KeySpan: n.Span, Value: n}}}, &number, list)
		*r = FixedWorkers(number.Workers)
		return
	}
	bounds := workerBounds{Min: 1}
	decode(n, &bounds, list)
	if *r = WorkerRange(bounds); bounds.Max > 0 && bounds.Min > bounds.Max {
		list.Add(diag.Conflict, keySpan(n, "min", n.Span), "min is %d, more than max, which is %d", bounds.Min, bounds.Max)
		*r = FixedWorkers(bounds.Max)
	}
}

// ConfigType implements config.Documented.
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

// LimitsSchema describes the limits of a flow.
func LimitsSchema() *config.Schema { return schemaOf(&Limits{}) }

// schemaOf is the schema of settings of this package, which are sound.
func schemaOf(proto any) *config.Schema {
	s, err := config.Of(proto)
	if err != nil {
		panic("graph: " + err.Error())
	}
	return s
}

func decode(n *config.Node, into any, list *diag.List) {
	schemaOf(into).DecodeAt(n, n.Span, into, list)
}
