package parquet

import (
	"encoding/binary"
	"errors"
)

// This file reads what Parquet says in Thrift's compact protocol: the footer and the heads
// of pages. The library makes room for as many elements as a list claims to have; here no
// list is believed, and memory is taken for what was read.

// Types of the compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

// maxThriftDepth is how deep structs may lie in each other.
const maxThriftDepth = 32

var (
	errThriftShort = errors.New("it ends too early")
	errThrift      = errors.New("it is damaged")
)

// A thriftReader reads from bytes. Its first error stays, and ends all that is read.
type thriftReader struct {
	b     []byte
	at    int
	depth int
	err   error
}

func (r *thriftReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.at = len(r.b)
}

func (r *thriftReader) byte() byte {
	if r.at >= len(r.b) {
		r.fail(errThriftShort)
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

func (r *thriftReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b[r.at:])
	switch {
	case n == 0:
		r.fail(errThriftShort)
		return 0
	case n < 0:
		r.fail(errThrift)
		return 0
	}
	r.at += n
	return v
}

// int reads an integer of any width.
func (r *thriftReader) int() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *thriftReader) int32() int32 {
	v := r.int()
	if v != int64(int32(v)) {
		r.fail(errThrift)
		return 0
	}
	return int32(v)
}

// bytes gives a part of what is read, which it shares.
func (r *thriftReader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)-r.at) {
		r.fail(errThriftShort)
		return nil
	}
	r.at += int(n)
	return r.b[r.at-int(n) : r.at]
}

func (r *thriftReader) string() string { return string(r.bytes()) }

// fields calls read for each field of a struct, with its number and its type. What read does
// not take it must skip.
func (r *thriftReader) fields(read func(id int, typ byte)) {
	if r.depth++; r.depth > maxThriftDepth {
		r.fail(errThrift)
	}
	defer func() { r.depth-- }()
	id := 0
	for r.err == nil {
		head := r.byte()
		typ := head & 15
		if head == 0 {
			return
		}
		if delta := int(head >> 4); delta != 0 {
			id += delta
		} else {
			id = int(r.int())
		}
		read(id, typ)
	}
}

// list calls read for each element of a list.
func (r *thriftReader) list(want byte, read func()) {
	head := r.byte()
	n := uint64(head >> 4)
	if n == 15 {
		n = r.uvarint()
	}
	if n > uint64(len(r.b)-r.at) || n > 0 && head&15 != want {
		r.fail(errThrift)
	}
	for ; n > 0 && r.err == nil; n-- {
		read()
	}
}

// skip passes over a value.
func (r *thriftReader) skip(typ byte) {
	switch typ {
	case thriftTrue, thriftFalse:
	case thriftByte:
		r.byte()
	case thriftI16, thriftI32, thriftI64:
		r.uvarint()
	case thriftDouble:
		if r.at += 8; r.at > len(r.b) {
			r.fail(errThriftShort)
		}
	case thriftBinary:
		r.bytes()
	case thriftStruct:
		r.fields(func(_ int, t byte) { r.skip(t) })
	case thriftList, thriftSet:
		r.skipList()
	case thriftMap:
		n := r.uvarint()
		if n == 0 {
			return
		}
		types := r.byte()
		for ; n > 0 && r.err == nil; n-- {
			r.skipElement(types >> 4)
			r.skipElement(types & 15)
		}
	default:
		r.fail(errThrift)
	}
}

func (r *thriftReader) skipList() {
	if r.depth++; r.depth > maxThriftDepth {
		r.fail(errThrift)
	}
	defer func() { r.depth-- }()
	head := r.byte()
	n := uint64(head >> 4)
	if n == 15 {
		n = r.uvarint()
	}
	for ; n > 0 && r.err == nil; n-- {
		r.skipElement(head & 15)
	}
}

// skipElement passes over an element of a list, where a bool takes a byte.
func (r *thriftReader) skipElement(typ byte) {
	if typ == thriftTrue || typ == thriftFalse {
		r.byte()
		return
	}
	r.skip(typ)
}
