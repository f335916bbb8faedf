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
	Format string `yaml:"format" enum:"json|raw|avro|protobuf" doc:"What a message is: the item as a JSON object, raw, its only field of type string or bytes as it is, or the item packed by the schema of the setting schema."`
	Packing
}

// Infer checks that items of the input can be written, and gives their type.
func (w *Writing) Infer(c *graph.Inference) *types.Type {
	in := c.Record("in")
	w.Check(c, in)
	return in
}

// Check checks that messages can be made of items of a type; nil is that of an error that was
// reported.
func (w *Writing) Check(c *graph.Inference, t *types.Type) {
	w.idle(c, w.Format)
	switch {
	case packed(w.Format):
		w.checkPacked(c, t)
	case w.Format == FormatRaw && t != nil && !t.Flawed() && !isText(t):
		c.List().Add(diag.WrongType, c.Node.At, "%s: a raw message is made of one field of type string or bytes, got %s", c.Node.ID, t).
			WithHint("choose the field before it, such as use: map, with: {select: [body]}")
	}
}

// isText reports whether items are one text or bytes.
func isText(t *types.Type) bool {
	return len(t.Fields) == 1 && !t.Fields[0].Type.Nullable && (t.Fields[0].Type.Kind == types.KindString || t.Fields[0].Type.Kind == types.KindBytes)
}

func (w *Writing) checkPacked(c *graph.Inference, t *types.Type) {
	if w.Framing == framingConfluent && w.SchemaID == 0 && !c.Unread("schema_id") {
		c.List().Add(diag.MissingKey, c.Node.At, "%s: the key %q is required with framing: confluent", c.Node.ID, "schema_id").WithHint("the id that the registry has given the schema: schema_id: 7")
	}
	if !w.load(c, w.Format) || t == nil {
		return
	}
	if _, err := w.codec.Writer(t); err != nil {
		w.misfit(c, diag.TypeMismatch, w.Schema.At, w.Schema.Value, err)
	}
}

// Packed reports whether bodies are packed by a schema, and so no texts.
func (w *Writing) Packed() bool { return packed(w.Format) }

// Body gives what makes bodies of items of a type.
func (w *Writing) Body(t *types.Type) (record.RowWriter, error) {
	switch {
	case w.Format == FormatRaw:
		return TextWriter(func(dst []byte, b *record.Batch, row int) []byte { return append(dst, b.Cols[0].Str[row]...) }), nil
	case packed(w.Format):
		body, err := w.codec.Writer(t)
		return framed{body, w.frame.header()}, err
	}
	return TextWriter(jsonl.NewEncoder(t).AppendRow), nil
}

// A TextWriter makes bodies of items of which each can be one.
type TextWriter func(dst []byte, b *record.Batch, row int) []byte

// AppendRow implements record.RowWriter.
func (w TextWriter) AppendRow(dst []byte, b *record.Batch, row int) ([]byte, error) {
	return w(dst, b, row), nil
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
	body     record.RowWriter
	computer *columns.Computer
	parts    []Part
	errs     expr.RowErrors
}

// NewEncoder gives an encoder for items of a type. Bodies are written by body, nil for what Body
// gives.
func (w *Writing) NewEncoder(in *types.Type, parts []Part, body record.RowWriter) (*Encoder, error) {
	if body == nil {
		var err error
		if body, err = w.Body(in); err != nil {
			return nil, err
		}
	}
	e := &Encoder{parts: parts, body: body}
	cols := columns.New()
	for _, p := range parts {
		cols.Compute(types.Field{Name: p.Name, Type: p.Expr.Type()}, p.Expr, in)
	}
	e.computer = cols.Computer()
	return e, nil
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
	sel := columns.Without(b, &e.errs, nil)
	e.errs.Reset()
	ms := make([]*Outgoing, 0, len(sel))
	own := make([]Outgoing, len(sel))
	props := make([]Value, len(sel)*len(e.parts))
	text, given := make([]byte, 0, min(partBytes, 64+b.Bytes())), 0
	for i, row := range sel {
		begins := len(text)
		var err error
		if text, err = e.body.AppendRow(text, b, int(row)); err != nil {
			e.errs.Add(int(row), err)
			text = text[:begins]
			continue
		}
		m := &own[i]
		m.Body, m.Batch, m.Row = text[begins:len(text):len(text)], b.Retain().(*record.Batch), int(row)
		m.Props = props[i*len(e.parts) : (i+1)*len(e.parts)]
		for k := range e.parts {
			m.Props[k] = valueOf(made.Cols[k], e.parts[k].Expr.Type(), int(row))
		}
		ms = append(ms, m)
		if len(text) >= partBytes {
			if err := each(ms[given:]); err != nil {
				return err
			}
			given = len(ms)
			text = make([]byte, 0, partBytes+len(m.Body)) // the next part is most likely of such bodies
		}
	}
	if given < len(ms) {
		if err := each(ms[given:]); err != nil {
			return err
		}
	}
	return nodes.BadRows(out, b, &e.errs)
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
