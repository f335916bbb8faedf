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

var zipDecl = nodes.Kind("zip", "Puts the items of several streams together by their place.", &zip{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Streams of records, or with `as` of anything.", Arity: graph.Many, Reading: graph.Together}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "A record for each place."}),
	nodes.Workers(graph.Single), nodes.Pure(),
	nodes.Lines("an item is there on every input", "its output is full, or an input has nothing", "one of its inputs has ended, or with `longest` all of them", "never"),
	nodes.Doc(`
The first items of all inputs make the first record, the second ones the second, and so on. The record has the fields of all of them; two fields of one name are a mistake. `+"`as: [a, b]`"+` gives a record {a: ..., b: ...} instead, with the whole items.

It ends with the shortest input; what the others have left is thrown away. With `+"`longest`"+` it ends with the longest one, and fields of inputs that have ended are null.

To put items together by a key instead of their place, use join.`),
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

func (k *zip) Program(env *nodes.Env) (*nodes.Program, error) {
	z := &zipper{k: k, t: env.Out("out"), needed: env.Needed("out")}
	for _, e := range env.Node.Input("in").Edges {
		z.heads = append(z.heads, head{t: e.Type})
	}
	return &nodes.Program{Run: z.run}, nil
}

// A zipper is a running zip.
type zipper struct {
	k      *zip
	t      *types.Type
	needed []bool
	heads  []head
	rows   []int32
}

// A head is what has been received of an input and not been used up.
type head struct {
	t     *types.Type
	from  nodes.Receiver
	b     *record.Batch // nil: nothing
	at    int           // how many items of b are used up
	ended bool
}

func (h *head) left() int { return h.b.Len() - h.at }

func (z *zipper) run(ctx context.Context, io *nodes.IO) error {
	out := io.Out()
	defer z.drop(out)
	for i := range z.heads {
		z.heads[i].from = io.In[0][i]
	}
	for {
		n, err := z.fill(ctx, out)
		if err != nil {
			return err
		}
		if n == 0 {
			return out.Close()
		}
		if err := out.Emit(0, z.make(n)); err != nil {
			return err
		}
	}
}

// drop counts what was received and not used, and gives it back.
func (z *zipper) drop(out nodes.Out) {
	for i := range z.heads {
		if h := &z.heads[i]; h.b != nil {
			out.Filtered(h.left())
			h.b.Release()
			h.b = nil
		}
	}
}

// fill waits until every input has an item or has ended. It gives how many items
// can be put together, 0 at the end.
func (z *zipper) fill(ctx context.Context, out nodes.Out) (int, error) {
	n := record.MaxRows
	live := false
	for i := range z.heads {
		h := &z.heads[i]
		for h.b == nil && !h.ended {
			if err := h.receive(ctx, out); err != nil {
				return 0, err
			}
		}
		if h.b != nil {
			n, live = min(n, h.left()), true
		} else if !z.k.Longest {
			return 0, nil
		}
	}
	if !live {
		return 0, nil
	}
	return n, nil
}

func (h *head) receive(ctx context.Context, out nodes.Out) error {
	d, err := h.from.Receive(ctx)
	if err != nil {
		return err
	}
	if d == nil {
		h.ended = true
		return nil
	}
	b, ok := d.(*record.Batch)
	if !ok {
		var stop error
		b = d.(record.GoItems).ToBatch(h.t, func(i int, err error) {
			if stop == nil {
				stop = out.Bad(nodes.BadItem{Err: err, Data: d, Row: i})
			}
		})
		d.Release()
		if stop != nil {
			b.Release()
			return stop
		}
	}
	h.at = 0
	if b.Len() == 0 {
		b.Release()
		return nil
	}
	h.b = b
	return nil
}

// make puts the next n items of the inputs together. What comes out keeps the
// batch of the first input alive and shares its columns or at least its text; what
// the others bring is copied.
func (z *zipper) make(n int) *record.Batch {
	var d *record.Batch
	if first := z.heads[0].b; first != nil {
		d = first.Derive(z.t)
	} else {
		d = record.NewNeeded(z.t, make([]bool, len(z.t.Fields)))
	}
	d.Rows, d.Sel = n, nil
	for i := range z.heads {
		h := &z.heads[i]
		if z.rows = z.rows[:0]; h.b != nil {
			for k := range n {
				z.rows = append(z.rows, int32(h.b.Row(h.at+k)))
			}
		}
		var arena *record.Arena
		if i > 0 && h.b != nil {
			arena = d.Arena()
		}
		for f, from := range z.k.fields {
			if from.Edge == i && z.needed[f] {
				z.column(d, f, h, from.Col, arena)
			}
		}
		h.use(n)
	}
	return d
}

// column fills a field with the next rows of an input, or with null if it has
// ended.
func (z *zipper) column(d *record.Batch, f int, h *head, col int, arena *record.Arena) {
	if h.b == nil {
		columns.Nulls(d.Fresh(f), d.Rows)
		return
	}
	src := entryOf(h.b)
	if col >= 0 {
		src = h.b.Cols[col]
	}
	switch {
	case src == nil:
	case arena == nil && d.Rows == h.b.Rows && h.b.Sel == nil:
		d.Cols[f] = src
	default:
		d.Fresh(f).Gather(0, src, z.rows, arena)
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
