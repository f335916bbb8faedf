package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/parquet"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/internal/durable"
	"github.com/flowrun/flowrun/nodes"
)

// This file divides rows among files, where the path of file.write has fields in it.

// A part is the text of rows that go to one file.
type part struct {
	value string // its values of split, with separators
	text  []byte
	table []*parquet.Shreds // of format parquet, in place of text
	loose []byte            // of format avro, behind text: rows that are too few for a block
	few   int               // how many they are
	rows  int
}

// separator stands between the values of split; no name of a file has it.
const separator = "\x00"

// A splitter sorts the rows of batches by the values of split. It belongs to one worker.
type splitter struct {
	encode  func(*part, *record.Batch)
	by      []splitBy
	pattern string
	errs    expr.RowErrors
	value   []byte
	bad     map[int]bool
}

// A splitBy is one value of split.
type splitBy struct {
	program *expr.Program
	t       *types.Type
	values  *record.Batch
	col     *record.Column
}

func newSplitter(k *writer, encode func(*part, *record.Batch)) *splitter {
	s := &splitter{encode: encode, pattern: k.Path.Value}
	for _, e := range k.split {
		s.by = append(s.by, splitBy{program: e.Compile(), t: e.Type()})
	}
	return s
}

// eval computes the values of a batch, and reports the rows that have none.
func (s *splitter) eval(b *record.Batch, out nodes.Out) error {
	s.bad = nil
	for i := range s.by {
		by := &s.by[i]
		by.values = b.Derive(by.t)
		by.col = by.values.Fresh(0)
		s.errs.Reset()
		by.program.Eval(b, by.col, by.values.Arena(), &s.errs)
		for j := range s.errs.Len() {
			row, err := s.errs.At(j)
			if s.bad[row] {
				continue // for one value is enough
			}
			if s.bad == nil {
				s.bad = map[int]bool{}
			}
			s.bad[row] = true
			if err := out.Bad(nodes.BadItem{Err: err, Data: b, Row: row}); err != nil {
				return err
			}
		}
	}
	return nil
}

// release gives back what eval has made.
func (s *splitter) release() {
	for i := range s.by {
		if by := &s.by[i]; by.values != nil {
			by.values.Release()
			by.values, by.col = nil, nil
		}
	}
}

// valueOf gives the values of a row, with separators. It is good until the next call.
func (s *splitter) valueOf(row int) []byte {
	s.value = s.value[:0]
	for i := range s.by {
		if i > 0 {
			s.value = append(s.value, separator...)
		}
		s.value = appendText(s.value, s.by[i].t, s.by[i].col, row)
	}
	return s.value
}

// Work implements nodes.Worker.
func (s *splitter) Work(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
	b := in.Data.(*record.Batch)
	defer s.release()
	if err := s.eval(b, out); err != nil {
		return nil, err
	}
	byValue := map[string]*record.Batch{}
	var order []string
	for i := range b.Len() {
		row := b.Row(i)
		if s.bad[row] {
			continue
		}
		text := s.valueOf(row)
		v := byValue[string(text)]
		if v == nil {
			value := string(text)
			if err := fileNames(s.pattern, value, len(s.by)); err != nil {
				if err := out.Bad(nodes.BadItem{Err: err, Data: b, Row: row}); err != nil {
					release(byValue)
					return nil, err
				}
				continue
			}
			v = b.Share()
			v.Sel = v.SelBuf()
			byValue[value] = v
			order = append(order, value)
		}
		v.Sel = append(v.Sel, uint16(row))
	}
	parts := new([]part)
	for _, value := range order {
		v := byValue[value]
		p := part{value: value, rows: v.Len()}
		s.encode(&p, v)
		*parts = append(*parts, p)
	}
	release(byValue)
	return parts, nil
}

func release(batches map[string]*record.Batch) {
	for _, b := range batches {
		b.Release()
	}
}

// appendText adds a value of split as it stands in the name of a file.
func appendText(dst []byte, t *types.Type, c *record.Column, row int) []byte {
	switch t.Kind {
	case types.KindInt:
		return strconv.AppendInt(dst, c.Int[row], 10)
	case types.KindBool:
		return strconv.AppendBool(dst, c.Bool[row])
	}
	return append(dst, c.Str[row]...)
}

// filledIn gives a path with values in place of its stars.
func filledIn(pattern string, values []string) string {
	var b strings.Builder
	for i, part := range strings.Split(pattern, "*") {
		if i > 0 {
			b.WriteString(values[i-1])
		}
		b.WriteString(part)
	}
	return b.String()
}

// fileNames refuses values that are no parts of the names of files and folders. pattern is
// the path with stars in their places.
func fileNames(pattern, value string, n int) error {
	values := strings.Split(value, separator)
	for _, v := range values {
		if v == "" || v == "." || v == ".." || strings.ContainsAny(v, "/\\\n") || len(values) != n {
			return fmt.Errorf("split gave %q, which is no file name", v)
		}
	}
	at := 0
	for name := range strings.SplitSeq(filepath.ToSlash(pattern), "/") {
		stars := strings.Count(name, "*")
		if stars == 0 {
			continue
		}
		mine := values[at : at+stars]
		at += stars
		switch name = filledIn(name, mine); {
		case !filepath.IsLocal(name) || name == ".":
			return fmt.Errorf("split gave %q, which is no file name", strings.Join(mine, ", "))
		case len(name) > durable.LongestName:
			return fmt.Errorf("split gave a value of %d bytes, which makes a file name longer than %d", len(strings.Join(mine, "")), durable.LongestName)
		}
	}
	return nil
}

// foldersOf lists the folders that are there of a path with stars.
func foldersOf(pattern string) ([]string, error) {
	before, behind, ok := strings.Cut(pattern, "*")
	if !ok {
		return []string{pattern}, nil
	}
	dir, start := filepath.Split(before)
	rest, below, _ := strings.Cut(behind, string(filepath.Separator))
	parts := strings.Split(start+"*"+rest, "*")
	entries, err := os.ReadDir(dir)
	if err != nil {
		if isGone(err) {
			err = nil
		}
		return nil, err
	}
	var all []string
	for _, e := range entries {
		if !fits(e.Name(), parts) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			continue
		}
		found, err := foldersOf(filepath.Join(path, below))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// fits reports whether a name is made of parts with something between them.
func fits(name string, parts []string) bool {
	if len(parts) == 1 {
		return name == parts[0]
	}
	rest, ok := strings.CutPrefix(name, parts[0])
	last := len(parts) - 1
	for i := 1; ok && i < last; i++ {
		at := strings.Index(rest, parts[i])
		if at < 0 {
			return false
		}
		rest = rest[at+len(parts[i]):]
	}
	return ok && strings.HasSuffix(rest, parts[last])
}
