package redis

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is how records are entries of streams: a field of Redis for each field, whose
// value is a text; lists, records and values of any type are JSON. A field that is null is
// left out.

// fieldsOf gives the types of fields by the names that they have in Redis.
func fieldsOf(t *types.Type) map[string]*types.Type {
	m := map[string]*types.Type{}
	for _, f := range t.Fields {
		name := f.Name
		if f.Reading != nil && f.Reading.From != "" {
			name = f.Reading.From
		}
		m[name] = f.Type
	}
	return m
}

// appendEntry writes an entry as JSON: what a message is to everybody else. What no field is
// for is left out. The error says which value cannot be what its field is.
func appendEntry(dst []byte, fields map[string]*types.Type, pairs []any) ([]byte, error) {
	dst = append(dst, '{')
	for i := 0; i+1 < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		value, _ := pairs[i+1].(string)
		t, known := fields[name]
		if !known {
			continue
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		if err := fits(name, t, value); err != nil {
			return dst, err
		}
		dst = append(jsonl.AppendString(dst, name), ':')
		dst = appendField(dst, t, value)
	}
	return append(dst, '}'), nil
}

// fits looks whether the bytes that Redis has can be a value: all but bytes are text.
func fits(name string, t *types.Type, value string) error {
	if t.Kind == types.KindBytes || utf8.ValidString(value) {
		return nil
	}
	return fmt.Errorf("field %q: want %s, got bytes that are not UTF-8", name, t)
}

// appendField writes a value as JSON.
func appendField(dst []byte, t *types.Type, value string) []byte {
	switch t.Kind {
	case types.KindBytes:
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), []byte(value)), '"')
	case types.KindInt, types.KindFloat, types.KindDecimal, types.KindBool:
		switch {
		case value == "" && t.Nullable:
			return append(dst, "null"...)
		case t.Kind == types.KindBool && (value == "1" || value == "0"):
			return strconv.AppendBool(dst, value == "1")
		case json.Valid([]byte(value)):
			return append(dst, value...)
		}
	case types.KindAny, types.KindList, types.KindRecord:
		if json.Valid([]byte(value)) {
			return append(dst, value...)
		}
	}
	return jsonl.AppendString(dst, value)
}

// appendFields writes the fields of a row that are not null, each name and value behind its
// length: what an entry is on its way to send.
func appendFields(t *types.Type, names [][]byte) func(dst []byte, b *record.Batch, row int) []byte {
	return func(dst []byte, b *record.Batch, row int) []byte {
		for i, f := range t.Fields {
			c := b.Cols[i]
			if c == nil || c.IsNull(row) || f.Type.Kind == types.KindReply {
				continue
			}
			dst = append(dst, names[i]...)
			at := len(dst)
			dst = appendText(append(dst, 0, 0, 0, 0), f.Type, c, row)
			binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
		}
		return dst
	}
}

// lengthNames gives the names of fields behind their lengths.
func lengthNames(t *types.Type) (names [][]byte) {
	for _, f := range t.Fields {
		names = append(names, append(binary.BigEndian.AppendUint32(nil, uint32(len(f.Name))), f.Name...))
	}
	return names
}

// appendArgs takes apart what appendFields has written.
func appendArgs(args []any, entry []byte) []any {
	for len(entry) > 0 {
		n := int(binary.BigEndian.Uint32(entry))
		args = append(args, record.View(entry[4:4+n]))
		entry = entry[4+n:]
	}
	return args
}

// appendText writes a value that is not null as a text.
func appendText(dst []byte, t *types.Type, c *record.Column, row int) []byte {
	switch t.Kind {
	case types.KindString, types.KindEnum, types.KindBytes:
		return append(dst, c.Str[row]...)
	case types.KindTime:
		return text.AppendTime(dst, c.Int[row])
	case types.KindDate:
		return text.AppendDate(dst, c.Int[row])
	case types.KindDuration:
		return text.AppendDuration(dst, c.Int[row])
	case types.KindDecimal:
		return text.AppendDecimal(dst, c.Int[row], t.Scale)
	case types.KindInt:
		return strconv.AppendInt(dst, c.Int[row], 10)
	case types.KindBool:
		return strconv.AppendBool(dst, c.Bool[row])
	}
	return jsonl.AppendValue(dst, t, c, row)
}
