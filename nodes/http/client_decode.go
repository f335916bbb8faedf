package http

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file makes values of answers, by the setting `as`.

// What `as` may say in place of a type.
const (
	asJSON = "json"
	asText = "text"
	asRaw  = "raw"
)

// An answerType is what an answer is read as.
type answerType struct {
	t    *types.Type
	form string // asText, asRaw; "": JSON of the type
}

// answerOf reads the setting `as`; ok is false after a problem.
func answerOf(c *graph.Inference, ref graph.TypeRef) (a answerType, ok bool) {
	if !ref.YAML.IsNull() {
		switch _, declared := c.Flow.Types[ref.YAML.Text]; {
		case declared:
		case ref.YAML.Text == asText:
			return answerType{types.String, asText}, true
		case ref.YAML.Text == asRaw:
			return answerType{types.Bytes, asRaw}, true
		case ref.YAML.Text == asJSON:
			return answerType{t: types.Any}, true
		}
	}
	t := c.Type(ref)
	switch {
	case t == nil:
		t = types.Any
	case t.Kind == types.KindError:
		return a, false
	}
	return answerType{t: t}, true
}

// A decoder makes values of answers, for one worker.
type decoder struct {
	as   answerType
	scan *jsonl.Scanner
}

func (a answerType) decoder() (*decoder, error) {
	d := &decoder{as: a}
	if a.form != "" {
		return d, nil
	}
	var err error
	d.scan, err = jsonl.New(a.t, jsonl.Options{Values: true})
	return d, err
}

// An unfitError is that of an answer that is not what `as` says.
type unfitError struct{ reason string }

func (e *unfitError) Error() string { return "the answer does not fit `as`: " + e.reason }

// add appends the value of an answer as the next row of b, which is of the type of `as`
// and keeps what is text in its arena.
func (d *decoder) add(b *record.Batch, arena *record.Arena, body []byte) error {
	if d.as.form != "" {
		if d.as.form == asText && !utf8.Valid(body) {
			return &unfitError{"it is not UTF-8; `as: raw` takes any bytes"}
		}
		col := b.Cols[0]
		col.Resize(b.Rows + 1)
		col.Clear(b.Rows)
		col.Str[b.Rows] = arena.Copy(record.View(body))
		b.Rows++
		return nil
	}
	if !utf8.Valid(body) {
		return &unfitError{"it is not UTF-8"}
	}
	body = bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF"))
	src := append(arena.Alloc(len(body) + 1)[:0], body...)
	src = append(src, '\n')
	rows := b.Rows
	next, bad := d.scan.Scan(src, 0, b, rows+1)
	switch {
	case bad != nil:
		return &unfitError{bad.Error()}
	case b.Rows == rows:
		return &unfitError{"it is empty"}
	case len(bytes.Trim(src[next:], blanks)) > 0 || bytes.HasSuffix(bytes.TrimRight(src[:next], blanks), comma):
		cut(b, rows)
		return &unfitError{"it goes on after its value: " + fmt.Sprintf("%q", text.Shorten(strings.Trim(string(src[next:]), blanks)))}
	}
	return nil
}

// blanks are the white space of JSON; a comma is what the scanner takes behind a value of a
// list.
const blanks = " \t\r\n"

var comma = []byte{','}

// cut takes back rows.
func cut(b *record.Batch, rows int) {
	for _, c := range b.Cols {
		if c != nil {
			c.Resize(rows)
		}
	}
	b.Rows = rows
}

// whole gives the values of b as one column.
func (a answerType) whole(b *record.Batch) *record.Column { return columns.Whole(a.t, b.Cols) }
