package file

import (
	"bytes"
	"errors"
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/redact"
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
	secret  []bool   // which columns have secrets; nil: none has
}

func (k *reader) dialect() csv.Dialect { return dialect(k.format, k.Delimiter, k.Comment, k.Nulls) }

func (k *reader) newCSVRows(t *types.Type) (rows, error) {
	r := &csvRows{t: t, options: csv.Options{Dialect: k.dialect(), Extra: k.extra, Sampled: k.sampled != ""}, header: k.Header}
	r.findSecrets()
	_, err := r.scanner() // settings that are wrong are known before any file is opened
	return r, err
}

// findSecrets looks for secrets among the names of the columns and of the fields that are
// read from them.
func (r *csvRows) findSecrets() {
	names := r.names
	if names == nil {
		names = r.t.FieldNames()
	}
	r.secret = make([]bool, len(names))
	for i, name := range names {
		r.secret[i] = redact.IsSecret(name)
	}
	for _, f := range r.t.Fields {
		if f.Reading != nil && redact.IsSecret(f.Name) {
			if i := slices.Index(names, f.Reading.From); i >= 0 {
				r.secret[i] = true
			}
		}
	}
	if !slices.Contains(r.secret, true) {
		r.secret = nil
	}
}

// shown is what messages show of a row, "" if that is the row itself.
func (r *csvRows) shown(row string) string {
	if r.secret == nil {
		return ""
	}
	return r.options.Mask(row, func(column int) bool { return column < len(r.secret) && r.secret[column] }, redact.Mask)
}

// begin reads the header, if there is one. Comments and empty lines may stand before it.
func (r *csvRows) begin(in *input) (cutter, error) {
	cut := &csvCutter{Dialect: r.options.Dialect, most: in.most}
	if !r.header {
		return cut, nil
	}
	cut.begun = true
	head, text, err := in.firstRow(cut.Dialect)
	if err != nil {
		return nil, err
	}
	names, next, err := cut.Header(text)
	if err == csv.ErrNoHeader { // and no rows
		in.rest = head[:0]
		return cut, nil
	}
	if err != nil {
		return nil, err
	}
	in.line += bytes.Count(text[:next], newline)
	r.names, text = names, text[next:]
	r.findSecrets()
	if _, err := r.scanner(); err != nil {
		return nil, err
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
			return read, text, checkHead(d, text, in.eof, in.most)
		}
		if err := checkHead(d, text, false, in.most); err != nil {
			return nil, nil, err
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
	most  int // bytes that a row may have; 0: any number
	begun bool
	seen  int // bytes at the beginning of src that hold no line end, or none that ends a row
}

func (c *csvCutter) cut(src []byte, atEOF bool) (from, to, used int, err error) {
	if !c.begun {
		if len(src) < len(bom) && !atEOF && bytes.HasPrefix(bom, src) {
			return 0, 0, 0, nil
		}
		c.begun = true
		from = len(src) - len(bytes.TrimPrefix(src, bom))
	}
	end := from
	if atEOF || bytes.IndexByte(src[min(c.seen, len(src)):], '\n') >= 0 {
		end += c.Split(src[from:], atEOF)
	}
	c.seen = len(src) - end
	long := -1
	switch {
	case c.most == 0:
	case end > from:
		long = c.Long(src[from:end], c.most)
	case len(src)-from > c.most:
		long = 0
	}
	if long >= 0 {
		c.seen = 0
		if end = from + long; long == 0 {
			err = errLong
		}
	}
	return from, end, end, err
}

func (c *csvCutter) pass(src []byte) (int, bool) { return passLine(src) }

func (c *csvCutter) isComment(src []byte) bool { return c.IsComment(src) }

func (c *csvCutter) state() string { return "" }

func (c *csvCutter) resume(string) error {
	c.begun = true
	return nil
}

// checkHeaders holds a declared type against the headers of all files.
func (k *reader) checkHeaders(c *graph.Inference, t *types.Type) {
	if !k.Header || !k.format.isCSV() {
		return
	}
	rows, fits := false, false
	var empty []sourceFile
	type other struct {
		file sourceFile
		err  error
	}
	var others []other
	for _, f := range k.files {
		if isStream(c.Flow, f.path) {
			rows = true
			continue
		}
		text, whole, err := k.beginning(c, f.path, leastExcerpt)
		if errors.Is(err, errNothing) {
			empty = append(empty, f)
			continue
		}
		rows = true
		if err != nil && k.Follow && c.Node.Engine.OnError != "fail" {
			continue // it is a bad item
		}
		if err != nil {
			c.List().Add(diag.BadData, f.at, "%s: %s", called(f.path), err)
			continue
		}
		d := k.dialect()
		names, _, err := d.Header(text[:d.Split(text, whole)])
		if err == csv.ErrNoHeader {
			continue
		}
		var s *csv.Scanner
		if err == nil {
			s, err = csv.New(t, names, csv.Options{Dialect: d, Extra: k.extra})
		}
		if err == nil {
			err = s.Mismatch()
		}
		if fits = fits || err == nil; err != nil {
			others = append(others, other{f, err})
		}
	}
	for _, o := range others {
		if fits && c.Node.Engine.OnError != "fail" { // the flow expects bad items
			c.List().Warn(diag.OtherHeader, k.As.YAML.Span, "%s does not fit its type, so all its rows are bad items: %s", called(o.file.path), o.err)
		} else {
			c.List().Add(diag.BadData, k.As.YAML.Span, "%s does not fit its type: %s", called(o.file.path), o.err)
		}
	}
	for _, f := range empty {
		if rows {
			c.List().Warn(diag.EmptyFile, f.at, "%s: it is empty: it gives no rows", called(f.path))
		} else {
			c.List().Add(diag.BadData, f.at, "%s: %s", called(f.path), errNothing)
		}
	}
}
