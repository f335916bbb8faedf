package file

import (
	"bytes"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file reads the rows of files that are no CSV: JSON, and lines of text.

// rows is how the rows of one file are read. It is made for each file, because a
// csv file has a header of its own.
type rows interface {
	// begin takes what stands before the rows off the input and gives the cutter
	// for what follows.
	begin(in *input) (cutter, error)
	// scanner gives a scanner for one worker. It is called after begin.
	scanner() (scanner, error)
}

// A scanner reads rows of text[from:] into b until b has max rows; it stops after
// a bad row and reports it.
type scanner interface {
	Scan(src []byte, from int, b *record.Batch, max int) (next int, bad *text.RowError)
}

// newRows gives the rows of the reader's format.
func (k *reader) newRows(t *types.Type) (rows, error) {
	switch k.format {
	case formatCSV, formatTSV:
		return k.newCSVRows(t)
	case formatLines:
		return lineRows{}, nil
	}
	r := &jsonRows{t: t, options: jsonl.Options{Extra: k.extra, Values: k.format == formatJSON, Sampled: k.sampled != ""}}
	_, err := r.scanner()
	return r, err
}

// jsonRows are JSON values: a line each, or items of an array.
type jsonRows struct {
	t       *types.Type
	options jsonl.Options
}

func (r *jsonRows) begin(in *input) (cutter, error) {
	if r.options.Values {
		return &jsonCutter{s: jsonl.Splitter{Max: in.most}}, nil
	}
	return &lineCutter{most: in.most}, nil
}

func (r *jsonRows) scanner() (scanner, error) { return jsonl.New(r.t, r.options) }

// jsonCutter cuts at the end of items.
type jsonCutter struct {
	s     jsonl.Splitter
	begun bool
	array bool // the text is an array; else values one after the other
}

// The states of a jsonCutter.
const (
	inArray  = "array"
	inValues = "values"
)

func (c *jsonCutter) cut(src []byte, atEOF bool) (int, int, int, error) {
	if !c.begun && (atEOF || len(src) >= len(bom)) {
		if text := bytes.TrimSpace(bytes.TrimPrefix(src, bom)); len(text) > 0 {
			c.begun, c.array = true, text[0] == '['
		}
	}
	from, to, used, err := c.s.Split(src, atEOF)
	if err == jsonl.ErrLong {
		err = errLong
	}
	return from, to, used, err
}

func (c *jsonCutter) pass(src []byte) (int, bool) { return c.s.Pass(src) }

func (c *jsonCutter) isComment([]byte) bool { return false }

func (c *jsonCutter) state() string {
	if c.array {
		return inArray
	}
	return inValues
}

// resume shows the splitter a text that ends behind an item.
func (c *jsonCutter) resume(state string) error {
	before := "0  "
	c.begun, c.array = true, state == inArray
	if c.array {
		before = "[0 "
	}
	_, _, _, err := c.s.Split([]byte(before), false)
	return err
}

// lineType is the type of rows of format lines.
func lineType(c *graph.Inference) *types.Type {
	return types.Record(types.Field{Name: "line", Type: types.String, Origin: c.Origin("a line of the file", c.Node.At)})
}

// lineRows are lines of text.
type lineRows struct{}

func (lineRows) begin(in *input) (cutter, error) { return &lineCutter{most: in.most}, nil }
func (lineRows) scanner() (scanner, error)       { return text.Lines{}, nil }
