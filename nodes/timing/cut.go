package timing

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

// A cut is for the four kinds that pass on the items on one side of the first one
// for which a condition is true, or not true.
type cut struct {
	Where config.Text `yaml:"where,required" doc:"The condition."`

	where *expr.Expr
}

// Infer implements graph.Inferer.
func (k *cut) Infer(c *graph.Inference) {
	in := columns.Items(c, "in")
	c.Out("out", in)
	k.where = columns.Check(c, k.Where, in)
	k.where.Want(types.Bool.Opt(), "where", c.List())
}

// Needs implements graph.Needer.
func (k *cut) Needs(c *graph.Needs) {
	c.In("in", c.Out("out").With(k.where.Fields()...))
}

// A side says what to pass on.
type side struct {
	at    bool // the cut is at the first item for which the condition is true; else, is not true
	after bool // pass on what is after the cut; else, before it
	with  bool // pass on the item of the cut too
}

// Verdicts are what the condition says of the items of a batch.
type verdicts struct {
	sel  []uint16 // the rows that have a condition
	yes  []uint16 // those of them for which it is true
	errs expr.RowErrors
}

// A cutOp evaluates the condition on all workers and looks for the cut in order.
// Items that failed are reported in order too: behind the end of a take, nobody
// asks whether they fail.
type cutOp struct {
	where *expr.Expr
	side  side
	found bool
}

func (k *cut) operator(s side) nodes.Operator { return &cutOp{where: k.where, side: s} }

// NewWorker implements nodes.Parallel.
func (c *cutOp) NewWorker(context.Context) (nodes.Worker, error) {
	where := c.where.Compile()
	return nodes.WorkFunc(func(_ context.Context, in nodes.Input, _ nodes.Out) (any, error) {
		b, j := in.Data.(*record.Batch), &verdicts{}
		j.yes = where.Filter(b, nil, &j.errs)
		j.sel = columns.Without(b, &j.errs, nil)
		return j, nil
	}), nil
}

// Process implements nodes.Operator.
func (c *cutOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	if c.found {
		return out.Emit(0, in.Data.Retain())
	}
	b, j := in.Data.(*record.Batch), in.Made.(*verdicts)
	row := j.cut(c.side.at)
	bad, err := j.report(b, row, out)
	if err != nil {
		return err
	}
	d := b.Share()
	d.Sel = j.pass(b, row, c.side, d.SelBuf())
	out.Filtered(b.Len() - bad - len(d.Sel))
	if err := out.Emit(0, d); err != nil {
		return err
	}
	c.found = row >= 0
	if c.found && !c.side.after {
		return nodes.ErrDone
	}
	return nil
}

// cut gives the row of the cut, -1 if there is none.
func (j *verdicts) cut(at bool) int {
	yes := j.yes
	for _, row := range j.sel {
		is := len(yes) > 0 && yes[0] == row
		if is {
			yes = yes[1:]
		}
		if is == at {
			return int(row)
		}
	}
	return -1
}

// report reports the items before the cut that failed, and counts them. Behind it
// nobody asks for the condition.
func (j *verdicts) report(b *record.Batch, cut int, out nodes.Out) (bad int, err error) {
	for i := range j.errs.Len() {
		row, err := j.errs.At(i)
		if cut >= 0 && row > cut {
			break
		}
		if err := out.Bad(nodes.BadItem{Err: err, Data: b, Row: row}); err != nil {
			return bad, err
		}
		bad++
	}
	return bad, nil
}

// pass appends the rows to pass on to sel.
func (j *verdicts) pass(b *record.Batch, cut int, s side, sel []uint16) []uint16 {
	switch {
	case s.after && cut < 0:
		return sel
	case s.after:
		for i := range b.Len() {
			if row := b.Row(i); row > cut || row == cut && s.with {
				sel = append(sel, uint16(row))
			}
		}
		return sel
	}
	for _, row := range j.sel {
		if cut >= 0 && (int(row) > cut || int(row) == cut && !s.with) {
			break
		}
		sel = append(sel, row)
	}
	return sel
}
