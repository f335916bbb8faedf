package join

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/aggregate"
	"github.com/flowrun/flowrun/nodes/columns"
)

var groupDecl = nodes.Kind("group", "Computes counts, sums and other aggregates for each key.", &group{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "A record for each key: the key, then the computed fields."}),
	nodes.Pure(),
	nodes.Holds("a row for each key"),
	nodes.Lines("its input has ended", "its output is full", "all groups are sent", "a key or a value cannot be computed for an item, or a result for a group, and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Late flights by state",
		Flow: `flow: states
nodes:
  flights: {use: file.read, with: {path: flights.csv}}
  states:
    use: group
    in: flights
    with:
      by: state
      set:
        flights: count()
        mean_delay: mean(delay)
        late: {value: count(), where: delay > 15}
  out: {use: file.write, in: states, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"flights.csv": "state,delay\nNY,20\nCA,5\nNY,10\nCA,\n"},
		Want: map[string]string{"-": `{"state":"NY","flights":2,"mean_delay":15,"late":1}` + "\n" +
			`{"state":"CA","flights":2,"mean_delay":5,"late":0}` + "\n"},
	}))

type group struct {
	By  aggregate.Terms             `yaml:"by" doc:"The key: fields, or names with expressions. Without it, all items are one group."`
	Set config.Map[aggregate.Value] `yaml:"set" doc:"The fields to compute, each with an expression over aggregates, or {value, where}."`

	in    *types.Type
	keys  *columns.Columns
	parts []aggregate.Part
	fails string // which results come to the error port without replies
	set   *aggregate.Set
	out   *types.Type
}

// Infer implements graph.Inferer.
func (k *group) Infer(c *graph.Inference) {
	k.in, k.out = columns.Items(c, "in"), types.Record()
	k.keys = k.By.Columns(c, k.in)
	add := func(f types.Field) {
		if first, clash := k.out.Field(f.Name); clash {
			c.List().Add(diag.NameClash, f.Origin.At, "two fields would be called %q", f.Name).WithNote(first.Origin.At, "the other one: %s", first.Type)
		}
		k.out.Fields = append(k.out.Fields, f)
	}
	for _, f := range k.keys.Type.Fields {
		add(f)
	}
	k.parts = aggregate.Parts(c, k.Set, k.in)
	for i, p := range k.parts {
		add(types.Field{Name: p.Name, Type: p.Expr.Type(), Origin: c.Origin("aggregated", k.Set[i].At)})
	}
	k.set = aggregate.NewSet(k.parts, k.in)
	if len(k.out.Fields) == 0 {
		if c.Unread("by", "set") {
			return
		}
		c.List().Add(diag.MissingKey, c.Node.UseAt, "group computes nothing").WithHint("add `set: {count: count()}`")
		return
	}
	k.fails = aggregate.Fails(c, k.parts, k.keys.Type, k.in)
	c.Out("out", k.out)
}

// Passes implements graph.Passer.
func (k *group) Passes(string) graph.Ways {
	return graph.Ways{Out: []string{"out"}, Lost: aggregate.Forgets(k.parts), Fails: k.fails}
}

// Needs implements graph.Needer.
func (k *group) Needs(c *graph.Needs) { c.In("in", k.keys.Needs().Union(k.set.Needs())) }

func (k *group) Operator(env *nodes.Env) (nodes.Operator, error) {
	o := &groupOp{k: k, keys: record.NewKeys(k.keys.Type), state: k.set.State(), needed: env.Needed("out")}
	if len(k.By) == 0 {
		o.state.Grow(1)
	}
	return o, nil
}

// groupWork is what the parallel part makes of a batch. It owns its batches.
type groupWork struct {
	keys   *record.Batch
	hashes []uint64
	values []*record.Batch
}

// Release is called when it was processed, or never will be.
func (m *groupWork) Release() {
	m.keys.Release()
	for _, b := range m.values {
		b.Release()
	}
}

// A groupWorker computes keys and values, on one goroutine.
type groupWorker struct {
	op     *groupOp
	keys   *columns.Computer
	values *aggregate.Reader
	errs   expr.RowErrors
}

// Work implements nodes.Worker.
func (w *groupWorker) Work(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
	b := in.Data.(*record.Batch)
	w.errs.Reset()
	m := &groupWork{keys: w.keys.Columns(b, &w.errs), values: w.values.Values(b, &w.errs)}
	if w.errs.Len() > 0 {
		if err := nodes.BadRows(out, b, &w.errs); err != nil {
			m.Release()
			return nil, err
		}
		for _, d := range append(m.values, m.keys) {
			d.Sel = columns.Without(d, &w.errs, d.SelBuf())
		}
	}
	if len(w.op.k.By) > 0 {
		m.hashes = w.op.keys.Hash(m.keys, make([]uint64, 0, m.keys.Len()))
	}
	return m, nil
}

// A groupOp keeps the state of each group.
type groupOp struct {
	k       *group
	keys    *record.Keys
	state   *aggregate.State
	needed  []bool
	numbers []int32
	groups  []int32 // by physical row
}

var (
	_ nodes.Parallel = (*groupOp)(nil)
	_ nodes.Ender    = (*groupOp)(nil)
)

// NewWorker implements nodes.Parallel.
func (o *groupOp) NewWorker(context.Context) (nodes.Worker, error) {
	return &groupWorker{op: o, keys: o.k.keys.Computer(), values: o.k.set.Reader()}, nil
}

// Process adds a batch to the groups.
func (o *groupOp) Process(_ context.Context, in nodes.Input, _ nodes.Out) error {
	m := in.Made.(*groupWork)
	defer m.Release()
	if rows := in.Data.(*record.Batch).Rows; len(o.groups) < rows {
		o.groups = make([]int32, rows)
	}
	if len(o.k.By) > 0 {
		o.numbers = o.keys.Add(m.keys, m.hashes, o.numbers[:0])
		for i, n := range o.numbers {
			o.groups[m.keys.Row(i)] = n
		}
		o.state.Grow(o.keys.Len())
	}
	o.state.Add(o.groups, m.values)
	return nil
}

// End gives the groups in the order of their first item.
func (o *groupOp) End(_ context.Context, _ nodes.EndedEdge, out nodes.Out) error {
	n := 1
	if len(o.k.By) > 0 {
		n = o.keys.Len()
	}
	for from := 0; from < n; from += record.MaxRows {
		if err := o.emitSome(from, min(from+record.MaxRows, n), out); err != nil {
			return err
		}
	}
	return nil
}

func (o *groupOp) emitSome(from, to int, out nodes.Out) error {
	b := record.NewNeeded(o.k.out, make([]bool, len(o.k.out.Fields)))
	b.Rows = to - from
	rows := make([]int32, b.Rows)
	for i := range rows {
		rows[i] = int32(from + i)
	}
	keys := o.keys.Table().Batch(rows)
	defer keys.Release()
	for i := range rows {
		rows[i] = int32(i)
	}
	arena := b.Arena()
	var errs expr.RowErrors
	for i := range b.Cols {
		switch key := len(o.k.By); {
		case i < key:
			b.Fresh(i).Gather(0, keys.Cols[i], rows, nil)
		case o.needed[i]:
			o.state.Result(i-key, b.Fresh(i), from, to, arena, &errs)
		}
	}
	if errs.Len() > 0 {
		if err := nodes.BadRows(out, keys, &errs); err != nil {
			b.Release()
			return err
		}
		b.Sel = columns.Without(b, &errs, b.SelBuf())
	}
	return out.Emit(0, b)
}
