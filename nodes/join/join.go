package join

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var joinDecl = nodes.Kind("join", "Combines items of two inputs that have equal keys.", &join{Kind: "inner"},
	nodes.InPort(graph.Port{Name: "left", Doc: "Records; the result comes in their order."}),
	nodes.InPort(graph.Port{Name: "right", Doc: "Records that are looked up by key. They are all read first.", ReadOrder: graph.First}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "For each pair a record: the fields of left, then those of right without its key."}),
	nodes.OutPort(graph.Port{Name: "unmatched", Doc: "Items of left that have no partner.", Side: true}),
	nodes.Pure(),
	nodes.Holds("the items of its right input"),
	nodes.Lines("right has ended and an item of left arrives", "its output is full, or right has not ended", "left has ended", "with `kind: right` or `full`, "+columns.FailsRounded),
	nodes.Example(graph.Example{
		Title: "The state of each airport",
		Flow: `flow: named
nodes:
  flights:  {use: file.read, with: {path: flights.csv}}
  airports: {use: file.read, with: {path: airports.csv}}
  named:
    use: join
    in: {left: flights, right: airports}
    with: {on: {origin: iata}, kind: left}
  out: {use: file.write, in: named, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{
			"flights.csv":  "origin,delay\nJFK,20\nXXX,5\nSFO,7\n",
			"airports.csv": "iata,state\nSFO,CA\nJFK,NY\n",
		},
		Want: map[string]string{"-": `{"origin":"JFK","delay":20,"state":"NY"}` + "\n" + `{"origin":"XXX","delay":5,"state":null}` + "\n" +
			`{"origin":"SFO","delay":7,"state":"CA"}` + "\n"},
	}))

// The output ports.
const (
	outPort = iota
	unmatchedPort
)

type join struct {
	On     columns.Pairs `yaml:"on,required" doc:"Fields of left, each with the field of right that must be equal; or a list of fields that both have."`
	Kind   string        `yaml:"kind" enum:"inner|left|right|full|semi|anti" doc:"What comes out: see above."`
	Prefix string        `yaml:"prefix" doc:"What to put before the names of the fields that come from right."`
	Suffix string        `yaml:"suffix" doc:"What to put behind the names of the fields that come from right."`

	left, right *types.Type
	key         *columns.PairedKey
	rightFields []int // of right: the fields that come out behind those of left
	out         *types.Type
}

// keepsLeft reports whether items of left without a partner come out.
func (k *join) keepsLeft() bool { return k.Kind == "left" || k.Kind == "full" }

// keepsRight reports whether items of right without a partner come out.
func (k *join) keepsRight() bool { return k.Kind == "right" || k.Kind == "full" }

// filters reports whether items of left come out as they are or not at all.
func (k *join) filters() bool { return k.Kind == "semi" || k.Kind == "anti" }

// Infer implements graph.Inferer.
func (k *join) Infer(c *graph.Inference) {
	k.left, k.right = c.Record("left"), c.Record("right")
	if k.left != nil {
		c.Out("unmatched", k.left)
	}
	if k.key = k.On.Key(c, k.left, k.right); k.key == nil {
		return
	}
	if k.filters() {
		k.out = k.left
	} else {
		k.inferFields(c)
	}
	c.Out("out", k.out)
}

// Passes implements graph.Passer.
func (k *join) Passes(in string) graph.Ways {
	w := graph.Ways{Out: []string{"out"}}
	switch {
	case in == "right" && !k.keepsRight():
		w.Lost = "items of right that no item of left asks for go no further"
	case in == "left" && k.Kind == "anti":
		w.Lost = "items that have a partner go no further"
	case in == "left" && !k.keepsLeft():
		w.Out = append(w.Out, "unmatched")
	}
	return w
}

// inferFields makes the record of a pair.
func (k *join) inferFields(c *graph.Inference) {
	k.out = types.Record()
	for i, f := range k.left.Fields {
		if part := slices.Index(k.key.Left, i); part >= 0 && k.keepsRight() {
			f.Type = k.key.Type.Fields[part].Type
		} else {
			f.Type = f.Type.WithOpt(k.keepsRight())
		}
		k.out.Fields = append(k.out.Fields, f)
	}
	var clashes columns.Clashes
	for i, f := range k.right.Fields {
		if slices.Index(k.key.Right, i) >= 0 {
			continue
		}
		own := f
		f.Name = k.Prefix + f.Name + k.Suffix
		f.Type = f.Type.WithOpt(k.keepsLeft())
		if first, clash := k.out.Field(f.Name); clash {
			clashes.Add(f.Name, first, own)
		}
		k.out.Fields, k.rightFields = append(k.out.Fields, f), append(k.rightFields, i)
	}
	clashes.Report(c, k.Prefix+k.Suffix != "")
}

// keysOf gives the keys of a batch of one side, whose fields are at the given places, with
// those rows selected in which no part is null. The caller owns it.
func (k *join) keysOf(b *record.Batch, fields []int) *record.Batch {
	keys := k.key.Batch(b, fields)
	columns.DropNulls(keys)
	return keys
}

// exact reports the items of one side, whose key has the given fields, that would come out
// with another key, and gives the others as a batch that the caller owns: where items of
// right come out alone, the key of both sides is one column. Nothing of the other side
// equals such a key, so its item would come out alone.
func (k *join) exact(b *record.Batch, fields []int, out nodes.Out) (*record.Batch, error) {
	d := b.Share()
	sel := d.SelBuf()
	for i := range b.Len() {
		row := b.Row(i)
		err := k.key.Rounded(b, fields, row, fmt.Sprintf("in the key that `kind: %s` makes of both sides", k.Kind))
		if err == nil {
			sel = append(sel, uint16(row))
			continue
		}
		if err := out.Bad(nodes.BadItem{Err: err, Data: b, Row: row}); err != nil {
			d.Release()
			return nil, err
		}
	}
	d.Sel = sel
	return d, nil
}

// Needs implements graph.Needer.
func (k *join) Needs(c *graph.Needs) {
	needed := c.Out("out")
	left := c.Out("unmatched")
	for _, f := range k.left.Fields {
		if needed.Has(f.Name) {
			left = left.With(f.Name)
		}
	}
	right := graph.FieldSet()
	for i, at := range k.rightFields {
		if needed.Has(k.out.Fields[len(k.left.Fields)+i].Name) {
			right = right.With(k.right.Fields[at].Name)
		}
	}
	for i := range k.key.Type.Fields {
		left = left.With(k.left.Fields[k.key.Left[i]].Name)
		right = right.With(k.right.Fields[k.key.Right[i]].Name)
	}
	c.In("left", left)
	c.In("right", right)
}
