package csv

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// A Dialect says how cells are written.
type Dialect struct {
	Comma   byte     // between cells
	Quote   byte     // around cells, doubled inside them; 0: quotes are text
	Comment byte     // lines that begin with it are no rows; 0: there are none
	Lazy    bool     // a quote inside a cell is text
	Null    []string // words that stand for null, beside nothing at all
}

// Standard is the dialect of RFC 4180.
var Standard = Dialect{Comma: ',', Quote: '"'}

// Check says what is wrong with a dialect.
func (d Dialect) Check() error {
	all := []byte{d.Comma, d.Quote, d.Comment}
	for i, what := range []string{"delimiter", "quote", "comment"} {
		switch c := all[i]; {
		case c == 0 && i == 0:
			return fmt.Errorf("there is no delimiter")
		case c == 0:
		case c == '\n' || c == '\r' || c >= 0x80:
			return fmt.Errorf("%q cannot be a %s: it must be one ASCII character on its line", c, what)
		case slices.Contains(all[:i], c):
			return fmt.Errorf("%q has two meanings: it is the %s too", c, what)
		}
	}
	for _, w := range d.Null {
		if strings.ContainsAny(w, string(all[:2])+"\r\n") {
			return fmt.Errorf("%q cannot stand for null: it would need quotes", w)
		}
	}
	return nil
}

// Split gives the end of the last whole row of src, which begins with a row; 0 if
// it has none. With atEOF the text ends there, and so does its last row.
func (d Dialect) Split(src []byte, atEOF bool) int {
	switch {
	case atEOF:
		return len(src)
	case d.Quote == 0:
		return bytes.LastIndexByte(src, '\n') + 1
	}
	end := 0 // of the last row so far
	for p := 0; ; {
		// Here p is in no quotes; all newlines before p that are in none were seen.
		q := len(src)
		if i := bytes.IndexByte(src[p:], d.Quote); i >= 0 {
			q = p + i
		}
		line := p
		if i := bytes.LastIndexByte(src[p:q], '\n'); i >= 0 {
			line = p + i + 1
			end = line
		}
		if q == len(src) {
			return end
		}
		p = q + 1
		switch {
		case d.Comment != 0 && line == end && src[line] == d.Comment:
			i := bytes.IndexByte(src[q:], '\n')
			if i < 0 {
				return end
			}
			p = q + i
		case d.opens(src, q):
			if p = d.closing(src, p); p < 0 {
				return end
			}
		}
	}
}

// opens reports whether the quote at q is the first byte of a cell. One that
// follows a newline in quotes is not asked about.
func (d Dialect) opens(src []byte, q int) bool {
	return q == 0 || src[q-1] == d.Comma || src[q-1] == '\n'
}

// closing gives the place behind the quote that closes the cell whose content
// begins at p; -1 if src does not tell.
func (d Dialect) closing(src []byte, p int) int {
	for {
		i := bytes.IndexByte(src[p:], d.Quote)
		if i < 0 || p+i+1 == len(src) {
			return -1
		}
		p += i + 1
		switch c := src[p]; {
		case c == d.Quote:
			p++
		case !d.Lazy || c == d.Comma || c == '\n':
			return p
		case c == '\r':
			if p+1 == len(src) {
				return -1
			}
			if src[p+1] == '\n' {
				return p
			}
		}
	}
}

// rowEnd gives the place behind the row at p and its newline. src ends with a newline. A
// quote that is not closed is open: the row is its first line, for what follows was
// hardly meant to stand in it.
func (d Dialect) rowEnd(src []byte, p int) (end int, open bool) {
	for start := p; ; {
		end := lineEnd(src, p)
		if d.Quote == 0 {
			return end, false
		}
		i := bytes.IndexByte(src[p:end], d.Quote)
		if i < 0 {
			return end, false
		}
		q := p + i
		if p = q + 1; q == start || src[q-1] == d.Comma {
			if p = d.closing(src, p); p < 0 {
				return lineEnd(src, start), true
			}
		}
	}
}

// lineEnd gives the place behind the newline that ends the line of p; the end of src if
// there is none.
func lineEnd(src []byte, p int) int {
	if i := bytes.IndexByte(src[p:], '\n'); i >= 0 {
		return p + i + 1
	}
	return len(src)
}

// Long gives the beginning of the first row of src, which begins with a row, that takes
// more than most bytes without its newline; -1 if none does. Of the last row counts
// what src has of it.
func (d Dialect) Long(src []byte, most int) int {
	for p := 0; len(src)-p > most; {
		if d.IsComment(src[p:]) {
			p = lineEnd(src, p)
			continue
		}
		end, open := d.rowEnd(src, p)
		if open || len(bytes.TrimSuffix(src[p:end], []byte{'\n'})) > most {
			return p
		}
		p = end
	}
	return -1
}

// IsComment reports whether the line with which src begins is no row but a comment.
func (d Dialect) IsComment(src []byte) bool {
	return d.Comment != 0 && len(src) > 0 && src[0] == d.Comment
}

// skipped gives the end of the line at p if it is no row: empty, or a comment; p
// itself if it is one.
func (d Dialect) skipped(src []byte, p int) int {
	switch c := src[p]; {
	case c == '\n':
		return p + 1
	case c == '\r' && p+1 < len(src) && src[p+1] == '\n':
		return p + 2
	case c == d.Comment && c != 0:
		return p + bytes.IndexByte(src[p:], '\n') + 1
	}
	return p
}
