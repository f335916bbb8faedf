package flow

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var filterDecl = nodes.Kind("filter", "Keeps the items for which a condition is true.", &filter{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The items for which the condition is true."}),
	nodes.Conserves(), nodes.Pure(),
	nodes.Lines("an item arrives for which the condition is true", "its output is full", "", "the condition cannot be computed for an item and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Late flights",
		Flow: `flow: late
nodes:
  flights: {use: file.read, with: {path: flights.csv}}
  late:    {use: filter, in: flights, with: {where: delay > 15 && origin != "BOS"}}
  out:     {use: file.write, in: late, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"flights.csv": "origin,delay\nJFK,20\nBOS,90\nJFK,15\nSFO,\nSFO,16\n"},
		Want:  map[string]string{"-": `{"origin":"JFK","delay":20}` + "\n" + `{"origin":"SFO","delay":16}` + "\n"},
	}))

type filter struct {
	Where config.Text `yaml:"where,required" doc:"The condition, an expression over the item's fields."`

	where *expr.Expr
}

func (k *filter) Infer(c *graph.Inference) {
	in := columns.Items(c, "in")
	c.Out("out", in)
	k.where = c.Expr(k.Where, in)
	k.where.Want(types.Bool.Opt(), "where", c.List())
}

func (k *filter) Needs(c *graph.Needs) { c.In("in", c.Out("out").With(k.where.Fields()...)) }

// Passes implements graph.Passer.
func (k *filter) Passes(string) graph.Ways {
	return graph.Ways{Out: []string{"out"}, Lost: "items for which `where` is not true go no further",
		Remedy: "put a route in its place, and answer its output else too"}
}

func (k *filter) Operator(*nodes.Env) (nodes.Operator, error) {
	return nodes.Each(func() (func(context.Context, *record.Batch, nodes.Out) error, error) {
		where := k.where.Compile()
		var errs expr.RowErrors
		return func(_ context.Context, in *record.Batch, out nodes.Out) error {
			errs.Reset()
			kept := in.Share()
			kept.Sel = where.Filter(in, kept.SelBuf(), &errs)
			out.Filtered(in.Len() - kept.Len() - errs.Len())
			if err := nodes.BadRows(out, in, &errs); err != nil {
				kept.Release()
				return err
			}
			return out.Emit(0, kept)
		}, nil
	}), nil
}
