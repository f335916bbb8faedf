package file

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/types"
)

// This file reads the rows of CSV files.

// dialect is how cells are written, by the settings delimiter, comment and nulls.
func dialect(f format, delimiter, comment string, nulls []string) csv.Dialect {
	d := csv.Standard
	if f == formatTSV {
		d.Comma = '\t'
	}
	if delimiter != "" {
		d.Comma = delimiter[0]
	}
	if comment != "" {
		d.Comment = comment[0]
	}
	d.Null = nulls
	return d
}

// checkDialect reports settings that make no dialect.
func checkDialect(c *graph.Inference, f format, delimiter, comment string, nulls []string) bool {
	for _, s := range []struct{ name, value string }{{"delimiter", delimiter}, {"comment", comment}} {
		if len(s.value) > 1 {
			c.List().Add(diag.WrongValue, c.Node.At, "%s: %s must be one ASCII character, got %q", c.Node.ID, s.name, s.value)
			return false
		}
	}
	if err := dialect(f, delimiter, comment, nulls).Check(); err != nil {
		c.List().Add(diag.WrongValue, c.Node.At, "%s: %s", c.Node.ID, err)
		return false
	}
	return true
}

// csvRows are the rows of one csv file.
type csvRows struct {
	t       *types.Type
	options csv.Options
	header  bool
	names   []string // of the columns, once begin has read the header; nil: by index
}

func (k *reader) dialect() csv.Dialect { return dialect(k.format, k.Delimiter, k.Comment, k.Nulls) }

func (k *reader) newCSVRows(t *types.Type) (rows, error) {
	r := &csvRows{t: t, options: csv.Options{Dialect: k.dialect(), Strict: k.Extra == "error"}, header: k.Header}
	_, err := r.scanner() // settings that are wrong are known before any file is opened
	return r, err
}

// begin reads the header. Comments and empty lines may stand before it.
func (r *csvRows) begin(in *input) (cutter, error) {
	cut := &csvCutter{Dialect: r.options.Dialect}
	head, text, err := in.firstRow(cut.Dialect)
	if err != nil {
		return nil, err
	}
	if r.header {
		names, next, err := cut.Header(text)
		if err != nil {
			return nil, err
		}
		in.line += bytes.Count(text[:next], newline)
		r.names, text = names, text[next:]
		if _, err := r.scanner(); err != nil {
			return nil, err
		}
	}
	in.offset = int64(len(head) - len(text))
	in.rest, in.full = append(head[:0], text...), len(text) > 0
	return cut, nil
}

// firstRow reads until the text, which is what was read without its byte order
// mark, holds a row, or all of the file.
func (in *input) firstRow(d csv.Dialect) (read, text []byte, err error) {
	if read = in.rest[:0]; cap(read) < record.ArenaSize {
		read = make([]byte, 0, record.ArenaSize)
	}
	for {
		if read, err = in.fill(read); err != nil {
			return nil, nil, err
		}
		text = bytes.TrimPrefix(read, bom)
		if in.eof || holdsRow(d, text[:d.Split(text, false)]) {
			return read, text, nil
		}
		if len(read) > maxRow {
			return nil, nil, fmt.Errorf("the first row has no end within %d MB; a quote may be open", maxRow>>20)
		}
		if len(read) == cap(read) {
			read = slices.Grow(read, len(read))
		}
	}
}

// holdsRow reports whether whole lines of a csv file are more than comments and
// empty lines.
func holdsRow(d csv.Dialect, lines []byte) bool {
	for line := range bytes.Lines(lines) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 && (d.Comment == 0 || line[0] != d.Comment) {
			return true
		}
	}
	return false
}

func (r *csvRows) scanner() (scanner, error) { return csv.New(r.t, r.names, r.options) }

// csvCutter cuts at the end of rows, which may span lines.
type csvCutter struct {
	csv.Dialect
	seen int // bytes at the beginning of src that hold no line end
}

func (c *csvCutter) cut(src []byte, atEOF bool) (from, to, used int, err error) {
	if !atEOF && bytes.IndexByte(src[min(c.seen, len(src)):], '\n') < 0 {
		c.seen = len(src)
		return 0, 0, 0, nil
	}
	c.seen = 0
	end := c.Split(src, atEOF)
	return 0, end, end, nil
}

func (c *csvCutter) state() string { return "" }

func (c *csvCutter) resume(string) error { return nil }

// sampleCSV infers the type of the rows in a text that begins with the header;
// rows says whether there is more than that.
func (k *reader) sampleCSV(src []byte, whole bool, origin types.Origin) (t *types.Type, rows bool, warnings []string, err error) {
	d := k.dialect()
	src = src[:d.Split(src, whole)]
	var names []string
	line, next := 1, 0
	if k.Header {
		names, next, err = d.Header(src)
		line += bytes.Count(src[:next], newline)
	} else {
		names, err = d.ColumnNames(src)
	}
	if err != nil {
		return nil, false, nil, err
	}
	t, warnings = csv.Sample(src[next:], names, line, d, origin)
	return t, holdsRow(d, src[next:]), warnings, nil
}

// checkHeader holds a declared type against the header of the first file.
func (k *reader) checkHeader(c *graph.Inference, t *types.Type) {
	if !k.Header || !k.format.isCSV() || len(k.files) == 0 || isStream(c.Flow, k.files[0].path) {
		return
	}
	first := k.files[0]
	text, whole, err := k.beginning(c, first.path, headerSize)
	if err != nil {
		c.List().Add(diag.BadData, first.at, "%s: %s", called(first.path), err)
		return
	}
	d := k.dialect()
	names, _, err := d.Header(text[:d.Split(text, whole)])
	if err == nil {
		_, err = csv.New(t, names, csv.Options{Dialect: d, Strict: k.Extra == "error"})
	}
	if err != nil {
		c.List().Add(diag.BadData, k.As.YAML.Span, "%s does not fit its type: %s", called(first.path), err)
	}
}
