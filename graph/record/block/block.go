// Package block packs and unpacks blocks of bytes, which are what files of formats with a
// compression of their own are made of: pages of Parquet, blocks of Avro.
//
// A block is unpacked into memory that is bounded before it is read: by the size that the file
// gives for it, or by Max. What a block claims itself is not believed.
package block

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// A Codec is how a block is packed.
type Codec uint8

const (
	None Codec = iota
	Snappy
	Gzip
	Deflate
	Zstd
	LZ4       // a bare block
	LZ4Hadoop // blocks with their sizes before them, as Hadoop writes them
)

var names = []string{"none", "snappy", "gzip", "deflate", "zstd", "lz4", "lz4"}

// String gives the name of the codec.
func (c Codec) String() string { return names[c] }

// Max is the largest block that is unpacked, in bytes.
const Max = 256 << 20

var (
	// ErrLarge is that of a block which would be larger than Max, though it may be sound.
	ErrLarge = fmt.Errorf("it is too large: flowrun reads blocks of up to %d MiB, and writers have a setting for their size", Max>>20)

	// errSize is that of a block which is larger or smaller than it should be.
	errSize = errors.New("it has another size than is said")
)

// Unpack gives a block that has size bytes, in the memory of dst if that is large enough.
func Unpack(dst, src []byte, c Codec, size int) ([]byte, error) {
	if size < 0 || size > Max {
		return nil, fmt.Errorf("a block would have %d bytes: %w", size, ErrLarge)
	}
	out, err := unpack(dst, src, c, size, size)
	if err == nil && len(out) != size {
		err = errSize
	}
	if err != nil {
		return nil, fmt.Errorf("a block packed with %s is damaged: %w", c, err)
	}
	return out, nil
}

// UnpackAll gives a block of any size up to Max; ErrLarge says that it would be larger.
func UnpackAll(dst, src []byte, c Codec) ([]byte, error) {
	size := 4 * len(src)
	if c == Snappy {
		n, err := snappy.DecodedLen(src)
		if err != nil {
			return nil, fmt.Errorf("a block packed with %s is damaged: %w", c, err)
		}
		if size = n; size > Max {
			return nil, ErrLarge
		}
	}
	out, err := unpack(dst, src, c, min(size, Max), Max)
	switch {
	case err == nil && len(out) > Max, err == errSize, errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return nil, ErrLarge
	case err != nil:
		return nil, fmt.Errorf("a block packed with %s is damaged: %w", c, err)
	}
	return out, nil
}

// unpack makes room for size bytes, and for most at most.
func unpack(dst, src []byte, c Codec, size, most int) ([]byte, error) {
	if c == None {
		return append(dst[:0], src...), nil
	}
	if cap(dst) < size {
		dst = make([]byte, 0, size)
	}
	dst = dst[:0]
	switch c {
	case Snappy:
		if n, err := snappy.DecodedLen(src); err != nil || n > size {
			return nil, errSize
		}
		return snappy.Decode(dst[:size], src)
	case Zstd:
		if size == most { // the size is known, and no room is made beyond it
			return exact().DecodeAll(src, dst[:0:size])
		}
		return growing().DecodeAll(src, dst)
	case LZ4:
		n, err := lz4.UncompressBlock(src, dst[:size])
		return dst[:max(n, 0)], err
	case LZ4Hadoop:
		return unpackHadoop(dst[:size], src)
	case Gzip:
		z := gzips.Get().(*gzip.Reader)
		defer gzips.Put(z)
		if err := z.Reset(bytes.NewReader(src)); err != nil {
			return nil, err
		}
		return readAll(dst, z, most)
	case Deflate:
		z := flates.Get().(io.ReadCloser)
		defer flates.Put(z)
		if err := z.(flate.Resetter).Reset(bytes.NewReader(src), nil); err != nil {
			return nil, err
		}
		return readAll(dst, z, most)
	}
	return nil, errors.New("the codec is not known")
}

// unpackHadoop reads blocks with their sizes. Some writers write a bare block and call it so.
func unpackHadoop(dst, src []byte) ([]byte, error) {
	out, rest := dst[:0], src
	for len(rest) >= 8 {
		raw, packed := binary.BigEndian.Uint32(rest), binary.BigEndian.Uint32(rest[4:])
		if uint64(packed) > uint64(len(rest)-8) || uint64(raw) > uint64(cap(dst)-len(out)) {
			break
		}
		n, err := lz4.UncompressBlock(rest[8:8+packed], dst[len(out):len(out)+int(raw)])
		if err != nil || n != int(raw) {
			break
		}
		out, rest = dst[:len(out)+n], rest[8+packed:]
	}
	if len(rest) == 0 {
		return out, nil
	}
	n, err := lz4.UncompressBlock(src, dst)
	return dst[:max(n, 0)], err
}

// readAll reads to the end, but no more than most bytes and one.
func readAll(dst []byte, r io.Reader, most int) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			if len(dst) > most {
				return nil, errSize
			}
			grown := make([]byte, len(dst), min(max(2*len(dst), 512), most+1))
			copy(grown, dst)
			dst = grown
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

var (
	gzips  = sync.Pool{New: func() any { return new(gzip.Reader) }}
	flates = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}

	exact   = sync.OnceValue(func() *zstd.Decoder { return decoder(zstd.WithDecodeAllCapLimit(true)) })
	growing = sync.OnceValue(func() *zstd.Decoder { return decoder(zstd.WithDecoderMaxMemory(Max)) })
	encoder = sync.OnceValue(func() *zstd.Encoder {
		z, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(false), zstd.WithZeroFrames(true))
		if err != nil {
			panic(err) // the options are constant
		}
		return z
	})
)

// decoder gives a decoder of whole blocks, which many goroutines may use at once.
func decoder(option zstd.DOption) *zstd.Decoder {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), option)
	if err != nil {
		panic(err) // the options are constant
	}
	return z
}

// Pack appends a packed block to dst.
func Pack(dst, src []byte, c Codec) []byte {
	switch c {
	case None:
		return append(dst, src...)
	case Snappy:
		n := len(dst)
		if most := snappy.MaxEncodedLen(len(src)); cap(dst)-n < most {
			grown := make([]byte, n, n+most)
			copy(grown, dst)
			dst = grown
		}
		return dst[:n+len(snappy.Encode(dst[n:cap(dst)], src))]
	case Zstd:
		return encoder().EncodeAll(src, dst)
	case Gzip, Deflate:
		b := bytes.NewBuffer(dst)
		var w io.WriteCloser
		if c == Gzip {
			w = gzip.NewWriter(b)
		} else {
			w, _ = flate.NewWriter(b, flate.DefaultCompression) // the level is one
		}
		w.Write(src) // to memory, which does not fail
		w.Close()
		return b.Bytes()
	}
	panic("block: no way to pack with " + c.String())
}
