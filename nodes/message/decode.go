package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file makes items of messages.

// A Content is what a message says. It belongs to the items that are made of it.
type Content struct {
	Body    []byte
	Props   []Value // those that were asked for, in their order
	Err     error   // not nil: it cannot be read for this reason, and Body may be a part of it
	Absent  bool    // there is no body, which is not the same as an empty one
	Deleted bool    // it tells that something was deleted: all fields of the body are null
}

// A Value is that of a property: Text of a string, Int of the others, a time as nanoseconds
// since 1970.
type Value struct {
	Text string
	Int  int64
	Null bool
}

// A Decoder makes items of contents. One goroutine may use it.
type Decoder struct {
	Shape
	needed []bool
	scan   *jsonl.Scanner   // of JSON, or
	rows   record.RowReader // of the other formats
	raw    bool
}

// NewDecoder gives a decoder for items of a shape, of which only some fields are needed.
func (r *Reading) NewDecoder(s Shape, needed []bool) (*Decoder, error) {
	d := &Decoder{Shape: s, needed: needed}
	var err error
	switch {
	case r.Format == FormatRaw:
		d.raw, d.rows = true, &rawReader{text: s.Body.Fields[0].Type.Kind == types.KindString}
	case packed(r.Format):
		d.rows, err = r.reader(s.Body)
	default:
		d.scan, err = jsonl.New(s.Body, jsonl.Options{})
	}
	return d, err
}

var (
	errEmpty   = errors.New("the message is empty")
	errNotUTF8 = errors.New("the message is not UTF-8")
	errAbsent  = errors.New("the message has no body")
)

// shownOfBad is how much of a message that cannot be read its bad item shows, in bytes.
const shownOfBad = 4 << 10

// Decode emits the items of n messages at port 0, and those that cannot be read as bad
// items. place says where a message came from.
func (d *Decoder) Decode(n int, content func(i int) *Content, place func(i int) string, out nodes.Out) error {
	bad := func(i int, err error) error {
		raw := content(i).Body
		return out.Bad(nodes.BadItem{Err: err, Raw: string(raw[:min(len(raw), shownOfBad)]), File: place(i)})
	}
	if d.scan != nil {
		return d.json(n, content, bad, out)
	}
	return d.single(n, content, bad, out)
}

// json reads messages as lines of one text, which is how the scanner is at its fastest.
func (d *Decoder) json(n int, content func(i int) *Content, bad func(i int, err error) error, out nodes.Out) error {
	size := 0
	for i := range n {
		size += len(content(i).Body) + 1
	}
	arena := record.NewArena(size)
	defer arena.Release()
	lines := make([]int32, 0, n) // the message of each line
	for i := range n {
		body := bytes.TrimPrefix(content(i).Body, []byte("\xef\xbb\xbf"))
		var err error
		switch {
		case content(i).Deleted:
			body = []byte("{}")
		case content(i).Err != nil:
			err = content(i).Err
		case len(bytes.TrimSpace(body)) == 0:
			err = errEmpty
		case !utf8.Valid(body):
			err = errNotUTF8
		case bytes.ContainsAny(body, "\n\r"):
			var compact bytes.Buffer
			if err = json.Compact(&compact, body); err == nil {
				body = compact.Bytes()
			}
		}
		if err != nil {
			if err := bad(i, err); err != nil {
				return err
			}
			continue
		}
		arena.Buf = append(append(arena.Buf, body...), '\n')
		lines = append(lines, int32(i))
	}
	for at := 0; at < len(arena.Buf); {
		b := record.NewNeeded(d.Out, d.needed)
		b.Adopt(arena.Retain())
		for at < len(arena.Buf) && b.Rows < record.MaxRows {
			before := b.Rows
			next, wrong := d.scan.Scan(arena.Buf, at, b, record.MaxRows)
			for row := before; row < b.Rows; row++ {
				d.set(b, row, content(int(lines[0])))
				lines = lines[1:]
			}
			at = next
			if wrong == nil {
				continue
			}
			if err := bad(int(lines[0]), wrong); err != nil {
				b.Release()
				return err
			}
			lines = lines[1:]
		}
		if b.Rows == 0 {
			b.Release()
			continue
		}
		if err := out.Emit(0, b); err != nil {
			return err
		}
	}
	return nil
}

// single reads messages one by one.
func (d *Decoder) single(n int, content func(i int) *Content, bad func(i int, err error) error, out nodes.Out) error {
	for from := 0; from < n; {
		b := record.NewNeeded(d.Out, d.needed)
		d.rows.Start(b)
		for ; from < n && b.Rows < record.MaxRows; from++ {
			c := content(from)
			if wrong := d.row(b, c); wrong != nil {
				if err := bad(from, wrong); err != nil {
					b.Release()
					return err
				}
				continue
			}
			d.set(b, b.Rows, c)
			b.Rows++
		}
		if b.Rows == 0 {
			b.Release()
			continue
		}
		if err := out.Emit(0, b); err != nil {
			return err
		}
	}
	return nil
}

// row reads a message as the next row. An error says why it is none.
func (d *Decoder) row(b *record.Batch, c *Content) error {
	switch {
	case c.Err != nil:
		return c.Err
	case d.raw:
	case c.Deleted:
		for _, col := range b.Cols[:len(d.Body.Fields)] {
			if col != nil {
				col.Resize(b.Rows + 1)
				col.SetNull(b.Rows)
			}
		}
		return nil
	case c.Absent:
		return errAbsent
	}
	return d.rows.ReadRow(c.Body)
}

// A rawReader takes bodies as they are.
type rawReader struct {
	text  bool
	batch *record.Batch
}

// Start implements record.RowReader.
func (r *rawReader) Start(b *record.Batch) { r.batch = b }

// ReadRow implements record.RowReader.
func (r *rawReader) ReadRow(body []byte) error {
	b := r.batch
	if r.text && !utf8.Valid(body) {
		return errNotUTF8
	}
	if col := b.Cols[0]; col != nil {
		col.Resize(b.Rows + 1)
		col.Clear(b.Rows)
		col.Str[b.Rows] = record.View(body)
	}
	return nil
}

// set writes the properties of a message into its row.
func (d *Decoder) set(b *record.Batch, row int, c *Content) {
	first := len(d.Body.Fields)
	for k, p := range d.Asked {
		col := b.Cols[first+k]
		if col == nil {
			continue
		}
		col.Resize(row + 1)
		col.Clear(row)
		v := c.Props[k]
		switch {
		case v.Null:
			col.SetNull(row)
		case p.Type.Kind == types.KindString:
			col.Str[row] = v.Text
		case p.Type.Kind == types.KindBool:
			col.Bool[row] = v.Int != 0
		default:
			col.Int[row] = v.Int
		}
	}
}
