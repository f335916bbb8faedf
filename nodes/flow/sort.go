package flow

import (
	"math"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var sortDecl = nodes.Kind("sort", "Puts items in order, or finds the first few in that order.", &sort{Nulls: "last"},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The items in order."}),
	nodes.Conserves(), nodes.Pure(),
	nodes.Holds("every item, or with `limit` twice as many as it lets through"),
	nodes.Lines("its input has ended", "its output is full", "all items are sent", "a key cannot be computed for an item and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "The two latest flights, by delay and then by name",
		Flow: `flow: latest
nodes:
  flights: {use: file.read, with: {path: flights.csv}}
  worst:   {use: sort, in: flights, with: {by: [-delay, origin], limit: 2}}
  out:     {use: file.write, in: worst, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"flights.csv": "origin,delay\nSFO,20\nBOS,90\nJFK,20\nLAX,\n"},
		Want:  map[string]string{"-": `{"origin":"BOS","delay":90}` + "\n" + `{"origin":"JFK","delay":20}` + "\n"},
	}))

type sort struct {
	By    []sortTerm `yaml:"by,required" lone:"true" min:"1" doc:"What to order by: fields, -fields, expressions, or {expr: EXPRESSION, desc: true}."`
	Nulls string     `yaml:"nulls" enum:"last|first" doc:"Where items with a null value go."`
	Limit *int       `yaml:"limit" min:"1" doc:"How many items to give, the first in order; without it, all."`

	keys  *columns.Columns
	order ordering
}

func (k *sort) Infer(c *graph.Inference) {
	in := columns.Items(c, "in")
	c.Out("out", in)
	k.keys = columns.New()
	k.order.nullsFirst = k.Nulls == "first"
	for _, term := range k.By {
		text, desc := term.resolve(in)
		e := columns.Check(c, text, in)
		if t := e.Type(); !t.Ordered() {
			c.List().Add(diag.WrongType, term.at(c.Node.At), "cannot sort by %s: %s has no order", text.Value, t)
		}
		k.keys.Compute(types.Field{Name: text.Value, Type: e.Type()}, e, in)
		k.order.desc = append(k.order.desc, desc)
	}
}

func (k *sort) Needs(c *graph.Needs) { c.In("in", c.Out("out").Union(k.keys.Needs())) }

// Passes implements graph.Passer.
func (k *sort) Passes(string) graph.Ways {
	w := graph.Ways{Out: []string{"out"}}
	if k.Limit != nil {
		w.Lost = "items behind the first `limit` go no further"
	}
	return w
}

func (k *sort) Operator(env *nodes.Env) (nodes.Operator, error) {
	limit := math.MaxInt
	if k.Limit != nil {
		limit = *k.Limit
	}
	return &sortOp{k: k, order: k.order, limit: limit, items: record.NewTable(env.In("in")), keys: record.NewTable(k.keys.Type)}, nil
}
