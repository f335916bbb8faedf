package file

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/avro"
	"github.com/flowrun/flowrun/graph/record/block"
	"github.com/flowrun/flowrun/graph/record/parquet"
	"github.com/flowrun/flowrun/graph/types"
)

// texts is a batch of rows that share a text.
func texts(t *testing.T, rows, size int) *record.Batch {
	b := record.New(types.Record(types.Field{Name: "s", Type: types.String}))
	t.Cleanup(b.Release)
	b.Cols[0].Resize(rows)
	b.Rows = rows
	text := strings.Repeat("x", size)
	for i := range rows {
		b.Cols[0].Str[i] = text
	}
	return b
}

// Blocks of Avro end by their bytes, whatever rows a batch has; rows at its end that are too few
// for one wait for others.
func TestBlocksByBytes(t *testing.T) {
	const size, rows = 30_000, 4*(largestBlock/30_000+1) + 1
	b := texts(t, rows, size)
	e, err := avro.NewEncoder(b.Type, block.None)
	if err != nil {
		t.Fatal(err)
	}
	k := &writer{Writing: Writing{avro: e}}
	p := &part{rows: rows}
	k.encodeAvro(p, b)
	file, err := avro.Open(io.MultiReader(bytes.NewReader(e.Header()), bytes.NewReader(p.text)))
	if err != nil {
		t.Fatal(err)
	}
	blocks, last := 0, int64(0)
	for ; ; blocks++ {
		from, _ := file.Offset()
		if _, err = file.Next(); err != nil {
			break
		}
		var to int64
		if to, last = file.Offset(); to-from > largestBlock+size+100 {
			t.Errorf("block %d has %d bytes", blocks, to-from)
		}
	}
	if err != io.EOF || blocks != 4 || p.few != 1 || int(last)+p.few != rows {
		t.Errorf("%d blocks with %d rows, and %d wait, of %d: %v", blocks, last, p.few, rows, err)
	}
}

// Rows of Parquet are taken apart in pieces of a bounded size, also where they share a text.
func TestShredsByBytes(t *testing.T) {
	b := texts(t, 100, 1<<20)
	s, err := parquet.NewSchema(b.Type)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, piece := range shreds(s, nil, b) {
		if rows += piece.Rows(); piece.Size() > largestShreds {
			t.Errorf("%d rows with %d bytes", piece.Rows(), piece.Size())
		}
	}
	if rows != b.Len() {
		t.Errorf("%d rows of %d", rows, b.Len())
	}
}
