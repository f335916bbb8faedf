package timing

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var latestDecl = nodes.Kind("latest", "Combines the newest items of several streams whenever one of them changes.", &latest{Start: "all"},
	nodes.InPort(graph.Port{Name: "in", Doc: "Streams of records, or with `as` of anything.", Arity: graph.Many}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "A record for each item of any input, with the newest of the others."}),
	nodes.Workers(graph.Single), nodes.Interleaves(), nodes.Keeps("the last item of each input"),
	nodes.Lines("an item arrives on any input and, unless `start: early`, all have had one", "its output is full, or nothing arrives", "all its inputs have ended",
		"never"),
	nodes.Example(graph.Example{
		Title: "A room and what it should be",
		Flow: `flow: thermostat
nodes:
  wanted:   {use: file.read, with: {path: wanted.csv}}
  measured: {use: file.read, with: {path: measured.csv}}
  state:    {use: latest, in: [wanted, measured]}
  now:      {use: group, in: state, with: {set: {wanted: last(wanted), measured: last(measured)}}}
  heat:     {use: map, in: now, with: {set: {heat: measured < wanted}}}
  out:      {use: file.write, in: heat, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"wanted.csv": "wanted\n18\n21\n", "measured.csv": "measured\n17\n19\n20\n"},
		Want:  map[string]string{"-": `{"wanted":21,"measured":20,"heat":true}` + "\n"},
	}))

type latest struct {
	As    []config.Name `yaml:"as" doc:"A field name for each input: its items are kept whole under it."`
	Start string        `yaml:"start" enum:"all|early" doc:"When to begin: when all inputs have had an item, or with the first item of any, the others being null."`

	fields []columns.Source
}

func (k *latest) Infer(c *graph.Inference) {
	out, sources := columns.Beside(c, k.As, "newest", k.Start == "early")
	if out == nil {
		return
	}
	k.fields = sources
	c.Out("out", out)
}

func (k *latest) Needs(c *graph.Needs) { columns.NeedsBeside(c, k.As) }

// Passes implements graph.Passer.
func (k *latest) Passes(string) graph.Ways {
	w := graph.Ways{Out: []string{"out"}}
	if k.Start != "early" {
		w.Lost = "items that come before each input has had one go no further, but for the last of them"
	}
	return w
}

func (k *latest) Operator(env *nodes.Env) (nodes.Operator, error) {
	l := &latestOp{k: k, t: env.Out("out"), needed: env.Needed("out")}
	for _, e := range env.Node.Input("in").Edges {
		l.types = append(l.types, e.Type)
	}
	l.items = make([]*record.Table, len(l.types))
	return l, nil
}

// A latestOp is a running latest.
type latestOp struct {
	k      *latest
	t      *types.Type
	needed []bool
	types  []*types.Type   // of each input
	items  []*record.Table // one row each: its newest item; nil: none yet
	zeros  []int32
}

// Process implements nodes.Operator. It puts the items of a batch together with the
// newest ones of the other inputs, and keeps its last one.
func (l *latestOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	b := in.Data.(*record.Batch)
	if b.Len() == 0 {
		return nil
	}
	if l.complete(in.Edge) {
		if err := out.Emit(0, l.make(in.Edge, b)); err != nil {
			return err
		}
	}
	last := b.Slice(b.Len()-1, b.Len())
	defer last.Release()
	l.items[in.Edge] = record.NewTable(l.types[in.Edge])
	l.items[in.Edge].Append(last.(*record.Batch))
	return nil
}

// complete reports whether all inputs but one have an item.
func (l *latestOp) complete(but int) bool {
	for i, t := range l.items {
		if t == nil && i != but && l.k.Start == "all" {
			return false
		}
	}
	return true
}

// make gives the records for the items of a batch. It shares the columns of the
// batch; those of the other inputs hold the same value in every row.
func (l *latestOp) make(edge int, b *record.Batch) *record.Batch {
	d := b.Derive(l.t)
	for len(l.zeros) < d.Rows {
		l.zeros = append(l.zeros, 0)
	}
	for f, from := range l.k.fields {
		if !l.needed[f] {
			continue
		}
		kept := l.items[from.Edge]
		switch {
		case from.Edge == edge:
			d.Cols[f] = itemColumn(b.Type, b.Cols, from.Col)
		case kept == nil:
			columns.Nulls(d.Fresh(f), d.Rows)
		default:
			if src := itemColumn(kept.Type, kept.Cols, from.Col); src != nil {
				d.Fresh(f).Gather(0, src, l.zeros[:d.Rows], nil) // the text is the table's
			}
		}
	}
	return d
}

// itemColumn gives a field of items, or with -1 the items themselves, as a column.
func itemColumn(t *types.Type, cols []*record.Column, i int) *record.Column {
	switch {
	case i >= 0:
		return cols[i]
	case t.IsRecord():
		return &record.Column{Form: record.FormRecord, Fields: cols}
	}
	return cols[0]
}
