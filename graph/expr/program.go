package expr

import (
	"math/bits"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// A Program computes an expression. It owns memory for intermediate results, so
// one goroutine at a time may use it; Compile is cheap, so every worker has its
// own.
type Program struct {
	src    Text
	typ    *types.Type
	engine engine
	text   bool // whether results refer to text

	kernel  *kernel // nil if the expression is left to closures
	rowwise int     // parts inside the kernels that are left to closures
	sparse  int     // selections of fewer than one row in so many are left to closures
	filter  fn[bool]
	store   func(dst *record.Column, i int)

	own  *record.Arena // for text that no result refers to
	errs RowErrors     // of the batch at hand
	all  []uint16      // the selection of everything
	out  rows
}

// sparse is Program.sparse: kernels compute numbers for all rows, selected or not.
const sparse = 16

// Compile makes a program. The expression must have passed its check.
func (e *Expr) Compile() *Program { return e.compile(true) }

// compile makes a program with or without kernels.
func (e *Expr) compile(kernels bool) *Program {
	if e.root == nil {
		panic("expr: Compile of an expression that has a problem: " + e.String())
	}
	p := &Program{src: e.src, typ: e.typ, own: &record.Arena{}, text: holdsText(e.typ), sparse: sparse}
	r := &row{slots: make([]value, e.slots)}
	p.engine = engine{row: r, errs: &p.errs}
	if kernels {
		plan := planner{g: &p.engine}
		if k := plan.special(e.root); k != nil {
			p.kernel, p.rowwise = plan.selecting(e.root, k), plan.rowwise
		}
	}
	switch e.typ.Kind {
	case types.KindBool:
		p.filter = compile(bools(), e.root)
	case types.KindNull: // never true
		p.filter = compile(bools(), e.As(types.Bool.Opt()).root)
	}
	p.store = compileStore(e.root, r)
	return p
}

// Rung names the evaluator: "kernel" if all of the expression is computed a column
// at a time, "closure" if some of it is computed row by row.
func (p *Program) Rung() string {
	if p.kernel != nil && p.rowwise == 0 {
		return "kernel"
	}
	return "closure"
}

// holdsText reports whether values of a type refer to text.
func holdsText(t *types.Type) bool {
	switch record.FormOf(t) {
	case record.FormText:
		return true
	case record.FormList:
		return holdsText(t.Elem)
	case record.FormRecord:
		for _, f := range t.Fields {
			if holdsText(f.Type) {
				return true
			}
		}
	}
	return false
}

// compileStore gives a function that computes the current row and stores the
// result, without boxing scalars.
func compileStore(n *node, r *row) func(dst *record.Column, i int) {
	switch n.form() {
	case record.FormInt:
		return store(r, compile(ints(), n), func(c *record.Column, i int, v int64) { c.Int[i] = v })
	case record.FormFloat:
		return store(r, compile(floats(), n), func(c *record.Column, i int, v float64) { c.Float[i] = v })
	case record.FormBool:
		return store(r, compile(bools(), n), func(c *record.Column, i int, v bool) { c.Bool[i] = v })
	case record.FormText:
		return store(r, compile(texts(), n), func(c *record.Column, i int, v string) { c.Str[i] = v })
	}
	f := boxed(n)
	return func(dst *record.Column, i int) {
		v := f(r)
		if r.err != nil {
			v = null
		}
		writeValue(dst, i, v)
	}
}

func store[T any](r *row, f fn[T], set func(c *record.Column, i int, v T)) func(*record.Column, int) {
	return func(dst *record.Column, i int) {
		v, ok := f(r)
		if !ok || r.err != nil {
			dst.SetNull(i)
			return
		}
		set(dst, i, v)
	}
}

// open points the program at a batch and gives its selection.
func (p *Program) open(b *record.Batch, arena *record.Arena) []uint16 {
	r := p.engine.row
	p.engine.b, p.engine.n, r.b, r.now = b, b.Rows, b, 0
	p.own.Buf = p.own.Buf[:0] // what was computed for the last batch is not needed any more
	if r.arena = arena; arena == nil {
		r.arena = p.own
	}
	p.errs.Reset()
	if b.Sel != nil {
		return b.Sel
	}
	for i := len(p.all); i < b.Rows; i++ {
		p.all = append(p.all, uint16(i))
	}
	return p.all[:b.Rows]
}

// close hands the errors over and lets the batch go.
func (p *Program) close(errs *RowErrors) {
	for i := range p.errs.Len() {
		row, err := p.errs.At(i)
		errs.Add(row, &rowFailure{err, p.src})
	}
	r := p.engine.row
	p.engine.b, r.b, r.arena = nil, nil, nil
}

// byKernel reports whether kernels are to compute this selection.
func (p *Program) byKernel(b *record.Batch, sel []uint16) bool {
	return p.kernel != nil && len(sel)*p.sparse >= b.Rows
}

// Filter appends to sel the selected rows of b for which the expression, which
// must be bool, is true, in ascending order. Rows where it is null are left out;
// rows where it cannot be computed are left out and added to errs.
func (p *Program) Filter(b *record.Batch, sel []uint16, errs *RowErrors) []uint16 {
	all := p.open(b, nil)
	defer p.close(errs)
	if !p.byKernel(b, all) || p.kernel.narrow == nil {
		r := p.engine.row
		r.each(all, &p.errs, func(i uint16) {
			if v, ok := p.filter(r); v && ok && r.err == nil {
				sel = append(sel, i)
			}
		})
		return sel
	}
	hit := p.kernel.narrow(all, p.out.get(len(all)), true)
	for k := range p.errs.Len() { // a row that failed may have passed all the same
		row, _ := p.errs.At(k)
		for len(hit) > 0 && int(hit[0]) < row {
			sel, hit = append(sel, hit[0]), hit[1:]
		}
		if len(hit) > 0 && int(hit[0]) == row {
			hit = hit[1:]
		}
	}
	return append(sel, hit...)
}

// Eval computes the expression for the selected rows of b into dst, a column for
// values of the expression's type that has room for the rows of b. Rows that are
// not selected hold anything afterwards; rows that cannot be computed are null and
// added to errs.
//
// Text that is computed is put into arena, which must live as long as dst. Text
// that is taken from b as it is, or cut out of it, stays in b's memory, so dst
// must not outlive b. If the result has no text in it, arena may be nil.
func (p *Program) Eval(b *record.Batch, dst *record.Column, arena *record.Arena, errs *RowErrors) {
	if !p.text {
		arena = nil
	}
	sel := p.open(b, arena)
	defer p.close(errs)
	switch {
	case p.byKernel(b, sel):
		dst.Null = dst.Null[:0]
		if c := p.kernel.eval(sel, dst); c != dst {
			copyRows(dst, c, sel)
		}
	case dst.Form == record.FormList || dst.Form == record.FormRecord:
		forget(dst)
		p.evalNested(b, dst, sel)
	default:
		dst.Null = dst.Null[:0]
		p.engine.row.each(sel, &p.errs, func(i uint16) { p.store(dst, int(i)) })
	}
	for k := range p.errs.Len() {
		row, _ := p.errs.At(k)
		dst.SetNull(row)
	}
	clearNulls(dst, b.Rows)
}

// clearNulls makes the values of null rows zero, as SetNull does: kernels leave
// there what they have computed.
func clearNulls(c *record.Column, n int) {
	if c.Form == record.FormList || c.Form == record.FormRecord {
		return
	}
	for w, word := range c.Null {
		for ; word != 0; word &= word - 1 {
			if i := w<<6 + bits.TrailingZeros64(word); i < n {
				c.SetNull(i)
			}
		}
	}
}

// evalNested fills every row in order, since lists lie one behind the other.
func (p *Program) evalNested(b *record.Batch, dst *record.Column, sel []uint16) {
	next := 0
	fill := func(end int) {
		for ; next < end; next++ {
			dst.SetNull(next)
		}
	}
	p.engine.row.each(sel, &p.errs, func(i uint16) {
		fill(int(i))
		p.store(dst, int(i))
		next++ // not reached when the row is stopped, so that the next one fills it
	})
	fill(b.Rows)
}
