package expr

import (
	"errors"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// Closures are the reference evaluator: they cover the whole language, one row at
// a time, and say by their code what an expression means. A closure gives a value
// and whether there is one; null is the zero value and false. Where computing
// fails, it notes the error in the row and gives null; the first error of a row
// counts, and operands are computed from left to right.

// A row is the state of computing one row: a cursor over a batch, and memory that
// lives until the next row.
type row struct {
	b     *record.Batch
	i     int
	err   error
	slots []value
	arena *record.Arena // for text that is computed
	now   int64         // what now() gives for this batch; 0: not asked yet
	steps int           // items visited by loops for this row
	items int           // list items made for this row
	mem   []value       // where they are
	buf   []byte        // scratch for text
}

// fail notes an error unless the row has one.
func (r *row) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// begin moves the cursor.
func (r *row) begin(i int) {
	r.i, r.err, r.steps, r.items = i, nil, 0, 0
	r.mem = r.mem[:0]
}

// A budgetError stops a row that makes too much of too little. It is thrown as a
// panic, which is the only way out of nested loops, and caught per row.
type budgetError struct{ error }

var (
	errManySteps = budgetError{errors.New("the expression visits too many items")}
	errManyMade  = budgetError{errors.New("the expression makes too many items")}
)

// values gives memory for n items, which lives as long as the row. With no row it
// is the heap's.
func (r *row) values(n int) []value {
	if r == nil {
		return make([]value, n)
	}
	if r.items += n; r.items > 2*maxItems {
		panic(errManyMade)
	}
	if cap(r.mem)-len(r.mem) < n {
		r.mem = make([]value, 0, max(n, min(2*cap(r.mem), 4096), 64))
	}
	at := len(r.mem)
	r.mem = r.mem[:at+n]
	clear(r.mem[at:])
	return r.mem[at : at+n : at+n]
}

// step counts an item that a loop visits.
func (r *row) step() {
	if r.steps++; r.steps > maxSteps {
		panic(errManySteps)
	}
}

// text puts what build appends into the arena.
func (r *row) text(build func(dst []byte) []byte) string {
	r.buf = build(r.buf[:0])
	return r.arena.Copy(record.View(r.buf))
}

// clock is the time at which the batch is computed.
func (r *row) clock() int64 {
	if r.now == 0 {
		r.now = time.Now().UnixNano()
	}
	return r.now
}

// each computes rows one by one and collects those that fail.
func (r *row) each(sel []uint16, errs *RowErrors, compute func(i uint16)) {
	for k := 0; k < len(sel); {
		r.guard(func() {
			for ; k < len(sel); k++ {
				r.begin(int(sel[k]))
				if compute(sel[k]); r.err != nil {
					errs.Add(int(sel[k]), r.err)
				}
			}
		})
		if k < len(sel) { // out of budget
			errs.Add(int(sel[k]), r.err)
			k++
		}
	}
}

// guard computes rows until one runs out of budget, which becomes its error.
func (r *row) guard(compute func()) {
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(budgetError)
			if !ok {
				panic(p)
			}
			r.err = e
		}
	}()
	compute()
}

// A fn computes a value for the row; false means null.
type fn[T any] func(r *row) (T, bool)

// A form is what closures of one physical form need to know of it.
type form[T any] struct {
	unbox func(v value) T
	box   func(x T) value
	read  func(c *record.Column, r *row, i int) T // row i, which is not null
	own   func(n *node) fn[T]                     // the operators that give this form; nil for none
}

// The forms. They are functions' results, not variables, because closures refer
// to them while they are built.
func ints() *form[int64] {
	return &form[int64]{
		unbox: func(v value) int64 { return v.n },
		box:   intValue,
		read:  func(c *record.Column, _ *row, i int) int64 { return c.Int[i] },
		own:   compileInt,
	}
}

