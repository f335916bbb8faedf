package flow

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var mapDecl = nodes.Kind("map", "Computes, selects, drops and renames fields.", &mapping{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Records."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "A record for each one that came in."}),
	nodes.Conserves(), nodes.Pure(),
	nodes.Passes(),
	nodes.Lines("an item arrives", "its output is full", "", "an expression cannot be computed for an item and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "A total for each order",
		Flow: `flow: totals
nodes:
  orders: {use: file.read, with: {path: orders.csv}}
  totals:
    use: map
    in: orders
    with:
      drop: [note]
      rename: {qty: quantity}
      set: {total: price * qty, customer: upper(customer)}
  out: {use: file.write, in: totals, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"orders.csv": "customer,qty,price,note\nann,2,1.5,x\nbob,1,20,\n"},
		Want: map[string]string{"-": `{"customer":"ANN","quantity":2,"price":1.5,"total":3}` + "\n" +
			`{"customer":"BOB","quantity":1,"price":20,"total":20}` + "\n"},
	}))

type mapping struct {
	Set    config.Map[config.Text] `yaml:"set" doc:"Fields to compute, each with its expression."`
	Select []config.Name           `yaml:"select" lone:"true" doc:"The fields to keep; the others are left out."`
	Drop   []config.Name           `yaml:"drop" lone:"true" doc:"Fields to leave out."`
	Rename config.Map[config.Name] `yaml:"rename" doc:"New names for fields, each under the old one."`

	plan []outField
}

// Infer implements graph.Inferer.
func (k *mapping) Infer(c *graph.Inference) {
	p := mapPlan{k: k, c: c, in: c.Record("in")}
	k.plan = p.fields()
	if t := recordOf(k.plan); t != nil {
		c.Out("out", t)
	}
}

// Needs implements graph.Needer. It finds the columns too: what nobody needs is
// left out of them.
func (k *mapping) Needs(c *graph.Needs) {
	needed := c.Out("out")
	for _, f := range k.plan {
		switch {
		case !needed.Has(f.Name):
		case f.e != nil:
			c.In("in", graph.FieldSet(f.e.Fields()...))
		default:
			c.In("in", graph.FieldSet(f.from))
		}
	}
}

func (k *mapping) Operator(env *nodes.Env) (nodes.Operator, error) {
	in, needed, cols := env.In("in"), env.Needed("out"), columns.New()
	for i, f := range k.plan {
		switch {
		case !needed[i]:
			cols.Omit(f.Field)
		case f.e != nil:
			cols.Compute(f.Field, f.e, in)
		default:
			cols.Take(f.Field, f.from, in)
		}
	}
	return nodes.Each(func() (func(context.Context, *record.Batch, nodes.Out) error, error) {
		computer := cols.Computer()
		return func(_ context.Context, in *record.Batch, out nodes.Out) error {
			b, err := computer.Batch(in, out)
			if err != nil {
				return err
			}
			return out.Emit(0, b)
		}, nil
	}), nil
}
