package file

import (
	"bytes"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/types"
)

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

// csvRows are the rows of one csv file.
type csvRows struct {
	t       *types.Type
	options csv.Options
	header  bool
	names   []string // of the columns, once begin has read the header; nil: by place
}

func (k *reader) dialect() csv.Dialect { return dialect(k.format, k.Delimiter, k.Comment, k.Nulls) }

func (k *reader) newCSVRows(t *types.Type) (rows, error) {
	r := &csvRows{t: t, options: csv.Options{Dialect: k.dialect(), Strict: k.Extra == "error"}, header: k.Header}
	_, err := r.scanner() // settings that are wrong are known before any file is opened
	return r, err
}

// begin reads the header.
func (r *csvRows) begin(in *input) (cutter, error) {
	cut := &csvCutter{r.options.Dialect}
	for size := record.ArenaSize; ; size *= 2 {
		var err error
		if in.rest, err = in.fill(in.rest, size); err != nil {
			return nil, err
		}
		if in.eof || cut.Split(in.rest, false) > 0 || size > maxRow {
			break
		}
	}
	text := bytes.TrimPrefix(in.rest, bom)
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
	in.rest = append([]byte(nil), text...)
	return cut, nil
}

func (r *csvRows) scanner() (scanner, error) { return csv.New(r.t, r.names, r.options) }

// csvCutter cuts at the end of rows, which may span lines.
type csvCutter struct{ csv.Dialect }

func (c *csvCutter) cut(src []byte, atEOF bool) (from, to, used int, err error) {
	end := c.Split(src, atEOF)
	return 0, end, end, nil
}

// sampleCSV infers the type of the rows in a text that begins with the header.
func (k *reader) sampleCSV(src []byte, whole bool, origin types.Origin) (*types.Type, []string, error) {
	d := k.dialect()
	src = src[:d.Split(src, whole)]
	var names []string
	var err error
	line, next := 1, 0
	if k.Header {
		names, next, err = d.Header(src)
		line += bytes.Count(src[:next], newline)
	} else {
		names, err = d.ColumnNames(src)
	}
	if err != nil {
		return nil, nil, err
	}
	t, warnings := csv.Sample(src[next:], names, line, d, origin)
	return t, warnings, nil
}

// checkHeader holds a declared type against the header of the first file.
func (k *reader) checkHeader(c *graph.Inference, t *types.Type) {
	if !k.Header || k.format != formatCSV && k.format != formatTSV || len(k.files) == 0 || k.files[0] == "-" {
		return
	}
	text, whole, err := k.beginning(c)
	if err != nil {
		c.List().Add(diag.BadData, k.Path[0].At, "%s: %s", k.files[0], err)
		return
	}
	d := k.dialect()
	names, _, err := d.Header(text[:d.Split(text, whole)])
	if err == nil {
		_, err = csv.New(t, names, csv.Options{Dialect: d, Strict: k.Extra == "error"})
	}
	if err != nil {
		c.List().Add(diag.BadData, k.As.Node.Span, "%s does not fit its type: %s", k.files[0], err)
	}
}
