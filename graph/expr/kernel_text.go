package expr

import (
	"regexp"

	"github.com/flowrun/flowrun/graph/record"
)

// This file has the kernels of texts, and that of calls.

// concat computes text + text.
func (p *planner) concat(n *node) *kernel {
	g, fresh := p.g, p.scratch(n.typ)
	x, y := p.kernel(n.args[0]), p.kernel(n.args[1])
	return &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
		a, b := x.eval(sel, nil), y.eval(sel, nil)
		out := fresh(dst)
		union(out, a, b)
		for _, i := range sel {
			if out.IsNull(int(i)) {
				out.Str[i] = ""
				continue
			}
			s, err := concat(g.row.arena, a.Str[i], b.Str[i])
			if err != nil {
				g.errs.Add(int(i), err)
			}
			out.Str[i] = s
		}
		return out
	}}
}

// call is for the functions that have a kernel.
func (p *planner) call(n *node) *kernel {
	var f func(*record.Arena, string) string
	switch n.fn.name {
	case "upper":
		f = upper
	case "lower":
		f = lower
	default:
		return nil
	}
	g, fresh, x := p.g, p.scratch(n.typ), p.kernel(n.args[0])
	return &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
		c := x.eval(sel, nil)
		out := fresh(dst)
		out.Null = append(out.Null, c.Null...)
		for _, i := range sel {
			out.Str[i] = f(g.row.arena, c.Str[i])
		}
		return out
	}}
}

// textTest computes contains, startsWith and endsWith, and matches and in with a
// constant on the right. Null is an empty text in its column, so the tests may see
// it; the bitmap then takes the row out.
func (p *planner) textTest(n *node) *kernel {
	if n.args[0].form() != record.FormText {
		return nil
	}
	if n.kind == kText && !n.args[1].isConst() {
		return p.textPair(n)
	}
	test := constantTest(n)
	if test == nil {
		return nil
	}
	fresh, x := p.scratch(n.typ), p.kernel(n.args[0])
	return &kernel{
		eval: func(sel []uint16, dst *record.Column) *record.Column {
			c := x.eval(sel, nil)
			out := fresh(dst)
			out.Null = append(out.Null, c.Null...)
			for _, i := range sel {
				out.Bool[i] = test(c.Str[i])
			}
			return out
		},
		narrow: func(in, out []uint16, want bool) []uint16 {
			c := x.eval(in, nil)
			out = out[:len(in)]
			k := 0
			for _, i := range in {
				out[k] = i
				k += bit(test(c.Str[i]) == want)
			}
			return dropNulls(c, out[:k])
		},
	}
}

// constantTest gives what a constant right side asks of a text, nil if the right
// side is none.
func constantTest(n *node) func(string) bool {
	right := n.args[1]
	if !right.isConst() || right.val.null {
		return nil
	}
	switch n.kind {
	case kMatch:
		return regexp.MustCompile(right.val.s).MatchString // the checker has compiled it before
	case kIn:
		return setOf(right.val.list, func(v value) string { return v.s })
	}
	f, part := textTest(n.op), right.val.s
	return func(s string) bool { return f(s, part) }
}

func (p *planner) textPair(n *node) *kernel {
	fresh, f := p.scratch(n.typ), textTest(n.op)
	x, y := p.kernel(n.args[0]), p.kernel(n.args[1])
	return &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
		a, b := x.eval(sel, nil), y.eval(sel, nil)
		out := fresh(dst)
		union(out, a, b)
		for _, i := range sel {
			out.Bool[i] = f(a.Str[i], b.Str[i])
		}
		return out
	}}
}
