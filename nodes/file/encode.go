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

// This file turns batches into the text of a file.

// encoder gives what turns batches of type t into what is written of them.
func (k *writer) encoder(t *types.Type) func(p *part, b *record.Batch) {
	if k.format == formatParquet {
		return func(p *part, b *record.Batch) { p.table = shreds(k.schema, p.table[:0], b) }
	}
	if k.format == formatAvro {
		return k.encodeAvro
	}
	text := k.textEncoder(t)
	return func(p *part, b *record.Batch) { p.text = text(p.text[:0], b) }
}

// textEncoder gives what turns batches of type t into text: whole lines.
func (k *writer) textEncoder(t *types.Type) func(dst []byte, b *record.Batch) []byte {
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

// lead is what comes before rows that are added to a file, whose size is 0 if it is not
// there: the header, or the end of a last line that has none. Another header is an error;
// a file that is no csv is left to its user.
func (o *writeOp) lead(old *os.File, size int64) ([]byte, error) {
	if size == 0 {
		return o.packedHead()
	}
	if o.k.format.isCSV() && o.k.Header {
		names := o.k.columns(io.NewSectionReader(old, 0, size))
		if names != nil && !slices.Equal(names, o.t.FieldNames()) {
			return nil, fmt.Errorf("it has the columns %s, and these rows have %s; write another file, or say header: false",
				strings.Join(names, ", "), strings.Join(o.t.FieldNames(), ", "))
		}
	}
	if o.k.packed != plain {
		return nil, nil
	}
	last := make([]byte, 1)
	if _, err := old.ReadAt(last, size-1); err != nil || last[0] == '\n' {
		return nil, err
	}
	return newline, nil
}

// head is what stands before the first row of a file.
func (o *writeOp) head() []byte {
	if o.k.format == formatAvro {
		return o.k.avro.Header()
	}
	if o.k.format.isCSV() && o.k.Header {
		return o.k.csvEncoder(o.t).AppendHeader(nil)
	}
	return nil
}

func (o *writeOp) packedHead() ([]byte, error) {
	head := o.head()
	if len(head) == 0 || o.k.packed == plain {
		return head, nil
	}
	var b bytes.Buffer
	w, err := pack(&b, o.k.packed)
	if err == nil {
		_, err = w.Write(head)
	}
	if err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
}

// columns reads the header of a file, nil if it has none.
func (k *writer) columns(f io.Reader) []string {
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
