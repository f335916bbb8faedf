package timing

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

var scanDecl = nodes.Kind("scan", "Adds running totals and other aggregates to each item.", &scan{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Records."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "A record for each one that came in, with what was computed so far."}),
	nodes.Conserves(), nodes.Pure(),
	nodes.Holds("a row for each key"),
	nodes.Passes(),
	nodes.Lines("an item arrives", "its output is full", "", "a key or a value cannot be computed for an item and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "The balance of each account",
		Flow: `flow: balances
nodes:
  bookings: {use: file.read, with: {path: bookings.csv}}
  balances: {use: scan, in: bookings, with: {by: account, set: {balance: sum(amount), n: count()}}}
  out:      {use: file.write, in: balances, with: {path: "-", format: csv}}
`,
		Files: map[string]string{"bookings.csv": "account,amount\na,10\nb,5\na,-3\nb,5\n"},
		Want:  map[string]string{"-": "account,amount,balance,n\na,10,10,1\nb,5,5,1\na,-3,7,2\nb,5,10,2\n"},
	}))

type scan struct {
	By  []config.Text               `yaml:"by" lone:"true" doc:"The key: fields or expressions. Without it, all items are one stream."`
	Set config.Map[aggregate.Value] `yaml:"set,required" min:"1" doc:"The fields to compute, each with an expression over aggregates, or {value, where}."`

	in   *types.Type
	key  *columns.Columns
	set  *aggregate.Set
	from []int // by field of the output: the field of the input, or -1 minus the part that computes it
}

// Infer implements graph.Inferer.
func (k *scan) Infer(c *graph.Inference) {
	k.in = c.Record("in")
	k.key = keyColumns(c, k.in, k.By)
	parts := aggregate.Parts(c, k.Set, k.in)
	k.set = aggregate.NewSet(parts, k.in)
	for i, p := range parts {
		for _, a := range p.Expr.Aggs {
			if a.Func == "percentile" || a.Func == "collect" {
				c.List().Add(diag.WrongValue, k.Set[i].At, "%s would read all items again for each one", p.Name).
					WithHint("compute it by group at the end, or by window over some of the items")
			}
		}
	}
	if k.in == nil {
		return
	}
	out := &types.Type{Kind: types.KindRecord}
	for i, f := range k.in.Fields {
		out.Fields, k.from = append(out.Fields, f), append(k.from, i)
	}
	for i, p := range parts {
		f := types.Field{Name: p.Name, Type: p.Expr.Type(), Origin: c.Origin("running total", k.Set[i].At)}
		if at := k.in.Index(p.Name); at >= 0 {
			out.Fields[at], k.from[at] = f, -1-i
			continue
		}
		out.Fields, k.from = append(out.Fields, f), append(k.from, -1-i)
	}
	c.Out("out", out)
}

// Needs implements graph.Needer.
func (k *scan) Needs(c *graph.Needs) {
	needed := c.Out("out")
	for _, s := range k.Set {
		needed = needed.Without(s.Key)
	}
	if needed.All {
		c.In("in", needed)
		return
	}
	c.In("in", needed.Union(k.key.Needs()).Union(k.set.Needs()))
}

func (k *scan) Operator(env *nodes.Env) (nodes.Operator, error) {
	s := &scanOp{k: k, out: env.Out("out"), needed: env.Needed("out"), state: k.set.State()}
	if len(k.By) > 0 {
		s.keys = record.NewKeys(k.key.Type)
	}
	for _, p := range k.Set {
		f, _ := s.out.Field(p.Key)
		s.result = append(s.result, record.NewColumn(f.Type))
	}
	return s, nil
}

// A scanWork is what the parallel part makes of a batch. It owns its batches.
type scanWork struct {
	keys   *record.Batch // also says which items take part
	hashes []uint64
	values []*record.Batch
}

// Release gives the batches back.
func (m *scanWork) Release() {
	m.keys.Release()
	for _, b := range m.values {
		b.Release()
	}
}

type scanWorker struct {
	s      *scanOp
	key    *columns.Computer
	values *aggregate.Reader
	errs   expr.RowErrors
}

// Work implements nodes.Worker.
func (w *scanWorker) Work(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
	b := in.Data.(*record.Batch)
	w.errs.Reset()
	m := &scanWork{keys: w.key.Columns(b, &w.errs), values: w.values.Values(b, &w.errs)}
	if w.errs.Len() > 0 {
		if err := nodes.BadRows(out, b, &w.errs); err != nil {
			m.Release()
			return nil, err
		}
		for _, d := range append(m.values, m.keys) {
			d.Sel = columns.Without(d, &w.errs, d.SelBuf())
		}
	}
	if w.s.keys != nil {
		m.hashes = w.s.keys.Hash(m.keys, make([]uint64, 0, m.keys.Len()))
	}
	return m, nil
}

