package text

import (
	"bytes"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
)

// This file reads lines of text.

// Lines reads rows of one field that is text: a row is a line. A line that is not UTF-8 is
// bad.
type Lines struct{}

// Scan reads lines from an offset of src on, as rows of b behind those that it has, up to
// max rows in all. It gives the offset behind them. A bad line ends it.
func (Lines) Scan(src []byte, from int, b *record.Batch, max int) (int, *RowError) {
	for b.Rows < max && from < len(src) {
		end, next := len(src), len(src)
		if i := bytes.IndexByte(src[from:], '\n'); i >= 0 {
			end, next = from+i, from+i+1
		}
		line := bytes.TrimSuffix(src[from:end], []byte{'\r'})
		if !utf8.Valid(line) {
			return next, &RowError{Offset: from, End: next, Reason: "the line is not UTF-8", Raw: string(line)}
		}
		if c := b.Cols[0]; c != nil {
			c.Resize(b.Rows + 1)
			c.Str[b.Rows] = record.View(line)
		}
		b.Rows++
		from = next
	}
	return from, nil
}
