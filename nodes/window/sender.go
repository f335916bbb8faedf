package window

import (
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/aggregate"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file sends closed windows as items.

// A span is a closed window of a key.
type span struct {
	key        int32
	start, end int64
}

// A sender makes records of closed windows.
type sender struct {
	k      *window
	needed []bool
}

// send sends closed windows, at most record.MaxRows. Their results are those of
// the groups from the group from on; keys has their keys by number, nil if there
// is no key.
func (s *sender) send(keys *record.Table, spans []span, state *aggregate.State, from int, out nodes.Out) error {
	b := record.NewNeeded(s.k.out, make([]bool, len(s.k.out.Fields)))
	b.Rows = len(spans)
	var key *record.Batch
	rows := make([]int32, len(spans))
	if keys != nil {
		for i, w := range spans {
			rows[i] = w.key
		}
		key = keys.Batch(rows)
		defer key.Release()
	}
	for i := range rows {
		rows[i] = int32(i)
	}
	arena := b.Arena()
	var errs expr.RowErrors
	n, timed := len(s.k.keys.Type.Fields), 0
	if s.k.timed() {
		timed = 2
	}
	for i := range b.Cols {
		switch {
		case i < n: // also where it is not needed: a result that fails is shown by its key
			b.Fresh(i).Gather(0, key.Cols[i], rows, nil)
		case i < n+timed:
			c := b.Fresh(i)
			for j, w := range spans {
				if c.Int[j] = w.start; i > n {
					c.Int[j] = w.end
				}
			}
		case s.needed[i]:
			state.Result(i-n-timed, b.Fresh(i), from, from+len(spans), arena, &errs)
		}
	}
	if errs.Len() > 0 {
		if err := s.fail(b, n+timed, &errs, out); err != nil {
			b.Release()
			return err
		}
		b.Sel = columns.Without(b, &errs, b.SelBuf())
	}
	return out.Emit(outPort, b)
}

// fail reports windows whose result cannot be computed, by their key and times.
func (s *sender) fail(b *record.Batch, fields int, errs *expr.RowErrors, out nodes.Out) error {
	shown := columns.New()
	for _, f := range s.k.out.Fields[:fields] {
		shown.Take(f, f.Name, s.k.out)
	}
	d := shown.Computer().Columns(b, errs)
	defer d.Release()
	return nodes.BadRows(out, d, errs)
}
