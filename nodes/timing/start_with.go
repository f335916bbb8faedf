package timing

import (
	"context"
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

var startWithDecl = nodes.Kind("start_with", "Puts given items before a stream.", &startWith{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Records."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The given records, then those of the input."}),
	nodes.Workers(graph.Single), nodes.Pure(), nodes.Idle(graph.SettingOnError|graph.SettingBreaker),
	nodes.Passes(),
	nodes.Lines("the flow starts, and when an item arrives", "its output is full", "", "a given value cannot be computed"),
	nodes.Example(graph.Example{
		Title: "A balance before the first booking",
		Flow: `flow: account
nodes:
  bookings: {use: file.read, with: {path: bookings.csv}}
  all:      {use: start_with, in: bookings, with: {rows: [{text: '"opening"', amount: 100}]}}
  balance:  {use: scan, in: all, with: {set: {balance: sum(amount)}}}
  out:      {use: file.write, in: balance, with: {path: "-", format: csv}}
`,
		Files: map[string]string{"bookings.csv": "text,amount\nrent,-70\nwage,250\n"},
		Want:  map[string]string{"-": "text,amount,balance\nopening,100,100\nrent,-70,30\nwage,250,280\n"},
	}))

type startWith struct {
	Rows []config.Map[config.Text] `yaml:"rows,required" min:"1" max:"1000" doc:"The records to begin with, each a mapping of fields to constant expressions."`

	values [][]*expr.Expr // by row and field of the input; nil: null
}

// nothing is what constant expressions see.
var nothing = types.Record()

// Infer implements graph.Inferer.
func (k *startWith) Infer(c *graph.Inference) {
	in := c.Record("in")
	if in == nil {
		return
	}
	c.Out("out", in)
	for _, row := range k.Rows {
		values := make([]*expr.Expr, len(in.Fields))
		for _, p := range row {
			if f, ok := c.Field(config.Name{Value: p.Key, At: p.At}, in); ok {
				e := c.Expr(p.Value, nothing)
				e.Want(f.Type, p.Key, c.List())
				values[in.Index(p.Key)] = e
			}
		}
		for i, f := range in.Fields {
			if values[i] == nil && !f.Type.Nullable && f.Type.Kind != types.KindError {
				at := c.Node.UseAt
				if len(row) > 0 {
					at = row[0].At
				}
				c.List().Add(diag.MissingKey, at, "a row has no value for %q, which is %s and cannot be null", f.Name, f.Type)
			}
		}
		k.values = append(k.values, values)
	}
}

// Needs implements graph.Needer.
func (k *startWith) Needs(c *graph.Needs) { c.In("in", c.Out("out")) }

func (k *startWith) Operator(env *nodes.Env) (nodes.Operator, error) {
	return &startWithOp{k: k, t: env.Out("out"), needed: env.Needed("out")}, nil
}

// A startWithOp is a running start_with.
type startWithOp struct {
	k      *startWith
	t      *types.Type
	needed []bool
	begun  bool // the given records have left
}

var _ nodes.Timed = (*startWithOp)(nil)

// Due implements nodes.Timed: the given records leave at once, before anything
// arrives.
func (s *startWithOp) Due() time.Time {
	if s.begun {
		return time.Time{}
	}
	return time.Unix(0, 0)
}

// OnTime implements nodes.Timed.
func (s *startWithOp) OnTime(_ context.Context, _ time.Time, out nodes.Out) error {
	s.begun = true
	for _, values := range s.k.values {
		if err := s.emit(values, out); err != nil {
			return err
		}
	}
	return nil
}

// Process implements nodes.Operator.
func (s *startWithOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	return out.Emit(0, in.Data.Retain())
}

// emit sends a given record.
func (s *startWithOp) emit(values []*expr.Expr, out nodes.Out) error {
	empty := record.New(nothing)
	defer empty.Release()
	empty.Rows = 1
	b := record.NewNeeded(s.t, make([]bool, len(s.t.Fields)))
	b.Rows = 1
	arena := b.Arena()
	var errs expr.RowErrors
	for i, e := range values {
		switch {
		case !s.needed[i]:
		case e == nil:
			b.Fresh(i).SetNull(0)
		default:
			c := b.Scratch(e.Type())
			e.Compile().Eval(empty, c, arena, &errs)
			b.Cols[i] = columns.Convert(c, e.Type(), s.t.Fields[i].Type, b.Rows)
		}
	}
	if errs.Len() > 0 {
		b.Release()
		_, err := errs.At(0)
		return err
	}
	return out.Emit(0, b)
}
