package file

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/graph/types"
)

// This file learns the type of rows from the beginning of a file.

// typeOf is the declared type of the rows, or that of a sample; nil after a problem.
func (k *reader) typeOf(c *graph.Inference) *types.Type {
	declared := c.Type(k.As)
	switch {
	case declared != nil && declared.Kind == types.KindError:
		return nil
	case k.format == formatLines:
		if declared != nil {
			c.List().Add(diag.Conflict, k.As.YAML.Span, "rows of format lines are {line: string}, they take no `as`")
		}
		return lineType(c)
	case declared != nil:
		if !declared.IsRecord() && k.format.isCSV() {
			c.List().Add(diag.WrongType, k.As.YAML.Span, "rows of a csv file are records, got %s", declared)
			return nil
		}
		return declared
	}
	return k.sample(c)
}

// How much of a file is looked at, in bytes: to infer its type, to see its header.
const (
	sampleSize = 1 << 20
	headerSize = 64 << 10
)

// sample infers the type of the rows from the beginning of the first file that has
// some.
func (k *reader) sample(c *graph.Inference) *types.Type {
	var t *types.Type
	for i, f := range k.files {
		last := i == len(k.files)-1
		text, whole, err := k.beginning(c, f.path, sampleSize)
		if errors.Is(err, errNothing) && (t != nil || !last) {
			continue
		}
		if err == nil && text == nil { // standard input, before the run
			c.List().Warn(diag.NoSchema, f.at, "the type of standard input is known only when the flow runs").WithHint("declare it with `as:` to have it checked before")
			return nil
		}
		var warnings []string
		var rows bool
		if err == nil {
			origin := types.Origin{Node: c.Node.ID, How: "sampled from " + called(f.path), At: f.at}
			t, rows, warnings, err = k.sampleRows(text, whole, origin)
		}
		if err != nil {
			c.List().Add(diag.NoSchema, f.at, "the type of %s cannot be inferred: %s", called(f.path), reason(err)).WithHint("declare it with `as:`")
			return nil
		}
		if rows || last {
			for _, w := range warnings {
				c.List().Warn(diag.MixedTypes, f.at, "%s: %s", called(f.path), redact.Text(w))
			}
			return t
		}
	}
	return t
}

// sampleRows infers the type of the rows in a text; rows says whether it has any
// but a header.
func (k *reader) sampleRows(src []byte, whole bool, origin types.Origin) (t *types.Type, rows bool, warnings []string, err error) {
	if k.format.isCSV() {
		return k.sampleCSV(src, whole, origin)
	}
	r := &jsonRows{options: jsonl.Options{Values: k.format == formatJSON}}
	cut, err := r.begin(nil)
	if err != nil {
		return nil, false, nil, err
	}
	from, to, _, err := cut.cut(src, whole)
	switch {
	case err != nil:
		return nil, false, nil, err
	case from == to && whole:
		return nil, false, nil, errNothing
	case from == to:
		return nil, false, nil, errors.New("its first row is too long")
	}
	t, warnings, err = jsonl.Sample(src[from:to], r.options, origin)
	return t, true, warnings, err
}

// beginning reads the first part of a file, unpacked, without its byte order mark:
// size bytes, or as many as the first row takes. whole says that it is all of it. A
// nil text is that of a standard input that is not there yet.
func (k *reader) beginning(c *graph.Inference, path string, size int) (text []byte, whole bool, err error) {
	_, packed, _ := formatOf(path, k.format, compression(k.Compress))
	switch {
	case path == "-" && c.Stdin() == nil:
		return nil, false, nil
	case path == "-" && packed == plain:
		return k.peek(c.Stdin())
	case isStream(c.Flow, path):
		return nil, false, errors.New("a sample of compressed input, or of a pipe, would be missing from the run")
	}
	src, err := c.Flow.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer src.Close()
	r, end, err := unpack(src, packed)
	if err != nil {
		return nil, false, err
	}
	defer end()
	for ; ; size *= 4 {
		text = append(make([]byte, 0, size), text...) // under the race detector, slices.Grow writes all of it
		for len(text) < size && err == nil {
			var n int
			n, err = r.Read(text[len(text):size])
			text = text[:len(text)+n]
		}
		if whole = err == io.EOF; err != nil && !whole {
			return nil, false, unpackError(packed, err)
		}
		if whole || size >= maxRow || k.hasRow(text) {
			return readable(text, whole)
		}
	}
}

// peek looks ahead into standard input without taking anything: as far as what
// came with its first row.
func (k *reader) peek(in *bufio.Reader) (text []byte, whole bool, err error) {
	for want := 1; ; want = len(text) + 1 {
		_, err := in.Peek(want)
		text, _ = in.Peek(in.Buffered())
		switch {
		case err == io.EOF:
			return readable(text, true)
		case err == bufio.ErrBufferFull:
			return readable(text, false)
		case err != nil:
			return nil, false, err
		case k.hasRow(text):
			return readable(text, false)
		}
	}
}

// hasRow reports whether there is a whole row in the beginning of a file.
func (k *reader) hasRow(text []byte) bool {
	text = bytes.TrimPrefix(text, bom)
	switch k.format {
	case formatCSV, formatTSV:
		d := k.dialect()
		lines := text[:d.Split(text, false)]
		if k.Header {
			_, next, err := d.Header(lines)
			if err != nil {
				return holdsRow(d, lines)
			}
			lines = lines[next:]
		}
		return holdsRow(d, lines)
	case formatJSON:
		from, to, _, err := new(jsonl.Splitter).Split(text, false)
		return err != nil || from < to
	}
	return len(bytes.TrimSpace(text[:bytes.LastIndexByte(text, '\n')+1])) > 0
}

// readable refuses what has no rows, or is no text, and takes off a byte order
// mark.
func readable(text []byte, whole bool) ([]byte, bool, error) {
	for _, m := range []struct{ magic, what string }{
		{"\xFF\xFE", "it is UTF-16; save it as UTF-8"}, {"\xFE\xFF", "it is UTF-16; save it as UTF-8"},
		{"\x1F\x8B", "it is packed; say compress: gzip"}, {"\x28\xB5\x2F\xFD", "it is packed; say compress: zstd"},
	} {
		if bytes.HasPrefix(text, []byte(m.magic)) {
			return nil, false, errors.New(m.what)
		}
	}
	text = bytes.TrimPrefix(text, bom)
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, false, errNothing
	}
	return text, whole, nil
}
