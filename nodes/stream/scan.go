package stream

import (
	"bytes"
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file makes items of chunks.

// A Scanner makes items of the chunks of streams. One goroutine may use it.
type Scanner struct {
	format string
	t      *types.Type
	needed []bool
	// Frame reads a row that came in a frame into row of b; nil: it is a text. An error
	// makes it a bad item.
	Frame func(frame []byte, b *record.Batch, row int) error

	json  *jsonl.Scanner
	names []string // those of csv
	csv   *csv.Scanner
}

// NewScanner gives a scanner for items of type t, of which only some fields are needed.
func (k *Reading) NewScanner(t *types.Type, needed []bool) (*Scanner, error) {
	s := &Scanner{format: k.Format, t: t, needed: needed}
	if k.Format != FormatJSONL {
		return s, nil
	}
	var err error
	s.json, err = jsonl.New(t, jsonl.Options{})
	return s, err
}

type scanner interface {
	Scan(src []byte, from int, b *record.Batch, max int) (next int, bad *text.RowError)
}

// Scan emits the items of a chunk, and its bad ones.
func (s *Scanner) Scan(c *Chunk, out nodes.Out) error {
	defer c.Release()
	if c.bad != "" {
		return out.Bad(nodes.BadItem{Err: errors.New(c.bad), Raw: c.raw, Shown: s.shown(c.names, c.raw), File: c.Stream, Line: int(c.Line)})
	}
	if c.frames != nil {
		return s.scanFrames(c, out)
	}
	scan, err := s.scanner(c)
	if err != nil {
		return err
	}
	line, counted := int(c.Line), 0
	for at := 0; at < len(c.text); {
		b := record.NewNeeded(s.t, s.needed)
		b.Adopt(c.arena.Retain())
		for b.Rows < record.MaxRows && at < len(c.text) {
			next, bad := scan.Scan(c.text, at, b, record.MaxRows)
			at = next
			if bad == nil {
				break
			}
			line += bytes.Count(c.text[counted:bad.Offset], newline)
			counted = bad.Offset
			if err := out.Bad(nodes.BadItem{Err: bad, Raw: bad.Raw, Shown: s.shown(c.names, bad.Raw), File: c.Stream, Line: line}); err != nil {
				b.Release()
				return err
			}
		}
		if err := emit(b, out); err != nil {
			return err
		}
	}
	return nil
}

// emit gives a batch away, if there is something in it.
func emit(b *record.Batch, out nodes.Out) error {
	if b.Rows == 0 {
		b.Release()
		return nil
	}
	return out.Emit(0, b)
}

func (s *Scanner) scanner(c *Chunk) (scanner, error) {
	switch s.format {
	case FormatJSONL:
		return s.json, nil
	case FormatLines:
		return text.Lines{}, nil
	}
	if s.csv == nil || !slices.Equal(s.names, c.names) {
		var err error
		if s.csv, err = csv.New(s.t, c.names, csv.Options{Dialect: csv.Standard}); err != nil {
			return nil, err
		}
		s.names = c.names
	}
	return s.csv, nil
}

// shown is what messages show of a row of csv, "" if that is the row itself.
func (s *Scanner) shown(names []string, raw string) string {
	if s.format != FormatCSV {
		return ""
	}
	if names == nil {
		names = s.t.FieldNames()
	}
	if !slices.ContainsFunc(names, redact.IsSecret) {
		return ""
	}
	return csv.Standard.Mask(raw, func(column int) bool { return column < len(names) && redact.IsSecret(names[column]) }, redact.Mask)
}

// scanFrames makes an item of each frame.
func (s *Scanner) scanFrames(c *Chunk, out nodes.Out) error {
	read := s.Frame
	if read == nil {
		read = readText
	}
	b := record.NewNeeded(s.t, s.needed)
	b.Adopt(c.arena.Retain())
	for i, frame := range c.frames {
		for _, col := range b.Cols {
			if col != nil {
				col.Resize(b.Rows + 1)
			}
		}
		if err := read(frame, b, b.Rows); err != nil {
			if err := out.Bad(nodes.BadItem{Err: err, Raw: string(frame[:min(len(frame), shownOfLong)]), File: c.Stream, Line: int(c.Line) + i}); err != nil {
				b.Release()
				return err
			}
			continue
		}
		b.Rows++
	}
	for _, col := range b.Cols {
		if col != nil {
			col.Resize(b.Rows)
		}
	}
	return emit(b, out)
}

var errNotUTF8 = errors.New("the row is not UTF-8")

func readText(frame []byte, b *record.Batch, row int) error {
	if !utf8.Valid(frame) {
		return errNotUTF8
	}
	if c := b.Cols[0]; c != nil {
		c.Str[row] = record.View(frame)
	}
	return nil
}