func floats() *form[float64] {
	return &form[float64]{
		unbox: value.float,
		box:   floatValue,
		read:  func(c *record.Column, _ *row, i int) float64 { return c.Float[i] },
		own:   compileFloat,
	}
}

func bools() *form[bool] {
	return &form[bool]{
		unbox: value.bool,
		box:   boolValue,
		read:  func(c *record.Column, _ *row, i int) bool { return c.Bool[i] },
		own:   compileBool,
	}
}

func texts() *form[string] {
	return &form[string]{
		unbox: func(v value) string { return v.s },
		box:   textValue,
		read:  func(c *record.Column, _ *row, i int) string { return c.Str[i] },
		own:   compileText,
	}
}

// lists is the form of lists and of records: their items or fields.
func lists() *form[[]value] {
	return &form[[]value]{
		unbox: func(v value) []value { return v.list },
		box:   listValue,
		read:  func(c *record.Column, r *row, i int) []value { return readValue(r, c, i).list },
		own:   compileList,
	}
}

// boxed compiles a node of any form to a closure of values.
func boxed(n *node) func(r *row) value {
	switch n.form() {
	case record.FormInt:
		return boxes(ints(), n)
	case record.FormFloat:
		return boxes(floats(), n)
	case record.FormBool:
		return boxes(bools(), n)
	case record.FormText:
		return boxes(texts(), n)
	}
	return boxes(lists(), n)
}

func boxes[T any](as *form[T], n *node) func(r *row) value {
	if n.kind == kConst {
		v := n.val
		return func(*row) value { return v }
	}
	if n.kind == kSlot {
		slot := n.slot
		return func(r *row) value { return r.slots[slot] }
	}
	f := compile(as, n)
	box := as.box
	return func(r *row) value {
		x, ok := f(r)
		if !ok {
			return null
		}
		return box(x)
	}
}

// compile gives the closure of a node, whose form must be that of as.
func compile[T any](as *form[T], n *node) fn[T] {
	switch n.kind {
	case kConst:
		x, ok := as.unbox(n.val), !n.val.null
		return func(*row) (T, bool) { return x, ok }
	case kField, kMember:
		f := compileRead(as, n)
		if n.typ.Kind != types.KindAny {
			return f
		}
		return func(r *row) (T, bool) { // null in JSON may be the text null
			x, ok := f(r)
			return x, ok && as.box(x).s != "null"
		}
	case kSlot:
		slot, unbox := n.slot, as.unbox
		return func(r *row) (T, bool) { v := r.slots[slot]; return unbox(v), !v.null }
	case kCond:
		return compileCond(as, n)
	case kCoalesce:
		x, y := compile(as, n.args[0]), compile(as, n.args[1])
		return func(r *row) (T, bool) {
			if v, ok := x(r); ok {
				return v, true
			}
			return y(r)
		}
	case kTry:
		return compileTry(as, n)
	case kLet:
		slot, v, body := n.slot, boxed(n.args[0]), compile(as, n.args[1])
		return func(r *row) (T, bool) {
			r.slots[slot] = v(r)
			return body(r)
		}
	case kIndex:
		if f := compileIndex(as, n); f != nil {
			return f
		}
	case kConvert:
		if n.args[0].typ.Kind == types.KindNull { // computed, so that it may fail
			x := boxed(n.args[0])
			return func(r *row) (zero T, ok bool) { x(r); return zero, false }
		}
	case kCall:
		return compileCall(as, n)
	case kLoop:
		return compileLoop(as, n)
	}
	return as.own(n)
}

func compileTry[T any](as *form[T], n *node) fn[T] {
	x := compile(as, n.args[0])
	return func(r *row) (T, bool) {
		before := r.err
		r.err = nil
		v, ok := x(r)
		if r.err != nil {
			var zero T
			v, ok = zero, false
		}
		r.err = before
		return v, ok
	}
}

