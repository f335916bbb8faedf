package scheduler

import (
	"encoding/json"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// maxItemText bounds the item in a message, in bytes. What goes to the error port
// is whole.
const maxItemText = 500

// itemText gives a failed item for a message.
func itemText(item nodes.BadItem) string {
	text := itemJSON(item)
	if len(text) > maxItemText {
		cut := maxItemText
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}
	return text
}

// itemJSON gives a failed item as JSON. A text that could not be read is a JSON
// string.
func itemJSON(item nodes.BadItem) string {
	switch d := item.Data.(type) {
	case *record.Batch:
		return string(jsonl.NewEncoder(d.Type).AppendRow(nil, d, item.Row))
	case record.GoItems:
		return goJSON(d, item.Row)
	}
	text, err := json.Marshal(item.Raw)
	if err != nil {
		return `""`
	}
	return string(text)
}

// goJSON gives a Go value as JSON: under the names that its fields have in flows,
// if it can be a record.
func goJSON(d record.GoItems, row int) string {
	v := d.At(row)
	if t := types.FromGo(reflect.TypeOf(v)); t.Kind != types.KindOpaque {
		one := d.Slice(row, row+1)
		defer one.Release()
		b := one.(record.GoItems).ToBatch(t, func(int, error) {})
		defer b.Release()
		if b.Len() == 1 {
			return string(jsonl.NewEncoder(t).AppendRow(nil, b, b.Row(0)))
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return `"an item that is not JSON"`
	}
	return string(text)
}

// newErrorBatch gives an empty batch of graph.ErrorItem.
func newErrorBatch() *record.Batch { return record.New(graph.ErrorItem) }

// appendError adds a row of graph.ErrorItem.
func appendError(b *record.Batch, node string, item nodes.BadItem, at time.Time) {
	row := b.Rows
	for _, c := range b.Cols {
		c.Resize(row + 1)
		c.Clear(row)
	}
	b.Cols[0].Str[row] = node
	b.Cols[1].Str[row] = item.Err.Error()
	b.Cols[2].Str[row] = itemJSON(item)
	b.Cols[3].Str[row] = item.File
	if item.File == "" {
		b.Cols[3].SetNull(row)
	}
	b.Cols[4].Int[row] = int64(item.Line)
	if item.Line == 0 {
		b.Cols[4].SetNull(row)
	}
	b.Cols[5].Int[row] = int64(max(item.Attempts, 1))
	b.Cols[6].Int[row] = at.UnixNano()
	if b.Cols[7].Str[row] = stackOf(item.Err); b.Cols[7].Str[row] == "" {
		b.Cols[7].SetNull(row)
	}
	b.Rows++
}
