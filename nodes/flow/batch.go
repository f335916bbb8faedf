package flow

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var batchDecl = nodes.Kind("batch", "Puts items together into lists of a fixed length.", &batching{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "Lists of them."}),
	nodes.Workers(graph.Single), nodes.Pure(),
	nodes.Lines("`count` items are together, or the input has ended", "its output is full", "", "never"),
	nodes.Doc(`
Each list holds `+"`count`"+` items in their order; the last one holds what is left. A list is one item for all that follows: for a node that hands many records to a service in one call, say. unbatch takes lists apart again.

This has nothing to do with the batches in which flowrun moves items itself; those need no setting.`),
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

type batching struct {
	Count int `yaml:"count,required" min:"1" max:"1000000" doc:"How many items make a list."`
}

func (k *batching) Infer(c *graph.Inference) {
	if in := columns.Items(c, "in"); in.Kind != types.KindError {
		c.Out("out", types.List(in))
	}
}

func (k *batching) Program(env *nodes.Env) (*nodes.Program, error) {
	l := &lister{k: k, t: env.Out("out")}
	return &nodes.Program{Stages: []nodes.Stage{{
		Commit: func(_ context.Context, in record.Data, _ any, out nodes.Out) error {
			return l.add(in.(*record.Batch), out)
		},
		Finish: func(_ context.Context, out nodes.Out) error { return l.finish(out) },
	}}}, nil
}

// A lister gathers items into lists.
type lister struct {
	k     *batching
	t     *types.Type
	made  *record.Batch // lists that are full, and behind them the entries of the next one
	arena *record.Arena // of made
	size  int           // entries of the next list
}

// add takes the items of a batch and sends the lists that are full.
func (l *lister) add(in *record.Batch, out nodes.Out) error {
	if l.made == nil {
		l.begin()
	}
	entry := entryOf(in)
	for i := range in.Len() {
		elem := l.made.Cols[0].Elem
		elem.Append(elem.Len(), entry, in.Row(i), l.arena)
		if l.size++; l.size == l.k.Count {
			l.end()
		}
	}
	if l.made.Rows == 0 {
		return nil
	}
	return l.send(out)
}

// entryOf gives the items of a batch as one column.
func entryOf(b *record.Batch) *record.Column {
	if b.Type.IsRecord() {
		return &record.Column{Form: record.FormRecord, Fields: b.Cols}
	}
	return b.Cols[0]
}

func (l *lister) begin() {
	l.made, l.size = record.New(l.t), 0
	l.arena = l.made.Arena()
}

// end makes a list of the entries since the last one.
func (l *lister) end() {
	lists := l.made.Cols[0]
	lists.Resize(l.made.Rows + 1)
	lists.Clear(l.made.Rows)
	lists.Ends[l.made.Rows] = int32(lists.Elem.Len())
	l.made.Rows++
	l.size = 0
}

// send gives the full lists on and takes the entries behind them along.
func (l *lister) send(out nodes.Out) error {
	full, size := l.made, l.size
	l.made = nil
	if size > 0 {
		l.begin()
		rest, elem := full.Cols[0].Elem, l.made.Cols[0].Elem
		for i := range size {
			elem.Append(i, rest, rest.Len()-size+i, l.arena)
		}
		l.size = size
	}
	return out.Emit(0, full)
}

// finish makes a list of what is left.
func (l *lister) finish(out nodes.Out) error {
	if l.made == nil || l.size == 0 {
		return nil
	}
	l.end()
	return l.send(out)
}
