package jsonl

import (
	"encoding/base64"
	"strconv"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file reads values into columns, but for objects and lists.

// value reads the value at p into row of the column of n and returns where it
// ends, -1 if it is wrong.
func (s *Scanner) value(n *node, p, row int) int {
	b, c := s.src, n.col
	if b[p] == 'n' {
		return s.null(n, p, row)
	}
	switch n.typ.Kind {
	case types.KindInt:
		v, end := text.Int(b, p)
		if end < 0 || b[end] == '.' || b[end]|0x20 == 'e' {
			return s.want(n, p)
		}
		c.Int[row], p = v, end
	case types.KindFloat:
		v, end := text.Float(b, p)
		if end < 0 {
			return s.want(n, p)
		}
		if s.opts.Sampled && text.Loses(b[p:end]) {
			return s.fail("%s has more digits than a float keeps", text.Shorten(string(b[p:end])))
		}
		c.Float[row], p = v, end
	case types.KindBool:
		switch {
		case b[p] == 't' && s.hasWord(p, "true"):
			c.Bool[row], p = true, p+4
		case b[p] == 'f' && s.hasWord(p, "false"):
			c.Bool[row], p = false, p+5
		default:
			return s.want(n, p)
		}
	case types.KindString:
		v, end := s.str(n, p)
		if end < 0 {
			return -1
		}
		c.Str[row], p = record.View(v), end
	case types.KindAny:
		end := s.skip(p)
		if end < 0 {
			return -1
		}
		c.Str[row], p = record.View(b[p:end]), end
	case types.KindList:
		if b[p] != '[' {
			return s.want(n, p)
		}
		if p = s.list(n, p, row); p < 0 {
			return -1
		}
	case types.KindRecord:
		if b[p] != '{' {
			return s.want(n, p)
		}
		if p = s.object(n.object, p, row); p < 0 {
			return -1
		}
	default:
		if p = s.literal(n, p, row); p < 0 {
			return -1
		}
	}
	c.Clear(row)
	return p
}

// literal reads what stands in a string, or in a number that is no int or float.
func (s *Scanner) literal(n *node, p, row int) int {
	b, c := s.src, n.col
	if b[p] != '"' {
		v, end := int64(0), -1
		switch {
		case n.typ.Kind == types.KindDecimal:
			v, end = text.Decimal(b, p, n.typ.Precision, n.typ.Scale)
		case n.typ.Kind == types.KindDuration:
			v, end = text.Decimal(b, p, 19, 0)
		case n.typ.Kind == types.KindTime && n.format.Number():
			v, end = n.format.Decimal(b, p)
		}
		if end < 0 {
			return s.want(n, p)
		}
		c.Int[row] = v
		return end
	}
	lit, end := s.str(n, p)
	if end < 0 {
		return -1
	}
	ok := false
	switch n.typ.Kind {
	case types.KindTime, types.KindDate:
		if !n.format.Number() {
			c.Int[row], ok = n.format.Parse(lit)
		}
	case types.KindDuration:
		c.Int[row], ok = text.Duration(record.View(lit))
	case types.KindDecimal:
		var stop int
		c.Int[row], stop = text.Decimal(lit, 0, n.typ.Precision, n.typ.Scale)
		ok = stop == len(lit)
	case types.KindEnum:
		for _, w := range n.typ.Words {
			if w == string(lit) {
				c.Str[row], ok = w, true
			}
		}
	case types.KindBytes:
		raw := s.memory(base64.StdEncoding.DecodedLen(len(lit)))
		size, err := base64.StdEncoding.Decode(raw, lit)
		c.Str[row], ok = record.View(raw[:size]), err == nil
	}
	if !ok {
		return s.want(n, p)
	}
	return end
}

// null reads null at p, if it is there.
func (s *Scanner) null(n *node, p, row int) int {
	if !s.hasWord(p, "null") {
		return s.syntax(p, "want a value")
	}
	switch {
	case n.instead != nil:
		if s.useDefault(n, row) < 0 {
			return -1
		}
	case n.typ.Nullable:
		n.col.SetNull(row)
	case n.name == "":
		return s.fail("want %s, got null", n.wanted)
	default:
		return s.fail("is null, but %s is not nullable", n.typ)
	}
	return p + 4
}

func (s *Scanner) hasWord(p int, word string) bool {
	return p+len(word) <= len(s.src) && string(s.src[p:p+len(word)]) == word
}

// str reads the string at p. What it gives is a view of the text, or of an arena
// of the batch where there were escapes.
func (s *Scanner) str(n *node, p int) (content []byte, end int) {
	if s.src[p] != '"' {
		return nil, s.want(n, p)
	}
	closing, escaped := s.stringEnd(p + 1)
	if closing < 0 {
		return nil, -1
	}
	content = s.src[p+1 : closing]
	if escaped {
		content = unescape(s.memory(len(content))[:0], content)
	}
	return content, closing + 1
}

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }
