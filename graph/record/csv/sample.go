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

// A Sampler finds the type of the rows it is shown: for each column the narrowest of
// int, float, bool, time, date and string that has all its cells and gives back what they
// say. So 00501 and numbers that a float cannot tell apart are strings. Columns with an
// empty cell or a word of Dialect.Null get `?`, and so do those that not every file has;
// a quoted empty cell is no null in a column of strings.
// Times are RFC 3339 in UTC, dates 2006-01-02. A column with another offset is a string,
// for a time keeps none.
//
// A column that would be something else but for a few cells is a string with a
// warning. Rows that are bad are left out.
type Sampler struct {
	lexer
	line    int // of the row, in the text that is shown
	at      func(line int) string
	rows    int
	columns []*sampleColumn // in the order in which they were met
	byName  map[string]*sampleColumn
}

// NewSampler gives a sampler that has seen nothing.
func NewSampler(d Dialect) *Sampler {
	return &Sampler{lexer: lexer{Dialect: d, alloc: func(n int) []byte { return make([]byte, n) }}, byName: map[string]*sampleColumn{}}
}

// Rows is how many rows were seen, without bad ones.
func (s *Sampler) Rows() int { return s.rows }

// Add looks at the rows of src, which are whole and have the named columns. at names
// the place of a line of src, counted from 1, for warnings: it stands behind "in".
func (s *Sampler) Add(src []byte, names []string, at func(line int) string) {
	s.src, s.line, s.at = ended(src), 1, at
	columns := s.named(names)
	before := s.rows
	for p := 0; p < len(s.src); {
		end := s.skipped(s.src, p)
		if end > p && len(columns) == 1 && !s.IsComment(s.src[p:]) {
			columns[0].blanks++
		}
		if end == p {
			var cells []cellText
			if cells, end = s.cells(p); end < 0 {
				end, _ = s.rowEnd(s.src, p)
			}
			if len(cells) == len(columns) {
				s.rows++
				for i, c := range cells {
					s.observe(columns[i], c)
				}
			}
		}
		s.line += bytes.Count(s.src[p:end], []byte{'\n'})
		p = end
	}
	for _, c := range columns {
		c.in += s.rows - before
	}
	s.src, s.at = nil, nil
}

// named gives the columns of a file, and adds those that were not there yet.
func (s *Sampler) named(names []string) []*sampleColumn {
	columns := make([]*sampleColumn, len(names))
	for i, name := range names {
		if s.byName[name] == nil {
			s.byName[name] = &sampleColumn{name: name}
			s.columns = append(s.columns, s.byName[name])
		}
		columns[i] = s.byName[name]
	}
	return columns
}

// Fits reports whether the rows of src, which may begin within one, all have the named
// columns: then it does begin with a row, as far as a look can tell.
func (s *Sampler) Fits(src []byte, names []string) bool {
	s.src = ended(src)
	defer func() { s.src, s.reason = nil, "" }()
	for p := 0; p < len(s.src); {
		end := s.skipped(s.src, p)
		if end == p {
			var cells []cellText
			if cells, end = s.cells(p); len(cells) != len(names) {
				return false
			}
		}
		p = end
	}
	return true
}

// Type gives the type of the rows seen so far, whose fields have the names of the
// columns and get the origin.
func (s *Sampler) Type(origin types.Origin) (t *types.Type, warnings []string) {
	var fields []types.Field
	for _, c := range s.columns {
		t, warning := c.typ()
		fields = append(fields, types.Field{Name: c.name, Type: t.WithOpt(c.in < s.rows), Origin: origin})
		if warning != "" {
			warnings = append(warnings, warning)
		}
	}
	return types.Record(fields...), warnings
}

// A kind of cell, as samples tell them apart.
type sampleKind uint8

const (
	sampleInt   sampleKind = iota // 64 bits
	sampleFloat                   // survives as a float
	sampleBool
	sampleTime // of UTC, for a time keeps no other offset
	sampleDate
	sampleString
	sampleKinds
)

var sampleTypes = [sampleKinds]*types.Type{types.Int, types.Float, types.Bool, types.Time, types.Date, types.String}

// A sampleColumn is what was seen in a column.
type sampleColumn struct {
	name  string
	in    int // rows of files that have it
	count [sampleKinds]int
	first [sampleKinds]struct{ at, text string }
	nulls int
	empty int // in quotes: of a text they are empty, of all else null
	// Empty lines in files with no other column: they are null in a text, and in the
	// rest no rows.
	blanks int
	big    bool // an integer that no float is equal to
	loose  int  // texts that are numbers in another way of writing
}

func (s *Sampler) observe(c *sampleColumn, cell cellText) {
	switch {
	case cell.quoted && cell.text == "":
		c.empty++
		return
	case cell.text == "" || !cell.quoted && slices.Contains(s.Null, cell.text):
		c.nulls++
		return
	}
	kind := c.kind(cell.text)
	if kind == sampleString {
		if n, ok := text.AppendLoose(nil, []byte(cell.text)); ok && text.RoundTrips(n) {
			c.loose++
		}
	}
	if c.count[kind]++; c.count[kind] == 1 {
		c.first[kind].at, c.first[kind].text = s.at(s.line), cell.text
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
	if text.IsUTC(lit) {
		return sampleTime
	}
	if _, ok := text.Date(lit); ok {
		return sampleDate
	}
	return sampleString
}

// typ gives the type of the column and, if few cells made it string, a warning.
func (c *sampleColumn) typ() (t *types.Type, warning string) {
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
	str := types.String.WithOpt(c.nulls > 0 || c.blanks > 0)
	nullable := c.nulls > 0 || c.empty > 0
	switch {
	case len(kinds) == 0, len(kinds) == 1 && kinds[0] == sampleString && !c.onlyNumbers():
		return str, ""
	case len(kinds) == 1 && kinds[0] != sampleString:
		return sampleTypes[kinds[0]].WithOpt(nullable), ""
	case slices.Equal(kinds, []sampleKind{sampleInt, sampleFloat}) && !c.big:
		return types.Float.WithOpt(nullable), ""
	}
	if c.onlyNumbers() {
		return str, c.looseWarning()
	}
	if most != sampleString && total-c.count[most] <= max(1, total/10) {
		odd := slices.DeleteFunc(kinds, func(k sampleKind) bool { return k == most })[0]
		warning = fmt.Sprintf("column %q is %s but for a few cells, such as %q in %s; it is read as string",
			c.name, sampleTypes[most], text.Shorten(c.first[odd].text), c.first[odd].at)
	}
	return str, warning
}

// onlyNumbers reports whether all cells are numbers, and some of them written in a way
// that a sample does not take for one.
func (c *sampleColumn) onlyNumbers() bool {
	others := 0
	for k, n := range c.count {
		if k := sampleKind(k); k != sampleInt && k != sampleFloat && k != sampleString {
			others += n
		}
	}
	return c.loose > 0 && c.loose == c.count[sampleString] && others == 0
}

func (c *sampleColumn) looseWarning() string {
	return fmt.Sprintf("column %q has numbers in another way of writing, such as %q in %s; it is read as string, and as numbers if it is declared as float or int",
		c.name, text.Shorten(c.first[sampleString].text), c.first[sampleString].at)
}
