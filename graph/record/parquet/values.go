package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/parquet-go/parquet-go/format"

	"github.com/flowrun/flowrun/graph/record"
)

// This file reads the values of pages, in all encodings.

// A values reads those of one page.
type values struct {
	typ    format.Type
	length int // of a fixed-length type

	encoding format.Encoding
	src      []byte
	at       int // bytes of src that were read; bits, of bools
	n        int // of values that are written as streams of bytes
	dict     *dictionary
	hybrid   hybrid
	deltas   deltas

	lens, prefixes []int64 // of texts that are written as differences
	before         []byte  // the last of them
}

// size is how many bytes a value takes; 0: it says so itself.
func (v *values) size() int {
	switch v.typ {
	case format.Int32, format.Float:
		return 4
	case format.Int64, format.Double:
		return 8
	case format.Int96:
		return 12
	case format.FixedLenByteArray:
		return v.length
	}
	return 0
}

// least is how many bits a value takes at least.
func (v *values) least() int {
	switch v.typ {
	case format.Boolean:
		return 1
	case format.ByteArray:
		return 32
	}
	return 8 * v.size()
}

// begin goes on to another page, with n entries.
func (v *values) begin(src []byte, e format.Encoding, n int, dict *dictionary) (err error) {
	v.src, v.at, v.encoding, v.dict = src, 0, e, dict
	fits := false
	switch e {
	case format.Plain:
		fits = true
	case plainDictionary, format.RLEDictionary:
		if dict == nil {
			return errors.New("a page refers to a dictionary that is not there")
		}
		v.encoding, fits = format.RLEDictionary, true
		if len(src) == 0 { // a page of nulls
			v.hybrid = hybrid{}
			break
		}
		v.hybrid, err = newHybrid(src[1:], int(src[0]))
	case format.RLE:
		if fits = v.typ == format.Boolean; fits {
			var bits []byte
			if bits, _, err = levelsOf(src, format.RLE); err == nil {
				v.hybrid, err = newHybrid(bits, 1)
			}
		}
	case format.DeltaBinaryPacked:
		if fits = v.typ == format.Int32 || v.typ == format.Int64; fits {
			v.deltas, err = newDeltas(src)
		}
	case format.DeltaLengthByteArray:
		if fits = v.typ == format.ByteArray; fits {
			v.lens, v.src, err = allDeltas(v.lens, src)
		}
	case format.DeltaByteArray:
		if fits = v.typ == format.ByteArray || v.typ == format.FixedLenByteArray; fits {
			v.before = v.before[:0]
			if v.prefixes, v.src, err = allDeltas(v.prefixes, src); err == nil {
				v.lens, v.src, err = allDeltas(v.lens, v.src)
			}
		}
	case format.ByteStreamSplit:
		if fits = v.size() > 0 && v.typ != format.Int96; fits {
			v.n = len(src) / v.size()
		}
	}
	if !fits {
		return fmt.Errorf("values of type %s written as %s, which flowrun cannot read", v.typ, e)
	}
	return err
}

// allDeltas reads all integers of a list of differences, and gives what follows it.
func allDeltas(into []int64, src []byte) (all []int64, rest []byte, err error) {
	d, err := newDeltas(src)
	if err != nil {
		return nil, nil, err
	}
	if d.left > maxDelta {
		return nil, nil, errors.New("a page with too many values")
	}
	if cap(into) < d.left {
		into = make([]int64, d.left)
	}
	into = into[:d.left]
	err = d.read(into)
	return into, d.src, err
}

// take gives the next n bytes of the page.
func (v *values) take(n int) ([]byte, error) {
	if n < 0 || n > len(v.src)-v.at {
		return nil, errValues
	}
	v.at += n
	return v.src[v.at-n : v.at], nil
}

// ints reads integers that do not come from a dictionary.
func (v *values) ints(dst []int64) error {
	size := v.size()
	switch v.encoding {
	case format.Plain:
		src, err := v.take(size * len(dst))
		if err != nil {
			return err
		}
		if size == 4 {
			for i := range dst {
				dst[i] = int64(int32(binary.LittleEndian.Uint32(src[4*i:])))
			}
			return nil
		}
		for i := range dst {
			dst[i] = int64(binary.LittleEndian.Uint64(src[8*i:]))
		}
		return nil
	case format.DeltaBinaryPacked:
		err := v.deltas.read(dst)
		if size == 4 {
			for i, x := range dst {
				dst[i] = int64(int32(x))
			}
		}
		return err
	case format.ByteStreamSplit:
		for i := range dst {
			x, err := v.split(size)
			if err != nil {
				return err
			}
			if dst[i] = int64(x); size == 4 {
				dst[i] = int64(int32(x))
			}
		}
		return nil
	}
	return errEncoding
}

