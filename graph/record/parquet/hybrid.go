package parquet

import (
	"encoding/binary"
	"errors"
)

// This file reads integers that are packed in bits: the hybrid of runs and bit-packed groups
// that levels and dictionary indexes are written in, and the deltas of integers. Both are
// read as they are asked for, so that a run of two billion values takes no memory.

var errValues = errors.New("it has fewer values than are said")

// A hybrid reads runs and bit-packed groups.
type hybrid struct {
	src   []byte
	width uint
	left  int    // values of the run, or of the groups
	value uint32 // of a run
	bits  []byte // of groups; nil: it is a run
	at    int    // bits of them that were read
}

func newHybrid(src []byte, width int) (hybrid, error) {
	if width < 0 || width > 32 {
		return hybrid{}, errors.New("integers of more than 32 bits")
	}
	return hybrid{src: src, width: uint(width)}, nil
}

// begin goes on to the next run.
func (h *hybrid) begin() error {
	head, n := binary.Uvarint(h.src)
	if n <= 0 || head>>1 == 0 {
		return errValues
	}
	h.src = h.src[n:]
	if head&1 == 0 {
		size := int(h.width+7) / 8
		if len(h.src) < size || head>>1 > 1<<40 {
			return errValues
		}
		h.value, h.bits, h.left = 0, nil, int(head>>1)
		for i := range size {
			h.value |= uint32(h.src[i]) << (8 * i)
		}
		h.src = h.src[size:]
		return nil
	}
	groups := head >> 1
	if groups > 1<<40 {
		return errValues
	}
	size := int(groups) * int(h.width)
	h.left = int(groups) * 8
	if size > len(h.src) { // the last groups may be cut off behind their last value
		size = len(h.src)
		h.left = size * 8 / int(h.width)
		if h.left == 0 {
			return errValues
		}
	}
	h.bits, h.at, h.src = h.src[:size:size], 0, h.src[size:]
	if h.width == 0 {
		h.bits, h.value = nil, 0
	}
	return nil
}

// read fills dst.
func (h *hybrid) read(dst []uint32) error {
	for len(dst) > 0 {
		if h.left == 0 {
			if err := h.begin(); err != nil {
				return err
			}
		}
		n := min(h.left, len(dst))
		if h.left -= n; h.bits == nil {
			for i := range dst[:n] {
				dst[i] = h.value
			}
		} else {
			h.at = unpackBits(dst[:n], h.bits, h.at, h.width)
		}
		dst = dst[n:]
	}
	return nil
}

// unpackBits reads integers of a width of up to 32 from a bit on, and gives the bit behind them.
func unpackBits(dst []uint32, src []byte, at int, width uint) int {
	mask := uint64(1)<<width - 1
	i := 0
	for ; i < len(dst) && at>>3+8 <= len(src); i++ {
		dst[i] = uint32(binary.LittleEndian.Uint64(src[at>>3:]) >> (at & 7) & mask)
		at += int(width)
	}
	for ; i < len(dst); i++ {
		dst[i] = uint32(window(src, at) & mask)
		at += int(width)
	}
	return at
}

// window gives the bits from a bit on, 57 at least, with zeros behind the end.
func window(src []byte, at int) uint64 {
	var b [8]byte
	if from := at >> 3; from < len(src) {
		copy(b[:], src[from:])
	}
	return binary.LittleEndian.Uint64(b[:]) >> (at & 7)
}

// levels reads levels, which have 8 bits at most.
func (h *hybrid) levels(dst []uint8) error {
	for len(dst) > 0 {
		if h.left == 0 {
			if err := h.begin(); err != nil {
				return err
			}
		}
		n := min(h.left, len(dst))
		if h.left -= n; h.bits == nil {
			for i := range dst[:n] {
				dst[i] = uint8(h.value)
			}
		} else {
			mask := uint64(1)<<h.width - 1
			at, i := h.at, 0
			for ; i < n && at>>3+8 <= len(h.bits); i++ {
				dst[i] = uint8(binary.LittleEndian.Uint64(h.bits[at>>3:]) >> (at & 7) & mask)
				at += int(h.width)
			}
			for ; i < n; i++ {
				dst[i] = uint8(window(h.bits, at) & mask)
				at += int(h.width)
			}
			h.at = at
		}
		dst = dst[n:]
	}
	return nil
}

// A deltas reads integers that are written as differences.
type deltas struct {
	src    []byte
	left   int // values in all
	last   int64
	first  bool  // the next value is last itself
	least  int64 // the least difference of the block
	minis  int   // miniblocks of a block
	widths []byte
	mini   int // values of a miniblock
	in     int // values left of the miniblock
	bits   []byte
	at     int
}

// maxMini is how many values a miniblock may have.
const maxMini = 1 << 20

func newDeltas(src []byte) (d deltas, err error) {
	r := thriftReader{b: src}
	block, minis, total := r.uvarint(), r.uvarint(), r.uvarint()
	d.last = r.int()
	if r.err != nil || minis == 0 || minis > 1<<12 || block%minis != 0 || block/minis > maxMini || block/minis == 0 || total > 1<<40 {
		return d, errors.New("differences of integers with a damaged head")
	}
	d.minis, d.mini, d.left, d.first, d.src = int(minis), int(block/minis), int(total), true, src[r.at:]
	return d, nil
}

// read fills dst.
func (d *deltas) read(dst []int64) error {
	if len(dst) > d.left {
		return errValues
	}
	d.left -= len(dst)
	for i := 0; i < len(dst); {
		if d.first {
			d.first = false
			dst[i] = d.last
			i++
			continue
		}
		if d.in == 0 {
			if err := d.begin(); err != nil {
				return err
			}
		}
		width := uint(d.widths[0])
		n := min(d.in, len(dst)-i)
		for range n {
			diff := uint64(0)
			switch {
			case width == 0:
			case width <= 57:
				diff = d.window() & (1<<width - 1)
			default:
				low := window(d.bits, d.at) & (1<<32 - 1)
				high := window(d.bits, d.at+32) & (1<<(width-32) - 1)
				diff = low | high<<32
			}
			d.at += int(width)
			d.last += d.least + int64(diff)
			dst[i] = d.last
			i++
		}
		if d.in -= n; d.in == 0 {
			d.widths = d.widths[1:]
		}
	}
	return nil
}

func (d *deltas) window() uint64 {
	if d.at>>3+8 <= len(d.bits) {
		return binary.LittleEndian.Uint64(d.bits[d.at>>3:]) >> (d.at & 7)
	}
	return window(d.bits, d.at)
}

// begin goes on to the next miniblock.
func (d *deltas) begin() error {
	if len(d.widths) == 0 {
		r := thriftReader{b: d.src}
		d.least = r.int()
		end := r.at + d.minis
		if r.err != nil || end > len(d.src) {
			return errValues
		}
		d.widths, d.src = d.src[r.at:end], d.src[end:]
	}
	width := int(d.widths[0])
	if width > 64 {
		return errors.New("differences of more than 64 bits")
	}
	size := min((d.mini*width+7)/8, len(d.src)) // the last one may be cut off behind its last value
	if d.in = d.mini; width > 0 {
		d.in = min(d.mini, size*8/width)
	}
	if d.in == 0 {
		return errValues
	}
	d.bits, d.at, d.src = d.src[:size:size], 0, d.src[size:]
	return nil
}
