package csv

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file finds the types of columns from a sample of rows.

// Sample finds the type of the rows of src, which holds whole rows without the
// header: for each column the narrowest of int, float, bool, time and string that
// has all its cells and gives back what they say. So 00501 and numbers that a
// float cannot tell apart are strings. Columns with an empty cell or a word of
// d.Null get `?`. Times are RFC 3339.
//
// A column that would be something else but for a few cells is a string with a
// warning; line is that of the first row in its file. Rows that are bad are left
// out. Fields have the names of the columns and the given origin.
func Sample(src []byte, names []string, line int, d Dialect, origin types.Origin) (*types.Type, []string) {
	s := &sampler{lexer: lexer{Dialect: d, src: ended(src), alloc: func(n int) []byte { return make([]byte, n) }}, line: line}
	s.columns = make([]sampleColumn, len(names))
	for p := 0; p < len(s.src); {
		end := s.skipped(s.src, p)
		if end == p {
			var cells []cellText
			if cells, end = s.cells(p); end < 0 {
				end = s.rowEnd(s.src, p)
			}
			if len(cells) == len(names) {
				for i, c := range cells {
					s.observe(&s.columns[i], c)
				}
			}
		}
		s.line += bytes.Count(s.src[p:end], []byte{'\n'})
		p = end
	}
	var fields []types.Field
	var warnings []string
	for i := range s.columns {
		t, warning := s.columns[i].typ(names[i])
		fields = append(fields, types.Field{Name: names[i], Type: t, Origin: origin})
		if warning != "" {
			warnings = append(warnings, warning)
		}
	}
	return types.Record(fields...), warnings
}

type sampler struct {
	lexer
	line    int // of the row
	columns []sampleColumn
}

// A kind of cell, as samples tell them apart.
type sampleKind uint8

const (
	sampleInt   sampleKind = iota // 64 bits
	sampleFloat                   // survives as a float
	sampleBool
	sampleTime
	sampleString
	sampleKinds
)

var sampleTypes = [sampleKinds]*types.Type{types.Int, types.Float, types.Bool, types.Time, types.String}

// A sampleColumn is what was seen in a column.
type sampleColumn struct {
	count [sampleKinds]int
	first [sampleKinds]struct {
		line int
		text string
	}
	nulls int
	big   bool // an integer that no float is equal to
}

func (s *sampler) observe(c *sampleColumn, cell cellText) {
	if cell.text == "" || !cell.quoted && slices.Contains(s.Null, cell.text) {
		c.nulls++
		return
	}
	kind := c.kind(cell.text)
	if c.count[kind]++; c.count[kind] == 1 {
		c.first[kind].line, c.first[kind].text = s.line, cell.text
	}
}

func (c *sampleColumn) kind(cell string) sampleKind {
	lit := []byte(cell)
	if v, end := text.Int(lit, 0); end == len(lit) && (v != 0 || lit[0] != '-') {
		c.big = c.big || !text.RoundTrips(lit)
		return sampleInt
	}
	if text.RoundTrips(lit) {
		return sampleFloat
	}
	if strings.EqualFold(cell, "true") || strings.EqualFold(cell, "false") {
		return sampleBool
	}
	if _, ok := text.Time(lit); ok {
		return sampleTime
	}
	return sampleString
}

// typ gives the type of the column and, if few cells made it string, a warning.
func (c *sampleColumn) typ(name string) (t *types.Type, warning string) {
	var kinds []sampleKind
	total, most := 0, sampleString
	for k := range sampleKinds {
		if n := c.count[k]; n > 0 {
			kinds = append(kinds, k)
			total += n
			if n > c.count[most] {
				most = k
			}
		}
	}
	nullable := c.nulls > 0
	switch {
	case len(kinds) == 0:
		return types.String.WithOpt(nullable), ""
	case len(kinds) == 1:
		return sampleTypes[kinds[0]].WithOpt(nullable), ""
	case slices.Equal(kinds, []sampleKind{sampleInt, sampleFloat}) && !c.big:
		return types.Float.WithOpt(nullable), ""
	}
	if most != sampleString && total-c.count[most] <= max(1, total/10) {
		odd := slices.DeleteFunc(kinds, func(k sampleKind) bool { return k == most })[0]
		warning = fmt.Sprintf("column %q is %s but for a few cells, such as %q in line %d; it is read as string",
			name, sampleTypes[most], text.Shorten(c.first[odd].text), c.first[odd].line)
	}
	return types.String.WithOpt(nullable), warning
}
