package stream

import (
	"bytes"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
)

// This file makes the text of rows.

// An Encoder makes the text of rows.
type Encoder struct {
	// Head stands before the first row of a stream; nil: nothing.
	Head []byte
	row  func(dst []byte, b *record.Batch, row int) []byte
}

// Encoder gives the encoder of a type that Check has found to fit.
func (k *Writing) Encoder(t *types.Type) (*Encoder, error) {
	switch k.Format {
	case FormatCSV:
		c, err := csv.NewEncoder(t, csv.Standard)
		if err != nil {
			return nil, err
		}
		e := &Encoder{row: c.AppendRow}
		if k.Header {
			e.Head = c.AppendHeader(nil)
		}
		return e, nil
	case FormatLines:
		return &Encoder{row: func(dst []byte, b *record.Batch, row int) []byte { return append(dst, b.Cols[0].Str[row]...) }}, nil
	}
	return &Encoder{row: jsonl.NewEncoder(t).AppendRow}, nil
}

// AppendRow writes a physical row, without what ends it.
func (e *Encoder) AppendRow(dst []byte, b *record.Batch, row int) []byte { return e.row(dst, b, row) }

// AppendLines writes the rows of a batch, a line each; rows of csv may span lines.
func (e *Encoder) AppendLines(dst []byte, b *record.Batch) []byte {
	for i := range b.Len() {
		dst = append(e.row(dst, b, b.Row(i)), '\n')
	}
	return dst
}

// Lines counts the lines of a text.
func Lines(text []byte) uint64 { return uint64(bytes.Count(text, newline)) }
