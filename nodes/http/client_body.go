package http

import (
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file makes bodies of items: by the setting `body`, which is an expression, or
// fields with an expression each.

// A bodySetting is the setting `body`.
type bodySetting struct {
	text   config.Text             // an expression
	fields config.Map[config.Text] // in its place
	given  bool
}

// DecodeConfig implements config.Decoder.
func (b *bodySetting) DecodeConfig(v *config.Value, list *diag.List) {
	b.given = true
	if v.Kind == config.Mapping {
		for _, e := range v.Entries {
			if t, ok := expressionOf(e.Value, list); ok {
				b.fields = append(b.fields, config.Pair[config.Text]{Key: e.Key, At: e.KeySpan, Value: t})
			}
		}
		return
	}
	b.text, _ = expressionOf(v, list)
}

func expressionOf(v *config.Value, list *diag.List) (config.Text, bool) {
	switch {
	case v.Bad:
	case v.Secret:
		list.Add(diag.WrongType, v.Span, "a secret cannot be used here").WithHint("token, basic and headers take secrets")
	case v.Kind == config.Mapping || v.Kind == config.Sequence || v.Text == "":
		list.Add(diag.WrongType, v.Span, "want an expression").WithHint("a list or an object is an expression in quotes: '[a, {b: c}]'")
	default:
		return config.Text{Value: v.Text, YAML: v}, true
	}
	return config.Text{}, false
}

// ConfigType implements config.Describer.
func (bodySetting) ConfigType() (string, map[string]any) {
	return "expression, or fields with an expression each", map[string]any{"type": []string{"string", "number", "boolean", "null", "object"}}
}

// A bodyPlan makes bodies.
type bodyPlan struct {
	kind  string           // Content-Type
	plain bool             // the text of one column is the body; else JSON
	cols  *columns.Columns // what the body is made of; nil: the item itself
	one   bool             // cols has one column, whose value is the body; else an object of all
	t     *types.Type      // of what is written as JSON
	reads graph.Fields
}

// plan checks the setting over items of a type.
func (b *bodySetting) plan(c *graph.Inference, in *types.Type) *bodyPlan {
	p := &bodyPlan{kind: "application/json", cols: columns.New()}
	if len(b.fields) > 0 || b.text.YAML == nil {
		for _, f := range b.fields {
			if e := c.Expr(f.Value, in); isData(c, e) {
				p.cols.Compute(types.Field{Name: f.Key, Type: e.Type()}, e, in)
			}
		}
		p.t, p.reads = p.cols.Type, p.cols.Needs()
		return p
	}
	e := c.Expr(b.text, in)
	if !isData(c, e) {
		return nil
	}
	switch t := e.Type(); t.Kind {
	case types.KindString, types.KindEnum:
		p.kind, p.plain = "text/plain; charset=utf-8", true
	case types.KindBytes:
		p.kind, p.plain = "application/octet-stream", true
	}
	p.cols.Compute(types.Field{Name: "body", Type: e.Type()}, e, in)
	p.one, p.t, p.reads = true, e.Type(), p.cols.Needs()
	return p
}

// isData reports whether what an expression gives can be sent. If not, there is a message.
// Records may have replies: they are left out, as of a whole item.
func isData(c *graph.Inference, e *expr.Expr) bool {
	if e.Type().IsReply() {
		c.List().Add(diag.WrongType, c.Node.At, "%s: %s cannot be sent: a reply is no data", c.Node.ID, e)
		return false
	}
	return e.Type().Kind != types.KindError
}

// wholeItem is the plan of a body that is the item, but for a reply in it.
func wholeItem(in *types.Type) *bodyPlan {
	return &bodyPlan{kind: "application/json", t: in, reads: graph.AllFields()}
}

// A bodyMaker makes the bodies of a batch, for one worker.
type bodyMaker struct {
	plan     *bodyPlan
	computer *columns.Computer
	encoder  *jsonl.Encoder
	batch    *record.Batch // what it is made of
}

func (p *bodyPlan) maker() *bodyMaker {
	if p == nil {
		return nil
	}
	m := &bodyMaker{plan: p, encoder: jsonl.NewEncoder(p.t)}
	if p.cols != nil {
		m.computer = p.cols.Computer()
	}
	return m
}

// begin computes what the bodies of a batch are made of. Rows that fail are added to errs.
func (m *bodyMaker) begin(b *record.Batch, errs *expr.RowErrors) {
	if m == nil {
		return
	}
	if m.computer == nil {
		m.batch = b.Retain().(*record.Batch)
		return
	}
	m.batch = m.computer.Columns(b, errs)
}

// end forgets the batch.
func (m *bodyMaker) end() {
	if m != nil && m.batch != nil {
		m.batch.Release()
		m.batch = nil
	}
}

// of gives the body of a row, nil if it has none.
func (m *bodyMaker) of(row int) []byte {
	if m == nil {
		return nil
	}
	return m.append(nil, row)
}

// append adds the body of a row to dst. One that is null is nothing.
func (m *bodyMaker) append(dst []byte, row int) []byte {
	switch {
	case !m.plan.one:
		if len(m.plan.t.Fields) == 0 && m.plan.cols != nil {
			return append(dst, "{}"...)
		}
		return m.encoder.AppendRow(dst, m.batch, row)
	case m.batch.Cols[0].IsNull(row):
		return dst
	case m.plan.plain:
		return append(dst, m.batch.Cols[0].Str[row]...)
	}
	return jsonl.AppendValue(dst, m.plan.t, m.batch.Cols[0], row)
}

// A literal is a setting that is an expression, or an address as it is.
func literal(text string) bool {
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
}

// appendJSONText adds the text of a row as JSON.
func appendJSONText(dst []byte, m *bodyMaker, row int) []byte {
	return jsonl.AppendValue(dst, m.plan.t, m.batch.Cols[0], row)
}