var errEncoding = errors.New("values in an encoding that is not theirs")

// split reads the next value that is written as streams of bytes.
func (v *values) split(size int) (x uint64, err error) {
	if v.at >= v.n {
		return 0, errValues
	}
	for j := range size {
		x |= uint64(v.src[j*v.n+v.at]) << (8 * j)
	}
	v.at++
	return x, nil
}

func (v *values) floats(dst []float64) error {
	size := v.size()
	switch v.encoding {
	case format.Plain:
		src, err := v.take(size * len(dst))
		if err != nil {
			return err
		}
		if size == 4 {
			for i := range dst {
				dst[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:])))
			}
			return nil
		}
		for i := range dst {
			dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
		}
		return nil
	case format.ByteStreamSplit:
		for i := range dst {
			x, err := v.split(size)
			if err != nil {
				return err
			}
			if dst[i] = math.Float64frombits(x); size == 4 {
				dst[i] = float64(math.Float32frombits(uint32(x)))
			}
		}
		return nil
	}
	return errEncoding
}

func (v *values) bools(dst []bool, scratch []uint32) error {
	switch v.encoding {
	case format.Plain:
		if v.at+len(dst) > 8*len(v.src) {
			return errValues
		}
		for i := range dst {
			dst[i] = v.src[v.at>>3]>>(v.at&7)&1 != 0
			v.at++
		}
		return nil
	case format.RLE:
		if err := v.hybrid.read(scratch[:len(dst)]); err != nil {
			return err
		}
		for i := range dst {
			dst[i] = scratch[i] != 0
		}
		return nil
	}
	return errEncoding
}

// texts reads texts and other bytes. With an arena they are copied into it; without, they are
// views of the page.
func (v *values) texts(dst []string, arena *record.Arena) error {
	switch v.encoding {
	case format.Plain:
		return v.plainTexts(dst, arena)
	case format.DeltaLengthByteArray:
		if len(dst) > len(v.lens) {
			return errValues
		}
		for i := range dst {
			text, err := v.take(int(v.lens[i]))
			if err != nil {
				return err
			}
			dst[i] = kept(text, arena)
		}
		v.lens = v.lens[len(dst):]
		return nil
	case format.DeltaByteArray:
		if len(dst) > len(v.lens) || len(dst) > len(v.prefixes) {
			return errValues
		}
		sum := 0
		for i := range dst {
			prefix := v.prefixes[i]
			text, err := v.take(int(v.lens[i]))
			if err != nil {
				return err
			}
			if prefix < 0 || prefix > int64(len(v.before)) || len(v.before)+len(text) > maxPage {
				return errors.New("a text begins as one that is shorter than that")
			}
			v.before = append(v.before[:prefix], text...)
			if v.length > 0 && len(v.before) != v.length {
				return errValues
			}
			if sum += len(v.before); sum > maxPage {
				return errors.New("the texts of a page are too long together")
			}
			dst[i] = kept(v.before, arena)
		}
		v.lens, v.prefixes = v.lens[len(dst):], v.prefixes[len(dst):]
		return nil
	case format.ByteStreamSplit:
		for i := range dst {
			if v.at >= v.n {
				return errValues
			}
			b := make([]byte, v.length)
			if arena != nil {
				b = arena.Alloc(v.length)
			}
			for j := range b {
				b[j] = v.src[j*v.n+v.at]
			}
			v.at++
			dst[i] = record.View(b)
		}
		return nil
	}
	return errEncoding
}

// plainTexts reads texts with their lengths before them, or of a fixed length. They are copied
// in one piece.
func (v *values) plainTexts(dst []string, arena *record.Arena) error {
	fixed := v.size()
	from, at := v.at, v.at
	for i := range dst {
		n := fixed
		if n == 0 {
			if len(v.src)-at < 4 {
				return errValues
			}
			n = int(int32(binary.LittleEndian.Uint32(v.src[at:])))
			at += 4
		}
		if n < 0 || n > len(v.src)-at {
			return errValues
		}
		dst[i] = record.View(v.src[at : at+n])
		at += n
	}
	v.at = at
	if arena == nil || len(dst) == 0 {
		return nil
	}
	text := arena.Alloc(at - from)
	copy(text, v.src[from:at])
	at = 0
	for i, s := range dst {
		if fixed == 0 {
			at += 4
		}
		dst[i] = record.View(text[at : at+len(s)])
		at += len(s)
	}
	return nil
}

func kept(text []byte, arena *record.Arena) string {
	if arena == nil {
		return string(text)
	}
	b := arena.Alloc(len(text))
	copy(b, text)
	return record.View(b)
}
