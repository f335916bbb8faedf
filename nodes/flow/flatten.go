package flow

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

var flattenDecl = nodes.Kind("flatten", "Makes an item of each entry of a list.", &flatten{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Records with a list."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "A record for each entry."}),
	nodes.Pure(),
	nodes.Lines("an item arrives whose list is not empty", "its output is full", "", "never"),
	nodes.Example(graph.Example{
		Title: "Order lines",
		Flow: `flow: lines
types:
  Order: {id: int, lines: "[{sku: string, qty: int}]"}
nodes:
  orders: {use: file.read, with: {path: orders.jsonl, as: Order}}
  lines:  {use: flatten, in: orders, with: {field: lines, index: line}}
  out:    {use: file.write, in: lines, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"orders.jsonl": `{"id":1,"lines":[{"sku":"a","qty":2},{"sku":"b","qty":1}]}
{"id":2,"lines":[]}
`},
		Want: map[string]string{"-": `{"id":1,"sku":"a","qty":2,"line":0}` + "\n" + `{"id":1,"sku":"b","qty":1,"line":1}` + "\n"},
	}))

type flatten struct {
	Field     config.Name `yaml:"field,required" doc:"The field with the list."`
	As        config.Name `yaml:"as" doc:"A name for the entry, which then stays together if it is a record."`
	KeepEmpty bool        `yaml:"keep_empty" doc:"Make one item, with null for the entry, if the list is empty or null."`
	Index     config.Name `yaml:"index" doc:"A name for a field with the index of the entry in its list, from 0."`

	sources []source
	from    int // the index of the field
	out     *types.Type
}

// A source says where a field of the output comes from.
type source struct {
	kind sourceKind
	col  int // of the record around, or of the record in the list
}

type sourceKind uint8

const (
	outer     sourceKind = iota // a field of the record
	entry                       // the entry itself
	entryPart                   // a field of the entry
	position                    // the index of the entry
)

func (k *flatten) Infer(c *graph.Inference) {
	in := c.Record("in")
	f, ok := c.Field(k.Field, in)
	if !ok {
		return
	}
	if f.Type.Kind != types.KindList {
		if f.Type.Kind != types.KindError {
			c.List().Add(diag.WrongType, k.Field.At, "flatten wants a list, %q is %s", f.Name, f.Type).WithNote(f.Origin.At, "%s: %s", f.Name, f.Type)
		}
		return
	}
	k.from = in.Index(f.Name)
	out := types.Record()
	add := func(f types.Field, s source) {
		if first, clash := out.Field(f.Name); clash {
			c.List().Add(diag.NameClash, c.Origin("", k.Field.At).At, "two fields would be called %q", f.Name).
				WithNote(first.Origin.At, "one is %s", first.Type).WithNote(f.Origin.At, "the other is %s", f.Type).
				WithHint("keep the entry together with `as: NAME`, or rename the field first")
		}
		out.Fields, k.sources = append(out.Fields, f), append(k.sources, s)
	}
	for i, field := range in.Fields {
		if i == k.from {
			k.addEntry(c, f, add)
			continue
		}
		add(field, source{outer, i})
	}
	if k.Index.Value != "" {
		add(types.Field{Name: k.Index.Value, Type: types.Int.WithOpt(k.KeepEmpty), Origin: c.Origin("index", k.Index.At)}, source{kind: position})
	}
	k.out = out
	c.Out("out", out)
}

// Passes implements graph.Passer. The replies of the list itself leave with its entries.
func (k *flatten) Passes(string) graph.Ways {
	w := graph.Ways{Out: []string{"out"}}
	for i, s := range k.sources {
		if s.kind == outer && k.out.Fields[i].Type.HoldsReply() && !k.KeepEmpty {
			w.Lost = "items whose list is empty go no further, without `keep_empty: true`"
		}
	}
	return w
}

// addEntry adds the fields that stand for the list.
func (k *flatten) addEntry(c *graph.Inference, list types.Field, add func(types.Field, source)) {
	elem := list.Type.Elem
	if elem.Kind == types.KindRecord && k.As.Value == "" {
		for i, f := range elem.Fields {
			f.Type = f.Type.WithOpt(k.KeepEmpty || elem.Nullable)
			if f.Origin.How == "" {
				f.Origin = list.Origin
			}
			add(f, source{entryPart, i})
		}
		return
	}
	f := types.Field{Name: list.Name, Type: elem.WithOpt(k.KeepEmpty), Origin: c.Origin("flattened", k.Field.At)}
	if k.As.Value != "" {
		f.Name = k.As.Value
	}
	add(f, source{kind: entry})
}

func (k *flatten) Needs(c *graph.Needs) {
	needed := c.Out("out")
	if needed.All {
		c.In("in", needed)
		return
	}
	for i, f := range k.out.Fields {
		if k.sources[i].kind == outer && needed.Has(f.Name) {
			c.In("in", graph.FieldSet(f.Name))
		}
	}
	c.In("in", graph.FieldSet(k.Field.Value))
}

func (k *flatten) Operator(env *nodes.Env) (nodes.Operator, error) {
	t, needed := env.Out("out"), env.Needed("out")
	return nodes.Each(func() (func(context.Context, *record.Batch, nodes.Out) error, error) {
		w := flattener{k: k, t: t, needed: needed}
		return w.batch, nil
	}), nil
}

// A flattener is the work of one worker.
type flattener struct {
	k       *flatten
	t       *types.Type
	needed  []bool
	rows    []int32 // of the input, for each item
	entries []int32 // in the column of entries, -1: there is none
	index   []int64 // in the list
}

func (w *flattener) batch(_ context.Context, in *record.Batch, out nodes.Out) error {
	list := in.Cols[w.k.from]
	w.reset()
	for i := range in.Len() {
		row := in.Row(i)
		from, to := list.Range(row)
		if from == to || list.IsNull(row) {
			if !w.k.KeepEmpty {
				out.Filtered(1)
				continue
			}
			w.add(row, -1, 0)
		}
		for at := from; at < to; at++ {
			w.add(row, at, at-from)
			if len(w.rows) == record.MaxRows {
				if err := out.Emit(0, w.make(in, list)); err != nil {
					return err
				}
			}
		}
	}
	if len(w.rows) == 0 {
		return nil
	}
	return out.Emit(0, w.make(in, list))
}

func (w *flattener) reset() { w.rows, w.entries, w.index = w.rows[:0], w.entries[:0], w.index[:0] }

func (w *flattener) add(row, entry, index int) {
	w.rows, w.entries, w.index = append(w.rows, int32(row)), append(w.entries, int32(entry)), append(w.index, int64(index))
}

// make gives the items gathered so far, and forgets them.
func (w *flattener) make(in *record.Batch, list *record.Column) *record.Batch {
	d := in.Derive(w.t)
	d.Rows, d.Sel = len(w.rows), nil
	for i, s := range w.k.sources {
		if !w.needed[i] {
			continue
		}
		switch s.kind {
		case outer:
			if in.Cols[s.col] != nil {
				d.Fresh(i).Gather(0, in.Cols[s.col], w.rows, nil)
			}
		case entry:
			d.Fresh(i).Gather(0, list.Elem, w.entries, nil)
		case entryPart:
			// The fields of an entry that is null are null too.
			d.Fresh(i).Gather(0, list.Elem.Fields[s.col], w.entries, nil)
		case position:
			w.number(d.Fresh(i))
		}
	}
	w.reset()
	return d
}

func (w *flattener) number(dst *record.Column) {
	copy(dst.Int, w.index)
	for i, at := range w.entries {
		if at < 0 {
			dst.SetNull(i)
		}
	}
}
