package file

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
)

// encoder gives what turns batches of type t into text: whole lines.
func (k *writer) encoder(t *types.Type) func(dst []byte, b *record.Batch) []byte {
	switch {
	case k.format.isCSV():
		return k.csvEncoder(t).AppendBatch
	case k.format == formatLines:
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
	if to.unended {
		return newline
	}
	if k.format.isCSV() && k.Header && to.old == 0 {
		return k.csvEncoder(t).AppendHeader(nil)
	}
	return nil
}

// checkOld reports a csv file that is appended to and has other columns. A file
// that is no csv is left to its user.
func (k *writer) checkOld(t *types.Type, to *target) error {
	if !k.format.isCSV() || !k.Header || to.old == 0 {
		return nil
	}
	names := k.columns(to.path)
	if names == nil || slices.Equal(names, t.FieldNames()) {
		return nil
	}
	return to.wrong(fmt.Errorf("it has the columns %s, and these rows have %s; write another file, or say header: false",
		strings.Join(names, ", "), strings.Join(t.FieldNames(), ", ")))
}

// columns reads the header of a file.
func (k *writer) columns(path string) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	r, end, err := unpack(f, k.packed)
	if err != nil {
		return nil
	}
	defer end()
	text, _ := io.ReadAll(io.LimitReader(r, bufferSize))
	names, _, err := dialect(k.format, k.Delimiter, "", nil).Header(bytes.TrimPrefix(text, bom))
	if err != nil {
		return nil
	}
	return names
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
