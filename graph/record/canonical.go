package record

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/types"
)

// This file has the one form of JSON values that are equal.

// AppendCanonical appends the JSON text s in a form that is the same for all texts
// that say the same: without blanks, with the keys of objects in order, numbers as
// their digits and an exponent (7, 7.0 and 70e-1 are equal, of any length) and every
// character as itself, however it was escaped. It trusts that s is JSON.
func AppendCanonical(dst []byte, s string) []byte {
	dst, _ = appendCanonical(dst, s, 0)
	return dst
}

func blanks(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

// appendCanonical does so for the value that begins at i and gives the place behind it.
func appendCanonical(dst []byte, s string, i int) ([]byte, int) {
	if i = blanks(s, i); i >= len(s) {
		return dst, i
	}
	switch c := s[i]; {
	case c == '"':
		return appendCanonicalString(dst, s, i)
	case c == '[':
		return appendCanonicalList(dst, s, i)
	case c == '{':
		return appendCanonicalObject(dst, s, i)
	case c == '-' || c >= '0' && c <= '9':
		end := i + 1
		for end < len(s) && strings.IndexByte("0123456789+-.eE", s[end]) >= 0 {
			end++
		}
		return appendCanonicalNumber(dst, s[i:end]), end
	}
	end := i + 1
	for end < len(s) && s[end] >= 'a' && s[end] <= 'z' {
		end++
	}
	return append(dst, s[i:end]...), end
}

func appendCanonicalList(dst []byte, s string, i int) ([]byte, int) {
	dst = append(dst, '[')
	for i = blanks(s, i+1); i < len(s) && s[i] != ']'; i = blanks(s, i) {
		if s[i] == ',' {
			dst = append(dst, ',')
			i++
			continue
		}
		dst, i = appendCanonical(dst, s, i)
	}
	return append(dst, ']'), i + 1
}

// appendCanonicalObject sorts the members by their keys. Those with one key stay as
// they are written.
func appendCanonicalObject(dst []byte, s string, i int) ([]byte, int) {
	type member struct{ key, whole []byte }
	var members []member
	for i = blanks(s, i+1); i < len(s) && s[i] != '}'; i = blanks(s, i) {
		if s[i] != '"' {
			i++
			continue
		}
		var m []byte
		m, i = appendCanonicalString(nil, s, i)
		key := len(m)
		if i = blanks(s, i); i < len(s) && s[i] == ':' {
			i++
		}
		m, i = appendCanonical(append(m, ':'), s, i)
		members = append(members, member{m[:key], m})
	}
	slices.SortStableFunc(members, func(a, b member) int { return bytes.Compare(a.key, b.key) })
	dst = append(dst, '{')
	for k, m := range members {
		if k > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, m.whole...)
	}
	return append(dst, '}'), i + 1
}

// appendCanonicalString writes every character as itself, but for quotes,
// backslashes and halves of surrogate pairs.
func appendCanonicalString(dst []byte, s string, i int) ([]byte, int) {
	dst = append(dst, '"')
	for i++; i < len(s) && s[i] != '"'; i++ {
		if s[i] != '\\' || i+1 >= len(s) {
			dst = append(dst, s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			var size int
			dst, size = appendEscaped(dst, s[i-1:])
			i += size - 2
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"'), i + 1
}

// appendEscaped appends the character that \uXXXX at the start of s says, or a pair
// of them, and gives how many bytes that were.
func appendEscaped(dst []byte, s string) ([]byte, int) {
	r, ok := hexRune(s)
	if !ok {
		return append(dst, s[:2]...), 2
	}
	if r >= 0xD800 && r < 0xE000 {
		low, ok := hexRune(s[6:])
		if !ok || r >= 0xDC00 || low < 0xDC00 || low >= 0xE000 {
			return append(dst, strings.ToLower(s[:6])...), 6
		}
		return utf8.AppendRune(dst, (r-0xD800)<<10|(low-0xDC00)+0x10000), 12
	}
	if r == '"' || r == '\\' {
		dst = append(dst, '\\')
	}
	return utf8.AppendRune(dst, r), 6
}

func hexRune(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 32)
	return rune(n), err == nil
}

// appendCanonicalNumber writes a number as its digits without zeros at the ends and
// the power of ten to multiply them with.
func appendCanonicalNumber(dst []byte, s string) []byte {
	mantissa, power := s, int64(0)
	if e := strings.IndexAny(s, "eE"); e >= 0 {
		var err error
		if power, err = strconv.ParseInt(s[e+1:], 10, 32); err != nil {
			return append(dst, s...) // beyond all reason, but not lost
		}
		mantissa = s[:e]
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	power -= int64(len(fraction))
	digits := strings.TrimLeft(whole+fraction, "0")
	short := strings.TrimRight(digits, "0")
	if short == "" {
		return append(dst, '0')
	}
	power += int64(len(digits) - len(short))
	if negative {
		dst = append(dst, '-')
	}
	dst = append(dst, short...)
	if power != 0 {
		dst = strconv.AppendInt(append(dst, 'e'), power, 10)
	}
	return dst
}

// holdsAny reports whether values of a type are JSON or have JSON in them.
func holdsAny(t *types.Type) bool {
	switch t.Kind {
	case types.KindAny:
		return true
	case types.KindList:
		return holdsAny(t.Elem)
	case types.KindRecord:
		return slices.ContainsFunc(t.Fields, func(f types.Field) bool { return holdsAny(f.Type) })
	}
	return false
}

// anyColumns gives the types of the columns of keys that hold JSON, nil for the
// others; nil if there are none.
func anyColumns(t *types.Type) []*types.Type {
	if !holdsAny(t) {
		return nil
	}
	if !t.IsRecord() {
		return []*types.Type{t}
	}
	all := make([]*types.Type, len(t.Fields))
	for i, f := range t.Fields {
		if holdsAny(f.Type) {
			all[i] = f.Type
		}
	}
	return all
}

// Same is Equal for columns of type t: JSON is compared by what it says.
func (c *Column) Same(t *types.Type, i int, o *Column, j int) bool {
	return c.Equal(i, o, j) || holdsAny(t) && bytes.Equal(c.appendCanonicalKey(nil, t, i), o.appendCanonicalKey(nil, t, j))
}

// appendCanonicalKey is appendKeyText for a value of a type with JSON in it.
func (c *Column) appendCanonicalKey(text []byte, t *types.Type, row int) []byte {
	if c.IsNull(row) || !holdsAny(t) {
		return c.appendKeyText(text, row)
	}
	switch c.Form {
	case FormText:
		text = AppendCanonical(text, c.Str[row])
	case FormList:
		from, to := c.Range(row)
		for i := from; i < to; i++ {
			text = c.Elem.appendCanonicalKey(text, t.Elem, i)
		}
		text = append(text, 0xFD)
	case FormRecord:
		for i, f := range c.Fields {
			if f != nil {
				text = f.appendCanonicalKey(text, t.Fields[i].Type, row)
			}
		}
		text = append(text, 0xFD)
	}
	return append(text, 0xFF)
}
