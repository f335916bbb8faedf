package timing

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/quantity"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var delayDecl = nodes.Kind("delay", "Holds each item back for a while.", &delay{Pending: 1_000_000, AtEnd: "wait"},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The same items, each when it is due."}),
	nodes.Workers(graph.Single), nodes.Conserves(), nodes.Interleaves(),
	nodes.Holds("the items that are not due, at most `pending`"), nodes.Returns(),
	nodes.Passes(),
	nodes.Lines("an item is due", "its output is full, or no item is due yet", "its input has ended and no item is held back any more",
		"the delay of an item cannot be computed, is null, negative or longer than 100 years, and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Urgent jobs first",
		Flow: `flow: jobs
nodes:
  jobs:  {use: file.read, with: {path: jobs.csv}}
  later: {use: delay, in: jobs, with: {for: 'duration(string(rank * 100) + "ms")'}}
  out:   {use: file.write, in: later, with: {path: "-", format: csv}}
`,
		Files: map[string]string{"jobs.csv": "job,rank\ntidy,2\npay,0\nmail,1\n"},
		Want:  map[string]string{"-": "job,rank\npay,0\nmail,1\ntidy,2\n"},
	}))

type delay struct {
	For     config.Text `yaml:"for,required" doc:"How long to hold an item back: a duration, or an expression that gives one."`
	Pending int         `yaml:"pending" min:"1" max:"1000000000" doc:"How many items to hold back at most; until some have left, no more are read."`
	AtEnd   string      `yaml:"at_end" enum:"wait|send" doc:"What to do with items that are held back when the input ends: wait until they are due, or send them at once."`

	fixed time.Duration
	span  *expr.Expr // nil: fixed
}

// Infer implements graph.Inferer.
func (k *delay) Infer(c *graph.Inference) {
	in := columns.Items(c, "in")
	c.Out("out", in)
	at := c.Node.At
	if k.For.YAML != nil {
		at = k.For.YAML.Span
	}
	var err error
	if k.fixed, err = quantity.Duration(k.For.Value); err == nil {
		switch {
		case k.fixed < 0:
			c.List().Add(diag.WrongValue, at, "for: a delay cannot be negative, got %s", k.For.Value)
		case k.fixed > maxDelay:
			c.List().Add(diag.WrongValue, at, "for: a delay of %s is longer than 100 years", k.For.Value)
		}
		return
	}
	k.span = columns.Check(c, k.For, in)
	k.span.Want(types.Duration.Opt(), "for", c.List())
}

// Needs implements graph.Needer.
func (k *delay) Needs(c *graph.Needs) {
	needed := c.Out("out")
	if k.span != nil {
		needed = needed.With(k.span.Fields()...)
	}
	c.In("in", needed)
}

func (k *delay) Operator(env *nodes.Env) (nodes.Operator, error) {
	d := &delayOp{k: k, env: env, rows: record.NewTable(env.In("in"))}
	if k.span != nil {
		d.span, d.spans = k.span.Compile(), record.NewColumn(types.Duration)
	}
	return d, nil
}

// A delayOp is a running delay. What is held back stands in a table, its times in a
// heap beside it.
type delayOp struct {
	k        *delay
	env      *nodes.Env
	span     *expr.Program   // nil: all delays are equal
	start    time.Time       // what times are counted from
	stopping <-chan struct{} // closed: send everything at once
	ended    bool            // nothing more comes
	rows     *record.Table
	held     heldHeap
	given    int64   // items so far
	came     []int64 // by row: the number of the item among them, from 1; 0: it has left
	oldest   int     // no row before it is held
	errs     expr.RowErrors
	spans    *record.Column // of durations
	dues     []int64
	indexes  []int32
}

var (
	_ nodes.Timed     = (*delayOp)(nil)
	_ nodes.Selective = (*delayOp)(nil)
	_ nodes.Holder    = (*delayOp)(nil)
)

// A heldItem is an item that is held back.
type heldItem struct {
	due int64 // ns since the start
	row int32 // in the table; rows are in the order of arrival
}

func (h heldItem) before(o heldItem) bool { return h.due < o.due || h.due == o.due && h.row < o.row }

// A heldHeap is the items that are held back: a binary heap, the one due next first.
type heldHeap []heldItem

func (h *heldHeap) push(item heldItem) {
	s := append(*h, item)
	i := len(s) - 1
	for i > 0 && item.before(s[(i-1)/2]) {
		s[i] = s[(i-1)/2]
		i = (i - 1) / 2
	}
	s[i] = item
	*h = s
}

func (h *heldHeap) pop() heldItem {
	s := *h
	first, last := s[0], s[len(s)-1]
	s = s[:len(s)-1]
	for i := 0; len(s) > 0; {
		child := 2*i + 1
		if child+1 < len(s) && s[child+1].before(s[child]) {
			child++
		}
		if child >= len(s) || !s[child].before(last) {
			s[i] = last
			break
		}
		s[i] = s[child]
		i = child
	}
	*h = s
	return first
}

// Open implements nodes.Starter.
func (d *delayOp) Open(context.Context) error {
	d.start = time.Now()
	if d.env.Stopping != nil {
		d.stopping = d.env.Stopping()
	}
	return nil
}

