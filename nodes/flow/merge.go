package flow

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var mergeDecl = nodes.Kind("merge", "Merges several streams as their items arrive.", &merge{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Streams of types that fit together.", Arity: graph.Many, Any: true}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "All their items.", Any: true}),
	nodes.Interleaves(), nodes.Conserves(),
	nodes.Passes(),
	nodes.Lines("an item arrives on any input", "its output is full", "all its inputs have ended", columns.FailsRounded),
	nodes.Example(graph.Example{
		Title: "Two sources as one",
		Flow: `flow: both
nodes:
  old:  {use: file.read, with: {path: old.csv}}
  new:  {use: file.read, with: {path: new.csv}}
  all:  {use: merge, in: [old, new]}
  sort: {use: sort, in: all, with: {by: id}}
  out:  {use: file.write, in: sort, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"old.csv": "id,price\n2,7\n1,5\n", "new.csv": "id,price,currency\n3,9.5,EUR\n"},
		Want: map[string]string{"-": `{"id":1,"price":5,"currency":null}` + "\n" + `{"id":2,"price":7,"currency":null}` + "\n" +
			`{"id":3,"price":9.5,"currency":"EUR"}` + "\n"},
	}))

type merge struct{ union }

func (k *merge) Operator(env *nodes.Env) (nodes.Operator, error) { return k.operator(env), nil }

// union is for kinds that make one stream of several: its type is the least upper
// bound of theirs.
type union struct{ passThrough }

func (union) Infer(c *graph.Inference) {
	var edges []*graph.Edge
	for _, e := range c.Node.Input("in").Edges {
		if e.Type.Kind != types.KindError {
			edges = append(edges, e)
		}
	}
	if bound, ok := columns.Bound(c, edges); ok && bound != nil {
		c.Out("out", bound)
	}
}

// operator passes on what comes, converted to the type of the output.
func (union) operator(env *nodes.Env) nodes.Operator {
	t, needed, edges := env.Out("out"), env.Needed("out"), env.Node.Input("in").Edges
	plain := true // every input is of the output's type
	for _, e := range edges {
		plain = plain && types.Equal(e.Type, t)
	}
	return nodes.Spread(func(context.Context) (nodes.Worker, error) {
		w := widener{to: t, needed: needed, edges: edges, known: map[*types.Type]*columns.Conversion{}}
		return nodes.WorkFunc(func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
			if plain {
				return nil, out.Emit(0, in.Data.Retain())
			}
			return nil, w.emit(in, out)
		}), nil
	})
}

// A widener converts data of any of the input types, for one worker.
type widener struct {
	to     *types.Type
	needed []bool
	edges  []*graph.Edge
	known  map[*types.Type]*columns.Conversion
}

func (w *widener) emit(in nodes.Input, out nodes.Out) error {
	b, ok := in.Data.(*record.Batch)
	if !ok {
		var err error
		if b, err = records(in.Data.(record.GoItems), w.edges[in.Edge].Type, out); err != nil {
			return err
		}
		defer b.Release()
	}
	c := w.known[b.Type]
	if c == nil {
		c = columns.NewConversion(b.Type, w.to, w.needed)
		w.known[b.Type] = c
	}
	wide, err := c.Batch(b, out)
	if err != nil {
		return err
	}
	return out.Emit(0, wide)
}

// records turns Go values into records, which the engine leaves to a kind that takes
// both.
func records(in record.GoItems, t *types.Type, out nodes.Out) (*record.Batch, error) {
	var stop error
	b := in.ToBatch(t, func(i int, err error) {
		if stop == nil {
			stop = out.Bad(nodes.BadItem{Err: err, Data: in, Row: i})
		}
	})
	if stop != nil {
		b.Release()
		return nil, stop
	}
	return b, nil
}