// A scanOp is a running scan.
type scanOp struct {
	k       *scan
	out     *types.Type
	needed  []bool
	keys    *record.Keys // nil: one stream
	state   *aggregate.State
	numbers []int32
	groups  []int32          // by physical row
	result  []*record.Column // by part: one result
	errs    expr.RowErrors
}

// NewWorker implements nodes.Parallel.
func (s *scanOp) NewWorker(context.Context) (nodes.Worker, error) {
	return &scanWorker{s: s, key: s.k.key.Computer(), values: s.k.set.Reader()}, nil
}

// Process implements nodes.Operator. It folds the items of a batch one by one,
// because each has a result.
func (s *scanOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	b, m := in.Data.(*record.Batch), in.Made.(*scanWork)
	defer m.Release()
	s.number(b, m)
	d := b.Derive(s.out)
	arena := d.Arena()
	for i, from := range s.k.from {
		switch {
		case !s.needed[i]:
		case from >= 0:
			d.Cols[i] = b.Cols[from]
		default:
			d.Fresh(i)
		}
	}
	if err := s.fold(d, m, arena, out, b); err != nil {
		d.Release()
		return err
	}
	return out.Emit(0, d)
}

// number gives each item the number of its key.
func (s *scanOp) number(in *record.Batch, m *scanWork) {
	if len(s.groups) < in.Rows {
		s.groups = make([]int32, in.Rows)
	}
	if s.keys == nil {
		s.state.Grow(1)
		return
	}
	s.numbers = s.keys.Add(m.keys, m.hashes, s.numbers[:0])
	for i, n := range s.numbers {
		s.groups[m.keys.Row(i)] = n
	}
	s.state.Grow(s.keys.Len())
}

// fold folds the items in order and writes the results so far beside each. Rows
// that are not selected are null.
func (s *scanOp) fold(d *record.Batch, m *scanWork, arena *record.Arena, out nodes.Out, in *record.Batch) error {
	one := newOneRow(m.values)
	defer one.release()
	sel := d.SelBuf()
	next := 0
	for row := range in.Rows {
		if next == m.keys.Len() || m.keys.Row(next) != row {
			for i, from := range s.k.from {
				if from < 0 && s.needed[i] {
					d.Cols[i].Append(row, nil, -1, nil)
				}
			}
			continue
		}
		next++
		one.move(row)
		s.state.Add(s.groups, one.batches)
		if err := s.results(d, row, arena); err != nil {
			if err := out.Bad(nodes.BadItem{Err: err, Data: in, Row: row}); err != nil {
				return err
			}
			continue
		}
		sel = append(sel, uint16(row))
	}
	d.Sel = sel
	return nil
}

// results writes what was computed for the group of a row.
func (s *scanOp) results(d *record.Batch, row int, arena *record.Arena) error {
	group := int(s.groups[row])
	s.errs.Reset()
	for i, from := range s.k.from {
		if from >= 0 || !s.needed[i] {
			continue
		}
		c := s.result[-1-from]
		c.Resize(0) // also forgets a null
		c.Resize(1)
		s.state.Result(-1-from, c, group, group+1, arena, &s.errs)
		d.Cols[i].Append(row, c, 0, nil)
	}
	if s.errs.Len() > 0 {
		_, err := s.errs.At(0)
		return err
	}
	return nil
}

// A oneRow shows one row of each of several batches.
type oneRow struct {
	from    []*record.Batch
	batches []*record.Batch
	next    []int // by batch: the selected row to look at next
}

func newOneRow(from []*record.Batch) *oneRow {
	o := &oneRow{from: from, next: make([]int, len(from))}
	for _, b := range from {
		o.batches = append(o.batches, b.Share())
	}
	return o
}

// move shows a row behind the one shown before. A batch in which it is not
// selected shows none.
func (o *oneRow) move(row int) {
	for i, b := range o.from {
		for o.next[i] < b.Len() && b.Row(o.next[i]) < row {
			o.next[i]++
		}
		sel := o.batches[i].SelBuf()
		if o.next[i] < b.Len() && b.Row(o.next[i]) == row {
			sel = append(sel, uint16(row))
		}
		o.batches[i].Sel = sel
	}
}

func (o *oneRow) release() {
	for _, b := range o.batches {
		b.Release()
	}
}