// Wants implements nodes.Selective.
func (d *delayOp) Wants(_, _ int) bool { return len(d.held) < d.k.Pending }

// Held implements nodes.Holder.
func (d *delayOp) Held() int {
	for d.oldest < len(d.came) && d.came[d.oldest] == 0 {
		d.oldest++
	}
	if d.oldest == len(d.came) {
		return 0
	}
	return int(d.given - d.came[d.oldest] + 1)
}

// Due implements nodes.Timed.
func (d *delayOp) Due() time.Time {
	if len(d.held) == 0 {
		return time.Time{}
	}
	return d.start.Add(time.Duration(d.held[0].due))
}

// OnTime implements nodes.Timed. It sends what is due; or everything, once the flow
// was told to stop and nothing is read before some of it has left: what comes later
// could be due earlier.
func (d *delayOp) OnTime(_ context.Context, now time.Time, out nodes.Out) error {
	if d.ended || len(d.held) >= d.k.Pending {
		select {
		case <-d.stopping:
			return d.flush(math.MaxInt64, out)
		default:
		}
	}
	return d.flush(int64(now.Sub(d.start)), out)
}

// End implements nodes.Ender. What is still held back is waited for, unless the
// settings say otherwise.
func (d *delayOp) End(_ context.Context, _ nodes.EndedEdge, out nodes.Out) error {
	d.ended = true
	if d.k.AtEnd == "send" {
		return d.flush(math.MaxInt64, out)
	}
	return nil
}

// maxDelay bounds a delay, so that times stay within 64 bits of nanoseconds.
const maxDelay = 100 * 365 * 24 * time.Hour

var (
	errNoDelay   = errors.New("the delay is null")
	errLongDelay = errors.New("the delay is longer than 100 years")
)

// Process implements nodes.Operator. It holds the items of a batch back.
func (d *delayOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	b, now := in.Data.(*record.Batch), int64(time.Since(d.start))
	s := b.Share()
	defer s.Release()
	var err error
	if s.Sel, err = d.measure(b, now, s.SelBuf(), out); err != nil {
		return err
	}
	first := d.rows.Append(s)
	d.indexes = columns.ItemIndexes(b, s.Sel, d.indexes[:0])
	for i, due := range d.dues {
		d.held.push(heldItem{due, int32(first + i)})
		d.came = append(d.came, d.given+int64(d.indexes[i])+1)
	}
	d.given += int64(b.Len())
	return nil
}

// measure finds when each item is due. It appends the rows that have a time to sel
// and reports the others.
func (d *delayOp) measure(b *record.Batch, now int64, sel []uint16, out nodes.Out) ([]uint16, error) {
	d.dues = d.dues[:0]
	if d.span == nil {
		due := now + int64(d.k.fixed)
		for i := range b.Len() {
			sel, d.dues = append(sel, uint16(b.Row(i))), append(d.dues, due)
		}
		return sel, nil
	}
	d.spans.Resize(b.Rows)
	d.spans.Null = d.spans.Null[:0]
	d.errs.Reset()
	d.span.Eval(b, d.spans, nil, &d.errs)
	if err := nodes.BadRows(out, b, &d.errs); err != nil {
		return sel, err
	}
	computed := columns.Without(b, &d.errs, nil)
	d.errs.Reset()
	for _, row := range computed {
		switch span := d.spans.Int[row]; {
		case d.spans.IsNull(int(row)):
			d.errs.Add(int(row), errNoDelay)
		case span < 0:
			d.errs.Add(int(row), fmt.Errorf("the delay is negative: %s", time.Duration(span)))
		case span > int64(maxDelay):
			d.errs.Add(int(row), errLongDelay)
		default:
			sel, d.dues = append(sel, row), append(d.dues, now+span)
		}
	}
	return sel, nodes.BadRows(out, b, &d.errs)
}

// flush sends what is due.
func (d *delayOp) flush(now int64, out nodes.Out) error {
	for len(d.held) > 0 && d.held[0].due <= now {
		var rows []int32
		for len(rows) < record.MaxRows && len(d.held) > 0 && d.held[0].due <= now {
			row := d.held.pop().row
			rows, d.came[row] = append(rows, row), 0
		}
		if err := out.Emit(0, d.rows.Batch(rows)); err != nil {
			return err
		}
	}
	d.tidy()
	return nil
}

// tidy clears items that have left away when they outnumber those that are held
// back. Rows keep their order, so the heap stays one.
func (d *delayOp) tidy() {
	if d.rows.Rows < 2*len(d.held)+4*record.MaxRows {
		return
	}
	order := make([]int32, len(d.held)) // places in the heap, in the order of the rows
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return int(d.held[a].row) - int(d.held[b].row) })
	rows := make([]int32, len(order))
	for i, at := range order {
		rows[i] = d.held[at].row
		d.held[at].row = int32(i)
		d.came[i] = d.came[rows[i]]
	}
	d.came, d.oldest = d.came[:len(rows)], 0
	d.rows = columns.CopyRows(d.rows, rows)
}
