package csv

import (
	"errors"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/record/text"
)

// This file holds what becomes of columns that the type has no field for.

// refuse says why the row, which is one, does not fit the type: its file does not.
func (s *Scanner) refuse() int {
	if e, ok := errors.AsType[*text.RowError](s.refused); ok {
		s.unwanted = e.Extra
	}
	return s.fail("%s", s.refused)
}

// keep adds the cell at p, of a column that is no field, to what is left of the row: as
// text, or null where nothing stands in it.
func (s *Scanner) keep(name string, p int) int {
	content, quoted, end := s.cell(p)
	if end < 0 {
		return -1
	}
	s.rest = append(jsonl.AppendString(append(s.rest, ','), name), ':')
	if s.isWord(content, quoted) || len(content) == 0 && !quoted {
		s.rest = append(s.rest, "null"...)
	} else {
		s.rest = jsonl.AppendString(s.rest, record.View(content))
	}
	return end
}

// endRest writes what is left of a row into its field.
func (s *Scanner) endRest(row int) {
	c := s.extra.col
	if len(s.rest) == 0 {
		c.SetNull(row)
		return
	}
	s.rest[0] = '{'
	value := append(append(s.memory(len(s.rest) + 1)[:0], s.rest...), '}')
	c.Str[row] = record.View(value)
	c.Clear(row)
}

// Dropped gives, for each column that is no field of the type, how many cells of it were
// left out since the last call, and forgets them: rows of bad ones do not count.
func (s *Scanner) Dropped(add func(column string, cells int64)) {
	if s.dropped == 0 {
		return
	}
	for i, f := range s.columns {
		if f == nil {
			add(s.names[i], s.dropped)
		}
	}
	s.dropped = 0
}
