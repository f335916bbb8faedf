package jsonl

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// This file reads strings: their ends, their escapes, and whether they are UTF-8.

const (
	low  = 0x0101010101010101
	high = 0x8080808080808080
)

// stringEnd checks the string whose content begins at p and gives the place of
// its closing quote, and whether it has escapes.
//
// It looks at eight bytes at a time. A byte of x is zero where the high bit is set
// in (x-low) &^ x & high; a borrow may set one above a true hit as well, so only
// the lowest hit counts. Subtracting low*' ' finds control characters the same
// way.
func (s *Scanner) stringEnd(p int) (end int, escaped bool) {
	b, start := s.src, p
	wide := uint64(0) // high bits: bytes that are not ASCII
	for {
		var w uint64
		if p+8 <= len(b) {
			w = binary.LittleEndian.Uint64(b[p:])
		} else {
			w = lastWord(b[p:])
		}
		quote, slash := w^low*'"', w^low*'\\'
		hits := ((quote-low)&^quote | (slash-low)&^slash | (w-low*' ')&^w) & high
		if hits == 0 {
			wide |= w
			p += 8
			continue
		}
		n := bits.TrailingZeros64(hits) - 7
		wide |= w & (1<<n - 1)
		p += n >> 3
		switch b[p] {
		case '"':
			if wide&high != 0 && !utf8.Valid(b[start:p]) {
				return s.syntax(start+invalidAt(b[start:p]), "a string is not UTF-8"), false
			}
			return p, escaped
		case '\\':
			size := escapeSize(b[p:])
			if size == 0 {
				return s.syntax(p+1, `want one of "\/bfnrtu after a backslash, and four hex digits after \u`), false
			}
			escaped = true
			p += size
		case '\n':
			return s.syntax(p, "a string is not closed"), false
		default:
			return s.syntax(p, "control characters must be escaped in a string"), false
		}
	}
}

// lastWord loads the last, fewer than eight bytes of a text, which ends with a
// newline, so that the zeros behind it are never looked at.
func lastWord(b []byte) (w uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		w = w<<8 | uint64(b[i])
	}
	return w
}

func invalidAt(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return 0
}

func firstRune(b []byte) string {
	_, size := utf8.DecodeRune(b)
	return string(b[:size])
}

// escapeSize is the length of the escape at the start of b, 0 if it is none.
func escapeSize(b []byte) int {
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b); ok {
			return 6
		}
	}
	return 0
}

// hex4 reads \uXXXX.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape appends the text that a checked string stands for: never more bytes
// than the string has. Half of a surrogate pair becomes U+FFFD, as in
// encoding/json.
func unescape(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 {
			return append(dst, b...)
		}
		dst, b = append(dst, b[:i]...), b[i:]
		if b[1] != 'u' {
			dst, b = append(dst, unescaped[b[1]]), b[2:]
			continue
		}
		r, _ := hex4(b)
		b = b[6:]
		if 0xd800 <= r && r < 0xdc00 {
			if second, ok := hex4(b); ok && 0xdc00 <= second && second < 0xe000 {
				r = (r-0xd800)<<10 | (second - 0xdc00) + 0x10000
				b = b[6:]
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
}
