package avro

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"strconv"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file makes JSON of values that no type fits, such as those of a union of a number and a
// text: what is read as any.

// maxJSON is how long the JSON of one value may be.
const maxJSON = 64 << 20

// appendJSON reads a value and writes it as JSON, in the way in which jsonl files have it.
func (d *decoder) appendJSON(dst []byte, n *node) []byte {
	if len(dst) > maxJSON {
		d.fail(errors.New("a value is too large to be JSON"))
		return dst
	}
	switch n.kind {
	case kindNull:
		return append(dst, "null"...)
	case kindBool:
		b := d.take(1)
		return strconv.AppendBool(dst, b != nil && b[0] != 0)
	case kindInt, kindLong:
		return appendInteger(dst, n, d.long())
	case kindFloat:
		if b := d.take(4); b != nil {
			return appendFloat(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
		}
	case kindDouble:
		if b := d.take(8); b != nil {
			return appendFloat(dst, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	case kindString:
		return jsonl.AppendString(dst, record.View(d.bytes(n)))
	case kindBytes, kindFixed:
		return d.appendBytes(dst, n)
	case kindEnum:
		k := d.long()
		if k < 0 || k >= int64(len(n.symbols)) {
			d.fail(errors.New("an enum has no such symbol" + d.damaged))
			return dst
		}
		return jsonl.AppendString(dst, n.symbols[k])
	case kindUnion:
		b := d.long()
		if b < 0 || b >= int64(len(n.branches)) {
			d.fail(errors.New("a union has no such branch" + d.damaged))
			return dst
		}
		d.inside(func() { dst = d.appendJSON(dst, n.branches[b]) })
		return dst
	case kindRecord:
		d.inside(func() {
			dst = append(dst, '{')
			for i, f := range n.fields {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = append(jsonl.AppendString(dst, f.name), ':')
				dst = d.appendJSON(dst, f.node)
			}
			dst = append(dst, '}')
		})
		return dst
	case kindArray, kindMap:
		d.inside(func() { dst = d.appendElements(dst, n) })
		return dst
	}
	return append(dst, "null"...)
}

func (d *decoder) appendElements(dst []byte, n *node) []byte {
	open, end := byte('['), byte(']')
	if n.kind == kindMap {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	first := true
	d.blocks(func() {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if n.kind == kindMap {
			dst = append(jsonl.AppendString(dst, record.View(d.take(d.long()))), ':')
		}
		dst = d.appendJSON(dst, n.elem)
	})
	return append(dst, end)
}

func appendInteger(dst []byte, n *node, v int64) []byte {
	unit := units[n.logical]
	switch {
	case n.logical == "date" && v >= int64(types.FirstDate) && v <= int64(types.LastDate):
		return append(text.AppendDate(append(dst, '"'), v), '"')
	case unit == 0 || v > math.MaxInt64/unit || v < -math.MaxInt64/unit:
	case n.logical == "time-millis" || n.logical == "time-micros":
		return append(text.AppendDuration(append(dst, '"'), v*unit), '"')
	default:
		return append(text.AppendTime(append(dst, '"'), v*unit), '"')
	}
	return strconv.AppendInt(dst, v, 10)
}

func appendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	return text.AppendFloat(dst, f)
}

func (d *decoder) appendBytes(dst []byte, n *node) []byte {
	if n.logical == "decimal" && n.precision <= 18 {
		if v, ok := d.unscaled(n); ok {
			return text.AppendDecimal(dst, v, n.scale)
		}
		return append(dst, "null"...)
	}
	b := d.bytes(n)
	if n.logical == "uuid" && len(b) == 16 {
		return append(appendUUID(append(dst, '"'), b), '"')
	}
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), b), '"')
}
