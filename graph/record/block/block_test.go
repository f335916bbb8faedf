package block

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/pierrec/lz4/v4"
)

// Blocks are unpacked as they were packed, and only to the size that they should have.
func TestBlocks(t *testing.T) {
	for _, text := range []string{"", "a", strings.Repeat("some text ", 10_000), "\x00\xff"} {
		for c := None; c <= LZ4; c++ {
			var packed []byte
			if c == LZ4 {
				if len(text) < 100 { // the library does not pack what gets no smaller
					continue
				}
				packed = make([]byte, lz4.CompressBlockBound(len(text)))
				n, err := lz4.CompressBlock([]byte(text), packed, nil)
				if err != nil {
					t.Fatal(err)
				}
				packed = packed[:n]
			} else {
				packed = Pack([]byte("before"), []byte(text), c)[len("before"):]
			}
			out, err := Unpack(nil, packed, c, len(text))
			if err != nil || string(out) != text {
				t.Errorf("%s: %d bytes, want %d, %v", c, len(out), len(text), err)
			}
			for _, size := range []int{len(text) - 1, len(text) + 1} {
				if out, err := Unpack(nil, packed, c, size); err == nil {
					t.Errorf("%s: %d bytes in place of %d, and no error", c, len(out), size)
				}
			}
			if c != LZ4 {
				if out, err := UnpackAll(nil, packed, c); err != nil || string(out) != text {
					t.Errorf("%s: all: %d bytes, want %d, %v", c, len(out), len(text), err)
				}
			}
			if len(text) > 100 {
				if _, err := Unpack(nil, packed[:len(packed)/2], c, len(text)); err == nil {
					t.Errorf("%s: half a block, and no error", c)
				}
			}
		}
	}
}

// A small block that would be a large one is refused before it is.
func TestBombs(t *testing.T) {
	large := make([]byte, 1<<20)
	for c := Snappy; c <= Zstd; c++ {
		packed := Pack(nil, large, c)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Unpack(nil, packed, c, 1000)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; err == nil || n > 512<<10 && c != Zstd || n > 8<<20 {
			t.Errorf("%s: %v, %d bytes were allocated", c, err, n)
		}
	}
	if _, err := UnpackAll(nil, append([]byte{0xff, 0xff, 0xff, 0xff, 0x7}, bytes.Repeat([]byte{1}, 9)...), Snappy); err == nil {
		t.Error("a block of two gigabytes")
	}
}

// A block that is larger than what is unpacked is not called damaged.
func TestTooLarge(t *testing.T) {
	const piece, pieces = 8 << 20, Max/(8<<20) + 1
	var deflated bytes.Buffer
	w, _ := flate.NewWriter(&deflated, flate.BestSpeed)
	w.Write(make([]byte, piece))
	w.Flush() // what comes next begins with a byte of its own, so it can be repeated
	for c, packed := range map[Codec][]byte{
		Deflate: bytes.Repeat(deflated.Bytes(), pieces),
		Zstd:    binary.LittleEndian.AppendUint64([]byte{0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x50}, piece*pieces), // the head of a frame
		Snappy:  binary.AppendUvarint(nil, piece*pieces),
	} {
		if _, err := UnpackAll(nil, packed, c); err != ErrLarge {
			t.Errorf("%s: %v", c, err)
		}
	}
}
