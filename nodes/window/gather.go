package window

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var gatherDecl = nodes.Kind("gather", "Collects the parts of a whole.", &gather{},
	nodes.InPort(graph.Port{Name: "in", Doc: "The parts, items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "A record for each whole: {id, parts: [...], complete: bool}."}),
	nodes.Workers(graph.Single), nodes.Interleaves(),
	nodes.Holds("the parts of every whole that is not complete"), nodes.Returns(),
	nodes.Passes(),
	nodes.Lines("the last part of a whole arrives, or its time is up", "its output is full", "its input has ended and what was incomplete is sent",
		"the id or the count of a part cannot be computed, or the count is below one, and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Orders put together from their lines",
		Flow: `flow: orders
nodes:
  lines:  {use: file.read, with: {path: lines.csv}}
  orders: {use: gather, in: lines, with: {id: order, count: lines}}
  sums:   {use: map, in: orders, with: {set: {n: len(parts)}, drop: parts}}
  out:    {use: file.write, in: sums, with: {path: "-", format: csv}}
`,
		Files: map[string]string{"lines.csv": "order,lines,item\n1,2,pen\n2,3,ink\n1,2,pad\n2,3,nib\n3,1,cap\n"},
		Want:  map[string]string{"-": "id,complete,n\n1,true,2\n3,true,1\n2,false,2\n"},
	}))

type gather struct {
	ID      config.Text   `yaml:"id,required" doc:"What the parts of one whole have in common: a field or an expression."`
	Count   config.Text   `yaml:"count,required" doc:"How many parts make a whole: a number, or an expression over a part."`
	Timeout time.Duration `yaml:"timeout" min:"1ms" doc:"How long to wait by the clock, from the first part on. Without it, until the input ends."`

	in    *types.Type
	id    *columns.Columns
	count *expr.Expr
	out   *types.Type
}

// The fields of a whole.
const (
	idColumn = iota
	partsColumn
	completeColumn
)

// Infer implements graph.Inferer.
func (k *gather) Infer(c *graph.Inference) {
	k.in = columns.Items(c, "in")
	id := columns.Check(c, k.ID, k.in)
	k.id = columns.New()
	k.id.Compute(types.Field{Name: "id", Type: id.Type()}, id, k.in)
	k.count = columns.Check(c, k.Count, k.in)
	k.count.Want(types.Int.Opt(), "count", c.List())
	if n, err := strconv.Atoi(k.Count.Value); err == nil && n < 1 {
		c.List().Add(diag.WrongValue, k.Count.YAML.Span, "%s: %d", errNoCount, n)
	}
	if k.in.Kind == types.KindError {
		return
	}
	how := c.Origin("gathered", c.Node.At)
	k.out = types.Record(types.Field{Name: "id", Type: id.Type(), Origin: how},
		types.Field{Name: "parts", Type: types.List(k.part(id)), Origin: how}, types.Field{Name: "complete", Type: types.Bool, Origin: how})
	c.Out("out", k.out)
}

// part is the type of a part in its whole. Where parts are put together by a reply to a
// request, that of the whole stands for those in it.
func (k *gather) part(id *expr.Expr) *types.Type {
	at := columns.FieldOf(id, k.in)
	if at < 0 || !k.in.IsRecord() || k.in.Fields[at].Type.Kind != types.KindReply {
		return k.in
	}
	t := *k.in
	t.Fields = slices.Clone(t.Fields)
	t.Fields[at].Type = types.Reply().WithOpt(t.Fields[at].Type.Nullable)
	return &t
}

// Needs implements graph.Needer.
func (k *gather) Needs(c *graph.Needs) {
	if c.Out("out").Has("parts") {
		c.In("in", graph.AllFields())
		return
	}
	c.In("in", k.id.Needs().With(k.count.Fields()...))
}

func (k *gather) Operator(env *nodes.Env) (nodes.Operator, error) {
	return &gatherOp{
		k: k, needed: env.Needed("out"), id: k.id.Computer(), count: k.count.Compile(),
		counts: record.NewColumn(types.Int), keys: record.NewKeys(k.id.Type), rows: record.NewTable(k.in), tidyAt: 8 * record.MaxRows,
	}, nil
}

// A gatherOp is a running gather.
type gatherOp struct {
	k      *gather
	needed []bool
	id     *columns.Computer
	count  *expr.Program
	counts *record.Column
	errs   expr.RowErrors

	keys    *record.Keys
	open    []*whole // by key; nil: none
	queue   []*whole // in the order of their first parts; some have left, but not the first
	rows    *record.Table
	tidyAt  int // rows to have before tidying
	ready   []*whole
	given   int64 // items so far
	indexes []int32
}

// A whole is some parts of one.
type whole struct {
	key   int32
	want  int64 // 0: not known yet
	due   time.Time
	first int64   // the number of its first part among the items, from 1
	parts []int32 // rows
	left  bool
}

var (
	_ nodes.Timed  = (*gatherOp)(nil)
	_ nodes.Holder = (*gatherOp)(nil)
)

// Held implements nodes.Holder.
func (g *gatherOp) Held() int {
	if len(g.queue) == 0 {
		return 0
	}
	return int(g.given - g.queue[0].first + 1)
}

// Due implements nodes.Timed.
func (g *gatherOp) Due() time.Time {
	if g.k.Timeout == 0 || len(g.queue) == 0 {
		return time.Time{}
	}
	return g.queue[0].due
}

// OnTime implements nodes.Timed.
func (g *gatherOp) OnTime(_ context.Context, now time.Time, out nodes.Out) error {
	return g.expire(now, false, out)
}

// End implements nodes.Ender.
func (g *gatherOp) End(_ context.Context, _ nodes.EndedEdge, out nodes.Out) error {
	return g.expire(time.Time{}, true, out)
}

// expire sends what is complete or has waited long enough, or everything.
func (g *gatherOp) expire(now time.Time, all bool, out nodes.Out) error {
	for len(g.queue) > 0 && (all || g.queue[0].left || g.k.Timeout > 0 && !g.queue[0].due.After(now)) {
		if w := g.queue[0]; !w.left {
			g.leave(w)
		}
		g.queue = g.queue[1:]
	}
	return g.flush(out)
}

func (g *gatherOp) leave(w *whole) {
	w.left = true
	g.open[w.key] = nil
	g.ready = append(g.ready, w)
}

var errNoCount = errors.New("the count is below one")

// Process implements nodes.Operator. It puts parts to their wholes.
func (g *gatherOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	b, now := in.Data.(*record.Batch), time.Now()
	if err := g.expire(now, false, out); err != nil { // since the engine looked
		return err
	}
	g.errs.Reset()
	keys := g.id.Columns(b, &g.errs)
	defer keys.Release()
	g.counts.Resize(b.Rows)
	g.counts.Null = g.counts.Null[:0]
	g.count.Eval(b, g.counts, nil, &g.errs)
	for i := range b.Len() {
		if row := b.Row(i); !g.counts.IsNull(row) && g.counts.Int[row] < 1 {
			g.errs.Add(row, fmt.Errorf("%w: %d", errNoCount, g.counts.Int[row]))
		}
	}
	if err := nodes.BadRows(out, b, &g.errs); err != nil {
		return err
	}
	keys.Sel = columns.Without(b, &g.errs, keys.SelBuf())
	s := b.Share()
	s.Sel = keys.Sel
	first := g.rows.Append(s)
	s.Release()
	numbers := g.keys.Add(keys, g.keys.Hash(keys, nil), nil)
	g.open = append(g.open, make([]*whole, g.keys.Len()-len(g.open))...)
	g.indexes = columns.ItemIndexes(b, keys.Sel, g.indexes[:0])
	for i, key := range numbers {
		g.add(key, int32(first+i), keys.Row(i), g.given+int64(g.indexes[i])+1, now)
	}
	g.given += int64(b.Len())
	if err := g.expire(now, false, out); err != nil { // with what is complete
		return err
	}
	g.tidy()
	return nil
}

// add puts a part to its whole.
func (g *gatherOp) add(key, part int32, row int, number int64, now time.Time) {
	w := g.open[key]
	if w == nil {
		w = &whole{key: key, first: number, due: now.Add(g.k.Timeout)}
		g.open[key] = w
		g.queue = append(g.queue, w)
	}
	w.parts = append(w.parts, part)
	if w.want == 0 && !g.counts.IsNull(row) {
		w.want = g.counts.Int[row]
	}
	if w.want > 0 && int64(len(w.parts)) >= w.want {
		g.leave(w)
	}
}

// flush sends what is ready.
func (g *gatherOp) flush(out nodes.Out) error {
	for len(g.ready) > 0 {
		n := min(len(g.ready), record.MaxRows)
		b := g.make(g.ready[:n])
		g.ready = g.ready[n:]
		if err := out.Emit(0, b); err != nil {
			return err
		}
	}
	g.ready = nil
	return nil
}

// make gives the records of wholes. Their text is the tables', which the garbage
// collector frees.
func (g *gatherOp) make(wholes []*whole) *record.Batch {
	b := record.NewNeeded(g.k.out, make([]bool, len(g.k.out.Fields)))
	b.Rows = len(wholes)
	keys := make([]int32, len(wholes))
	for i, w := range wholes {
		keys[i] = w.key
	}
	if g.needed[idColumn] {
		b.Fresh(idColumn).Gather(0, g.keys.Table().Cols[0], keys, nil)
	}
	if g.needed[completeColumn] {
		c := b.Fresh(completeColumn)
		for i, w := range wholes {
			c.Bool[i] = w.want > 0 && int64(len(w.parts)) >= w.want
		}
	}
	if g.needed[partsColumn] {
		c, part := b.Fresh(partsColumn), columns.Whole(g.k.in, g.rows.Cols)
		at := 0
		for i, w := range wholes {
			c.Elem.Gather(at, part, w.parts, nil)
			at += len(w.parts)
			c.Ends[i] = int32(at)
		}
	}
	return b
}

// tidy forgets parts that have left, and their ids, when they outnumber the
// others. Parts keep their order.
func (g *gatherOp) tidy() {
	if max(g.rows.Rows, g.keys.Len()) < g.tidyAt {
		return
	}
	var rows, keys []int32
	var wholes []*whole
	for key, w := range g.open {
		if w == nil {
			continue
		}
		keys, wholes = append(keys, int32(key)), append(wholes, w)
		for i, row := range w.parts {
			w.parts[i] = int32(len(rows))
			rows = append(rows, row)
		}
	}
	g.tidyAt = 2*max(len(rows), len(keys)) + 8*record.MaxRows
	g.rows = columns.CopyRows(g.rows, rows)
	old := g.keys.Table()
	g.keys = record.NewKeys(g.k.id.Type)
	var numbers []int32
	for rest := keys; len(rest) > 0; {
		n := min(len(rest), record.MaxRows)
		b := old.Batch(rest[:n])
		numbers = g.keys.Add(b, g.keys.Hash(b, nil), numbers)
		b.Release()
		rest = rest[n:]
	}
	g.open = make([]*whole, g.keys.Len())
	for i, w := range wholes {
		w.key = numbers[i]
		g.open[w.key] = w
	}
	waiting := g.queue[:0]
	for _, w := range g.queue {
		if !w.left {
			waiting = append(waiting, w)
		}
	}
	g.queue = waiting
}
