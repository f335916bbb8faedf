package expr

import (
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the kernels of logic, and of what depends on null: && || ! ?? ?: and
// try.

// logic computes && and ||. The right side is computed for the rows that the left
// one does not decide.
func (p *planner) logic(n *node) *kernel {
	g, fresh := p.g, p.scratch(n.typ)
	decides := n.kind == kOr
	x, y := p.kernel(n.args[0]), p.kernel(n.args[1])
	var hit, rest rows
	k := &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
		a := x.eval(sel, nil)
		decided := g.selectBool(a, sel, hit.get(len(sel)), decides)
		open := without(sel, decided, rest.get(len(sel)))
		out := fresh(dst)
		if len(open) > 0 {
			threeValuedRows(out, a, y.eval(open, nil), open, decides)
		}
		for _, i := range decided {
			out.Bool[i] = decides
		}
		return out
	}}
	if n.args[0].typ.Nullable && n.args[1].fails {
		return k // where the left side is null, the errors of the right one count
	}
	k.narrow = p.narrowLogic(x, y, decides)
	return k
}

// selectBool lists the rows of sel in which a column is want.
func (g *engine) selectBool(c *record.Column, sel, out []uint16, want bool) []uint16 {
	k := 0
	for _, i := range sel {
		out[k] = i
		k += bit(c.Bool[i] == want)
	}
	return dropNulls(c, out[:k])
}

// threeValuedRows combines two columns in rows that the first does not decide.
func threeValuedRows(out, a, b *record.Column, sel []uint16, decides bool) {
	if !a.HasNull() && !b.HasNull() {
		copyRows(out, b, sel)
		return
	}
	for _, i := range sel {
		switch null := b.IsNull(int(i)); {
		case !null && b.Bool[i] == decides:
			out.Bool[i] = decides
		case null || a.IsNull(int(i)):
			out.SetNull(int(i))
		default:
			out.Bool[i] = !decides
		}
	}
}

// narrowLogic selects by && and || without making a column. For the value that
// one side alone can decide, the right side sees the rows that the left one leaves
// open; for the other one, the rows that the left side lets through.
func (p *planner) narrowLogic(x, y *kernel, decides bool) func(in, out []uint16, want bool) []uint16 {
	var first, second, rest rows
	return func(in, out []uint16, want bool) []uint16 {
		hit := x.narrow(in, first.get(len(in)), want)
		if want != decides {
			if len(hit) == 0 {
				return hit
			}
			return y.narrow(hit, out, want)
		}
		open := without(in, hit, rest.get(len(in)))
		if len(open) == 0 {
			return hit
		}
		return merged(hit, y.narrow(open, second.get(len(open)), want), out)
	}
}

func (p *planner) not(n *node) *kernel {
	g, fresh, x := p.g, p.scratch(n.typ), p.kernel(n.args[0])
	return &kernel{
		eval: func(sel []uint16, dst *record.Column) *record.Column {
			c := x.eval(sel, nil)
			out := fresh(dst)
			out.Null = append(out.Null, c.Null...)
			for i, v := range c.Bool[:g.n] {
				out.Bool[i] = !v
			}
			return out
		},
		narrow: func(in, out []uint16, want bool) []uint16 { return x.narrow(in, out, !want) },
	}
}

// isNull computes x == null and x != null. Of a column only the bitmap is read, so
// it may be of any form.
func (p *planner) isNull(n *node) *kernel {
	g, fresh, arg, is := p.g, p.scratch(n.typ), n.args[0], n.op == "=="
	var eval func([]uint16, *record.Column) *record.Column
	if path, ok := columnPath(arg); ok && arg.typ.Kind != types.KindAny {
		eval = memberColumn(g, path)
	} else if f := arg.form(); f != record.FormList && f != record.FormRecord {
		eval = p.kernel(arg).eval
	} else {
		return nil
	}
	return &kernel{
		eval: func(sel []uint16, dst *record.Column) *record.Column {
			c := eval(sel, nil)
			out := fresh(dst)
			for i := range g.n {
				out.Bool[i] = c.IsNull(i) == is
			}
			return out
		},
		narrow: func(in, out []uint16, want bool) []uint16 {
			c := eval(in, nil)
			out = out[:len(in)]
			k := 0
			for _, i := range in {
				out[k] = i
				k += bit(c.IsNull(int(i)) == (is == want))
			}
			return out[:k]
		},
	}
}

// coalesce computes x ?? y: y for the rows in which x is null.
func (p *planner) coalesce(n *node) *kernel {
	fresh, x, y := p.scratch(n.typ), p.kernel(n.args[0]), p.kernel(n.args[1])
	var given, missing rows
	return &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
		a := x.eval(sel, nil)
		if !a.HasNull() {
			return a
		}
		have := dropNulls(a, append(given.get(len(sel))[:0], sel...))
		lack := without(sel, have, missing.get(len(sel)))
		if len(lack) == 0 {
			return a
		}
		b := y.eval(lack, nil)
		out := fresh(dst)
		copyRows(out, a, have)
		copyRows(out, b, lack)
		return out
	}}
}

// cond computes c ? x : y, each branch for its own rows.
func (p *planner) cond(n *node) *kernel {
	fresh := p.scratch(n.typ)
	c, x, y := p.kernel(n.args[0]), p.kernel(n.args[1]), p.kernel(n.args[2])
	var hit, rest rows
	return &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
		yes := c.narrow(sel, hit.get(len(sel)), true)
		no := without(sel, yes, rest.get(len(sel)))
		out := fresh(dst)
		if len(yes) > 0 {
			copyRows(out, x.eval(yes, nil), yes)
		}
		if len(no) > 0 {
			copyRows(out, y.eval(no, nil), no)
		}
		return out
	}}
}

// try computes x and makes the rows that fail null.
func (p *planner) try(n *node) *kernel {
	g, fresh, x := p.g, p.scratch(n.typ), p.kernel(n.args[0])
	var errs RowErrors
	return &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
		outer := g.errs
		errs.Reset()
		g.errs = &errs
		c := x.eval(sel, nil)
		g.errs = outer
		if errs.Len() == 0 {
			return c
		}
		out := fresh(dst)
		copyRows(out, c, sel)
		for k := range errs.Len() {
			i, err := errs.At(k)
			if _, budget := err.(budgetError); budget {
				outer.Add(i, err)
			}
			out.SetNull(i)
		}
		return out
	}}
}
