package avro

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/block"
	"github.com/flowrun/flowrun/graph/types"
)

// This file reads the header of a file, and its blocks one after the other.

const (
	magic    = "Obj\x01"
	syncSize = 16
	typeKey  = "flowrun.type" // what a file says of the types of flows, which those of Avro do not tell
)

// codecs are the packs that can be read.
var codecs = map[string]block.Codec{"": block.None, "null": block.None, "deflate": block.Deflate, "snappy": block.Snappy, "zstandard": block.Zstd}

// A File is a file that is being read. One goroutine may use it.
type File struct {
	src    *bufio.Reader
	raw    io.Reader
	root   *node
	codec  block.Codec
	sync   [syncSize]byte
	typ    string
	offset int64 // of the next block
	rows   int64 // before it
}

// Open reads the header of a file.
func Open(src io.Reader) (f *File, err error) {
	defer recoverTo(&err)
	f = &File{src: bufio.NewReaderSize(src, 64<<10), raw: src}
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(f.src, head); err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, err
	}
	if string(head) != magic {
		return nil, errors.New("this is not an Avro object container file")
	}
	f.offset = int64(len(magic))
	meta, err := f.meta()
	if err == nil {
		err = f.full(f.sync[:])
	}
	if err != nil {
		return nil, fmt.Errorf("the header of the Avro file cannot be read: %w", cutOff(err))
	}
	codec, ok := codecs[meta["avro.codec"]]
	if !ok {
		return nil, fmt.Errorf("the blocks of the Avro file are packed with %q, which flowrun cannot read: write the file with deflate, snappy, zstandard or null", meta["avro.codec"])
	}
	f.codec, f.typ = codec, meta[typeKey]
	if f.root, err = parse([]byte(meta["avro.schema"])); err != nil {
		return nil, fmt.Errorf("the header of the Avro file cannot be read: %w", err)
	}
	return f, nil
}

// cutOff says what an end means that comes too early.
func cutOff(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("it ends too early: the file is cut off")
	}
	return err
}

// meta reads the map of the header.
func (f *File) meta() (map[string]string, error) {
	all, left := map[string]string{}, maxSchema
	text := func() (string, error) {
		n, err := f.long()
		if err != nil {
			return "", err
		}
		if n < 0 || n > int64(left) {
			return "", errors.New("it is damaged")
		}
		left -= int(n) + 1
		b := make([]byte, 0, min(n, 64<<10))
		for int64(len(b)) < n {
			from := len(b)
			b = append(b, make([]byte, min(n-int64(from), 64<<10))...)
			if err := f.full(b[from:]); err != nil {
				return "", err
			}
		}
		return string(b), nil
	}
	for {
		n, err := f.long()
		if err != nil || n == 0 {
			return all, err
		}
		if n < 0 {
			n = -n
			if _, err := f.long(); err != nil {
				return nil, err
			}
		}
		for ; n > 0; n-- {
			key, err := text()
			if err != nil {
				return nil, err
			}
			if all[key], err = text(); err != nil {
				return nil, err
			}
			if left <= 0 {
				return nil, errors.New("it is too large")
			}
		}
	}
}