func compileCond[T any](as *form[T], n *node) fn[T] {
	cond, x, y := compile(bools(), n.args[0]), compile(as, n.args[1]), compile(as, n.args[2])
	return func(r *row) (T, bool) {
		if c, ok := cond(r); c && ok {
			return x(r)
		}
		return y(r)
	}
}

// columnPath gives the place of a field, or of a member of a field that is a
// record: a column of the batch and then columns inside it.
func columnPath(n *node) ([]int, bool) {
	switch n.kind {
	case kField:
		return []int{n.index}, true
	case kMember:
		if path, ok := columnPath(n.args[0]); ok {
			return append(path, n.index), true
		}
	}
	return nil, false
}

func compileRead[T any](as *form[T], n *node) fn[T] {
	read := as.read
	path, ok := columnPath(n)
	if !ok {
		return compileMember(as, n)
	}
	first := path[0]
	if len(path) == 1 {
		return func(r *row) (x T, ok bool) {
			c := r.b.Cols[first]
			if c.IsNull(r.i) {
				return x, false
			}
			return read(c, r, r.i), true
		}
	}
	rest := path[1:]
	return func(r *row) (x T, ok bool) {
		c := r.b.Cols[first]
		for _, k := range rest {
			if c.IsNull(r.i) {
				return x, false
			}
			c = c.Fields[k]
		}
		if c.IsNull(r.i) {
			return x, false
		}
		return read(c, r, r.i), true
	}
}

// compileMember reads a field of a record that was computed.
func compileMember[T any](as *form[T], n *node) fn[T] {
	base, index, unbox := compile(lists(), n.args[0]), n.index, as.unbox
	return func(r *row) (x T, ok bool) {
		fields, ok := base(r)
		if !ok || fields[index].null {
			return x, false
		}
		return unbox(fields[index]), true
	}
}

// compileIndex reads an item of a list; of a list that is a column, without
// reading the others. It is nil for text and JSON.
func compileIndex[T any](as *form[T], n *node) fn[T] {
	base := n.args[0]
	if base.form() != record.FormList {
		return nil
	}
	index, unbox, read := compile(ints(), n.args[1]), as.unbox, as.read
	if base.kind == kField {
		field := base.index
		return func(r *row) (x T, ok bool) {
			i, ok := index(r)
			c := r.b.Cols[field]
			if !ok || c.IsNull(r.i) {
				return x, false
			}
			from, to := c.Range(r.i)
			if i < 0 {
				i += int64(to - from)
			}
			if i < 0 || i >= int64(to-from) || c.Elem.IsNull(from+int(i)) {
				return x, false
			}
			return read(c.Elem, r, from+int(i)), true
		}
	}
	list := compile(lists(), base)
	return func(r *row) (x T, ok bool) {
		l, okl := list(r)
		i, oki := index(r)
		if !okl || !oki {
			return x, false
		}
		v := item(l, i)
		if v.null {
			return x, false
		}
		return unbox(v), true
	}
}

// compileCall calls a strict function.
func compileCall[T any](as *form[T], n *node) fn[T] {
	f := n.fn.eval
	if n.fn.bind != nil {
		f, _ = n.fn.bind(n) // the checker has bound it before, without an error
	}
	unbox := as.unbox
	args := make([]func(*row) value, len(n.args))
	for i, a := range n.args {
		args[i] = boxed(a)
	}
	return func(r *row) (x T, ok bool) {
		vals := r.values(len(args))
		missing := false
		for i, a := range args {
			vals[i] = a(r)
			missing = missing || vals[i].null
		}
		if missing || r.err != nil {
			return x, false
		}
		v, err := f(r, vals)
		if err != nil {
			r.fail(err)
			return x, false
		}
		return unbox(v), !v.null
	}
}

// constant computes a node that reads nothing of a row.
func constant(n *node) (value, error) {
	r := &row{arena: &record.Arena{}}
	v := null
	r.guard(func() { v = boxed(n)(r) })
	if r.err != nil {
		return null, r.err
	}
	return v.clone(), nil
}
