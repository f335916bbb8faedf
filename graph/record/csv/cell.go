package csv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// This file finds where a cell ends and what it holds.

const (
	low  = 0x0101010101010101
	high = 0x8080808080808080
)

// A lexer cuts rows into cells. Its text ends with a newline.
type lexer struct {
	Dialect
	src    []byte
	alloc  func(n int) []byte // for cells that are not as they stand in the text
	reason string             // what is wrong with the row
}

// cell gives the content of the cell at p and where it ends: at a separator or at
// the newline of the row. A negative end means that it is wrong.
func (l *lexer) cell(p int) (content []byte, quoted bool, end int) {
	if l.src[p] == l.Quote && l.Quote != 0 {
		content, end = l.quoted(p + 1)
		return content, true, end
	}
	end, wide := l.cellEnd(p)
	if l.src[end] == l.Quote && l.Quote != 0 {
		if !l.Lazy {
			return nil, false, l.fail("a quote stands inside a cell that is not quoted")
		}
		for l.src[end] != l.Comma && l.src[end] != '\n' {
			end++
		}
		wide = true
	}
	content = l.src[p:end]
	if l.src[end] == '\n' {
		content = bytes.TrimSuffix(content, []byte{'\r'})
	}
	if wide && !utf8.Valid(content) {
		return nil, false, l.invalid(content)
	}
	return content, false, end
}

// cellEnd finds the next separator, newline or quote, and reports whether bytes
// that are not ASCII stand before it.
//
// It looks at eight bytes at a time. A byte of x is zero where the high bit is set
// in (x-low) &^ x & high; a borrow may set one above a true hit as well, so only
// the lowest hit counts.
func (l *lexer) cellEnd(p int) (end int, wide bool) {
	b := l.src
	comma, quote := low*uint64(l.Comma), low*uint64(l.Quote)
	if l.Quote == 0 {
		quote = comma
	}
	seen := uint64(0)
	for ; p+8 <= len(b); p += 8 {
		w := binary.LittleEndian.Uint64(b[p:])
		x, y, z := w^comma, w^quote, w^low*'\n'
		hits := ((x-low)&^x | (y-low)&^y | (z-low)&^z) & high
		if hits == 0 {
			seen |= w
			continue
		}
		n := bits.TrailingZeros64(hits) - 7
		seen |= w & (1<<n - 1)
		return p + n>>3, seen&high != 0
	}
	for b[p] != l.Comma && b[p] != '\n' && (b[p] != l.Quote || l.Quote == 0) {
		seen |= uint64(b[p])
		p++
	}
	return p, seen&high != 0
}

// quoted reads the cell whose opening quote stands before p.
func (l *lexer) quoted(p int) (content []byte, end int) {
	b, start := l.src, p
	plain := true
	for {
		i := bytes.IndexByte(b[p:], l.Quote)
		if i < 0 {
			return nil, l.fail("a quote is not closed")
		}
		p += i + 1
		c := b[p:]
		if len(c) == 0 {
			return nil, l.fail("a quote is not closed")
		}
		if c[0] == '\r' && len(c) > 1 && c[1] == '\n' {
			end = p + 1
			break
		}
		if c[0] == l.Comma || c[0] == '\n' {
			end = p
			break
		}
		plain = false
		if c[0] == l.Quote {
			p++
		} else if !l.Lazy {
			return nil, l.fail("the cell goes on with %q after its closing quote", firstRune(c))
		}
	}
	content = b[start : p-1]
	if !plain {
		content = l.unquote(l.alloc(len(content))[:0], content)
	}
	if !utf8.Valid(content) {
		return nil, l.invalid(content)
	}
	return content, end
}

// unquote appends what the inside of a quoted cell stands for: never more bytes
// than it has.
func (l *lexer) unquote(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if i+1 < len(b) && b[i] == l.Quote && b[i+1] == l.Quote {
			i++
		}
		dst = append(dst, b[i])
	}
	return dst
}

func (l *lexer) fail(format string, args ...any) int {
	l.reason = fmt.Sprintf(format, args...)
	return -1
}

func (l *lexer) invalid(content []byte) int {
	for i := 0; i < len(content); {
		r, size := utf8.DecodeRune(content[i:])
		if r == utf8.RuneError && size == 1 {
			return l.fail("the text is not UTF-8 (byte %#x)", content[i])
		}
		i += size
	}
	return -1
}

func firstRune(b []byte) string {
	_, size := utf8.DecodeRune(b)
	return string(b[:size])
}
