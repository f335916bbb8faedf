package flow

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var uniqueDecl = nodes.Kind("unique", "Passes on the first item of each key.", &unique{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The first item of each key, in the order of the input."}),
	nodes.Conserves(), nodes.Pure(),
	nodes.Holds("every key"),
	nodes.Loses("items whose key has been there before go no further"),
	nodes.Lines("an item arrives whose key is new", "its output is full", "", "a key cannot be computed for an item and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "One order for each customer, however written",
		Flow: `flow: customers
nodes:
  orders: {use: file.read, with: {path: orders.csv}}
  first:  {use: unique, in: orders, with: {by: lower(customer)}}
  out:    {use: file.write, in: first, with: {path: "-", format: csv}}
`,
		Files: map[string]string{"orders.csv": "id,customer\n1,Ann\n2,bob\n3,ann\n4,BOB\n"},
		Want:  map[string]string{"-": "id,customer\n1,Ann\n2,bob\n"},
	}))

type unique struct {
	By []config.Text `yaml:"by" lone:"true" doc:"The key: fields or expressions. Without it, the whole item."`

	key *columns.Columns // nil: the whole item
}

func (k *unique) Infer(c *graph.Inference) {
	in := columns.Items(c, "in")
	c.Out("out", in)
	if len(k.By) > 0 {
		k.key = keyColumns(c, in, k.By)
	}
}

func (k *unique) Needs(c *graph.Needs) {
	if k.key == nil {
		c.In("in", graph.AllFields())
		return
	}
	c.In("in", c.Out("out").Union(k.key.Needs()))
}

func (k *unique) Operator(env *nodes.Env) (nodes.Operator, error) {
	t := env.In("in")
	if k.key != nil {
		t = k.key.Type
	}
	return &uniqueOp{k: k, known: record.NewKeys(t)}, nil
}

// A uniqueOp knows the keys that have come.
type uniqueOp struct {
	k       *unique
	known   *record.Keys
	numbers []int32
}

var _ nodes.Parallel = (*uniqueOp)(nil)

// NewWorker implements nodes.Parallel. Hashing does not look at the keys that are
// known.
func (o *uniqueOp) NewWorker(context.Context) (nodes.Worker, error) {
	var computer *columns.Computer
	if o.k.key != nil {
		computer = o.k.key.Computer()
	}
	return nodes.WorkFunc(func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
		keys := in.Data.(*record.Batch)
		if computer == nil {
			keys.Retain()
		} else {
			var err error
			if keys, err = computer.Batch(keys, out); err != nil {
				return nil, err
			}
		}
		return columns.HashKeys(o.known, keys), nil
	}), nil
}

// Process implements nodes.Operator.
func (o *uniqueOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	m := in.Made.(columns.HashedKeys)
	defer m.Release()
	next := int32(o.known.Len())
	o.numbers = o.known.Add(m.Keys, m.Hashes, o.numbers[:0])
	first := in.Data.(*record.Batch).Share()
	sel := first.SelBuf()
	for i, n := range o.numbers {
		if n == next { // numbers are given in the order of first appearance
			next++
			sel = append(sel, uint16(m.Keys.Row(i)))
		}
	}
	first.Sel = sel
	out.Filtered(len(o.numbers) - len(sel))
	return out.Emit(0, first)
}
