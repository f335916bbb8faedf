package redact

import (
	"encoding/json"
	"strings"

	"github.com/flowrun/flowrun/graph/record/jsonl"
)

// This file hides secrets in JSON.

// JSON hides secrets in a JSON text: the values under secret names, however deep, and
// what Text finds in the strings. The text may break off anywhere; a string that does
// is left out, for nobody knows how it went on, and an ellipsis says so.
func JSON(text string) string { return standard.JSON(text) }

// JSON hides secrets in a JSON text, as the function JSON does.
func (r *Redactor) JSON(text string) string {
	out, whole := r.appendJSON(nil, text)
	if !whole {
		out = append(out, "…"...)
	}
	return string(out)
}

// appendJSON writes a JSON text without its secrets. It is not whole if it breaks off
// in a string.
func (r *Redactor) appendJSON(dst []byte, text string) (out []byte, whole bool) {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end := stringEnd(text, i)
			if end < 0 {
				return dst, false
			}
			literal := text[i:end]
			name := unquoted(literal)
			shown := r.Text(name)
			if shown == name {
				dst = append(dst, literal...)
			} else {
				dst = jsonl.AppendString(dst, shown)
			}
			if i = blanksEnd(text, end); i == len(text) || text[i] != ':' {
				i = end
				continue
			}
			i = blanksEnd(text, i+1)
			dst = append(dst, text[end:i]...)
			if to, hide := r.hidesValue(shown, text, i); hide {
				i = to
				dst = append(append(append(dst, '"'), Mask...), '"')
			}
		case len(r.secrets) > 0 && (c == '-' || c >= '0' && c <= '9'):
			end := i + scalarEnd(text[i:])
			if number := text[i:end]; r.withoutKnown(number) != number {
				dst = append(append(append(dst, '"'), Mask...), '"')
			} else {
				dst = append(dst, number...)
			}
			i = end
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst, true
}

// hidesValue says whether the value that begins at i is to be hidden, and where it
// ends.
func (r *Redactor) hidesValue(name, text string, i int) (end int, hide bool) {
	if !r.IsSecret(name) {
		return i, false
	}
	end = valueEnd(text, i)
	value := strings.TrimRight(text[i:end], " \t\r\n")
	if r.isVague(name) && (value == "" || value[0] == '{' || value[0] == '[') {
		return i, false // what is in it is judged by its own names
	}
	return i + len(value), r.hides(name, value)
}

// stringEnd gives where a string that begins at i ends; -1 if it does not.
func stringEnd(text string, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// valueEnd gives where the value that begins at i ends.
func valueEnd(text string, i int) int {
	deep := 0
	for i < len(text) {
		switch text[i] {
		case '"':
			if i = stringEnd(text, i); i < 0 {
				return len(text)
			}
			i--
		case '{', '[':
			deep++
		case '}', ']':
			if deep--; deep < 0 {
				return i
			}
		case ',':
			if deep == 0 {
				return i
			}
		}
		i++
	}
	return i
}

// scalarEnd gives where a number or a word ends.
func scalarEnd(text string) int {
	if n := strings.IndexAny(text, ",:]}\" \t\r\n"); n >= 0 {
		return n
	}
	return len(text)
}

func blanksEnd(text string, i int) int {
	for i < len(text) && strings.IndexByte(" \t\r\n", text[i]) >= 0 {
		i++
	}
	return i
}

// unquoted reads a JSON string.
func unquoted(literal string) string {
	if strings.IndexByte(literal, '\\') < 0 {
		return literal[1 : len(literal)-1]
	}
	var s string
	if json.Unmarshal([]byte(literal), &s) != nil {
		return literal[1 : len(literal)-1]
	}
	return s
}
