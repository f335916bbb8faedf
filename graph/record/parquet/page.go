package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/parquet-go/parquet-go/format"

	"github.com/flowrun/flowrun/graph/record/block"
)

// This file reads the pages of a column of a row group, one after the other.

const (
	maxPage     = block.Max
	maxHead     = 64 << 10 // of the head of a page, which may have statistics
	firstHead   = 256
	maxReader   = 1 << 30 // of the pages and dictionaries that a Reader holds
	maxDelta    = 1 << 24 // values of a page of texts that is written as differences
	maxDictSize = 1 << 26 // entries of a dictionary
)

// codecs are the packs that can be read.
var codecs = map[format.CompressionCodec]block.Codec{
	format.Uncompressed: block.None, format.Snappy: block.Snappy, format.Gzip: block.Gzip, format.Zstd: block.Zstd, format.Lz4Raw: block.LZ4, lz4: block.LZ4Hadoop,
}

// What the library calls deprecated, and files have: the older of two codecs of a name, and an
// encoding that is a dictionary where a page of values has it, and plain in a dictionary.
const (
	lz4             format.CompressionCodec = 5
	plainDictionary format.Encoding         = 2
)

// A pageHead is what stands before a page.
type pageHead struct {
	typ      format.PageType
	raw      int // bytes without compression
	packed   int // bytes in the file
	crc      uint32
	hasCRC   bool
	values   int
	rows     int // -1: it does not say
	encoding format.Encoding
	defBytes int // of data pages of version 2
	repBytes int
	plain    bool // the values of such a page are not packed
	defs     format.Encoding
	reps     format.Encoding
}

func (r *thriftReader) pageHead() (h pageHead) {
	h = pageHead{typ: -1, raw: -1, packed: -1, values: -1, rows: -1, defs: format.RLE, reps: format.RLE}
	size := func() int {
		n := r.int32()
		if n < 0 {
			r.fail(errThrift)
		}
		return int(n)
	}
	r.fields(func(id int, typ byte) {
		switch {
		case id == 1:
			h.typ = format.PageType(r.int32())
		case id == 2:
			h.raw = size()
		case id == 3:
			h.packed = size()
		case id == 4:
			h.crc, h.hasCRC = uint32(r.int32()), true
		case (id == 5 || id == 7) && typ == thriftStruct:
			r.fields(func(id int, typ byte) {
				switch id {
				case 1:
					h.values = size()
				case 2:
					h.encoding = format.Encoding(r.int32())
				case 3:
					if typ != thriftI32 { // of a dictionary: whether it is in order
						r.skip(typ)
						return
					}
					h.defs = format.Encoding(r.int32())
				case 4:
					h.reps = format.Encoding(r.int32())
				default:
					r.skip(typ)
				}
			})
		case id == 8 && typ == thriftStruct:
			r.fields(func(id int, typ byte) {
				switch id {
				case 1:
					h.values = size()
				case 3:
					h.rows = size()
				case 4:
					h.encoding = format.Encoding(r.int32())
				case 5:
					h.defBytes = size()
				case 6:
					h.repBytes = size()
				case 7:
					h.plain = typ == thriftFalse
				default:
					r.skip(typ)
				}
			})
		default:
			r.skip(typ)
		}
	})
	if r.err == nil && (h.typ < 0 || h.raw < 0 || h.packed < 0 || h.typ != format.IndexPage && h.values < 0) {
		r.fail(errThrift)
	}
	return h
}

// A leafReader reads the entries of a column of a row group: levels, and the values that are
// there.
type leafReader struct {
	f     *File
	plan  *leafPlan
	codec block.Codec
	next  int64 // of the next page, in the file
	end   int64
	left  int64  // entries in the pages that were not begun
	used  *int64 // bytes that the pages of a Reader take

	head   []byte
	packed []byte
	page   []byte

	in         int // entries of the page that were not read
	reps, defs hybrid
	values     values
	dict       *dictionary

	bads []badValue // of the last fill
	ints []int64    // for values of another form
	strs []string
	idx  []uint32
}

// A badValue is one that cannot be what its type says.
type badValue struct {
	i      int // among those of a fill
	reason string
}

