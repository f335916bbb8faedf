package message_test

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes/message"
)

// A batch of large items is given away in parts, so that it is not in memory a second time. Here
// all of its rows share one text, so that its size says nothing of that of its messages.
func TestEncodeInParts(t *testing.T) {
	const rows, size = 1000, 20_000
	text := strings.Repeat("x", size)
	in := types.Record(types.Field{Name: "body", Type: types.String})
	b := record.New(in)
	for range rows {
		b.Cols[0].Str = append(b.Cols[0].Str, text)
	}
	b.Rows = rows
	w := message.Writing{Format: message.FormatRaw}
	came, largest := 0, 0
	e, err := w.NewEncoder(in, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = e.Encode(b, nil, func(part []*message.Outgoing) error {
		bytes := 0
		for _, m := range part {
			if string(m.Body) != text || m.Row != came {
				t.Errorf("message %d is of row %d and has %d bytes", came, m.Row, len(m.Body))
			}
			came++
			bytes += len(m.Body)
			m.Batch.Release()
		}
		largest = max(largest, bytes)
		return nil
	})
	if err != nil || came != rows || largest > 300_000 {
		t.Errorf("%d of %d messages came, at most %d bytes at once: %v", came, rows, largest, err)
	}
}
