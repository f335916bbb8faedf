package parquet

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/bits"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/block"
)

// This file makes the pages of a column of a row group.

// How large pages and dictionaries are.
const (
	pageEntries   = 20_000
	pageBytes     = 1 << 20
	dictEntries   = 1 << 16
	dictBytes     = 1 << 20
	dictTried     = 4096 // values after which a dictionary must have been worth it
	longestBounds = 64   // bytes of a text that stands in statistics
)

// A madeChunk is a column of a row group, ready to be written.
type madeChunk struct {
	pages      []byte
	dictionary int // bytes of its page; 0: there is none
	meta       format.ColumnMetaData
}

// A chunkWriter makes one.
type chunkWriter struct {
	n       *node
	codec   block.Codec
	out     bytes.Buffer
	raw     int64
	scratch []byte
	packed  []byte
}

// formatCodecs are the codecs as files name them.
var formatCodecs = map[block.Codec]format.CompressionCodec{
	block.None: format.Uncompressed, block.Snappy: format.Snappy, block.Gzip: format.Gzip, block.Zstd: format.Zstd,
}

// chunk makes the column of a leaf of what is pending.
func (w *Writer) chunk(leaf int) *madeChunk {
	n := w.schema.leaves[leaf]
	parts := make([]*shred, len(w.pending))
	for i, p := range w.pending {
		parts[i] = &p.leaves[leaf]
	}
	c := &chunkWriter{n: n, codec: w.o.Codec}
	m := &madeChunk{}
	m.meta = format.ColumnMetaData{Type: n.typ, Codec: formatCodecs[w.o.Codec], Encoding: []format.Encoding{format.RLE, format.Plain}}
	index := c.dictionary(parts)
	if index != nil {
		m.dictionary = c.out.Len()
		m.meta.Encoding = []format.Encoding{format.RLE, format.Plain, format.RLEDictionary}
	}
	var s bounds
	for i := 0; i < len(parts); {
		// A page is whole parts: they are batches, of 1,024 rows at most.
		entries, size, j := 0, 0, i
		for ; j < len(parts) && (j == i || entries < pageEntries && size < pageBytes); j++ {
			entries += parts[j].entries(w.pending[j].rows)
			size += parts[j].bytes()
		}
		c.page(parts[i:j], entries, index)
		m.meta.NumValues += int64(entries)
		i = j
	}
	for _, p := range parts {
		s.add(n, p)
	}
	m.meta.Statistics = s.statistics(n, m.meta.NumValues)
	m.pages = c.out.Bytes()
	m.meta.TotalCompressedSize, m.meta.TotalUncompressedSize = int64(c.out.Len()), c.raw
	return m
}

func (l *shred) entries(rows int) int {
	if l.reps != nil {
		return len(l.reps)
	}
	return rows
}

func (l *shred) bytes() int {
	return 8*len(l.ints) + 8*len(l.floats) + len(l.text) + 4*len(l.ends)
}

func (l *shred) values() int { return len(l.ints) + len(l.floats) + len(l.bools) + len(l.ends) }

// write writes a page behind its head.
func (c *chunkWriter) write(h *format.PageHeader, page []byte) {
	h.UncompressedPageSize = int32(len(page))
	packed := page
	if c.codec != block.None {
		c.packed = block.Pack(c.packed[:0], page, c.codec)
		packed = c.packed
	}
	h.CompressedPageSize = int32(len(packed))
	h.CRC = int32(crc32.ChecksumIEEE(packed))
	before := c.out.Len()
	head(&c.out, h)
	c.raw += int64(c.out.Len()-before) + int64(len(page))
	c.out.Write(packed)
}

// An index says where in the dictionary each value of a chunk is; nil: there is none.
type index struct {
	of    []uint32
	next  int
	width int
}

// dictionary writes one, if the values repeat.
func (c *chunkWriter) dictionary(parts []*shred) *index {
	total := 0
	for _, p := range parts {
		total += p.values()
	}
	if total == 0 || c.n.typ == format.Boolean {
		return nil
	}
	d := &dictWriter{ix: &index{of: make([]uint32, 0, total)}, page: c.scratch[:0], small: c.n.typ == format.Int32}
	add := d.numbers
	if c.n.typ == format.ByteArray {
		add = d.texts
	}
	for _, p := range parts {
		if add(p); !d.worth() {
			break
		}
	}
	c.scratch = d.page
	if !d.worth() || 2*d.n > total && total > 16 {
		return nil
	}
	d.ix.width = max(bits.Len(uint(d.n-1)), 1) // some readers want a bit for one value too
	c.write(&format.PageHeader{Type: format.DictionaryPage, DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(d.n), Encoding: format.Plain})}, d.page)
	return d.ix
}

// A dictWriter finds the values that differ.
type dictWriter struct {
	ix       *index
	n        int // values that differ
	page     []byte
	small    bool // numbers have 32 bits
	ofText   map[string]uint32
	ofNumber map[uint64]uint32
}

