package window

import (
	"errors"

	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/aggregate"
	"github.com/flowrun/flowrun/nodes/columns"
)

// A windowOp is a running window: the operator of one over one input, and what one
// over several has in common with it.
type windowOp struct {
	k      *window
	marks  *watermarks
	store  store
	sender sender
	late   lateItems
}

// A store holds open windows. One goroutine at a time uses it.
type store interface {
	// add puts the i-th item of a batch into its windows that are not closed at
	// the watermark. It reports whether there was one, or no window has the item.
	add(r *windowBatch, i int, watermark int64) (inTime bool)
	// settle folds what was added since the last call. The batch is valid until
	// then.
	settle(r *windowBatch)
	// close sends the windows that end at the watermark or before, or all.
	close(watermark int64, all bool, s *sender, out nodes.Out) error
}

// A windowBatch is a batch with what the parallel part makes of it. It owns its batches but in.
type windowBatch struct {
	in     *record.Batch
	keys   *record.Batch // its selection is the items that take part
	hashes []uint64      // of the selected keys; nil without a key
	times  *record.Column
	values []*record.Batch
}

func (r *windowBatch) len() int         { return r.keys.Len() }
func (r *windowBatch) time(i int) int64 { return r.times.Int[r.keys.Row(i)] }

// Release gives back what was made.
func (r *windowBatch) Release() {
	r.keys.Release()
	for _, b := range r.values {
		b.Release()
	}
}

var (
	errNoTime  = errors.New("the time is null")
	errFarTime = errors.New("the time is before 1844 or after 2241")
)

// A reader makes windowBatches, for one worker.
type reader struct {
	k      *window
	at     *expr.Program // nil: there is no time, or it is a field
	column int           // of the time, if it is a field
	keys   *columns.Computer
	values *aggregate.Reader
	hasher *record.Keys
	errs   expr.RowErrors
}

func (w *windowOp) reader() *reader {
	r := &reader{k: w.k, column: -1, keys: w.k.keys.Computer(), values: w.k.set.Reader()}
	if w.k.at != nil {
		if r.column = columns.FieldOf(w.k.at, w.k.in); r.column < 0 {
			r.at = w.k.at.Compile()
		}
	}
	if len(w.k.By) > 0 {
		r.hasher = record.NewKeys(w.k.keys.Type)
	}
	return r
}

// read computes what the items say. Items that fail are reported and take no part.
func (r *reader) read(in *record.Batch, out nodes.Out) (*windowBatch, error) {
	r.errs.Reset()
	m := &windowBatch{in: in, keys: r.keys.Columns(in, &r.errs), values: r.values.Values(in, &r.errs)}
	r.readTimes(m)
	if r.errs.Len() > 0 {
		if err := nodes.BadRows(out, in, &r.errs); err != nil {
			m.Release()
			return nil, err
		}
		for _, d := range append(m.values, m.keys) {
			d.Sel = columns.Without(d, &r.errs, d.SelBuf())
		}
	}
	if r.hasher != nil {
		m.hashes = r.hasher.Hash(m.keys, make([]uint64, 0, m.keys.Len()))
	}
	return m, nil
}

func (r *reader) readTimes(m *windowBatch) {
	switch {
	case r.at != nil:
		m.times = m.keys.Scratch(types.Time)
		r.at.Eval(m.in, m.times, nil, &r.errs)
	case r.column >= 0:
		m.times = m.in.Cols[r.column]
	default:
		return
	}
	checkTimes(m.in, m.times, &r.errs)
}

// checkTimes notes the items of b that have no time, or one that cannot be reckoned with.
func checkTimes(b *record.Batch, times *record.Column, errs *expr.RowErrors) {
	for i := range b.Len() {
		row := b.Row(i)
		if times.IsNull(row) {
			errs.Add(row, errNoTime)
		} else if t := times.Int[row]; t < earliest || t > latest {
			errs.Add(row, errFarTime)
		}
	}
}

// take puts items from up to to of a batch into windows, and sends those that
// are closed then. The watermark moves with each item, so that the result does not
// depend on how items are put into batches.
func (w *windowOp) take(r *windowBatch, from, to, input int, out nodes.Out) error {
	watermark := w.marks.now()
	for i := from; i < to; i++ {
		row := r.keys.Row(i)
		if !w.store.add(r, i, watermark) {
			w.late.add(row)
		}
		if r.times != nil {
			w.marks.advance(input, r.times.Int[row])
			watermark = w.marks.now()
		}
	}
	w.store.settle(r)
	if err := w.late.send(r.in, out); err != nil {
		return err
	}
	return w.store.close(watermark, false, &w.sender, out)
}

// finish closes everything.
func (w *windowOp) finish(out nodes.Out) error {
	return w.store.close(w.marks.now(), true, &w.sender, out)
}
