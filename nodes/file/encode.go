package file

import (
	"bytes"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
)

// encoder gives what turns batches of type t into text: whole lines.
func (k *writer) encoder(t *types.Type) func(dst []byte, b *record.Batch) []byte {
	switch k.format {
	case formatCSV, formatTSV:
		return k.csvEncoder(t).AppendBatch
	case formatLines:
		return func(dst []byte, b *record.Batch) []byte {
			for i := range b.Len() {
				dst = append(append(dst, b.Cols[0].Str[b.Row(i)]...), '\n')
			}
			return dst
		}
	}
	return jsonl.NewEncoder(t).AppendBatch
}

// csvEncoder gives the encoder of a type that Infer has found to be flat.
func (k *writer) csvEncoder(t *types.Type) *csv.Encoder {
	e, err := csv.NewEncoder(t, dialect(k.format, k.Delimiter, "", nil))
	if err != nil {
		panic(err)
	}
	return e
}

// head is what stands before the first row.
func (k *writer) head(t *types.Type, to *target) []byte {
	if (k.format == formatCSV || k.format == formatTSV) && k.Header && to.restore <= 0 {
		return k.csvEncoder(t).AppendHeader(nil)
	}
	return nil
}

// arrayItems turns lines into items of a JSON array; first says that none stands
// before them.
func arrayItems(lines []byte, first bool) []byte {
	lines = bytes.TrimSuffix(lines, newline)
	if len(lines) == 0 {
		return nil
	}
	before := []byte(",\n")
	if first {
		before = []byte("[\n")
	}
	return append(before, bytes.ReplaceAll(lines, newline, []byte(",\n"))...)
}
