package sql

import (
	"errors"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
)

// This file reads and writes arrays of PostgreSQL: {1,NULL,"a \"word\"",{2}}.

var errArray = errors.New("the array cannot be read")

// appendArrayAsJSON writes an array as a list of a type in JSON.
func appendArrayAsJSON(dst, s []byte, t *types.Type) ([]byte, error) {
	a := arrayReader{s: s}
	dst, ok := a.list(dst, t, 0)
	if !ok || a.at != len(s) {
		return nil, errArray
	}
	return dst, nil
}

type arrayReader struct {
	s  []byte
	at int
}

// maxArrayDepth is how many dimensions PostgreSQL's arrays have at most.
const maxArrayDepth = 6

func (a *arrayReader) list(dst []byte, t *types.Type, depth int) ([]byte, bool) {
	if depth >= maxArrayDepth || t.Kind != types.KindList || !a.accept('{') {
		return nil, false
	}
	dst = append(dst, '[')
	if a.accept('}') {
		return append(dst, ']'), true
	}
	for ok := true; ; {
		switch {
		case a.at < len(a.s) && a.s[a.at] == '{':
			dst, ok = a.list(dst, t.Elem, depth+1)
		default:
			dst, ok = a.item(dst, t.Elem)
		}
		switch {
		case !ok:
			return nil, false
		case a.accept('}'):
			return append(dst, ']'), true
		case !a.accept(','):
			return nil, false
		}
		dst = append(dst, ',')
	}
}

func (a *arrayReader) accept(c byte) bool {
	if a.at < len(a.s) && a.s[a.at] == c {
		a.at++
		return true
	}
	return false
}

// item writes one item: numbers as they are, truth values as words, JSON as it is and all
// else as a string.
func (a *arrayReader) item(dst []byte, t *types.Type) ([]byte, bool) {
	var word []byte
	quoted := a.accept('"')
	for closed := !quoted; ; a.at++ {
		if a.at >= len(a.s) {
			return nil, false
		}
		c := a.s[a.at]
		if quoted && c == '"' {
			a.at++
			break
		}
		if closed && (c == ',' || c == '}') {
			break
		}
		if c == '\\' {
			if a.at++; a.at >= len(a.s) {
				return nil, false
			}
			c = a.s[a.at]
		}
		word = append(word, c)
	}
	x := cell{kind: cellText, s: word}
	switch {
	case !quoted && string(word) == "NULL":
		return append(dst, "null"...), true
	case !quoted && len(word) == 0:
		return nil, false
	}
	switch t.Kind {
	case types.KindBool:
		v, ok := boolOf(&x)
		if v {
			return append(dst, "true"...), ok
		}
		return append(dst, "false"...), ok
	case types.KindInt, types.KindFloat, types.KindDecimal, types.KindAny, types.KindRecord:
		return append(dst, word...), len(word) > 0
	case types.KindTime:
		ns, ok := timeOf(&x)
		if !ok {
			return nil, false
		}
		return append(append(append(dst, '"'), string(timeText(sqlite, nil, ns))...), '"'), true
	}
	return jsonl.AppendString(dst, record.View(word)), true
}

// appendArray writes a list as an array.
func appendArray(dst []byte, t *types.Type, c *record.Column, row int) []byte {
	dst = append(dst, '{')
	from, to := c.Range(row)
	for i := from; i < to; i++ {
		if i > from {
			dst = append(dst, ',')
		}
		switch {
		case c.Elem.IsNull(i):
			dst = append(dst, "NULL"...)
		case t.Elem.Kind == types.KindList:
			dst = appendArray(dst, t.Elem, c.Elem, i)
		default:
			dst = append(dst, '"')
			for _, b := range appendText(nil, postgres, t.Elem, c.Elem, i, false) {
				if b == '"' || b == '\\' {
					dst = append(dst, '\\')
				}
				dst = append(dst, b)
			}
			dst = append(dst, '"')
		}
	}
	return append(dst, '}')
}
