package message

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file is the part of the settings that says what messages are made of items.

// Writing says what messages are made of items.
type Writing struct {
	Format string `yaml:"format" enum:"json|raw" doc:"What a message is: the item as a JSON object, or raw, its only field of type string or bytes as it is."`
	in     *types.Type
}

// Infer checks that items of the input can be written, and gives their type.
func (w *Writing) Infer(c *graph.Inference) *types.Type {
	w.in = c.Record("in")
	if w.Format == FormatRaw && w.in != nil && w.in.IsRecord() && !w.in.Flawed() {
		if len(w.in.Fields) != 1 || w.in.Fields[0].Type.Kind != types.KindString && w.in.Fields[0].Type.Kind != types.KindBytes || w.in.Fields[0].Type.Nullable {
			c.List().Add(diag.WrongType, c.Node.At, "%s: a raw message is made of one field of type string or bytes, got %s", c.Node.ID, w.in).
				WithHint("choose the field before it, such as use: select, with: {fields: [body]}")
		}
	}
	return w.in
}

// An Outgoing is a message that is to be sent. Send sets Err, or Kept.
type Outgoing struct {
	Body  []byte
	Props []Value // what the kind computes, in its order
	Batch *record.Batch
	Row   int

	came time.Time // to the sink
	Err  error     // the broker refuses it, and would refuse it again
	Kept bool      // the broker has confirmed it
}

// A Part is something beside the body that an expression makes of each item.
type Part struct {
	Name string // in messages: "key"
	Expr *expr.Expr
}

// An Encoder makes messages of batches. One goroutine may use it.
type Encoder struct {
	body     func(dst []byte, b *record.Batch, row int) []byte
	computer *columns.Computer
	parts    []Part
	errs     expr.RowErrors
}

// NewEncoder gives an encoder for items of a type. Bodies are written by body, nil for the
// format of the settings.
func (w *Writing) NewEncoder(in *types.Type, parts []Part, body func(dst []byte, b *record.Batch, row int) []byte) *Encoder {
	e := &Encoder{parts: parts, body: body}
	if body == nil && w.Format == FormatRaw {
		e.body = func(dst []byte, b *record.Batch, row int) []byte { return append(dst, b.Cols[0].Str[row]...) }
	} else if body == nil {
		e.body = jsonl.NewEncoder(in).AppendRow
	}
	cols := columns.New()
	for _, p := range parts {
		cols.Compute(types.Field{Name: p.Name, Type: p.Expr.Type()}, p.Expr, in)
	}
	e.computer = cols.Computer()
	return e
}

// partBytes is how many bytes of bodies are written before their messages are given away, so
// that a batch of large items is not in memory a second time as a whole.
const partBytes = 256 << 10

// Encode makes a message of each item of a batch, gives them to each in parts, in their order,
// and reports those of which that is not possible. Each message has a reference to the batch.
func (e *Encoder) Encode(b *record.Batch, out nodes.Out, each func(part []*Outgoing) error) error {
	e.errs.Reset()
	made := e.computer.Columns(b, &e.errs)
	defer made.Release()
	if err := nodes.BadRows(out, b, &e.errs); err != nil {
		return err
	}
	var sel []uint16
	sel = columns.Without(b, &e.errs, sel)
	own := make([]Outgoing, len(sel))
	ms := make([]*Outgoing, len(sel))
	props := make([]Value, len(sel)*len(e.parts))
	size := min(partBytes, 64+b.Bytes())
	text, from := make([]byte, 0, size), 0
	for i, row := range sel {
		begins := len(text)
		text = e.body(text, b, int(row))
		m := &own[i]
		m.Body, m.Batch, m.Row = text[begins:len(text):len(text)], b.Retain().(*record.Batch), int(row)
		m.Props = props[i*len(e.parts) : (i+1)*len(e.parts)]
		for k := range e.parts {
			m.Props[k] = valueOf(made.Cols[k], e.parts[k].Expr.Type(), int(row))
		}
		ms[i] = m
		if last := i == len(sel)-1; last || len(text) >= partBytes {
			if err := each(ms[from : i+1]); err != nil {
				return err
			}
			if from = i + 1; !last {
				text = make([]byte, 0, partBytes+len(m.Body)) // the next part is most likely of such bodies
			}
		}
	}
	return nil
}

func valueOf(c *record.Column, t *types.Type, row int) Value {
	switch {
	case c == nil || c.IsNull(row):
		return Value{Null: true}
	case t.Kind == types.KindString || t.Kind == types.KindEnum || t.Kind == types.KindBytes:
		return Value{Text: strings.Clone(c.Str[row])} // the column goes with what computed it
	case t.Kind == types.KindBool && c.Bool[row]:
		return Value{Int: 1}
	case t.Kind == types.KindBool:
		return Value{}
	}
	return Value{Int: c.Int[row]}
}

// Refused is the error of a message that a broker refuses, in its own words.
func Refused(broker string, why error) error { return fmt.Errorf("%s refuses it: %w", broker, why) }
