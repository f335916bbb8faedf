package columns

import (
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file computes columns by expressions.

// Check reads a text that is a field or an expression over items of type env. A
// field whose name is no word needs no backquotes here.
func Check(c *graph.Inference, text config.Text, env *types.Type) *expr.Expr {
	if env != nil && env.IsRecord() && env.Index(text.Value) >= 0 && !types.IsWord(text.Value) {
		text.Value = "`" + strings.ReplaceAll(text.Value, "`", "``") + "`"
	}
	return c.Expr(text, env)
}

// FieldOf gives the index of the field of env that an expression is, if it is
// nothing more than that; -1 otherwise.
func FieldOf(e *expr.Expr, env *types.Type) int {
	fields := e.Fields()
	if len(fields) != 1 || !env.IsRecord() {
		return -1
	}
	text := strings.TrimSpace(e.String())
	if strings.HasPrefix(text, "`") {
		text = strings.ReplaceAll(strings.Trim(text, "`"), "``", "`")
	}
	i := env.Index(fields[0])
	if text != fields[0] || !types.Equal(e.Type(), env.Fields[i].Type) { // it may stand where a wider type is wanted
		return -1
	}
	return i
}

// Columns are the fields of a record made from items of another type. Give it
// parts by Take and Compute, in the order of the fields.
type Columns struct {
	Type  *types.Type // the record; grows with each part
	parts []part
	reads graph.Fields // of the input
}

// A part is a field: taken from the input, computed, or, with neither, left out
// because nobody needs it.
type part struct {
	take int // the column of the input; -1: none
	e    *expr.Expr
}

// New gives a record without fields.
func New() *Columns { return &Columns{Type: types.Record()} }

// Take adds a field that is a field of env, perhaps under another name.
func (c *Columns) Take(f types.Field, name string, env *types.Type) {
	c.add(f, part{take: env.Index(name)}, name)
}

// Compute adds a field. An expression that is a field of env shares its column.
func (c *Columns) Compute(f types.Field, e *expr.Expr, env *types.Type) {
	if i := FieldOf(e, env); i >= 0 {
		c.Take(f, env.Fields[i].Name, env)
		return
	}
	c.add(f, part{take: -1, e: e}, e.Fields()...)
}

// Omit adds a field that has no column because nobody needs it.
func (c *Columns) Omit(f types.Field) { c.add(f, part{take: -1}) }

func (c *Columns) add(f types.Field, p part, reads ...string) {
	fields := append(c.Type.Fields[:len(c.Type.Fields):len(c.Type.Fields)], f)
	c.Type = types.Record(fields...)
	c.parts = append(c.parts, p)
	c.reads = c.reads.With(reads...)
}

// Needs gives the fields of the input that the columns are made of.
func (c *Columns) Needs() graph.Fields { return c.reads }

// A Computer makes batches of the columns, for one worker.
type Computer struct {
	columns  *Columns
	programs []*expr.Program // nil for parts that are not computed
	computes bool
	errs     expr.RowErrors
}

// Computer compiles the expressions.
func (c *Columns) Computer() *Computer {
	w := &Computer{columns: c, programs: make([]*expr.Program, len(c.parts))}
	for i, p := range c.parts {
		if p.e != nil {
			w.programs[i], w.computes = p.e.Compile(), true
		}
	}
	return w
}

// Columns gives the columns for the selected rows of b, as a batch over the same
// rows that the caller owns. Rows that fail are added to errs and stay selected.
func (w *Computer) Columns(b *record.Batch, errs *expr.RowErrors) *record.Batch {
	d := b.Derive(w.columns.Type)
	var arena *record.Arena
	if w.computes {
		arena = d.Arena()
	}
	for i, p := range w.columns.parts {
		switch {
		case p.take >= 0:
			d.Cols[i] = b.Cols[p.take]
		case p.e != nil:
			w.programs[i].Eval(b, d.Fresh(i), arena, errs)
		}
	}
	return d
}

// Batch is Columns without the rows that fail, which it reports to out.
func (w *Computer) Batch(b *record.Batch, out nodes.Out) (*record.Batch, error) {
	w.errs.Reset()
	d := w.Columns(b, &w.errs)
	if w.errs.Len() == 0 {
		return d, nil
	}
	if err := nodes.BadRows(out, b, &w.errs); err != nil {
		d.Release()
		return nil, err
	}
	d.Sel = Without(b, &w.errs, d.SelBuf())
	return d, nil
}

// Without appends the selected rows of b that are not in errs to sel.
func Without(b *record.Batch, errs *expr.RowErrors, sel []uint16) []uint16 {
	next, bad := 0, -1
	for i := range b.Len() {
		row := b.Row(i)
		for bad < row && next < errs.Len() {
			bad, _ = errs.At(next)
			next++
		}
		if bad != row {
			sel = append(sel, uint16(row))
		}
	}
	return sel
}