func newLeafReader(f *File, p *leafPlan, c chunk, used *int64) (*leafReader, error) {
	codec, ok := codecs[c.codec]
	if !ok {
		return nil, fmt.Errorf("column %q is packed with %s, which flowrun cannot read: write the file with zstd, snappy, gzip or lz4", p.e.path(), c.codec)
	}
	return &leafReader{f: f, plan: p, codec: codec, next: c.offset, end: c.offset + c.size, left: c.values, used: used, values: values{typ: p.e.typ, length: p.e.length}}, nil
}

// memory gives a buffer of n bytes in place of an old one.
func (l *leafReader) memory(old []byte, n int) ([]byte, error) {
	if n <= cap(old) {
		return old[:n], nil
	}
	switch {
	case n > maxPage:
		return nil, fmt.Errorf("a page of %d bytes is too large: flowrun reads pages of up to %d MiB, and writers have a setting for their size", n, maxPage>>20)
	case *l.used+int64(n) > maxReader:
		return nil, fmt.Errorf("a page of %d bytes is too large beside those of other columns, which take %d: flowrun holds up to %d MiB of them", n, *l.used, maxReader>>20)
	}
	*l.used += int64(n - cap(old))
	return make([]byte, n), nil
}

// readHead reads the head of the next page, and goes behind it. io.EOF is the end of the column.
func (l *leafReader) readHead() (pageHead, error) {
	for size := int64(firstHead); ; size *= 4 {
		n := min(size, l.end-l.next)
		if n <= 0 {
			return pageHead{}, io.EOF
		}
		if int64(cap(l.head)) < n {
			l.head = make([]byte, n)
		}
		if err := l.readAt(l.head[:n], l.next); err != nil {
			return pageHead{}, err
		}
		r := thriftReader{b: l.head[:n]}
		h := r.pageHead()
		switch {
		case r.err == errThriftShort && n < l.end-l.next && size < maxHead:
			continue
		case r.err != nil:
			return h, fmt.Errorf("the head of a page: %w", r.err)
		}
		l.next += int64(r.at)
		if int64(h.packed) > l.end-l.next {
			return h, errors.New("a page goes on behind its column")
		}
		return h, nil
	}
}

func (l *leafReader) readAt(b []byte, at int64) error {
	if _, err := l.f.src.ReadAt(b, at); err != nil {
		if err == io.EOF {
			err = errors.New("the file is shorter than it was")
		}
		return err
	}
	return nil
}

// turn goes on to the next page with values; io.EOF if there is none. Up to skip rows may be
// passed over with whole pages: it gives how many were.
func (l *leafReader) turn(skip int64) (passed int64, err error) {
	for {
		h, err := l.readHead()
		if err == io.EOF && l.left > 0 {
			err = errValues
		}
		if err != nil {
			return passed, err
		}
		switch {
		case h.typ == format.IndexPage:
			l.next += int64(h.packed)
			continue
		case h.typ == format.DictionaryPage:
			if err := l.readDictionary(h); err != nil {
				return passed, err
			}
			continue
		case h.typ != format.DataPage && h.typ != format.DataPageV2:
			return passed, fmt.Errorf("a page of type %d, which is not known", h.typ)
		case int64(h.values) > l.left:
			return passed, errors.New("its pages have more values than are said")
		}
		if l.left -= int64(h.values); h.values == 0 {
			l.next += int64(h.packed)
			continue
		}
		rows := int64(h.rows)
		if l.plan.e.rep == 0 {
			rows = int64(h.values)
		}
		if rows >= 0 && passed+rows <= skip && (l.plan.e.rep == 0 || h.typ == format.DataPageV2) {
			passed += rows
			l.next += int64(h.packed)
			if l.left == 0 {
				return passed, nil
			}
			continue
		}
		return passed, l.readPage(h)
	}
}

// load reads what follows the head of a page.
func (l *leafReader) load(h pageHead) (err error) {
	if l.packed, err = l.memory(l.packed, h.packed); err != nil {
		return err
	}
	if err := l.readAt(l.packed, l.next); err != nil {
		return err
	}
	l.next += int64(h.packed)
	if h.hasCRC && crc32.ChecksumIEEE(l.packed) != h.crc {
		return errors.New("the checksum of a page is wrong: the file is damaged")
	}
	return nil
}

// unpack gives the page of a pack. It is good until the next one.
func (l *leafReader) unpack(src []byte, size int) (out []byte, err error) {
	if l.codec == block.None {
		if len(src) != size {
			return nil, errors.New("a page has another size than is said")
		}
		return src, nil
	}
	if l.page, err = l.memory(l.page, size); err != nil {
		return nil, err
	}
	return block.Unpack(l.page, src, l.codec, size)
}

