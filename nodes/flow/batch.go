package flow

import (
	"context"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var batchDecl = nodes.Kind("batch", "Collects items into lists of a fixed length.", &batch{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "Lists of them."}),
	nodes.Workers(graph.Single), nodes.Interleaves(),
	nodes.Keeps("the items of a list that is not full"), nodes.Returns(),
	nodes.Passes(),
	nodes.Lines("`count` items have arrived, with `period` also when the first of them has waited that long, or the input has ended", "its output is full", "", "never"),
	nodes.Example(graph.Example{
		Title: "Pairs",
		Flow: `flow: pairs
nodes:
  numbers: {use: generate, with: {count: 3}}
  pairs:   {use: batch, in: numbers, with: {count: 2}}
  sizes:   {use: log, in: pairs}
  again:   {use: unbatch, in: sizes}
  out:     {use: file.write, in: again, with: {path: "-", format: jsonl}}
`,
		Want: map[string]string{"-": `{"n":0}` + "\n" + `{"n":1}` + "\n" + `{"n":2}` + "\n"},
	}))

type batch struct {
	Count  int           `yaml:"count,required" min:"1" max:"1000000" doc:"How many items make a list."`
	Period time.Duration `yaml:"period" min:"1ms" doc:"How long the first item of a list waits for the others at most. Without it, until the list is full or the input ends."`
}

func (k *batch) Infer(c *graph.Inference) {
	if in := columns.Items(c, "in"); in.Kind != types.KindError {
		c.Out("out", types.List(in))
	}
}

func (k *batch) Operator(env *nodes.Env) (nodes.Operator, error) {
	return &batchOp{k: k, t: env.Out("out")}, nil
}

// A batchOp gathers items into lists.
type batchOp struct {
	k     *batch
	t     *types.Type   // of the lists
	made  *record.Batch // lists that are full, and behind them the entries of the next one
	arena *record.Arena // of made
	size  int           // entries of the next list
	since time.Time     // when the first of them came
}

var (
	_ nodes.Timed  = (*batchOp)(nil)
	_ nodes.Ender  = (*batchOp)(nil)
	_ nodes.Closer = (*batchOp)(nil)
	_ nodes.Holder = (*batchOp)(nil)
)

// Process implements nodes.Operator.
func (o *batchOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	return o.add(in.Data.(*record.Batch), out)
}

// Held implements nodes.Holder: none fails, so what is held came last.
func (o *batchOp) Held() int { return o.size }

// Due is when the first item of the next list has waited long enough.
func (o *batchOp) Due() time.Time {
	if o.k.Period == 0 || o.size == 0 {
		return time.Time{}
	}
	return o.since.Add(o.k.Period)
}

// OnTime implements nodes.Timed.
func (o *batchOp) OnTime(_ context.Context, _ time.Time, out nodes.Out) error { return o.finish(out) }

// End implements nodes.Ender.
func (o *batchOp) End(_ context.Context, _ nodes.EndedEdge, out nodes.Out) error {
	return o.finish(out)
}

// Close gives back what a run that failed has left.
func (o *batchOp) Close() error {
	if o.made != nil {
		o.made.Release()
		o.made = nil
	}
	return nil
}

// add takes the items of a batch and sends the lists that are full.
func (o *batchOp) add(in *record.Batch, out nodes.Out) error {
	if o.made == nil {
		o.begin()
	}
	entry, before := columns.Whole(in.Type, in.Cols), o.size
	for i := range in.Len() {
		elem := o.made.Cols[0].Elem
		elem.Append(elem.Len(), entry, in.Row(i), o.arena)
		if o.size++; o.size == o.k.Count {
			o.endList()
		}
	}
	if before == 0 || o.made.Rows > 0 {
		o.since = time.Now()
	}
	if o.made.Rows == 0 {
		return nil
	}
	return o.send(out)
}

func (o *batchOp) begin() {
	o.made, o.size = record.New(o.t), 0
	o.arena = o.made.Arena()
}

// endList makes a list of the entries since the last one.
func (o *batchOp) endList() {
	lists := o.made.Cols[0]
	lists.Resize(o.made.Rows + 1)
	lists.Clear(o.made.Rows)
	lists.Ends[o.made.Rows] = int32(lists.Elem.Len())
	o.made.Rows++
	o.size = 0
}

// send gives the full lists on and takes the entries behind them along.
func (o *batchOp) send(out nodes.Out) error {
	full, size := o.made, o.size
	o.made = nil
	if size > 0 {
		o.begin()
		rest, elem := full.Cols[0].Elem, o.made.Cols[0].Elem
		for i := range size {
			elem.Append(i, rest, rest.Len()-size+i, o.arena)
		}
		o.size = size
	}
	return out.Emit(0, full)
}

// finish makes a list of what is left.
func (o *batchOp) finish(out nodes.Out) error {
	if o.made == nil || o.size == 0 {
		return nil
	}
	o.endList()
	return o.send(out)
}
