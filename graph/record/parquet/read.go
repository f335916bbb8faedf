package parquet

import (
	"fmt"
	"io"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file reads rows: column after column into a batch.

// A Reader reads some rows of a row group. One goroutine may use it.
type Reader struct {
	plan *Plan
	cols []*column // nil where a field is not needed
	left int64     // rows
	used int64
	bads []text.BadRow
	last map[int]bool
}

// A column reads one field.
type column struct {
	slot   *slot
	leaves []*leafColumn
	flat   bool // it is one leaf, of which each row has one entry
}

// A leafColumn is a leaf of a field, and how its entries are put where they belong.
type leafColumn struct {
	leafReader
	path  []*slot // from the field down to the leaf
	first []bool  // of path: no leaf before it has filled that list or record
	cols  []*record.Column

	repOf, defOf []uint8 // entries of the page that were read, and not yet used
	from, n      int
	held         [2][]uint8

	pos, count []int // at each depth of lists
	places     []int32
	rows       []int32
	scratch    *record.Column
}

// entries is how many are read at once.
const entries = record.MaxRows

// maxElements is how many elements the lists of a batch may have in a column.
const maxElements = 1 << 24

// Rows plans to read rows from (counted from 0 in the row group) up to to. A nil needed reads
// all fields.
func (p *Plan) Rows(group int, needed []bool, from, to int64) (r *Reader, err error) {
	defer recoverTo(&err)
	g := p.f.groups[group]
	if from < 0 || to < from || to > g.rows {
		return nil, fmt.Errorf("row group %d has no rows %d to %d", group+1, from, to)
	}
	r = &Reader{plan: p, left: to - from}
	for i, s := range p.slots {
		if needed != nil && !needed[i] {
			r.cols = append(r.cols, nil)
			continue
		}
		c, err := r.column(s, g)
		if err != nil {
			return nil, err
		}
		r.cols = append(r.cols, c)
		for _, l := range c.leaves {
			if err := l.at(l.seek(from)); err != nil {
				return nil, unexpected(err)
			}
		}
	}
	return r, nil
}

// unexpected turns an end into an error.
func unexpected(err error) error {
	if err == io.EOF {
		return errValues
	}
	return err
}

func (r *Reader) column(s *slot, g group) (*column, error) {
	c := &column{slot: s}
	if s.kind == slotAny {
		s = s.elem
	}
	c.flat = s.kind == slotLeaf
	seen := map[*slot]bool{}
	var err error
	s.leaves(nil, func(path []*slot) {
		leaf := path[len(path)-1].leaf
		l := &leafColumn{path: path, pos: make([]int, leaf.e.rep+1), count: make([]int, leaf.e.rep+1), cols: make([]*record.Column, len(path))}
		for _, s := range path {
			l.first = append(l.first, !seen[s])
			seen[s] = true
		}
		reader, e := newLeafReader(r.plan.f, leaf, g.chunks[leaf.e.leaf], &r.used)
		if e != nil {
			err = e
			return
		}
		l.leafReader = *reader
		l.held = [2][]uint8{make([]uint8, entries), make([]uint8, entries)}
		c.leaves = append(c.leaves, l)
	})
	return c, err
}

// seek passes over rows.
func (l *leafColumn) seek(rows int64) error {
	passed := int64(0)
	for rows > 0 && passed < rows && l.n == 0 {
		n, err := l.turn(rows - passed)
		if passed += n; err != nil {
			return err
		}
		if l.in > 0 {
			break
		}
		if l.left == 0 {
			if passed == rows {
				return nil
			}
			return errValues
		}
	}
	seen := passed // rows that have begun
	for rows > 0 {
		if l.from == l.n {
			if err := l.fetch(); err != nil {
				if err == io.EOF && seen == rows {
					return nil
				}
				return err
			}
		}
		from := l.from
		for ; l.from < l.n; l.from++ {
			if l.plan.e.rep == 0 || l.repOf[l.from] == 0 {
				if seen == rows {
					break
				}
				seen++
			}
		}
		if err := l.pass(l.present(l.defOf[from:l.from])); err != nil {
			return err
		}
		if l.from < l.n {
			return nil
		}
		if seen == rows && l.plan.e.rep == 0 {
			return nil
		}
	}
	return nil
}

// fetch reads entries of a page.
func (l *leafColumn) fetch() (err error) {
	l.repOf, l.defOf, l.from = l.held[0], l.held[1], 0
	l.n, err = l.levels(l.repOf, l.defOf)
	return err
}

// present counts the entries that have a value.
func (l *leafColumn) present(defs []uint8) (n int) {
	def := uint8(l.plan.e.def)
	if def == 0 {
		return len(defs)
	}
	for _, d := range defs {
		if d == def {
			n++
		}
	}
	return n
}

// pass leaves out values.
func (l *leafColumn) pass(n int) error {
	if n == 0 {
		return nil
	}
	if l.scratch == nil {
		l.scratch = &record.Column{Form: record.FormOf(l.plan.t)}
	}
	l.scratch.Resize(n)
	arena := record.NewArena(0)
	defer arena.Release()
	return l.fill(l.scratch, 0, n, arena)
}

// Next reads rows into b, which is empty, up to most. io.EOF says that there are no more.
func (r *Reader) Next(b *record.Batch, most int) (bad []text.BadRow, err error) {
	defer recoverTo(&err)
	n := int(min(int64(most), r.left))
	if n == 0 {
		return nil, io.EOF
	}
	r.bads, r.last = r.bads[:0], nil
	var arena *record.Arena
	for i, c := range r.cols {
		col := b.Cols[i]
		if c == nil || col == nil {
			continue
		}
		if arena == nil {
			arena = b.Arena()
		}
		col.Resize(n)
		if err := r.read(c, col, n, arena); err != nil {
			return nil, unexpected(err)
		}
	}
	b.Rows = n
	if r.left -= int64(n); r.left == 0 {
		for _, c := range r.cols {
			if c != nil {
				for _, l := range c.leaves {
					l.packed, l.page = nil, nil
				}
			}
		}
	}
	return r.bads, nil
}

// bad notes that a row is no item; the first reason counts.
func (r *Reader) bad(row int, field, reason string) {
	if r.last[row] {
		return
	}
	if r.last == nil {
		r.last = map[int]bool{}
	}
	r.last[row] = true
	r.bads = append(r.bads, text.BadRow{Row: row, Err: &text.RowError{Field: field, Reason: reason}})
}

func (r *Reader) read(c *column, col *record.Column, n int, arena *record.Arena) error {
	switch {
	case c.slot.kind == slotMissing:
		for i := range n {
			col.SetNull(i)
		}
		return nil
	case c.slot.kind == slotAny:
		return r.readAny(c, col, n, arena)
	case c.flat:
		l := c.leaves[0]
		return l.at(r.flat(l, col, n, arena))
	}
	return r.nested(c, c.slot, col, n, arena)
}

func (r *Reader) nested(c *column, s *slot, col *record.Column, n int, arena *record.Arena) error {
	for _, l := range c.leaves {
		if err := l.at(r.assemble(l, col, n, arena)); err != nil {
			return err
		}
	}
	nullify(s, col, n)
	return nil
}

// nullify makes the fields null that the file does not have.
func nullify(s *slot, col *record.Column, n int) {
	switch s.kind {
	case slotRecord:
		for i, f := range s.fields {
			if f.kind == slotMissing {
				for k := range n {
					col.Fields[i].SetNull(k)
				}
				continue
			}
			nullify(f, col.Fields[i], n)
		}
	case slotList:
		count := 0
		if n > 0 {
			count = int(col.Ends[n-1])
		}
		nullify(s.elem, col.Elem, count)
	}
}

// readAny reads a column as what it is, and makes JSON of that.
func (r *Reader) readAny(c *column, col *record.Column, n int, arena *record.Arena) error {
	s := c.slot.elem
	tmp := record.New(types.Record(types.Field{Name: "v", Type: s.t}))
	defer tmp.Release()
	own := tmp.Cols[0]
	own.Resize(n)
	var err error
	if c.flat {
		l := c.leaves[0]
		err = l.at(r.flat(l, own, n, arena))
	} else {
		err = r.nested(c, s, own, n, arena)
	}
	if err != nil {
		return err
	}
	var buf []byte
	for i := range n {
		if own.IsNull(i) {
			col.SetNull(i)
			continue
		}
		buf = jsonl.AppendValue(buf[:0], s.t, own, i)
		if string(buf) == "null" {
			col.SetNull(i)
			continue
		}
		col.Str[i] = arena.Copy(string(buf))
	}
	return nil
}

// flat reads a column of which each row has one entry.
func (r *Reader) flat(l *leafColumn, col *record.Column, n int, arena *record.Arena) error {
	s := l.path[len(l.path)-1]
	def := uint8(l.plan.e.def)
	for at := 0; at < n; {
		if l.from == l.n {
			if err := l.fetch(); err != nil {
				return err
			}
		}
		m := min(n-at, l.n-l.from)
		defs := l.defOf[l.from : l.from+m]
		l.from += m
		k := l.present(defs)
		if err := l.fill(col, at, k, arena); err != nil {
			return err
		}
		if k < m {
			l.places = spread(col, at, defs, def, k, l.places)
			if !s.t.Nullable {
				for i, d := range defs {
					if d != def {
						r.bad(at+i, s.name, "is null")
					}
				}
			}
		}
		for _, b := range l.bads {
			row := at + b.i
			if k < m {
				row = int(l.places[b.i])
			}
			r.bad(row, s.name, b.reason)
		}
		at += m
	}
	return nil
}

// spread moves k values, which stand at the beginning of a part of a column, to where entries
// have a value, and makes the others null. It gives where they stand.
func spread(col *record.Column, at int, defs []uint8, def uint8, k int, places []int32) []int32 {
	places = grown(places, k)
	j := k
	for i := len(defs) - 1; i >= 0; i-- {
		row := at + i
		if defs[i] != def {
			continue
		}
		j--
		places[j] = int32(row)
		if from := at + j; from != row {
			switch col.Form {
			case record.FormInt:
				col.Int[row] = col.Int[from]
			case record.FormFloat:
				col.Float[row] = col.Float[from]
			case record.FormBool:
				col.Bool[row] = col.Bool[from]
			case record.FormText:
				col.Str[row] = col.Str[from]
			}
		}
	}
	for i, d := range defs {
		if d != def {
			col.SetNull(at + i)
		}
	}
	return places
}