// readDictionary reads a dictionary page. Its texts are kept as long as somebody has one.
func (l *leafReader) readDictionary(h pageHead) error {
	if l.dict != nil {
		return errors.New("a second dictionary")
	}
	if h.encoding != format.Plain && h.encoding != plainDictionary || h.values > maxDictSize {
		return fmt.Errorf("a dictionary of %d values, written as %s", h.values, h.encoding)
	}
	if err := l.load(h); err != nil {
		return err
	}
	src, err := l.unpack(l.packed, h.raw)
	if err != nil {
		return err
	}
	if *l.used += int64(h.raw) + 16*int64(h.values); *l.used > maxReader {
		return fmt.Errorf("a dictionary of %d bytes is too large: flowrun holds up to %d MiB of pages and dictionaries", h.raw, maxReader>>20)
	}
	if least := l.values.least(); int64(h.values)*int64(least) > 8*int64(len(src)) {
		return errValues
	}
	if l.plan.raw() == rawText { // views of it go into batches
		src = append([]byte(nil), src...)
	}
	l.dict, err = l.newDictionary(src, h.values)
	return err
}

// readPage begins a data page.
func (l *leafReader) readPage(h pageHead) error {
	if err := l.load(h); err != nil {
		return err
	}
	e := l.plan.e
	var src, reps, defs []byte
	if h.typ == format.DataPageV2 {
		if h.repBytes > len(l.packed) || h.defBytes > len(l.packed)-h.repBytes || h.repBytes+h.defBytes > h.raw {
			return errors.New("a page with levels that go on behind it")
		}
		reps, defs, src = l.packed[:h.repBytes], l.packed[h.repBytes:h.repBytes+h.defBytes], l.packed[h.repBytes+h.defBytes:]
		if !h.plain && h.raw > h.repBytes+h.defBytes {
			var err error
			if src, err = l.unpack(src, h.raw-h.repBytes-h.defBytes); err != nil {
				return err
			}
		}
	} else {
		var err error
		if src, err = l.unpack(l.packed, h.raw); err != nil {
			return err
		}
		if e.rep > 0 {
			if reps, src, err = levelsOf(src, h.reps); err != nil {
				return err
			}
		}
		if e.def > 0 {
			if defs, src, err = levelsOf(src, h.defs); err != nil {
				return err
			}
		}
	}
	l.reps, _ = newHybrid(reps, width(e.rep))
	l.defs, _ = newHybrid(defs, width(e.def))
	l.in = h.values
	return l.values.begin(src, h.encoding, h.values, l.dict)
}

// levelsOf takes the levels off a page of version 1.
func levelsOf(src []byte, e format.Encoding) (levels, rest []byte, err error) {
	if e != format.RLE {
		return nil, nil, fmt.Errorf("levels written as %s, which no writer has done for years", e)
	}
	if len(src) < 4 || int64(binary.LittleEndian.Uint32(src)) > int64(len(src)-4) {
		return nil, nil, errors.New("a page with levels that go on behind it")
	}
	n := 4 + int(binary.LittleEndian.Uint32(src))
	return src[4:n], src[n:], nil
}

// width is how many bits a level takes.
func width(most int) (bits int) {
	for ; most > 0; most >>= 1 {
		bits++
	}
	return bits
}

// levels reads entries of one page, up to len(defs); io.EOF if there are no more. reps may be
// nil where nothing is repeated.
func (l *leafReader) levels(reps, defs []uint8) (n int, err error) {
	if l.in == 0 {
		if l.left == 0 {
			return 0, io.EOF
		}
		if _, err := l.turn(0); err != nil {
			return 0, err
		}
	}
	n = min(l.in, len(defs))
	if l.plan.e.rep > 0 {
		if err := l.reps.levels(reps[:n]); err != nil {
			return 0, err
		}
	}
	if l.plan.e.def > 0 {
		if err := l.defs.levels(defs[:n]); err != nil {
			return 0, err
		}
	}
	l.in -= n
	return n, nil
}

// at says which column an error is about.
func (l *leafReader) at(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return fmt.Errorf("column %q: %w", l.plan.e.path(), err)
}
