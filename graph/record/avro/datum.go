package avro

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is for datums: rows that stand alone, each in a message, and whose schema stands
// elsewhere.

// A Schema is one that stands in a file of its own. Many goroutines may use it at once.
type Schema struct{ root *node }

// ReadSchema reads a schema (.avsc).
func ReadSchema(src io.Reader) (s *Schema, err error) {
	text, err := io.ReadAll(io.LimitReader(src, maxSchema+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxSchema:
		return nil, fmt.Errorf("the schema has more than %d bytes", maxSchema)
	}
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("the schema cannot be read: %v", p)
		}
	}()
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	return &Schema{root}, nil
}

// Type gives the type of the rows. An error names a field that no type can hold.
func (s *Schema) Type(origin types.Origin) (*types.Type, error) { return s.root.typ("", origin) }

// Reader plans to read rows of type t. Fields that t does not have are left out, and so are
// those for which a batch has no column.
func (s *Schema) Reader(t *types.Type) (record.RowReader, error) {
	if s.root.kind != kindRecord {
		return nil, misfit("", "", "the schema is no record but %s", s.root.called())
	}
	root, err := planner{"the schema"}.plan(s.root, t, "", 0)
	if err != nil {
		return nil, err
	}
	return &rowReader{root: root, fields: len(t.Fields), d: decoder{short: errEndsEarly}}, nil
}

// A rowReader reads rows that stand alone.
type rowReader struct {
	root   *slot
	fields int // of the type; behind them a batch may have others
	d      decoder
}

var errEndsEarly = errors.New("it ends too early: it is cut off, or was not written by this schema")

// mostNothing is how many elements of lists, beside one a byte, a row may have: those that take
// no byte.
const mostNothing = 4096

// Start implements record.RowReader.
func (r *rowReader) Start(b *record.Batch) { r.d.batch, r.d.extra = b, nil }

// ReadRow implements record.RowReader.
func (r *rowReader) ReadRow(raw []byte) error {
	d, b := &r.d, r.d.batch
	d.b, d.at, d.err, d.depth, d.row, d.bads = raw, 0, nil, 0, b.Rows, d.bads[:0]
	d.left = len(raw) + mostNothing
	cols := b.Cols[:r.fields]
	for _, c := range cols {
		if c != nil {
			c.Resize(b.Rows + 1)
		}
	}
	d.recordInto(r.root, cols, b.Rows)
	switch {
	case d.err != nil:
	case d.at < len(raw):
		d.err = fmt.Errorf("%d bytes are left behind its end: it was not written by this schema", len(raw)-d.at)
	case len(d.bads) > 0:
		d.err = d.bads[0].Err
	}
	if d.err == nil {
		return nil
	}
	for _, c := range cols {
		if c != nil {
			c.Cut(b.Rows)
		}
	}
	return d.err
}

// Writer plans to write rows of type t. An error says what would get lost, or is missing.
func (s *Schema) Writer(t *types.Type) (record.RowWriter, error) {
	if s.root.kind != kindRecord {
		return nil, misfit("", "", "the schema is no record but %s", s.root.called())
	}
	root, err := aim(s.root, t, "")
	if err != nil {
		return nil, err
	}
	return rowWriter{root}, nil
}

// A rowWriter writes rows that stand alone.
type rowWriter struct{ root *target }

// AppendRow implements record.RowWriter.
func (w rowWriter) AppendRow(dst []byte, b *record.Batch, row int) ([]byte, error) {
	var e encoder
	from := len(dst)
	dst = e.fields(dst, w.root, b.Cols, row)
	if e.err != nil {
		return dst[:from], e.err
	}
	return dst, nil
}

func (n *node) field(name string) (field, bool) {
	i := slices.IndexFunc(n.fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return field{}, false
	}
	return n.fields[i], true
}
