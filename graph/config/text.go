package config

import (
	"bytes"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/diag"
)

// A text is a source while it is parsed. It translates between the places of
// yaml.v3 (line and column, where a lone carriage return ends a line too), byte
// offsets, in which everything here reckons, and the places of diag.
type text struct {
	src  *diag.Source
	body []byte // src.Text without a byte order mark; offsets count in here

	lines []int // where each line starts, as yaml.v3 counts lines
	rows  []int // where each line starts, as diag counts lines

	// Cursors, which keep a large text on one line linear. They move, so a text
	// that several goroutines may use is copied first.
	near  struct{ line, col, at int } // the last place that offset found
	close struct{ row, col, at int }  // the last place that place counted to
}

var byteOrderMark = []byte("\uFEFF")

func newText(src *diag.Source) *text {
	t := &text{src: src, body: bytes.TrimPrefix(src.Text, byteOrderMark), lines: []int{0}, rows: []int{0}}
	for i, c := range t.body {
		switch {
		case c == '\n':
			t.lines, t.rows = append(t.lines, i+1), append(t.rows, i+1)
		case c == '\r' && (i+1 == len(t.body) || t.body[i+1] != '\n'):
			t.lines = append(t.lines, i+1)
		}
	}
	return t
}

// offset gives the byte at which a place of yaml.v3 stands. Places on one line
// asked for from left to right cost together no more than the line.
func (t *text) offset(line, col int) int {
	if line < 1 || line > len(t.lines) {
		return len(t.body)
	}
	if t.near.line != line || t.near.col > col {
		t.near.line, t.near.col, t.near.at = line, 1, t.lines[line-1]
	}
	for t.near.col < col && t.near.at < len(t.body) {
		_, size := utf8.DecodeRune(t.body[t.near.at:])
		t.near.at += size
		t.near.col++
	}
	return t.near.at
}

// place gives the line and column of diag for a byte.
func (t *text) place(at int) (row, col int) {
	row = t.row(at)
	if t.close.row != row || t.close.at > at {
		t.close.row, t.close.col, t.close.at = row, 1, t.rows[row-1]
		if row == 1 && len(t.body) < len(t.src.Text) {
			t.close.col = 2 // the byte order mark is a character of the first line
		}
	}
	t.close.col += utf8.RuneCount(t.body[t.close.at:at])
	t.close.at = at
	return row, t.close.col
}

// row finds the line of a byte, from 1.
func (t *text) row(at int) int {
	low, high := 0, len(t.rows)
	for high-low > 1 {
		if mid := (low + high) / 2; t.rows[mid] <= at {
			low = mid
		} else {
			high = mid
		}
	}
	return low + 1
}

// span gives the stretch from one byte to another, cut at the end of the first
// line.
func (t *text) span(from, to int) diag.Span {
	from = min(max(from, 0), len(t.body))
	row, col := t.place(from)
	to = max(from, min(to, t.rowEnd(row)))
	return diag.Span{Source: t.src, Line: row, Col: col, Width: utf8.RuneCount(t.body[from:to])}
}

// rowEnd is the end of the text on a line, without blanks and the line end.
func (t *text) rowEnd(row int) int {
	start, end := t.rows[row-1], len(t.body)
	if row < len(t.rows) {
		end = t.rows[row]
	}
	return start + len(bytes.TrimRight(t.body[start:end], " \t\r\n"))
}

// lineBreak gives the length of the line end at a byte, 0 if there is none.
func lineBreak(b []byte, at int) int {
	switch {
	case at >= len(b):
		return 0
	case b[at] == '\n':
		return 1
	case b[at] == '\r' && at+1 < len(b) && b[at+1] == '\n':
		return 2
	case b[at] == '\r':
		return 1
	}
	return 0
}

// lineEnd gives the byte at which the line of a byte ends.
func lineEnd(b []byte, at int) int {
	if i := bytes.IndexAny(b[at:], "\r\n"); i >= 0 {
		return at + i
	}
	return len(b)
}

// nextLine gives the byte after the line end that follows a byte.
func nextLine(b []byte, at int) int {
	end := lineEnd(b, at)
	return end + lineBreak(b, end)
}

func isBlank(b []byte, at int) bool { return at < len(b) && (b[at] == ' ' || b[at] == '\t') }

// isGap reports whether a byte is a blank, a line end or behind the text.
func isGap(b []byte, at int) bool {
	return at >= len(b) || isBlank(b, at) || b[at] == '\n' || b[at] == '\r'
}

func skipBlanks(b []byte, at int) int {
	for isBlank(b, at) {
		at++
	}
	return at
}

// skipGaps passes blanks, line ends and comments.
func skipGaps(b []byte, at int) int {
	for at < len(b) {
		switch {
		case isGap(b, at):
			at++
		case b[at] == '#' && (at == 0 || isGap(b, at-1)):
			at = lineEnd(b, at)
		default:
			return at
		}
	}
	return at
}

// readable refuses what no YAML parser could read, with its place.
func (t *text) readable(list *diag.List) bool {
	whole := diag.Span{Source: t.src}
	switch raw := t.src.Text; {
	case len(raw) > MaxBytes:
		list.Add(diag.TooLarge, whole, "the text has %d bytes; at most %d are read", len(raw), MaxBytes)
		return false
	case bytes.HasPrefix(raw, []byte{0xFF, 0xFE}), bytes.HasPrefix(raw, []byte{0xFE, 0xFF}), len(raw) > 1 && (raw[0] == 0) != (raw[1] == 0):
		list.Add(diag.BadYAML, whole, "the text is UTF-16").WithHint("save it as UTF-8")
		return false
	}
	for at := 0; at < len(t.body); {
		r, size := utf8.DecodeRune(t.body[at:])
		switch {
		case r == utf8.RuneError && size == 1:
			list.Add(diag.BadYAML, t.span(at, at+1), "byte 0x%02X is not UTF-8", t.body[at]).WithHint("save the text as UTF-8")
			return false
		case !printable(r):
			list.Add(diag.BadYAML, t.span(at, at+size), "the control character U+%04X is not allowed in YAML", r).
				WithHint(`remove it, or write "\u%04X" in double quotes`, r)
			return false
		}
		at += size
	}
	return true
}
