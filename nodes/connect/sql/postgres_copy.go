package sql

import (
	"context"
	"io"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is COPY of PostgreSQL: rows become text while the server reads those before
// them.

// copyIn sends rows by COPY.
func (s *postgresSession) copyIn(ctx context.Context, p *plan, parts []part) error {
	s.copy.begin(p, parts)
	_, err := s.conn.CopyFrom(ctx, &s.copy, "COPY "+p.quoteTable(p.table)+" ("+strings.Join(p.allNames(), ", ")+") FROM STDIN")
	s.copy.end()
	return s.told(err)
}

// A copier gives rows in the text format of COPY. The client reads it in a goroutine of its
// own, which may outlive the call when the connection breaks: it finds no rows then.
type copier struct {
	mu    sync.Mutex
	plan  *plan
	parts []part // that are left; nil: there is no more
	row   int    // of the first part, the next
	text  []byte // that is written and not read yet
	read  int    // how much of it
}

func (c *copier) begin(p *plan, parts []part) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plan, c.parts, c.row, c.text, c.read = p, parts, 0, c.text[:0], 0
}

// end makes the copier forget the rows, which are not its own.
func (c *copier) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plan, c.parts, c.text, c.read = nil, nil, c.text[:0], 0
}

// copyText is how much text is written at once.
const copyText = 64 << 10

// Read implements io.Reader.
func (c *copier) Read(dst []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.read == len(c.text) {
		c.write()
	}
	if len(c.text) == 0 {
		return 0, io.EOF
	}
	n := copy(dst, c.text[c.read:])
	c.read += n
	return n, nil
}

// write writes the next rows.
func (c *copier) write() {
	dst := c.text[:0]
	for len(c.parts) > 0 && len(dst) < copyText {
		part := c.parts[0]
		if c.row == len(part.rows) {
			c.parts, c.row = c.parts[1:], 0
			continue
		}
		row := int(part.rows[c.row])
		for i := range c.plan.columns {
			if i > 0 {
				dst = append(dst, '\t')
			}
			dst = appendCopy(dst, &c.plan.columns[i], part.batch.Cols[c.plan.columns[i].field], row)
		}
		dst = append(dst, '\n')
		c.row++
	}
	c.text, c.read = dst, 0
}

// appendCopy writes a value in the text format of COPY.
func appendCopy(dst []byte, c *planColumn, col *record.Column, row int) []byte {
	if col == nil || col.IsNull(row) || c.t.Kind == types.KindAny && col.Str[row] == "null" {
		return append(dst, '\\', 'N')
	}
	start := len(dst)
	dst = appendText(dst, postgres, c.t, col, row, c.array)
	switch c.t.Kind {
	case types.KindBool, types.KindInt, types.KindFloat, types.KindDecimal, types.KindTime, types.KindDate, types.KindDuration:
		return dst
	}
	return escapeCopy(dst, start)
}

// escapeCopy escapes what stands from start on.
func escapeCopy(dst []byte, start int) []byte {
	extra := 0
	for _, c := range dst[start:] {
		if c == '\\' || c == '\t' || c == '\n' || c == '\r' {
			extra++
		}
	}
	if extra == 0 {
		return dst
	}
	from := len(dst) - 1
	dst = append(dst, make([]byte, extra)...)
	for to := len(dst) - 1; to > from; from-- {
		c := dst[from]
		switch c {
		case '\\':
		case '\t':
			c = 't'
		case '\n':
			c = 'n'
		case '\r':
			c = 'r'
		default:
			dst[to] = c
			to--
			continue
		}
		dst[to], dst[to-1] = c, '\\'
		to -= 2
	}
	return dst
}
