package flow

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var uniqueDecl = nodes.Kind("unique", "Passes on the first item of each key.", &unique{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The first item of each key, in the order of the input."}),
	nodes.Conserves(), nodes.Pure(),
	nodes.Holds("every key"),
	nodes.Lines("an item arrives whose key is new", "its output is full", "", "a key cannot be computed for an item and on_error says fail"),
	nodes.Doc(`
The key is made of the fields or expressions in `+"`by`"+`; without it the whole item is the key. Null is a key like any other. Consecutive ones only, with no keys to keep: use `+"`changed`"+`.

Memory: the keys are kept until the end, about 20 bytes for each distinct one and the bytes of its text.`),
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

// hashed is a batch of keys with their hashes.
type hashed struct {
	keys   *record.Batch
	hashes []uint64
}

func (k *unique) Program(env *nodes.Env) (*nodes.Program, error) {
	var t *types.Type
	if t = env.In("in"); k.key != nil {
		t = k.key.Type
	}
	known := record.NewKeys(t)
	worker := func(context.Context) (nodes.Work, error) {
		var computer *columns.Computer
		if k.key != nil {
			computer = k.key.Computer()
		}
		return func(_ context.Context, in record.Data, _ any, out nodes.Out) (any, error) {
			keys := in.(*record.Batch)
			if computer == nil {
				keys.Retain()
			} else {
				var err error
				if keys, err = computer.Batch(keys, out); err != nil {
					return nil, err
				}
			}
			return hashed{keys, known.Hash(keys, make([]uint64, 0, keys.Len()))}, nil
		}, nil
	}
	var numbers []int32
	commit := func(_ context.Context, in record.Data, made any, out nodes.Out) error {
		m := made.(hashed)
		defer m.keys.Release()
		next := int32(known.Len())
		numbers = known.Add(m.keys, m.hashes, numbers[:0])
		first := in.(*record.Batch).Share()
		sel := first.SelBuf()
		for i, n := range numbers {
			if n == next { // numbers are given in the order of first appearance
				next++
				sel = append(sel, uint16(m.keys.Row(i)))
			}
		}
		first.Sel = sel
		out.Filtered(len(numbers) - len(sel))
		return out.Emit(0, first)
	}
	return &nodes.Program{Stages: []nodes.Stage{{Worker: worker, Commit: commit}}}, nil
}
