package expr

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	literal "github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// Values as texts: what string() gives.

// maxTextBytes bounds a text that an expression computes, so that a few
// characters of repeat() or + cannot fill the memory.
const maxTextBytes = 16 << 20

var errLongText = errors.New("the text would be longer than 16 MB")

// appendText writes a value that is not null as string() gives it: numbers as
// JSON has them, times as RFC 3339 in UTC, durations as 1h30m0s, text as it is,
// lists and records as JSON.
func appendText(dst []byte, v value, t *types.Type) []byte {
	switch t.Kind {
	case types.KindBool:
		return strconv.AppendBool(dst, v.bool())
	case types.KindInt:
		return strconv.AppendInt(dst, v.n, 10)
	case types.KindFloat:
		return appendFloat(dst, v.float())
	case types.KindTime:
		return time.Unix(0, v.n).UTC().AppendFormat(dst, time.RFC3339Nano)
	case types.KindDate:
		return literal.AppendDate(dst, v.n)
	case types.KindDuration:
		return append(dst, time.Duration(v.n).String()...)
	case types.KindDecimal:
		return appendDecimal(dst, v.n, t.Scale)
	case types.KindList, types.KindRecord:
		return appendJSON(dst, v, t)
	}
	return append(dst, v.s...)
}

// appendFloat writes f as encoding/json does; NaN and infinities, which JSON does
// not have, by their names.
func appendFloat(dst []byte, f float64) []byte {
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	n := len(dst)
	dst = strconv.AppendFloat(dst, f, format, -1, 64)
	if k := len(dst); format == 'e' && k-n > 4 && dst[k-4] == 'e' && dst[k-3] == '-' && dst[k-2] == '0' {
		dst[k-2] = dst[k-1] // e-09 is written e-9
		dst = dst[:k-1]
	}
	return dst
}

// appendDecimal writes n·10^-scale with all its decimals.
func appendDecimal(dst []byte, n int64, scale int) []byte {
	if scale == 0 {
		return strconv.AppendInt(dst, n, 10)
	}
	m := uint64(n)
	if n < 0 {
		dst, m = append(dst, '-'), -m
	}
	digits := strconv.FormatUint(m, 10)
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale+1-len(digits)) + digits
	}
	point := len(digits) - scale
	dst = append(dst, digits[:point]...)
	dst = append(dst, '.')
	return append(dst, digits[point:]...)
}

// appendJSON writes any value as JSON. Times, durations and bytes (in base64) are
// strings; NaN and infinities are null.
func appendJSON(dst []byte, v value, t *types.Type) []byte {
	if v.null {
		return append(dst, "null"...)
	}
	switch t.Kind {
	case types.KindBool, types.KindInt, types.KindDecimal:
		return appendText(dst, v, t)
	case types.KindFloat:
		if notFinite(v.float()) {
			return append(dst, "null"...)
		}
		return appendFloat(dst, v.float())
	case types.KindAny:
		return append(dst, v.s...)
	case types.KindBytes:
		dst = append(dst, '"')
		return append(base64.StdEncoding.AppendEncode(dst, []byte(v.s)), '"')
	case types.KindTime, types.KindDate, types.KindDuration:
		dst = append(dst, '"')
		return append(appendText(dst, v, t), '"')
	case types.KindList:
		dst = append(dst, '[')
		for i, item := range v.list {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, item, t.Elem)
		}
		return append(dst, ']')
	case types.KindRecord:
		dst = append(dst, '{')
		for i, f := range t.Fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendJSONString(dst, f.Name), ':')
			dst = appendJSON(dst, v.list[i], f.Type)
		}
		return append(dst, '}')
	}
	return appendJSONString(dst, v.s)
}

// appendJSONString writes s in quotes. Text that is not UTF-8 gets replacement
// characters.
func appendJSONString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			var b strings.Builder
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			enc.Encode(s) // cannot go wrong on a string
			return append(dst, strings.TrimSuffix(b.String(), "\n")...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// length counts the characters of a text.
func length(s string) int { return utf8.RuneCountInString(s) }

// cut gives characters [from, to) of s. Negative positions count from the end;
// positions outside are moved to the nearest end.
func cut(s string, from, to int64) string {
	n := int64(length(s))
	from, to = clampRange(from, to, n)
	if from >= to {
		return ""
	}
	if int(n) == len(s) {
		return s[from:to]
	}
	return s[runeOffset(s, from):runeOffset(s, to)]
}

// clampRange makes a slice of n things of two positions that may be negative,
// which counts from the end, or too large.
func clampRange(from, to, n int64) (int64, int64) {
	if from < 0 {
		from = max(0, from+n)
	}
	if to < 0 {
		to += n
	}
	to = min(to, n)
	return from, max(from, to)
}

// runeOffset is where character n of s begins.
func runeOffset(s string, n int64) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// charAt gives character i of s; a negative i counts from the end.
func charAt(s string, i int64) (string, bool) {
	n := int64(length(s))
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return "", false
	}
	return cut(s, i, i+1), true
}

// textIn gives s as it would stand in an error message: in quotes, cut.
func textIn(s string) string {
	const limit = 40
	if length(s) > limit {
		s = cut(s, 0, limit-1) + "…"
	}
	return strconv.Quote(s)
}
