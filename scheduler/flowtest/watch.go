package flowtest

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// A log keeps what came, with the time at which it came after the start of the run.
// All its methods may be called from any goroutine.
type log struct {
	mu    sync.Mutex
	start time.Time
	items []arrival
	kept  []*record.Batch
}

// An arrival is one item.
type arrival struct {
	batch *record.Batch
	row   int
	at    time.Duration
}

func (l *log) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start = time.Now()
}

// add keeps the items of d; Go values that are no records are not kept.
func (l *log) add(d record.Data) {
	b, ok := d.(*record.Batch)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b.Retain()
	l.kept = append(l.kept, b)
	at := time.Since(l.start)
	for i := range b.Len() {
		l.items = append(l.items, arrival{b, b.Row(i), at})
	}
}

// A keeper keeps what arrives at it.
type keeper struct {
	Slot int `yaml:"slot" doc:"Which expectation of the case; -1: none."`

	c *Case
}

// watchKind is the kind of nodes that keep what a port gives.
type watchKind struct{ keeper }

// sinkKind is the kind of nodes that stand in place of sinks.
type sinkKind struct{ keeper }

var (
	watchSettings = mustSchema(&watchKind{})
	sinkSettings  = mustSchema(&sinkKind{keeper{Slot: -1}})
)

func (k *keeper) expectation() *expectation {
	if k.Slot < 0 {
		return nil
	}
	return k.c.expects[k.Slot]
}

// Infer implements graph.Inferer.
func (k *keeper) Infer(c *graph.Inference) {
	if e := k.expectation(); e != nil {
		e.typ = c.Node.In[0].Arriving()
		e.check(c.List())
	}
}

// Needs implements graph.Needer: a watch asks for the fields that are expected.
func (k *watchKind) Needs(c *graph.Needs) { c.In("in", k.expectation().fields()) }

// Operator implements nodes.Maker.
func (k *keeper) Operator(env *nodes.Env) (nodes.Operator, error) {
	l := &log{}
	if e := k.expectation(); e != nil {
		l = &e.log
	}
	return &keepOp{l, env.Node}, nil
}

// A keepOp keeps what it gets.
type keepOp struct {
	log  *log
	node *graph.Node
}

// Open implements nodes.Starter.
func (o *keepOp) Open(context.Context) error {
	o.log.begin()
	return nil
}

// Process implements nodes.Operator.
func (o *keepOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	return o.log.keep(o.node, in, out)
}

// tap keeps what arrives at a node, in its order.
func (l *log) tap(n *graph.Node) nodes.Intercept {
	return nodes.Intercept{Around: func(ctx context.Context, c nodes.Call, out nodes.Out, next func(context.Context, nodes.Out) error) error {
		switch c.Part {
		case nodes.PartOpen:
			l.begin()
		case nodes.PartProcess:
			if err := l.keep(n, c.Input, nil); err != nil {
				return err
			}
		}
		return next(ctx, out)
	}}
}

// keep keeps the items of an input of a node as records.
func (l *log) keep(n *graph.Node, in nodes.Input, out nodes.Out) error {
	d, err := records(in.Data, n.In[in.Port].Arriving(), out)
	if err != nil {
		return err
	}
	defer d.Release()
	l.add(d)
	return nil
}

// fields are those that an expectation speaks of.
func (e *expectation) fields() graph.Fields {
	if e.Exact || !e.typ.IsRecord() {
		return graph.AllFields()
	}
	f := graph.FieldSet()
	for _, list := range [][]expectedItem{e.items, e.contains, e.lacks} {
		for _, w := range list {
			f = f.With(w.node.Keys()...)
		}
	}
	if e.all != nil {
		f = f.With(e.all.Fields()...)
	}
	return f
}

// A countText is a number of items, or bounds of it.
type countText struct{ min, max int }

type countBounds struct {
	Min int `yaml:"min" min:"0" doc:"At least so many."`
	Max int `yaml:"max" min:"0" doc:"At most so many."`
}

const noLimit = 1 << 62

var countSchema = mustSchema(&countBounds{Max: noLimit})

// DecodeConfig implements config.Decoder.
func (c *countText) DecodeConfig(v *config.Value, list *diag.List) {
	if v.Kind == config.Scalar {
		exactly := config.DecodeInt(v, 0, math.MaxInt, list)
		*c = countText{exactly, exactly}
		return
	}
	b := countBounds{Max: noLimit}
	countSchema.Decode(v, &b, list)
	*c = countText{b.Min, b.Max}
}

// ConfigType implements config.Describer.
func (countText) ConfigType() (string, map[string]any) {
	return "number, or {min, max}", map[string]any{"type": []string{"integer", "object"}}
}

// An expectText is what must come out of a port.
type expectText struct {
	Items     *tree       `yaml:"items" doc:"The items, in order, and no others. Fields that are left out may be anything. Between items, {at: 5s} and {after: 5s} say when the next ones come."`
	Order     string      `yaml:"order" enum:"strict|any" doc:"Whether the order of items matters."`
	Contains  *tree       `yaml:"contains" doc:"Items that must be among those that come, in any order."`
	Lacks     *tree       `yaml:"lacks" doc:"Items of which none may come."`
	Count     *countText  `yaml:"count" doc:"How many items come."`
	All       config.Text `yaml:"all" doc:"A condition that holds for every item."`
	Exact     bool        `yaml:"exact" doc:"Fields that are left out of an item must be null."`
	Tolerance float64     `yaml:"tolerance" min:"0" doc:"By how much floats may differ."`
	From      string      `yaml:"from" doc:"A file with the items, relative to the folder of the test file: csv or jsonl."`

	at diag.Span
}

// SetDefaults implements config.Defaulter.
func (e *expectText) SetDefaults() { e.Order = "strict" }

var expectSchema = mustSchema(&expectText{Order: "strict"})

// DecodeConfig implements config.Decoder.
func (e *expectText) DecodeConfig(v *config.Value, list *diag.List) {
	e.at, e.Order = v.Span, "strict"
	if v.Kind == config.Sequence {
		e.Items = &tree{v}
		return
	}
	expectSchema.Decode(v, e, list)
	if v.Kind == config.Mapping && e.Items == nil && e.From == "" && e.Contains == nil && e.Lacks == nil && e.Count == nil && e.All.Value == "" {
		list.Add(diag.MissingKey, v.Span, "nothing is expected").WithHint("write a list of items, or one of items, from, contains, lacks, count and all; items: [] for none")
	}
	if e.Items != nil && e.From != "" {
		list.Add(diag.Conflict, v.Span, "items and from exclude each other")
	}
}

// ConfigType implements config.Describer.
func (expectText) ConfigType() (string, map[string]any) {
	return "expectation", map[string]any{"anyOf": []any{map[string]any{"type": "array"}, expectSchema.JSONSchema()}}
}

// timed reports whether the times of items are expected.
func (e *expectText) timed() bool {
	if e.Items == nil {
		return false
	}
	return slices.ContainsFunc(e.Items.Items, func(v *config.Value) bool {
		return v.Kind == config.Mapping && len(v.Entries) == 1 && (v.Has("at") || v.Has("after"))
	})
}

// portName gives node and port of a key such as `late` or `late.errors`.
func portName(key string) (node, port string) {
	node, port, _ = strings.Cut(key, ".")
	return node, port
}
