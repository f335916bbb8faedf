package flow

import (
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file is how sort runs: rows are kept, compared and emitted in order.

// An ordering compares rows by their keys.
type ordering struct {
	desc       []bool // by column
	nullsFirst bool
}

// compare orders row i of a against row j of b.
func (o *ordering) compare(a []*record.Column, i int, b []*record.Column, j int) int {
	for k, desc := range o.desc {
		c := 0
		switch an, bn := a[k].IsNull(i), b[k].IsNull(j); {
		case an && bn:
			continue
		case an || bn:
			if an == o.nullsFirst {
				return -1
			}
			return 1
		default:
			c = columns.Compare(a[k], i, b[k], j)
		}
		if c != 0 {
			if desc {
				return -c
			}
			return c
		}
	}
	return 0
}

// prefix gives a number that orders row i by its first key as far as 64 bits can:
// rows with different prefixes are in the order of those, rows with equal ones
// must be compared.
func (o *ordering) prefix(c *record.Column, i int) uint64 {
	if c.IsNull(i) {
		if o.nullsFirst {
			return 0
		}
		return math.MaxUint64
	}
	p := uint64(0)
	switch c.Form {
	case record.FormInt:
		p = uint64(c.Int[i]) ^ 1<<63
	case record.FormFloat:
		switch f := c.Float[i]; {
		case f < 0:
			p = ^math.Float64bits(f)
		case f == 0: // or -0
			p = 1 << 63
		default:
			p = math.Float64bits(f) | 1<<63
		}
	case record.FormBool:
		if c.Bool[i] {
			p = 1
		}
	case record.FormText:
		var head [8]byte
		copy(head[:], c.Str[i])
		p = binary.BigEndian.Uint64(head[:])
	}
	if o.desc[0] {
		p = ^p
	}
	return p
}

// A sortOp keeps items with their keys, which the workers compute.
type sortOp struct {
	k     *sort
	order ordering
	limit int // how many items are wanted

	items, keys *record.Table // row by row
	last        int           // once cut: the row of the limit-th item
	cut         bool          // the tables hold just the first limit items, in order, and what came since
}

var (
	_ nodes.Parallel = (*sortOp)(nil)
	_ nodes.Ender    = (*sortOp)(nil)
)

// NewWorker implements nodes.Parallel.
func (s *sortOp) NewWorker(context.Context) (nodes.Worker, error) {
	computer := s.k.keys.Computer()
	return nodes.WorkFunc(func(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
		keys, err := computer.Batch(in.Data.(*record.Batch), out)
		if err != nil {
			return nil, err
		}
		return keys, nil
	}), nil
}

// Process implements nodes.Operator.
func (s *sortOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	keys := in.Made.(*record.Batch)
	defer keys.Release()
	s.add(in.Data.(*record.Batch), keys, out)
	return nil
}

// End implements nodes.Ender.
func (s *sortOp) End(_ context.Context, _ nodes.EndedEdge, out nodes.Out) error { return s.emit(out) }

// slack is how many items beyond twice the limit are kept before they are cut.
const slack = 4 * record.MaxRows

// add keeps the rows of a batch that have keys and may be among the first.
func (s *sortOp) add(in, keys *record.Batch, out nodes.Out) {
	chosen, chosenKeys := in.Share(), keys.Share()
	defer chosen.Release()
	defer chosenKeys.Release()
	chosen.Sel = keys.Sel
	if s.cut {
		sel := chosenKeys.SelBuf()
		for i := range keys.Len() {
			if row := keys.Row(i); s.order.compare(keys.Cols, row, s.keys.Cols, s.last) < 0 {
				sel = append(sel, uint16(row))
			}
		}
		out.Filtered(keys.Len() - len(sel))
		chosen.Sel, chosenKeys.Sel = sel, sel
	}
	s.items.Append(chosen)
	s.keys.Append(chosenKeys)
	if s.items.Rows-slack >= s.limit && s.items.Rows-slack-s.limit >= s.limit {
		s.shrink(out)
	}
}

// shrink keeps the first limit items only, in order.
func (s *sortOp) shrink(out nodes.Out) {
	order := s.sorted()[:s.limit]
	out.Filtered(s.items.Rows - s.limit)
	s.items, s.keys = pickRows(s.items, order), pickRows(s.keys, order)
	s.last, s.cut = s.limit-1, true
}

func pickRows(t *record.Table, rows []int32) *record.Table {
	kept := record.NewTable(t.Type)
	for part := range slices.Chunk(rows, record.MaxRows) {
		b := t.Batch(part)
		kept.Append(b)
		b.Release()
	}
	return kept
}

// sorted lists all rows in order: first by their prefixes, then rows with equal
// ones among themselves.
func (s *sortOp) sorted() []int32 {
	if s.items.Rows == 0 {
		return nil
	}
	cols := s.keys.Cols
	entries := make([]rank, s.items.Rows)
	for i := range entries {
		entries[i] = rank{s.order.prefix(cols[0], i), int32(i)}
	}
	entries = sortByPrefix(entries)
	if len(cols) > 1 || cols[0].Form == record.FormText || cols[0].HasNull() {
		for from := 0; from < len(entries); {
			to := from + 1
			for to < len(entries) && entries[to].prefix == entries[from].prefix {
				to++
			}
			if to > from+1 {
				slices.SortStableFunc(entries[from:to], func(a, b rank) int { return s.order.compare(cols, int(a.row), cols, int(b.row)) })
			}
			from = to
		}
	}
	rows := make([]int32, len(entries))
	for i, e := range entries {
		rows[i] = e.row
	}
	return rows
}

// emit gives the items in order.
func (s *sortOp) emit(out nodes.Out) error {
	rows := s.sorted()
	if len(rows) > s.limit {
		out.Filtered(len(rows) - s.limit)
		rows = rows[:s.limit]
	}
	for part := range slices.Chunk(rows, record.MaxRows) {
		if err := out.Emit(0, s.items.Batch(part)); err != nil {
			return err
		}
	}
	return nil
}
