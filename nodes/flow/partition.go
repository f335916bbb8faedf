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

var partitionDecl = nodes.Kind("partition", "Sends items with equal keys to the same output.", &partition{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.Conserves(), nodes.Pure(),
	nodes.Passes(),
	nodes.Lines("an item arrives", "the output of an item is full", "", "the key of an item cannot be computed and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Two files, each with all items of its customers",
		Flow: `flow: shards
nodes:
  orders: {use: file.read, with: {path: orders.csv}}
  shard:  {use: partition, in: orders, with: {by: customer, outputs: [a, b]}}
  a:      {use: file.write, in: shard.a, with: {path: a.csv}}
  b:      {use: file.write, in: shard.b, with: {path: b.csv}}
`,
		Files: map[string]string{"orders.csv": "id,customer\n1,ann\n2,bob\n3,ann\n4,cid\n"},
		Want: map[string]string{
			"a.csv": "id,customer\n1,ann\n3,ann\n",
			"b.csv": "id,customer\n2,bob\n4,cid\n",
		},
	}))

type partition struct {
	By    []config.Text `yaml:"by,required" lone:"true" min:"1" doc:"The key: fields or expressions."`
	Ports []config.Name `yaml:"outputs,required" min:"1" doc:"The names of the outputs."`

	key *columns.Columns
}

// Outputs implements graph.Brancher.
func (k *partition) Outputs() []graph.Port { return branches(k.Ports) }

func (k *partition) Infer(c *graph.Inference) {
	inferBranches(c, k.Ports)
	k.key = keyColumns(c, columns.Items(c, "in"), k.By)
}

// keyColumns checks the parts of a key.
func keyColumns(c *graph.Inference, in *types.Type, by []config.Text) *columns.Columns {
	key := columns.New()
	for _, text := range by {
		e := columns.Check(c, text, in)
		key.Compute(types.Field{Name: text.Value, Type: e.Type()}, e, in)
	}
	return key
}

func (k *partition) Needs(c *graph.Needs) {
	needBranches(c, k.Ports)
	c.In("in", k.key.Needs())
}

func (k *partition) Operator(*nodes.Env) (nodes.Operator, error) {
	ports := uint64(len(k.Ports))
	return nodes.Each(func() (func(context.Context, *record.Batch, nodes.Out) error, error) {
		computer := k.key.Computer()
		var hashes []uint64
		return func(_ context.Context, in *record.Batch, out nodes.Out) error {
			keys, err := computer.Batch(in, out)
			if err != nil {
				return err
			}
			defer keys.Release()
			hashes = record.StableHashes(keys, hashes[:0])
			ways := make([]*record.Batch, ports)
			for p := range ways {
				ways[p] = in.Share()
				ways[p].Sel = ways[p].SelBuf()
			}
			for i, h := range hashes {
				way := ways[h%ports]
				way.Sel = append(way.Sel, uint16(keys.Row(i)))
			}
			return emitAll(out, ways)
		}, nil
	}), nil
}
