package sql

import (
	"context"
	"encoding/binary"
	"io"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is COPY of PostgreSQL: rows are encoded while the server reads those before
// them, in its binary format where every column has one that is known here, else as text.

// copyIn sends rows by COPY.
func (s *postgresSession) copyIn(ctx context.Context, p *plan, parts []part) error {
	columns := strings.Join(p.allNames(), ", ")
	// The types are asked for each time, which also locks the table until the transaction
	// ends: a column that somebody gives another type would take the bytes for what they are
	// not.
	d, err := s.conn.Prepare(ctx, "", "SELECT "+columns+" FROM "+p.quoteTable(p.table), nil)
	if err != nil {
		return s.told(err)
	}
	oids := make([]uint32, len(d.Fields))
	for i, f := range d.Fields {
		oids[i] = f.DataTypeOID
	}
	into := "COPY " + p.quoteTable(p.table) + " (" + columns + ") FROM STDIN"
	writers := p.binaryWriters(oids)
	if writers != nil {
		into += " (FORMAT binary)"
	}
	s.copy.begin(p, writers, parts)
	_, err = s.conn.CopyFrom(ctx, &s.copy, into)
	if unfit := s.copy.end(); unfit != nil && !s.conn.IsClosed() {
		return unfit // and not what the server says of a COPY that was given up
	}
	return s.told(err)
}

// A copier gives rows in a format of COPY. The client reads it in a goroutine of its own,
// which may outlive the call when the connection breaks: it finds no rows then.
type copier struct {
	mu      sync.Mutex
	plan    *plan
	writers []binaryWriter // nil: rows go as text
	parts   []part         // that are left
	row     int            // of the first part, the next
	buf     []byte         // that is written and not read yet
	read    int            // how much of it
	ended   bool           // all is written
	unfit   error          // a value that does not fit its column
}

func (c *copier) begin(p *plan, writers []binaryWriter, parts []part) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plan, c.writers, c.parts, c.row, c.buf, c.read, c.ended, c.unfit = p, writers, parts, 0, c.buf[:0], 0, false, nil
	if writers != nil {
		c.buf = append(c.buf, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...) // no flags, no more header
	}
}

// end makes the copier forget the rows, which are not its own. It gives the error of a value
// that did not fit.
func (c *copier) end() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plan, c.writers, c.parts, c.buf, c.read, c.ended = nil, nil, nil, c.buf[:0], 0, true
	return c.unfit
}

// copyBytes is about how much is encoded at once.
const copyBytes = 64 << 10

// Read implements io.Reader.
func (c *copier) Read(dst []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.read == len(c.buf) && !c.ended {
		c.buf, c.read = c.buf[:0], 0
		c.encode()
	}
	if c.unfit != nil {
		return 0, c.unfit
	}
	if c.read == len(c.buf) {
		return 0, io.EOF
	}
	n := copy(dst, c.buf[c.read:])
	c.read += n
	return n, nil
}

// encode encodes the next rows.
func (c *copier) encode() {
	for len(c.parts) > 0 && len(c.buf) < copyBytes && c.unfit == nil {
		part := c.parts[0]
		if c.row == len(part.rows) {
			c.parts, c.row = c.parts[1:], 0
			continue
		}
		row := int(part.rows[c.row])
		if c.writers == nil {
			c.buf = appendCopyRow(c.buf, c.plan, part.batch, row)
		} else {
			c.buf, c.unfit = appendBinaryRow(c.buf, c.plan, c.writers, part.batch, row)
		}
		c.row++
	}
	if len(c.parts) == 0 {
		c.ended = true
		if c.writers != nil {
			c.buf = append(c.buf, 0xff, 0xff) // a row of -1 columns
		}
	}
}

// appendBinaryRow writes a row in the binary format: how many columns it has, and of each
// its length, -1 for null, and its value.
func appendBinaryRow(dst []byte, p *plan, writers []binaryWriter, b *record.Batch, row int) ([]byte, error) {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(writers)))
	for i, write := range writers {
		column := &p.columns[i]
		col := b.Cols[column.field]
		dst = append(dst, 0xff, 0xff, 0xff, 0xff)
		if isNull(column.t, col, row) {
			continue
		}
		start := len(dst)
		var err error
		if dst, err = write(dst, column, col, row); err != nil {
			return dst, err
		}
		binary.BigEndian.PutUint32(dst[start-4:], uint32(len(dst)-start))
	}
	return dst, nil
}

func appendCopyRow(dst []byte, p *plan, b *record.Batch, row int) []byte {
	for i := range p.columns {
		if i > 0 {
			dst = append(dst, '\t')
		}
		dst = appendCopy(dst, &p.columns[i], b.Cols[p.columns[i].field], row)
	}
	return append(dst, '\n')
}

// appendCopy writes a value in the text format of COPY.
func appendCopy(dst []byte, c *planColumn, col *record.Column, row int) []byte {
	if isNull(c.t, col, row) {
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
