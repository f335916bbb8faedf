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

var batchDecl = nodes.Kind("batch", "Puts items together into lists of a fixed length.", &batching{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "Lists of them."}),
	nodes.Workers(graph.Single), nodes.Interleaves(),
	nodes.Lines("`count` items are together, with `period` also when the first of them has waited so long, or the input has ended", "its output is full", "", "never"),
	nodes.Doc(`
Each list holds `+"`count`"+` items in their order; the last one holds what is left. A list is one item for all that follows: for a node that hands many records to a service in one call, say. unbatch takes lists apart again.

With `+"`period`"+` a list leaves when its first item has waited so long, however few it holds: which items are together depends on when they come then. Without it the lists depend on the items alone.

This has nothing to do with the batches in which flowrun moves items itself. Those need no setting; a node that is to work on so many items at once is given the key `+"`batch: {count, bytes, period}`"+` beside `+"`use`"+`.`),
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
	Count  int           `yaml:"count,required" min:"1" max:"1000000" doc:"How many items make a list."`
	Period time.Duration `yaml:"period" min:"1ms" doc:"How long the first item of a list waits for the others at most. Without it they wait for each other."`
}

func (k *batching) Infer(c *graph.Inference) {
	if in := columns.Items(c, "in"); in.Kind != types.KindError {
		c.Out("out", types.List(in))
	}
}

func (k *batching) Program(env *nodes.Env) (*nodes.Program, error) {
	l := &lister{k: k, t: env.Out("out"), in: env.In("in")}
	if k.Period > 0 {
		return &nodes.Program{Run: l.run}, nil
	}
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
	in, t *types.Type   // of the items and of the lists
	made  *record.Batch // lists that are full, and behind them the entries of the next one
	arena *record.Arena // of made
	size  int           // entries of the next list
	since time.Time     // when the first of them came
}

// run is for lists that also leave when their time has come.
func (l *lister) run(ctx context.Context, io *nodes.IO) error {
	out := io.Out()
	for {
		b, ended, err := l.receive(ctx, io.In[0][0], out)
		switch {
		case err != nil:
			return err
		case b != nil:
			err = l.add(b, out)
			b.Release()
		default:
			err = l.finish(out)
		}
		if err != nil {
			return err
		}
		if ended {
			return out.Close()
		}
	}
}

// receive waits for items, but no longer than the list that waits may. It gives
// neither a batch nor the end if that time has come.
func (l *lister) receive(ctx context.Context, from nodes.Receiver, out nodes.Out) (b *record.Batch, ended bool, err error) {
	limited := ctx
	if l.size > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithDeadline(ctx, l.since.Add(l.k.Period))
		defer cancel()
	}
	d, err := from.Receive(limited)
	switch {
	case err != nil && ctx.Err() == nil && limited.Err() != nil:
		return nil, false, nil
	case err != nil || d == nil:
		return nil, d == nil, err
	}
	b, err = columns.Records(d, l.in, out)
	return b, false, err
}

// add takes the items of a batch and sends the lists that are full.
func (l *lister) add(in *record.Batch, out nodes.Out) error {
	if l.made == nil {
		l.begin()
	}
	entry, before := entryOf(in), l.size
	for i := range in.Len() {
		elem := l.made.Cols[0].Elem
		elem.Append(elem.Len(), entry, in.Row(i), l.arena)
		if l.size++; l.size == l.k.Count {
			l.end()
		}
	}
	if before == 0 || l.made.Rows > 0 {
		l.since = time.Now()
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
