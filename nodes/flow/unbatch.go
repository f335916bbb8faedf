package flow

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

var unbatchDecl = nodes.Kind("unbatch", "Takes lists apart into their entries.", &unbatch{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Lists."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "Their entries, in order."}),
	nodes.Pure(),
	nodes.Passes(),
	nodes.Lines("a list arrives that is not empty", "its output is full", "", "never"),
	nodes.Example(graph.Example{
		Title: "There and back",
		Flow: `flow: back
nodes:
  numbers: {use: generate, with: {count: 3}}
  lists:   {use: batch, in: numbers, with: {count: 2}}
  items:   {use: unbatch, in: lists}
  out:     {use: file.write, in: items, with: {path: "-", format: jsonl}}
`,
		Want: map[string]string{"-": `{"n":0}` + "\n" + `{"n":1}` + "\n" + `{"n":2}` + "\n"},
	}))

type unbatch struct{}

func (*unbatch) Infer(c *graph.Inference) {
	in := c.In("in")
	switch in.Kind {
	case types.KindList:
		c.Out("out", in.Elem)
	case types.KindError:
	default:
		d := c.List().Add(diag.TypeMismatch, c.Node.Input("in").Edges[0].At, "unbatch takes lists, got %s", in)
		for _, f := range in.Fields {
			if f.Type.Kind == types.KindList {
				d.WithHint("to take the list in field %q apart, use flatten", f.Name)
				break
			}
		}
	}
}

func (*unbatch) Operator(env *nodes.Env) (nodes.Operator, error) {
	t, needed := env.Out("out"), env.Needed("out")
	return nodes.Each(func() (func(context.Context, *record.Batch, nodes.Out) error, error) {
		var indexes []int32
		return func(_ context.Context, in *record.Batch, out nodes.Out) error {
			lists := in.Cols[0]
			for i := range in.Len() {
				from, to := lists.Range(in.Row(i))
				for at := from; at < to; at++ {
					indexes = append(indexes, int32(at))
					if len(indexes) == record.MaxRows {
						b := entries(in, t, needed, indexes)
						indexes = indexes[:0]
						if err := out.Emit(0, b); err != nil {
							return err
						}
					}
				}
			}
			b := entries(in, t, needed, indexes)
			indexes = indexes[:0]
			return out.Emit(0, b)
		}, nil
	}), nil
}

// entries gives entries of the lists in a batch as items.
func entries(in *record.Batch, t *types.Type, needed []bool, indexes []int32) *record.Batch {
	d, elem := in.Derive(t), in.Cols[0].Elem
	d.Rows, d.Sel = len(indexes), nil
	if !t.IsRecord() {
		d.Fresh(0).Gather(0, elem, indexes, nil)
		return d
	}
	for i, f := range elem.Fields {
		if needed[i] {
			d.Fresh(i).Gather(0, f, indexes, nil)
		}
	}
	return d
}
