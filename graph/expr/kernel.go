package expr

import (
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// Kernels compute a column at a time. They cover what is hot; the rest of an
// expression is computed by closures in their midst (see rowwise). They give what
// closures give, value for value, null for null and error for error:
//
//   - Numbers are computed for all rows, selected or not, which is faster than to
//     look at the selection, so no kernel may trap. One flag for the column says
//     that some row went wrong; only then are the selected rows looked at again,
//     one by one.
//   - Text is computed for selected rows only.
//   - What is not computed where something else decides, as the right side of &&,
//     is computed for a smaller selection, so that its errors do not count.
//   - Errors are added operand by operand, from left to right, and a row keeps its
//     first: the order in which closures meet them.

// An engine is what all kernels of a program share while a batch is computed.
type engine struct {
	b    *record.Batch
	n    int  // rows of b
	row  *row // for closures
	errs *RowErrors
}

// A kernel computes a node for a batch. It owns the memory of its results, which
// are valid until it is used again.
type kernel struct {
	// eval gives a column whose rows in sel are right; the others hold anything.
	// It may be dst, if that is not nil, or one that must not be written to.
	eval func(sel []uint16, dst *record.Column) *record.Column

	// narrow gives the rows of in for which a bool is want, in out or in memory of
	// its own; null is neither true nor false. It must not write to in.
	narrow func(in, out []uint16, want bool) []uint16
}

// A planner compiles nodes to kernels.
type planner struct {
	g       *engine
	rowwise int // nodes that are left to closures
}

// kernel compiles a node of a scalar form.
func (p *planner) kernel(n *node) *kernel {
	k := p.special(n)
	if k == nil {
		p.rowwise++
		k = p.closure(n)
	}
	return p.selecting(n, k)
}

// selecting lets a kernel of bools select, if it has no way of its own.
func (p *planner) selecting(n *node, k *kernel) *kernel {
	if n.form() == record.FormBool && k.narrow == nil {
		k.narrow = p.g.narrowBy(k.eval)
	}
	return k
}

// special gives the kernel of a node that has one of its own, else nil.
func (p *planner) special(n *node) *kernel {
	if f := n.form(); f == record.FormList || f == record.FormRecord {
		return nil
	}
	switch n.kind {
	case kConst:
		return p.constant(n)
	case kField, kMember:
		return p.field(n)
	case kArith:
		return p.arithmetic(n)
	case kNeg:
		return p.negate(n)
	case kConvert:
		return p.toFloat(n)
	case kCompare:
		return p.compare(n)
	case kAnd, kOr:
		return p.logic(n)
	case kNot:
		return p.not(n)
	case kIsNull:
		return p.isNull(n)
	case kCoalesce:
		return p.coalesce(n)
	case kCond:
		return p.cond(n)
	case kTry:
		return p.try(n)
	case kConcat:
		return p.concat(n)
	case kText, kMatch, kIn:
		return p.textTest(n)
	case kCall:
		return p.call(n)
	}
	return nil
}

// scratch gives a function that makes a column ready to be written: dst, or one
// that the kernel owns.
func (p *planner) scratch(t *types.Type) func(dst *record.Column) *record.Column {
	g := p.g
	own := record.NewColumn(t)
	return func(dst *record.Column) *record.Column {
		if dst == nil {
			dst = own
			dst.Resize(g.n)
		}
		dst.Null = dst.Null[:0]
		return dst
	}
}

// rows is memory for a selection.
type rows []uint16

func (r *rows) get(n int) []uint16 {
	if cap(*r) < n {
		*r = make([]uint16, n, max(n, record.MaxRows))
	}
	return (*r)[:n]
}

// closure computes a node row by row.
func (p *planner) closure(n *node) *kernel {
	g, fresh := p.g, p.scratch(n.typ)
	set := compileStore(n, g.row)
	return &kernel{eval: func(sel []uint16, dst *record.Column) *record.Column {
		out := fresh(dst)
		g.row.each(sel, g.errs, func(i uint16) { set(out, int(i)) })
		return out
	}}
}

// constant fills a column once for as many rows as are asked for.
func (p *planner) constant(n *node) *kernel {
	g, own, filled := p.g, record.NewColumn(n.typ), 0
	return &kernel{eval: func([]uint16, *record.Column) *record.Column {
		if filled < g.n {
			own.Resize(g.n)
			for ; filled < g.n; filled++ {
				writeValue(own, filled, n.val)
			}
		}
		return own
	}}
}

// field gives the column of a field or of a member of a record.
func (p *planner) field(n *node) *kernel {
	path, ok := columnPath(n)
	if !ok || n.typ.Kind == types.KindAny {
		return nil
	}
	g := p.g
	if len(path) == 1 {
		index := path[0]
		return &kernel{eval: func([]uint16, *record.Column) *record.Column { return g.b.Cols[index] }}
	}
	return &kernel{eval: memberColumn(g, path)}
}

// memberColumn gives the column of a member. A row is null where a record around
// it is; only then is a header with more nulls needed.
func memberColumn(g *engine, path []int) func([]uint16, *record.Column) *record.Column {
	header := &record.Column{}
	return func([]uint16, *record.Column) *record.Column {
		c := g.b.Cols[path[0]]
		outer := header.Null[:0]
		for _, k := range path[1:] {
			outer = orNulls(outer, c.Null)
			c = c.Fields[k]
		}
		if len(outer) == 0 {
			return c
		}
		*header = *c
		header.Null = orNulls(outer, c.Null)
		return header
	}
}

// orNulls adds the bits of more to dst.
func orNulls(dst, more []uint64) []uint64 {
	for i, w := range more {
		if i == len(dst) {
			return append(dst, more[i:]...)
		}
		dst[i] |= w
	}
	return dst
}

// union makes a row of out null where it is null in x or y.
func union(out, x, y *record.Column) {
	out.Null = orNulls(append(out.Null[:0], x.Null...), y.Null)
}

// narrowBy selects by a column of bools.
func (g *engine) narrowBy(eval func([]uint16, *record.Column) *record.Column) func(in, out []uint16, want bool) []uint16 {
	return func(in, out []uint16, want bool) []uint16 {
		c := eval(in, nil)
		out = out[:len(in)]
		k := 0
		for _, i := range in {
			out[k] = i
			k += bit(c.Bool[i] == want)
		}
		return dropNulls(c, out[:k])
	}
}

// dropNulls takes the rows that are null in c out of sel.
func dropNulls(c *record.Column, sel []uint16) []uint16 {
	if !c.HasNull() {
		return sel
	}
	k := 0
	for _, i := range sel {
		sel[k] = i
		k += bit(!c.IsNull(int(i)))
	}
	return sel[:k]
}

// without gives the rows of in that are not in hit, which is a part of it.
func without(in, hit, out []uint16) []uint16 {
	out = out[:len(in)]
	k, j := 0, 0
	for _, i := range in {
		if j < len(hit) && hit[j] == i {
			j++
			continue
		}
		out[k] = i
		k++
	}
	return out[:k]
}

// merged gives the rows of two selections that share none.
func merged(x, y, out []uint16) []uint16 {
	out = out[:0]
	for len(x) > 0 && len(y) > 0 {
		if x[0] < y[0] {
			out, x = append(out, x[0]), x[1:]
		} else {
			out, y = append(out, y[0]), y[1:]
		}
	}
	return append(append(out, x...), y...)
}

// copyRows copies the listed rows of a scalar column with their nulls.
func copyRows(dst, src *record.Column, sel []uint16) {
	switch src.Form {
	case record.FormInt:
		for _, i := range sel {
			dst.Int[i] = src.Int[i]
		}
	case record.FormFloat:
		for _, i := range sel {
			dst.Float[i] = src.Float[i]
		}
	case record.FormBool:
		for _, i := range sel {
			dst.Bool[i] = src.Bool[i]
		}
	case record.FormText:
		for _, i := range sel {
			dst.Str[i] = src.Str[i]
		}
	}
	if src.HasNull() {
		for _, i := range sel {
			if src.IsNull(int(i)) {
				dst.SetNull(int(i))
			}
		}
	}
}
