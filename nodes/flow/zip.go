package flow

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var zipDecl = nodes.Kind("zip", "Combines the items of several streams by position.", &zip{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Streams of records, or with `as` of anything.", Arity: graph.Many, ReadOrder: graph.Together}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "A record for each position."}),
	nodes.Workers(graph.Single), nodes.Pure(), nodes.Keeps("the position that it has reached in each input"),
	nodes.Lines("an item is there on every input", "its output is full, or an input has nothing", "one of its inputs has ended, or with `longest` all of them", "never"),
	nodes.Example(graph.Example{
		Title: "Names and numbers",
		Flow: `flow: pairs
nodes:
  names:   {use: file.read, with: {path: names.csv}}
  numbers: {use: generate, with: {count: 3}}
  both:    {use: zip, in: [numbers, names]}
  out:     {use: file.write, in: both, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"names.csv": "name\nann\nbob\n"},
		Want:  map[string]string{"-": `{"n":0,"name":"ann"}` + "\n" + `{"n":1,"name":"bob"}` + "\n"},
	}))

type zip struct {
	As      []config.Name `yaml:"as" doc:"A field name for each input: its items are kept whole under it."`
	Longest bool          `yaml:"longest" doc:"Go on with null until the longest input has ended."`

	fields []columns.Source
}

func (k *zip) Infer(c *graph.Inference) {
	out, sources := columns.Beside(c, k.As, "zipped", k.Longest)
	if out == nil {
		return
	}
	k.fields = sources
	c.Out("out", out)
}

func (k *zip) Needs(c *graph.Needs) { columns.NeedsBeside(c, k.As) }

// Passes implements graph.Passer.
func (k *zip) Passes(string) graph.Ways {
	w := graph.Ways{Out: []string{"out"}}
	if !k.Longest {
		w.Lost = "items go no further for which another input has none"
	}
	return w
}

func (k *zip) Operator(env *nodes.Env) (nodes.Operator, error) {
	return &zipOp{k: k, t: env.Out("out"), needed: env.Needed("out"), heads: make([]head, len(env.Node.Input("in").Edges))}, nil
}

// A zipOp holds what came over an edge before its counterparts. It reads those edges
// alone of which it holds nothing.
type zipOp struct {
	k      *zip
	t      *types.Type
	needed []bool
	heads  []head // by edge
	rows   []int32
}

var (
	_ nodes.Selective = (*zipOp)(nil)
	_ nodes.Ender     = (*zipOp)(nil)
	_ nodes.Closer    = (*zipOp)(nil)
)

// A head is what has come over an edge and not been used up.
type head struct {
	b     *record.Batch // nil: nothing
	at    int           // how many items of b are used up
	ended bool
}

func (h *head) left() int { return h.b.Len() - h.at }

// Wants implements nodes.Selective.
func (o *zipOp) Wants(_, edge int) bool { return o.heads[edge].b == nil && !o.heads[edge].ended }

// Process implements nodes.Operator.
func (o *zipOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	if in.Data.Len() == 0 {
		return nil
	}
	h := &o.heads[in.Edge]
	h.b, h.at = in.Data.Retain().(*record.Batch), 0
	return o.emit(out)
}

// End implements nodes.Ender.
func (o *zipOp) End(_ context.Context, e nodes.EndedEdge, out nodes.Out) error {
	o.heads[e.Edge].ended = true
	return o.emit(out)
}

// emit sends what can be put together. At the end it counts what is left.
func (o *zipOp) emit(out nodes.Out) error {
	for {
		n, over := o.ready()
		switch {
		case over:
			o.drop(out)
			return nodes.ErrDone
		case n == 0:
			return nil
		}
		if err := out.Emit(0, o.make(n)); err != nil {
			o.drop(out)
			return err
		}
	}
}

// ready gives how many items can be put together, 0 where an input must be waited
// for. It is over once an input that has ended is used up, or with longest all are.
func (o *zipOp) ready() (n int, over bool) {
	n, over = record.MaxRows, true
	for i := range o.heads {
		switch h := &o.heads[i]; {
		case h.b != nil:
			n, over = min(n, h.left()), false
		case !h.ended:
			n, over = 0, false
		case !o.k.Longest:
			return 0, true
		}
	}
	return n, over
}

// drop counts what has come and is not used, and gives it back.
func (o *zipOp) drop(out nodes.Out) {
	for i := range o.heads {
		if h := &o.heads[i]; h.b != nil {
			out.Filtered(h.left())
		}
	}
	o.Close()
}

// Close gives back what is held: of a run that failed, or whose readers want no more.
func (o *zipOp) Close() error {
	for i := range o.heads {
		if h := &o.heads[i]; h.b != nil {
			h.b.Release()
			h.b = nil
		}
	}
	return nil
}

// make puts the next n items of the inputs together. What comes out keeps the
// batch of the first input alive and shares its columns or at least its text; what
// the others bring is copied.
func (o *zipOp) make(n int) *record.Batch {
	var d *record.Batch
	if first := o.heads[0].b; first != nil {
		d = first.Derive(o.t)
	} else {
		d = record.NewNeeded(o.t, make([]bool, len(o.t.Fields)))
	}
	d.Rows, d.Sel = n, nil
	for i := range o.heads {
		h := &o.heads[i]
		if o.rows = o.rows[:0]; h.b != nil {
			for k := range n {
				o.rows = append(o.rows, int32(h.b.Row(h.at+k)))
			}
		}
		var arena *record.Arena
		if i > 0 && h.b != nil {
			arena = d.Arena()
		}
		for f, from := range o.k.fields {
			if from.Edge == i && o.needed[f] {
				o.column(d, f, h, from.Col, arena)
			}
		}
		h.use(n)
	}
	return d
}

// column fills a field with the next rows of an input, or with null if it has
// ended.
func (o *zipOp) column(d *record.Batch, f int, h *head, col int, arena *record.Arena) {
	if h.b == nil {
		columns.Nulls(d.Fresh(f), d.Rows)
		return
	}
	src := columns.Whole(h.b.Type, h.b.Cols)
	if col >= 0 {
		src = h.b.Cols[col]
	}
	switch {
	case src == nil:
	case arena == nil && d.Rows == h.b.Rows && h.b.Sel == nil:
		d.Cols[f] = src
	default:
		d.Fresh(f).Gather(0, src, o.rows, arena)
	}
}

// use counts n items as used up.
func (h *head) use(n int) {
	if h.b == nil {
		return
	}
	if h.at += n; h.left() == 0 {
		h.b.Release()
		h.b = nil
	}
}
