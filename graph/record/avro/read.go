package avro

import (
	"errors"
	"fmt"
	"io"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
)

// This file reads the rows of blocks.

// A Reader reads the rows of a block. One goroutine may use it.
type Reader struct {
	root  *slot
	arena *record.Arena // with the block; nil: it is used up
	left  int64         // rows
	d     decoder
}

const (
	maxElements = 1 << 24 // of the lists of a batch
	maxNothing  = 1 << 24 // rows of a block that take no bytes
)

var errShort = errors.New("a block has less than its rows: the file is damaged")

// Rows unpacks a block. A nil needed reads all fields.
func (p *Plan) Rows(b *Block, needed []bool) (r *Reader, err error) {
	defer recoverTo(&err)
	root := p.without(needed)
	arena, err := b.unpack()
	if err != nil {
		return nil, err
	}
	if b.rows > int64(max(len(arena.Buf), maxNothing)) {
		arena.Release()
		return nil, fmt.Errorf("a block of %d bytes cannot have %d rows: the file is damaged", len(arena.Buf), b.rows)
	}
	return &Reader{root: root, arena: arena, left: b.rows, d: decoder{b: arena.Buf, short: errShort, damaged: ": the file is damaged"}}, nil
}

// Close gives the memory back that is not in batches. Next does so at the end.
func (r *Reader) Close() {
	if r.arena != nil {
		r.arena.Release()
		r.arena = nil
	}
}

// Next reads rows into b, which is empty, up to most. io.EOF says that there are no more.
func (r *Reader) Next(b *record.Batch, most int) (bad []text.BadRow, err error) {
	defer recoverTo(&err)
	if r.left == 0 || r.arena == nil {
		if r.d.at < len(r.d.b) {
			return nil, errors.New("a block has more than its rows: the file is damaged")
		}
		r.Close()
		return nil, io.EOF
	}
	n := int(min(int64(most), r.left))
	d := &r.d
	d.bads, d.batch, d.extra, d.left = d.bads[:0], b, nil, maxElements
	b.Adopt(r.arena.Retain())
	for _, c := range b.Cols {
		if c != nil {
			c.Resize(n)
		}
	}
	whole := !b.Type.IsRecord()
	for i := range n {
		if d.row = i; whole {
			d.read(r.root, b.Cols[0], i)
		} else {
			d.recordInto(r.root, b.Cols, i)
		}
		if d.err != nil {
			r.Close()
			return nil, d.err
		}
	}
	b.Rows = n
	r.left -= int64(n)
	return d.bads, nil
}