// worth reports whether the values repeat often enough, as far as they were seen.
func (d *dictWriter) worth() bool {
	return d.n <= dictEntries && len(d.page) <= dictBytes && (len(d.ix.of) < dictTried || 2*d.n <= len(d.ix.of))
}

func (d *dictWriter) texts(p *shred) {
	if d.ofText == nil {
		d.ofText = map[string]uint32{}
	}
	from := int32(0)
	for _, end := range p.ends {
		text := record.View(p.text[from:end])
		from = end
		at, had := d.ofText[text]
		if !had {
			at = uint32(d.n)
			d.n++
			d.ofText[text] = at
			d.page = append(binary.LittleEndian.AppendUint32(d.page, uint32(len(text))), text...)
		}
		d.ix.of = append(d.ix.of, at)
	}
}

func (d *dictWriter) numbers(p *shred) {
	if d.ofNumber == nil {
		d.ofNumber = map[uint64]uint32{}
	}
	for _, v := range p.ints {
		d.number(uint64(v))
	}
	for _, f := range p.floats {
		d.number(math.Float64bits(f))
	}
}

func (d *dictWriter) number(v uint64) {
	at, had := d.ofNumber[v]
	if !had {
		at = uint32(d.n)
		d.n++
		d.ofNumber[v] = at
		if d.small {
			d.page = binary.LittleEndian.AppendUint32(d.page, uint32(v))
		} else {
			d.page = binary.LittleEndian.AppendUint64(d.page, v)
		}
	}
	d.ix.of = append(d.ix.of, at)
}

// page writes a data page.
func (c *chunkWriter) page(parts []*shred, entries int, ix *index) {
	page := c.scratch[:0]
	levels := func(most int, of func(*shred) []uint8) {
		if most == 0 {
			return
		}
		at := len(page)
		page = append(page, 0, 0, 0, 0)
		var all []uint8
		for _, p := range parts {
			all = append(all, of(p)...)
		}
		page = appendHybrid(page, all, width(most))
		binary.LittleEndian.PutUint32(page[at:], uint32(len(page)-at-4))
	}
	levels(c.n.rep, func(p *shred) []uint8 { return p.reps })
	levels(c.n.def, func(p *shred) []uint8 { return p.defs })
	encoding := format.Plain
	if ix != nil {
		encoding = format.RLEDictionary
		n := 0
		for _, p := range parts {
			n += p.values()
		}
		page = append(page, byte(ix.width))
		page = appendHybrid(page, ix.of[ix.next:ix.next+n], ix.width)
		ix.next += n
	} else {
		page = c.plain(page, parts)
	}
	c.scratch = page
	c.write(&format.PageHeader{Type: format.DataPage, DataPageHeader: thrift.New(format.DataPageHeader{
		NumValues: int32(entries), Encoding: encoding, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE,
	})}, page)
}

// plain writes values one after the other.
func (c *chunkWriter) plain(page []byte, parts []*shred) []byte {
	bit := 0
	for _, p := range parts {
		if c.n.typ == format.Int32 {
			for _, v := range p.ints {
				page = binary.LittleEndian.AppendUint32(page, uint32(v))
			}
		} else {
			for _, v := range p.ints {
				page = binary.LittleEndian.AppendUint64(page, uint64(v))
			}
		}
		for _, f := range p.floats {
			page = binary.LittleEndian.AppendUint64(page, math.Float64bits(f))
		}
		for _, b := range p.bools {
			if bit&7 == 0 {
				page = append(page, 0)
			}
			if b {
				page[len(page)-1] |= 1 << (bit & 7)
			}
			bit++
		}
		from := int32(0)
		for _, end := range p.ends {
			page = binary.LittleEndian.AppendUint32(page, uint32(end-from))
			page = append(page, p.text[from:end]...)
			from = end
		}
	}
	return page
}

// appendHybrid writes integers as runs, and in groups of eight where they do not repeat.
func appendHybrid[T uint8 | uint32](dst []byte, v []T, width int) []byte {
	run := func(i int) int {
		n := 1
		for i+n < len(v) && v[i+n] == v[i] {
			n++
		}
		return n
	}
	for i := 0; i < len(v); {
		if n := run(i); n >= 8 {
			dst = binary.AppendUvarint(dst, uint64(n)<<1)
			for k := 0; k < width; k += 8 {
				dst = append(dst, byte(uint32(v[i])>>k))
			}
			i += n
			continue
		}
		j := i + 8
		for j < len(v) && run(j) < 8 {
			j += 8
		}
		groups := (j - i) / 8
		dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
		var acc uint64
		filled := 0
		for k := range groups * 8 {
			if i+k < len(v) {
				acc |= uint64(v[i+k]) << filled
			}
			for filled += width; filled >= 8; filled -= 8 {
				dst = append(dst, byte(acc))
				acc >>= 8
			}
		}
		i = min(j, len(v))
	}
	return dst
}
