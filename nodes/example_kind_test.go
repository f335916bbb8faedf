package nodes_test

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
)

var numberDecl = nodes.Kind("number", "Numbers the items.", &number{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Records of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The same with one field more."}),
	nodes.Workers(graph.Single), nodes.Conserves(), nodes.Pure(),
	nodes.Lines("an item is there", "its output is full", "", "never"))

// A number adds a field that counts the items.
type number struct {
	As string `yaml:"as,required" doc:"The field that is added."`
}

// Infer implements graph.Inferer: it says what comes out for what goes in.
func (n *number) Infer(c *graph.Inference) {
	in := c.In("in")
	switch {
	case in.Kind == types.KindError: // there is a message already
	case !in.IsRecord():
		c.List().Add(diag.TypeMismatch, c.Node.At, "%s adds a field to records, and gets %s", c.Node.ID, in)
	case in.Index(n.As) >= 0:
		c.List().Add(diag.Conflict, c.Node.At, "%s: there is a field %q already", c.Node.ID, n.As)
	default:
		c.Out("out", types.Record(append(slices.Clone(in.Fields), types.Field{Name: n.As, Type: types.Int})...))
	}
}

// Operator implements nodes.Maker. It is called once a run, and Process in the order of
// the items, so what it keeps needs no lock. A part that may run on all workers at once
// would be a method NewWorker: see nodes.Parallel.
func (n *number) Operator(env *nodes.Env) (nodes.Operator, error) {
	return &numberOp{out: env.Out("out")}, nil
}

type numberOp struct {
	out  *types.Type
	last int64
}

// Process implements nodes.Operator. Batches are never changed: the result shares the
// columns of the input and has a new one.
func (n *numberOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	b := in.Data.(*record.Batch)
	d := b.Derive(n.out)
	copy(d.Cols, b.Cols)
	col := d.Fresh(len(b.Cols))
	for i := range b.Len() { // the selected rows alone
		n.last++
		col.Int[b.Row(i)] = n.last
	}
	return out.Emit(0, d)
}

// A kind over records works on columns of any type, which it says itself.
func ExampleKind() {
	registry, err := nodes.NewRegistry(std.Nodes, []nodes.Decl{numberDecl})
	if err != nil {
		fmt.Println(err)
		return
	}
	flow, problems := graph.Load(diag.NewSource("numbered.yaml", []byte(`flow: numbered
nodes:
  squares: {use: generate, with: {count: 6, set: {square: n * n}}}
  even:    {use: filter, in: squares, with: {where: square % 2 == 0}}
  number:  {use: number, in: even, with: {as: place}}
  out:     {use: file.write, in: number, with: {path: "-", format: jsonl}}
`)), registry, graph.Options{})
	if problems.Err() != nil {
		fmt.Println(problems)
		return
	}
	fmt.Println(flow.Node("number").Output("out").Carries)
	run, err := scheduler.New(flow, registry, scheduler.Options{Stdout: os.Stdout})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := run.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {square: int, place: int}
	// {"square":0,"place":1}
	// {"square":4,"place":2}
	// {"square":16,"place":3}
}
