package file

import (
	"cmp"
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/avro"
	"github.com/flowrun/flowrun/graph/record/block"
	"github.com/flowrun/flowrun/graph/record/parquet"
)

// This file writes tables. Rows of Parquet are taken apart on all workers, and packed when there
// are enough for a row group; those of Avro are packed by the workers, if a batch is enough for a
// block.

// settleCodec says how blocks are packed, and reports a compression that the format does not
// have.
func (k *writer) settleCodec(c *graph.Inference) bool {
	if !k.format.isTable() {
		if k.packed == snappy {
			c.List().Add(diag.Conflict, c.Node.At, "%s: snappy packs blocks in parquet and avro, and no file as a whole", c.Node.ID).WithHint("write compress: zstd")
			return false
		}
		return true
	}
	if k.Compress == "" && k.packed != plain {
		c.List().Add(diag.Conflict, k.Path.At, "a %s file is not packed as a whole: its blocks are", k.format).
			WithHint("name the file without the extension of a compression, and write `compress: %s`", k.packed)
		return false
	}
	switch {
	case k.Compress == string(zstandard), k.Compress == "" && k.format == formatParquet:
		k.codec = block.Zstd
	case k.Compress == string(snappy):
		k.codec = block.Snappy
	case k.Compress == string(plain):
		k.codec = block.None
	case k.format == formatParquet:
		k.codec = block.Gzip
	default:
		k.codec = block.Deflate
	}
	k.packed = plain
	return true
}

// largestShreds is how large the rows may be that are taken apart at once, in bytes. A page has
// all of a column of them.
const largestShreds = 64 << 20

// shreds takes a batch apart, in pieces if it is large.
func shreds(s *parquet.Schema, dst []*parquet.Shreds, b *record.Batch) []*parquet.Shreds {
	n := 1
	if b.Bytes() > largestShreds {
		n = 16
	}
	return pieces(s, dst, b, n)
}

// pieces takes a batch apart in n pieces. One that is large for itself is divided again: rows differ,
// and those that share a text in a batch do not in a file.
func pieces(s *parquet.Schema, dst []*parquet.Shreds, b *record.Batch, n int) []*parquet.Shreds {
	for from, step := 0, max(1, b.Len()/n); from < b.Len(); from += step {
		piece := b.Slice(from, min(from+step, b.Len())).(*record.Batch)
		if made := s.Shred(piece); made.Size() <= largestShreds || piece.Len() == 1 {
			dst = append(dst, made)
		} else {
			dst = pieces(s, dst, piece, 2)
		}
		piece.Release()
	}
	return dst
}

// How much of format avro makes a block: of a batch that a worker packs, and of several. A block
// ends behind the row that makes it as large as largestBlock, for readers hold a block whole.
const (
	wholeBlock   = 32 << 10
	fullBlock    = 64 << 10
	largestBlock = 1 << 20
)

// encodeAvro makes blocks of a batch. Rows at its end that are too few for one stay loose.
func (k *writer) encodeAvro(p *part, b *record.Batch) {
	p.text, p.loose, p.few = p.text[:0], p.loose[:0], 0
	for row := 0; row < b.Len(); {
		from := row
		if p.loose, row = k.avro.AppendRows(p.loose, b, from, largestBlock); len(p.loose) < wholeBlock {
			p.few = row - from
			return
		}
		p.text, p.loose = k.avro.AppendBlock(p.text, p.loose, row-from), p.loose[:0]
	}
}

// Loose rows wait until there are enough of them for a block.
type looseRows struct {
	avro *avro.Encoder
	raw  []byte
	rows int
}

// together makes a block of loose rows.
func (t *target) together() error {
	if t.loose.rows == 0 {
		return nil
	}
	text := t.loose.avro.AppendBlock(nil, t.loose.raw, t.loose.rows)
	t.loose.raw, t.loose.rows = t.loose.raw[:0], 0
	return t.write(text, 0)
}

// tabulate puts what writes a table before a target.
func (o *writeOp) tabulate(t *target) {
	t.loose.avro = o.k.avro
	if o.k.format != formatParquet {
		return
	}
	options := parquet.Options{Codec: o.k.codec}
	if o.limits.Bytes > 0 {
		options.GroupSize = max(min(int(o.limits.Bytes), largestShreds), leastGroup)
	}
	t.table = parquet.NewWriter(t.packed, o.k.schema, options)
}

// leastGroup is how large a row group is at least, in bytes before they are packed: smaller ones
// would be mostly heads.
const leastGroup = 64 << 10

// addTable adds rows to a table.
func (o *writeOp) addTable(t *target, p *part) error {
	if err := o.addShreds(t, p.table); err != nil {
		return err
	}
	if len(p.text) > 0 {
		if err := t.together(); err != nil {
			return err
		}
		if err := t.write(p.text, 0); err != nil {
			return err
		}
	}
	t.rows += int64(p.rows)
	t.fresh += int64(p.rows)
	if len(p.loose) == 0 {
		return nil
	}
	t.loose.raw, t.loose.rows = append(t.loose.raw, p.loose...), t.loose.rows+p.few
	if len(t.loose.raw) < fullBlock {
		return nil
	}
	return t.together()
}

// mostPending is how much memory rows of Parquet may take that wait for their row groups, in all
// files together.
const mostPending = 128 << 20

// addShreds adds rows to a Parquet file. Where there are many files, the one with the most rows
// writes a row group early.
func (o *writeOp) addShreds(t *target, table []*parquet.Shreds) error {
	for i, s := range table {
		table[i] = nil
		before := t.table.Pending()
		err := t.table.Add(s)
		if o.pending += t.table.Pending() - before; err != nil {
			t.broken = true
			return t.wrong(err)
		}
	}
	if o.pending < mostPending {
		return nil
	}
	largest := slices.MaxFunc(o.order, func(a, b *target) int { return cmp.Compare(a.waiting(), b.waiting()) })
	o.pending -= largest.waiting()
	if err := largest.table.Flush(); err != nil {
		largest.broken = true
		return largest.wrong(err)
	}
	return nil
}

// waiting is the memory of rows that wait for their row group.
func (t *target) waiting() int {
	if t.table == nil || t.ended {
		return 0
	}
	return t.table.Pending()
}

// closeTable writes what is left of a table.
func (t *target) closeTable() error {
	if err := t.together(); err != nil || t.table == nil {
		return err
	}
	return t.table.Close()
}
