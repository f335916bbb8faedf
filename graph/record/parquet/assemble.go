package parquet

import (
	"errors"
	"fmt"
	"io"

	"github.com/flowrun/flowrun/graph/record"
)

// This file puts the values of leaves into the lists and records that they are in.

// assemble puts the entries of a leaf into the lists and records that it is in.
func (r *Reader) assemble(l *leafColumn, col *record.Column, n int, arena *record.Arena) error {
	for i, s := range l.path {
		l.cols[i] = col
		if i == len(l.path)-1 {
			break
		}
		if s.kind == slotList {
			col = col.Elem
			continue
		}
		for k, f := range s.fields {
			if f == l.path[i+1] {
				col = col.Fields[k]
				break
			}
		}
	}
	clear(l.pos)
	clear(l.count)
	row := -1
	for {
		if l.from == l.n {
			err := l.fetch()
			if err == io.EOF && row == n-1 {
				return nil
			}
			if err != nil {
				return err
			}
		}
		l.places, l.rows = l.places[:0], l.rows[:0]
		done := false
		for ; l.from < l.n; l.from++ {
			rep, def := 0, int(l.defOf[l.from])
			if l.plan.e.rep > 0 {
				rep = int(l.repOf[l.from])
			}
			if rep == 0 {
				if row == n-1 {
					done = true
					break
				}
				row++
				l.pos[0] = row
			} else if row < 0 || rep > l.plan.e.rep {
				return errors.New("a list goes on that has not begun")
			}
			if err := r.place(l, row, rep, def); err != nil {
				return err
			}
		}
		if err := r.put(l, arena); err != nil {
			return err
		}
		if done || row == n-1 && l.plan.e.rep == 0 {
			return nil
		}
	}
}

// place finds where an entry belongs, and makes what it is in.
func (r *Reader) place(l *leafColumn, row, rep, def int) error {
	depth := 0
	last := len(l.path) - 1
	for i, s := range l.path[:last] {
		col, first := l.cols[i], l.first[i]
		p := l.pos[depth]
		if s.kind == slotRecord {
			if rep <= depth && def < s.def {
				if first {
					r.null(s, col, p, row)
				}
				l.endList(i, p, depth)
				return nil
			}
			continue
		}
		switch {
		case rep > depth+1:
			depth++
			continue
		case rep <= depth && def < s.def:
			if first {
				r.null(s, col, p, row)
			}
			return nil
		case rep <= depth && def < s.has:
			if first {
				col.Ends[p] = int32(l.count[depth+1])
			}
			return nil
		case def < s.has:
			return errors.New("an element of a list that is not there")
		}
		at := l.count[depth+1]
		if at >= maxElements {
			return fmt.Errorf("the lists of %d rows have more than %d elements", row+1, maxElements)
		}
		l.count[depth+1]++
		depth++
		l.pos[depth] = at
		if first {
			col.Elem.Resize(at + 1)
			col.Ends[p] = int32(at + 1)
		} else if at >= col.Elem.Len() || int(col.Ends[p]) <= at {
			return errors.New("two columns of a list have different lengths")
		}
	}
	p := l.pos[depth]
	if def < l.plan.e.def {
		r.null(l.path[last], l.cols[last], p, row)
		return nil
	}
	l.places, l.rows = append(l.places, int32(p)), append(l.rows, int32(row))
	return nil
}

// endList ends the next list below a record that is null: it is empty there.
func (l *leafColumn) endList(i, p, depth int) {
	for k, s := range l.path[i:] {
		if s.kind == slotList {
			if l.first[i+k] {
				l.cols[i+k].Ends[p] = int32(l.count[depth+1])
			}
			return
		}
	}
}

// null makes a place null, if it may be.
func (r *Reader) null(s *slot, col *record.Column, at, row int) {
	col.SetNull(at)
	if !s.t.Nullable {
		r.bad(row, s.name, "is null")
	}
}

// put reads the values for the places that were found.
func (r *Reader) put(l *leafColumn, arena *record.Arena) error {
	k := len(l.places)
	if k == 0 {
		return nil
	}
	col := l.cols[len(l.cols)-1]
	if at := int(l.places[0]); int(l.places[k-1])-at == k-1 {
		if at+k > col.Len() {
			return errors.New("two columns of a list have different lengths")
		}
		if err := l.fill(col, at, k, arena); err != nil {
			return err
		}
	} else {
		if l.scratch == nil {
			l.scratch = &record.Column{Form: col.Form}
		}
		l.scratch.Resize(k)
		if err := l.fill(l.scratch, 0, k, arena); err != nil {
			return err
		}
		for i, at := range l.places {
			switch col.Form {
			case record.FormInt:
				col.Int[at] = l.scratch.Int[i]
			case record.FormFloat:
				col.Float[at] = l.scratch.Float[i]
			case record.FormBool:
				col.Bool[at] = l.scratch.Bool[i]
			case record.FormText:
				col.Str[at] = l.scratch.Str[i]
			}
		}
	}
	name := l.path[len(l.path)-1].name
	for _, b := range l.bads {
		r.bad(int(l.rows[b.i]), name, b.reason)
	}
	return nil
}
