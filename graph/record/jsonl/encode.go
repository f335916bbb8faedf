package jsonl

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// An Encoder writes items of one type. Fields come in the order of the type; ones
// without a column are left out, and so are replies, which are no data. A float that is not
// finite is null. HTML characters are not escaped. Many goroutines may use an Encoder
// at once.
type Encoder struct {
	root   *encNode
	record bool
}

// An encNode is the plan for the values of one place.
type encNode struct {
	typ    *types.Type
	key    string // `"name":`, of a field
	fields []*encNode
	elem   *encNode
	reply  bool // it is left out
}

// NewEncoder gives an encoder for items of type t.
func NewEncoder(t *types.Type) *Encoder {
	return &Encoder{root: newEncNode("", t), record: t.IsRecord()}
}

func newEncNode(name string, t *types.Type) *encNode {
	n := &encNode{typ: t, key: string(AppendString(nil, name)) + ":", reply: t.IsReply()}
	for _, f := range t.Fields {
		n.fields = append(n.fields, newEncNode(f.Name, f.Type))
	}
	if t.Elem != nil {
		n.elem = newEncNode("", t.Elem)
	}
	return n
}

// AppendBatch writes the selected rows of b, a line each.
func (e *Encoder) AppendBatch(dst []byte, b *record.Batch) []byte {
	for i := range b.Len() {
		dst = append(e.AppendRow(dst, b, b.Row(i)), '\n')
	}
	return dst
}

// AppendRow writes one physical row of b, without a newline.
func (e *Encoder) AppendRow(dst []byte, b *record.Batch, row int) []byte {
	if e.record {
		return e.root.appendFields(dst, b.Cols, row)
	}
	return e.root.append(dst, b.Cols[0], row)
}

// AppendValue writes one value of a column of type t. For many, an Encoder is
// faster.
func AppendValue(dst []byte, t *types.Type, col *record.Column, row int) []byte {
	return newEncNode("", t).append(dst, col, row)
}

func (n *encNode) appendFields(dst []byte, cols []*record.Column, row int) []byte {
	open := byte('{')
	for i, f := range n.fields {
		if cols[i] == nil || f.reply {
			continue
		}
		dst = append(dst, open)
		dst = append(dst, f.key...)
		dst = f.append(dst, cols[i], row)
		open = ','
	}
	if open == '{' {
		dst = append(dst, '{')
	}
	return append(dst, '}')
}

func (n *encNode) append(dst []byte, c *record.Column, row int) []byte {
	if c.IsNull(row) {
		return append(dst, "null"...)
	}
	switch n.typ.Kind {
	case types.KindInt:
		return strconv.AppendInt(dst, c.Int[row], 10)
	case types.KindFloat:
		f := c.Float[row]
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return append(dst, "null"...)
		}
		return text.AppendFloat(dst, f)
	case types.KindString, types.KindEnum:
		return AppendString(dst, c.Str[row])
	case types.KindBool:
		return strconv.AppendBool(dst, c.Bool[row])
	case types.KindTime:
		dst = text.AppendTime(append(dst, '"'), c.Int[row])
		return append(dst, '"')
	case types.KindDate:
		dst = text.AppendDate(append(dst, '"'), c.Int[row])
		return append(dst, '"')
	case types.KindAny:
		return appendRaw(dst, c.Str[row])
	case types.KindDecimal:
		return text.AppendDecimal(dst, c.Int[row], n.typ.Scale)
	case types.KindDuration:
		dst = text.AppendDuration(append(dst, '"'), c.Int[row])
		return append(dst, '"')
	case types.KindBytes:
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), record.Bytes(c.Str[row]))
		return append(dst, '"')
	case types.KindRecord:
		return n.appendFields(dst, c.Fields, row)
	case types.KindList:
		dst = append(dst, '[')
		from, to := c.Range(row)
		for i := from; i < to; i++ {
			if i > from {
				dst = append(dst, ',')
			}
			dst = n.elem.append(dst, c.Elem, i)
		}
		return append(dst, ']')
	}
	return append(dst, "null"...)
}

// appendRaw writes checked JSON. Newlines in it stand between its tokens, as
// strings have none, and would end the line.
func appendRaw(dst []byte, raw string) []byte {
	if raw == "" {
		return append(dst, "null"...)
	}
	for {
		i := strings.IndexByte(raw, '\n')
		if i < 0 {
			return append(dst, raw...)
		}
		dst, raw = append(dst, raw[:i]...), strings.TrimLeft(raw[i:], " \t\r\n")
	}
}

// AppendString writes s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	b := record.Bytes(s)
	from, p := 0, 0
	for p < len(b) {
		if p+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[p:])
			quote, slash := w^low*'"', w^low*'\\'
			// Here bytes that are not ASCII count as hits, too.
			if ((quote-low)&^quote|(slash-low)&^slash|(w-low*' ')|w)&high == 0 {
				p += 8
				continue
			}
		}
		for stop := min(p+8, len(b)); p < stop; {
			c := b[p]
			if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
				p++
				continue
			}
			if c >= utf8.RuneSelf {
				r, size := utf8.DecodeRune(b[p:])
				p += size
				if r == utf8.RuneError && size == 1 {
					dst = append(append(dst, b[from:p-1]...), "\uFFFD"...)
					from = p
				}
				continue
			}
			dst = appendEscape(append(dst, b[from:p]...), c)
			p++
			from = p
		}
	}
	return append(append(dst, b[from:]...), '"')
}

// appendEscape writes a quote, a backslash or a control character.
func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
