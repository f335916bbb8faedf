package join

import (
	"context"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file is how join runs: the right side is kept, and the left one looks for its
// partners.

// The input ports.
const (
	leftPort = iota
	rightPort
)

func (k *join) Operator(env *nodes.Env) (nodes.Operator, error) {
	needed := env.Needed("out")
	return &joinOp{
		k: k, table: newTable(k, needed), needed: needed,
		unmatchedRead: env.IsRead("unmatched"),
	}, nil
}

// A joinOp reads right into its table, and then left. The table is written to by the
// serial part until the end of right has sorted it out; then all workers read it.
type joinOp struct {
	k             *join
	table         *table
	needed        []bool
	unmatchedRead bool
	whole         bool // the table has all of right

	mu      sync.Mutex
	probers []*prober // also those that have left
}

var (
	_ nodes.Parallel  = (*joinOp)(nil)
	_ nodes.Selective = (*joinOp)(nil)
	_ nodes.Ender     = (*joinOp)(nil)
)

// Wants implements nodes.Selective.
func (o *joinOp) Wants(port, _ int) bool { return (port == leftPort) == o.whole }

// NewWorker implements nodes.Parallel.
func (o *joinOp) NewWorker(context.Context) (nodes.Worker, error) { return &prober{joinOp: o}, nil }

// Process keeps a batch of right. Nothing is made of one of left.
func (o *joinOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	keys, b := in.Made.(columns.HashedKeys), in.Data.(*record.Batch)
	defer keys.Release()
	if o.k.keepsRight() && o.k.key.Rounds(o.k.right, o.k.key.Right) {
		var err error
		if b, err = o.k.exact(b, o.k.key.Right, out); err != nil {
			return err
		}
		defer b.Release()
	}
	return o.table.add(b, keys)
}

// End implements nodes.Ender.
func (o *joinOp) End(_ context.Context, e nodes.EndedEdge, out nodes.Out) error {
	if e.Port == leftPort {
		return o.emitRest(out)
	}
	o.table.sortOut()
	o.whole = true
	return nil
}

// A prober hashes the keys of right and looks up those of left, for one worker.
type prober struct {
	*joinOp
	found   []uint64 // bit n: key n was asked for; only if items of right may come out alone
	hashes  []uint64
	numbers []int32
	match   []int32 // by physical row of the batch: the key, -1: none
	lone    []uint16
	lefts   []int32 // the pairs gathered so far
	rights  []int32
}

// Work implements nodes.Worker.
func (w *prober) Work(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
	b := in.Data.(*record.Batch)
	if in.Port == rightPort {
		return w.table.hash(b), nil
	}
	w.begin()
	if w.k.Kind == "full" && w.k.key.Rounds(w.k.left, w.k.key.Left) {
		var err error
		if b, err = w.k.exact(b, w.k.key.Left, out); err != nil {
			return nil, err
		}
		defer b.Release()
	}
	return nil, w.probe(b, out)
}

// begin makes room for what is found, once the table is whole: a worker may be made
// before.
func (w *prober) begin() {
	if w.found != nil || !w.k.keepsRight() {
		return
	}
	w.found = make([]uint64, (w.table.keys.Len()+63)/64)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.probers = append(w.probers, w)
}

func (w *prober) probe(b *record.Batch, out nodes.Out) error {
	several := w.find(b)
	w.lone = w.lone[:0]
	for i := range b.Len() {
		if row := b.Row(i); w.match[row] < 0 {
			w.lone = append(w.lone, uint16(row))
		}
	}
	if err := w.emitLone(b, out); err != nil {
		return err
	}
	switch {
	case w.k.filters():
		return out.Emit(outPort, w.chosen(b))
	case several || b.Len() < b.Rows/4:
		return w.emitPairs(b, out)
	}
	return out.Emit(outPort, w.widened(b))
}

// find looks the keys of a batch up and reports whether any has several partners.
func (w *prober) find(b *record.Batch) (several bool) {
	keys := w.k.keysOf(b, w.k.key.Left)
	defer keys.Release()
	w.hashes = w.table.keys.Hash(keys, w.hashes[:0])
	w.numbers = w.table.keys.Find(keys, w.hashes, w.numbers[:0])
	w.match = w.match[:0]
	for range b.Rows {
		w.match = append(w.match, -1)
	}
	for i, n := range w.numbers {
		if n < 0 {
			continue
		}
		w.match[keys.Row(i)] = n
		if w.found != nil {
			w.found[n>>6] |= 1 << (n & 63)
		}
		if w.table.starts != nil && w.table.starts[n+1]-w.table.starts[n] > 1 {
			several = true
		}
	}
	return several
}

// emitLone sends the items without a partner where somebody wants them, and counts
// the items that leave by no port.
func (w *prober) emitLone(b *record.Batch, out nodes.Out) error {
	if w.k.Kind == "anti" {
		out.Filtered(b.Len() - len(w.lone))
	}
	if !w.unmatchedRead {
		if !w.k.keepsLeft() && w.k.Kind != "anti" {
			out.Filtered(len(w.lone))
		}
		return nil
	}
	lone := b.Share()
	lone.Sel = append(lone.SelBuf(), w.lone...)
	return out.Emit(unmatchedPort, lone)
}

// chosen gives the items that a semi or an anti join lets through.
func (w *prober) chosen(b *record.Batch) *record.Batch {
	d := b.Share()
	if w.k.Kind == "anti" {
		d.Sel = append(d.SelBuf(), w.lone...)
	} else {
		d.Sel = w.partnered(b, d.SelBuf())
	}
	return d
}

// partnered appends the rows that have a partner.
func (w *prober) partnered(b *record.Batch, sel []uint16) []uint16 {
	for i := range b.Len() {
		if row := b.Row(i); w.match[row] >= 0 {
			sel = append(sel, uint16(row))
		}
	}
	return sel
}

// widened gives a batch in which no item has several partners: the columns of left
// are shared, those of right are written beside them, row by row.
func (w *prober) widened(b *record.Batch) *record.Batch {
	d := b.Derive(w.k.out)
	if !w.k.keepsLeft() {
		d.Sel = w.partnered(b, d.SelBuf())
	}
	rights := w.rights[:0]
	for _, n := range w.match {
		row := int32(-1)
		switch {
		case n >= 0:
			row, _ = w.table.partners(n)
		case !w.k.keepsLeft() && w.table.rows.Rows > 0:
			row = 0 // any: the row is not selected, and a null would only cost time
		}
		rights = append(rights, row)
	}
	w.rights = rights
	w.fill(d, rights, func(i int, src *record.Column) { d.Cols[i] = src }, b)
	return d
}

// emitPairs writes a row for each pair, and with left for each item without one.
func (w *prober) emitPairs(b *record.Batch, out nodes.Out) error {
	w.lefts, w.rights = w.lefts[:0], w.rights[:0]
	for i := range b.Len() {
		row := b.Row(i)
		number := w.match[row]
		if number < 0 {
			if w.k.keepsLeft() {
				if err := w.pair(b, row, -1, out); err != nil {
					return err
				}
			}
			continue
		}
		first, n := w.table.partners(number)
		if n == 1 {
			if err := w.pair(b, row, first, out); err != nil {
				return err
			}
			continue
		}
		at := w.table.starts[number]
		for _, right := range w.table.order[at : int(at)+n] {
			if err := w.pair(b, row, right, out); err != nil {
				return err
			}
		}
	}
	return out.Emit(outPort, w.pairs(b))
}

func (w *prober) pair(b *record.Batch, left int, right int32, out nodes.Out) error {
	w.lefts, w.rights = append(w.lefts, int32(left)), append(w.rights, right)
	if len(w.lefts) < record.MaxRows {
		return nil
	}
	full := w.pairs(b)
	w.lefts, w.rights = w.lefts[:0], w.rights[:0]
	return out.Emit(outPort, full)
}

// pairs gives the pairs gathered so far.
func (w *prober) pairs(b *record.Batch) *record.Batch {
	d := b.Derive(w.k.out)
	d.Rows, d.Sel = len(w.lefts), nil
	w.fill(d, w.rights, func(i int, src *record.Column) { d.Fresh(i).Gather(0, src, w.lefts, nil) }, b)
	return d
}

// fill writes the needed columns: those of left by put, those of right by row.
func (w *prober) fill(d *record.Batch, rights []int32, put func(i int, src *record.Column), b *record.Batch) {
	for i := range d.Cols {
		switch right := i - len(w.k.left.Fields); {
		case !w.needed[i]:
		case right >= 0:
			w.table.gather(d.Fresh(i), right, rights)
		case b.Cols[i] != nil:
			put(i, columns.Convert(b.Cols[i], w.k.left.Fields[i].Type, w.k.out.Fields[i].Type, b.Rows))
		}
	}
}

// emitRest sends the items of right that have no partner, in their order.
func (o *joinOp) emitRest(out nodes.Out) error {
	if !o.k.keepsRight() {
		return nil
	}
	found := make([]uint64, (o.table.keys.Len()+63)/64)
	for _, w := range o.probers {
		for i, word := range w.found {
			found[i] |= word
		}
	}
	var rows []int32
	for row, n := range o.table.numbers {
		if n >= 0 && found[n>>6]&(1<<(n&63)) != 0 {
			continue
		}
		if rows = append(rows, int32(row)); len(rows) == record.MaxRows {
			if err := out.Emit(outPort, o.rest(rows)); err != nil {
				return err
			}
			rows = rows[:0]
		}
	}
	return out.Emit(outPort, o.rest(rows))
}

func (o *joinOp) rest(rows []int32) *record.Batch {
	t := o.k.out
	d := record.NewNeeded(t, make([]bool, len(t.Fields)))
	d.Rows = len(rows)
	for i := range t.Fields {
		if !o.needed[i] {
			continue
		}
		right := i - len(o.k.left.Fields)
		switch part := slices.Index(o.k.key.Left, i); {
		case right >= 0:
			o.table.gather(d.Fresh(i), right, rows)
		case part >= 0:
			o.table.gather(d.Fresh(i), len(o.k.rightFields)+part, rows)
		default:
			columns.Nulls(d.Fresh(i), d.Rows)
		}
	}
	return d
}
