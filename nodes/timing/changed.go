package timing

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var changedDecl = nodes.Kind("changed", "Passes on items that differ from the one before.", &changed{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The first item, and each one that differs from the one before it."}),
	nodes.Conserves(), nodes.Pure(),
	nodes.Loses("items that do not differ from the one before go no further"),
	nodes.Lines("an item arrives that differs from the one before", "its output is full", "", "a value cannot be computed for an item and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "When a door opens and closes",
		Flow: `flow: door
nodes:
  door:   {use: file.read, with: {path: door.csv}}
  events: {use: changed, in: door, with: {by: state}}
  out:    {use: file.write, in: events, with: {path: "-", format: csv}}
`,
		Files: map[string]string{"door.csv": "at,state\n1,open\n2,open\n3,closed\n4,open\n5,open\n"},
		Want:  map[string]string{"-": "at,state\n1,open\n3,closed\n4,open\n"},
	}))

type changed struct {
	By []config.Text `yaml:"by" lone:"true" doc:"What to compare: fields or expressions. Without it, the whole item."`

	values *columns.Columns // nil: the whole item
}

// Infer implements graph.Inferer.
func (k *changed) Infer(c *graph.Inference) {
	in := columns.Items(c, "in")
	c.Out("out", in)
	if len(k.By) > 0 {
		k.values = keyColumns(c, in, k.By)
	}
}

// Needs implements graph.Needer.
func (k *changed) Needs(c *graph.Needs) {
	if k.values == nil {
		c.In("in", graph.AllFields())
		return
	}
	c.In("in", c.Out("out").Union(k.values.Needs()))
}

func (k *changed) Operator(*nodes.Env) (nodes.Operator, error) {
	return &changedOp{values: k.values}, nil
}

// A changedOp is a running changed.
type changedOp struct {
	values *columns.Columns // nil: the whole item
	before *record.Batch    // its last item is what the next one is compared with; nil: none yet
}

// NewWorker implements nodes.Parallel. What a worker makes is the values to compare,
// whose selection is the items that take part.
func (c *changedOp) NewWorker(context.Context) (nodes.Worker, error) {
	if c.values == nil {
		return nodes.WorkFunc(func(_ context.Context, in nodes.Input, _ nodes.Out) (any, error) {
			return in.Data.Retain(), nil
		}), nil
	}
	computer := c.values.Computer()
	return nodes.WorkFunc(func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
		values, err := computer.Batch(in.Data.(*record.Batch), out)
		if err != nil {
			return nil, err
		}
		return values, nil
	}), nil
}

// Process implements nodes.Operator.
func (c *changedOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	values := in.Made.(*record.Batch)
	if values.Len() == 0 {
		values.Release()
		return nil
	}
	d := in.Data.(*record.Batch).Share()
	sel := d.SelBuf()
	for i := range values.Len() {
		old, at := values, 0
		if i > 0 {
			at = values.Row(i - 1)
		} else if old = c.before; old != nil {
			at = old.Row(old.Len() - 1)
		}
		if row := values.Row(i); old == nil || differ(old, at, values, row) {
			sel = append(sel, uint16(row))
		}
	}
	d.Sel = sel
	out.Filtered(values.Len() - len(sel))
	if c.before != nil {
		c.before.Release()
	}
	c.before = values
	return out.Emit(0, d)
}

// Close implements nodes.Closer.
func (c *changedOp) Close() error {
	if c.before != nil {
		c.before.Release()
	}
	return nil
}

// differ reports whether a row of a differs from one of b.
func differ(a *record.Batch, i int, b *record.Batch, j int) bool {
	for k, c := range a.Cols {
		t := a.Type
		if t.IsRecord() {
			t = t.Fields[k].Type
		}
		if c != nil && !c.Same(t, i, b.Cols[k], j) {
			return true
		}
	}
	return false
}
