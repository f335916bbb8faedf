package jsonl

import (
	"reflect"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file writes a single item as JSON.

// AppendItem writes one item of whatever data: a physical row of a batch, or a Go
// value by its index. A Go value is written under the names that its fields have in
// flows, if it can be a record, and as package json has it otherwise.
func AppendItem(dst []byte, d record.Data, row int) []byte {
	switch d := d.(type) {
	case *record.Batch:
		return NewEncoder(d.Type).AppendRow(dst, d, row)
	case record.GoItems:
		return appendGo(dst, d, row)
	}
	return append(dst, "null"...)
}

func appendGo(dst []byte, d record.GoItems, row int) []byte {
	v := d.At(row)
	if v == nil {
		return append(dst, "null"...)
	}
	if t := types.FromGo(reflect.TypeOf(v)); t.Kind != types.KindOpaque {
		one := d.Slice(row, row+1)
		defer one.Release()
		b := one.(record.GoItems).ToBatch(t, func(int, error) {})
		defer b.Release()
		if b.Len() == 1 {
			return NewEncoder(t).AppendRow(dst, b, b.Row(0))
		}
	}
	text, err := record.JSON(v)
	if err != nil {
		return append(dst, `"an item that is not JSON"`...)
	}
	return append(dst, text...)
}
