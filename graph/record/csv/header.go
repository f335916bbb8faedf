package csv

import (
	"errors"
	"fmt"
	"strings"
)

// This file reads the first row of a file: the names of the columns.

// ErrNoHeader is that of a file in which nothing stands but comments and empty lines.
var ErrNoHeader = errors.New("the file is empty: it has no header")

// Header reads the first row of a file. next is where the rows begin. A column
// without a name becomes column_1, by its place; a name that was there before gets
// the first of _2, _3, … that makes it new.
func (d Dialect) Header(src []byte) (names []string, next int, err error) {
	if err := d.Check(); err != nil {
		return nil, 0, err
	}
	l := &lexer{Dialect: d, src: ended(src), alloc: func(n int) []byte { return make([]byte, n) }}
	p := 0
	for p < len(l.src) {
		end := d.skipped(l.src, p)
		if end == p {
			break
		}
		p = end
	}
	if p == len(l.src) {
		return nil, 0, ErrNoHeader
	}
	cells, next := l.cells(p)
	if next < 0 {
		return nil, 0, fmt.Errorf("the header: %s", l.reason)
	}
	taken := map[string]bool{}
	for i, c := range cells {
		name := c.text
		if name == "" {
			name = fmt.Sprintf("column_%d", i+1)
		}
		first := name
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s_%d", first, n)
		}
		taken[name] = true
		names = append(names, name)
	}
	return names, min(next, len(src)), nil
}

// delimiters are what separates cells in files that are called csv.
const delimiters = ",;\t|"

// OtherDelimiter gives the delimiter that the one column of a header seems to be written
// with; 0 if it seems to be one column.
func (d Dialect) OtherDelimiter(names []string) byte {
	if len(names) != 1 {
		return 0
	}
	most, found := 0, byte(0)
	for _, c := range []byte(delimiters) {
		if n := strings.Count(names[0], string(c)); c != d.Comma && n > most {
			most, found = n, c
		}
	}
	return found
}

// A cellText is a cell that was copied.
type cellText struct {
	text   string
	quoted bool
}

// cells reads the row at p, or the rest of it.
func (l *lexer) cells(p int) (cells []cellText, end int) {
	for {
		content, quoted, end := l.cell(p)
		if end < 0 {
			return nil, -1
		}
		cells = append(cells, cellText{string(content), quoted})
		if p = end + 1; l.src[end] == '\n' {
			return cells, p
		}
	}
}

// ColumnNames gives names for the columns of a file without a header, from its
// first row: column_1, column_2 and so on.
func (d Dialect) ColumnNames(src []byte) ([]string, error) {
	names, _, err := d.Header(src)
	for i := range names {
		names[i] = fmt.Sprintf("column_%d", i+1)
	}
	return names, err
}
