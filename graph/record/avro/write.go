package avro

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/block"
	"github.com/flowrun/flowrun/graph/types"
)

// This file writes headers, and batches as blocks.

// An Encoder writes rows of one type. Many goroutines may use it at once.
type Encoder struct {
	t     *types.Type
	root  *target
	codec block.Codec
	head  []byte
	sync  []byte
}

var codecNames = map[block.Codec]string{block.None: "null", block.Deflate: "deflate", block.Snappy: "snappy", block.Zstd: "zstandard"}

// NewEncoder gives an encoder. An error says why no file can have such rows.
func NewEncoder(t *types.Type, codec block.Codec) (*Encoder, error) {
	schema, err := schemaOf(t, "row")
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(schema)
	if err != nil {
		return nil, err
	}
	n, err := parse(text)
	if err != nil {
		return nil, err
	}
	root, err := aim(n, t, "")
	if err != nil {
		return nil, err
	}
	// The mark is the same for all files of a schema, so that a run writes the same bytes again.
	mark := sha256.Sum256(append(append([]byte{}, text...), codecNames[codec]...))
	e := &Encoder{t: t, root: root, codec: codec, sync: mark[:syncSize]}
	e.head = append(e.head, magic...)
	e.head = appendLong(e.head, 3)
	for _, kv := range [][2]string{{"avro.codec", codecNames[codec]}, {"avro.schema", string(text)}, {typeKey, plainType(t).String()}} {
		e.head = appendText(appendText(e.head, kv[0]), kv[1])
	}
	e.head = append(appendLong(e.head, 0), e.sync...)
	return e, nil
}

// Header is what stands before the blocks of a file.
func (e *Encoder) Header() []byte { return e.head }

// plainType is a type without declared names, which a file knows nothing of, and without
// replies.
func plainType(t *types.Type) *types.Type {
	c := *t
	c.Name = ""
	if t.Elem != nil {
		c.Elem = plainType(t.Elem)
	}
	c.Fields = nil
	for _, f := range t.Fields {
		if !f.Type.IsReply() {
			c.Fields = append(c.Fields, types.Field{Name: f.Name, Type: plainType(f.Type)})
		}
	}
	return &c
}

// isName reports whether a text is a name in Avro.
func isName(s string) bool {
	for i, c := range s {
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return s != ""
}

// A fieldSchema is a field of a record in a schema.
type fieldSchema struct {
	Name string `json:"name"`
	Type any    `json:"type"`
}

type namedSchema struct {
	Type    string        `json:"type"`
	Name    string        `json:"name"`
	Fields  []fieldSchema `json:"fields,omitempty"`
	Symbols []string      `json:"symbols,omitempty"`
}

type logicalSchema struct {
	Type      string `json:"type"`
	Logical   string `json:"logicalType"`
	Precision int    `json:"precision,omitempty"`
	Scale     int    `json:"scale,omitempty"`
}

// schemaOf gives the schema of a type. name is for what has a name in Avro, of which there is
// one each.
func schemaOf(t *types.Type, name string) (schema any, err error) {
	switch t.Kind {
	case types.KindBool:
		schema = "boolean"
	case types.KindInt, types.KindDuration:
		schema = "long"
	case types.KindFloat:
		schema = "double"
	case types.KindString:
		schema = "string"
	case types.KindAny:
		schema = logicalSchema{Type: "string", Logical: logicalJSON}
	case types.KindBytes:
		schema = "bytes"
	case types.KindDate:
		schema = logicalSchema{Type: "int", Logical: "date"}
	case types.KindTime:
		schema = logicalSchema{Type: "long", Logical: "timestamp-nanos"}
	case types.KindDecimal:
		schema = logicalSchema{Type: "bytes", Logical: "decimal", Precision: t.Precision, Scale: t.Scale}
	case types.KindEnum:
		schema = enumSchema(t, name)
	case types.KindList:
		items, err := schemaOf(t.Elem, name+"_")
		if err != nil {
			return nil, err
		}
		schema = map[string]any{"type": "array", "items": items}
	case types.KindRecord:
		if schema, err = recordSchema(t, name); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("it has a %s", t)
	}
	if t.Nullable {
		schema = []any{"null", schema}
	}
	return schema, nil
}

// enumSchema gives the schema of an enum: that of texts, if its words are no names in Avro.
func enumSchema(t *types.Type, name string) any {
	for _, w := range t.Words {
		if !isName(w) {
			return "string"
		}
	}
	return namedSchema{Type: "enum", Name: name, Symbols: t.Words}
}

func recordSchema(t *types.Type, name string) (any, error) {
	s := namedSchema{Type: "record", Name: name, Fields: []fieldSchema{}}
	for _, f := range t.Fields {
		if f.Type.IsReply() {
			continue
		}
		if !isName(f.Name) {
			return nil, fmt.Errorf("field %q: a name in Avro is of letters, digits and _ (rename it by a map)", f.Name)
		}
		schema, err := schemaOf(f.Type, name+"_"+f.Name)
		if err != nil {
			return nil, err
		}
		s.Fields = append(s.Fields, fieldSchema{f.Name, schema})
	}
	if len(s.Fields) == 0 {
		return nil, errors.New("it has a record without fields")
	}
	return s, nil
}

// AppendRows writes the selected rows of b from one on, without the block that they must stand
// in, until they take full bytes. It gives the first row that is left.
func (e *Encoder) AppendRows(dst []byte, b *record.Batch, from, full int) (_ []byte, next int) {
	var w encoder
	i := from
	for ; i < b.Len() && len(dst) < full; i++ {
		if e.t.IsRecord() {
			dst = w.fields(dst, e.root, b.Cols, b.Row(i))
		} else {
			dst = w.value(dst, e.root, b.Cols[0], b.Row(i))
		}
	}
	return dst, i
}

// AppendBlock writes a block of rows that AppendRows has written.
func (e *Encoder) AppendBlock(dst, raw []byte, rows int) []byte {
	packed := raw
	if e.codec != block.None {
		packed = block.Pack(nil, raw, e.codec)
	}
	if e.codec == block.Snappy {
		packed = binary.BigEndian.AppendUint32(packed, crc32.ChecksumIEEE(raw))
	}
	dst = appendLong(dst, int64(rows))
	dst = appendLong(dst, int64(len(packed)))
	dst = append(dst, packed...)
	return append(dst, e.sync...)
}