func (f *File) full(b []byte) error {
	n, err := io.ReadFull(f.src, b)
	f.offset += int64(n)
	if err == io.EOF && len(b) > 0 {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// long reads an integer; io.EOF where there is nothing.
func (f *File) long() (int64, error) {
	u := uint64(0)
	for shift := 0; ; shift += 7 {
		c, err := f.src.ReadByte()
		if err == io.EOF && shift > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, err
		}
		f.offset++
		if shift > 63 {
			return 0, errors.New("it is damaged")
		}
		u |= uint64(c&127) << shift
		if c < 128 {
			return int64(u>>1) ^ -int64(u&1), nil
		}
	}
}

// Offset is where the next block begins, and how many rows are before it.
func (f *File) Offset() (offset, rows int64) { return f.offset, f.rows }

// ErrMoved is that of a place where no block begins.
var ErrMoved = errors.New("no block begins there")

// Resume goes on with the block that begins at an offset. Rows is what Offset has given with it.
// The file must be read from something that seeks.
func (f *File) Resume(offset, rows int64) error {
	if offset < syncSize {
		return ErrMoved
	}
	if _, err := f.raw.(io.Seeker).Seek(offset-syncSize, io.SeekStart); err != nil {
		return err
	}
	f.src.Reset(f.raw)
	var mark [syncSize]byte
	if _, err := io.ReadFull(f.src, mark[:]); err != nil || mark != f.sync {
		return ErrMoved
	}
	f.offset, f.rows = offset, rows
	return nil
}

// A Block is rows as they stand in a file.
type Block struct {
	rows   int64
	packed []byte
	codec  block.Codec
}

// Next gives the next block; io.EOF at the end.
func (f *File) Next() (*Block, error) {
	rows, err := f.long()
	if err != nil {
		if err != io.EOF {
			err = cutOff(err)
		}
		return nil, err
	}
	size, err := f.long()
	switch {
	case err != nil:
		return nil, cutOff(err)
	case rows < 0 || size < 0:
		return nil, fmt.Errorf("a block would have %d rows in %d bytes: the file is damaged", rows, size)
	case size > block.Max:
		return nil, fmt.Errorf("a block of %d rows would have %d bytes: %w", rows, size, block.ErrLarge)
	}
	b := &Block{rows: rows, codec: f.codec}
	const step = 1 << 20 // a block that is not there takes no memory
	for int64(len(b.packed)) < size {
		from := len(b.packed)
		b.packed = append(b.packed, make([]byte, min(size-int64(from), max(step, int64(from))))...)
		if err := f.full(b.packed[from:]); err != nil {
			return nil, cutOff(err)
		}
	}
	var mark [syncSize]byte
	if err := f.full(mark[:]); err != nil {
		return nil, cutOff(err)
	}
	if mark != f.sync {
		return nil, errors.New("a block does not end where it should: the file is damaged")
	}
	f.rows += rows
	return b, nil
}

// unpack gives what is in a block, in an arena of its own.
func (b *Block) unpack() (*record.Arena, error) {
	packed := b.packed
	var sum []byte
	if b.codec == block.Snappy {
		if len(packed) < 4 {
			return nil, errors.New("a block packed with snappy has no checksum")
		}
		packed, sum = packed[:len(packed)-4], packed[len(packed)-4:]
	}
	buf := unpacked.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= mostKept {
			unpacked.Put(buf)
		}
	}()
	raw, err := block.UnpackAll(*buf, packed, b.codec)
	if err == nil && sum != nil && crc32.ChecksumIEEE(raw) != binary.BigEndian.Uint32(sum) {
		err = errors.New("the checksum of a block is wrong: the file is damaged")
	}
	if err != nil {
		return nil, fmt.Errorf("a block of %d rows: %w", b.rows, err)
	}
	*buf = raw
	arena := record.NewArena(len(raw))
	arena.Buf = append(arena.Buf, raw...)
	return arena, nil
}

// unpacked is memory for blocks whose size is not known before; what is larger than mostKept
// is not kept.
var unpacked = sync.Pool{New: func() any { return new([]byte) }}

const mostKept = 4 << 20

// Type gives the type of the rows. An error names a field that no type can hold.
func (f *File) Type(origin types.Origin) (*types.Type, error) {
	if t, err := types.Parse(f.typ, nil); err == nil && f.Fits(t) == nil {
		return from(t, origin), nil
	}
	return f.root.typ("", origin)
}

// from gives the fields of a type an origin.
func from(t *types.Type, origin types.Origin) *types.Type {
	c := *t
	if t.Elem != nil {
		c.Elem = from(t.Elem, origin)
	}
	c.Fields = nil
	for _, f := range t.Fields {
		c.Fields = append(c.Fields, types.Field{Name: f.Name, Type: from(f.Type, origin), Origin: origin})
	}
	return &c
}

// recoverTo turns a panic, which a damaged file may cause in a library, into an error.
func recoverTo(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the file is damaged: %v", p)
	}
}
