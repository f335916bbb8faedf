package file

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/internal/durable"
	"github.com/flowrun/flowrun/nodes"
)

// This file divides rows among files, where the path of file.write has fields in it.

// A part is the text of rows that go to one file.
type part struct {
	value string
	text  []byte
	rows  int
}

// A splitter sorts the rows of batches by the value of split. It belongs to one
// worker.
type splitter struct {
	encode  func([]byte, *record.Batch) []byte
	program *expr.Program
	t       *types.Type
	name    string // of the files, with a star
	errs    expr.RowErrors
}

// Work implements nodes.Worker.
func (s *splitter) Work(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
	b := in.Data.(*record.Batch)
	values := b.Derive(s.t)
	defer values.Release()
	col := values.Fresh(0)
	s.errs.Reset()
	s.program.Eval(b, col, values.Arena(), &s.errs)
	if err := nodes.BadRows(out, b, &s.errs); err != nil {
		return nil, err
	}
	var bad map[int]bool
	for i := range s.errs.Len() {
		if bad == nil {
			bad = map[int]bool{}
		}
		row, _ := s.errs.At(i)
		bad[row] = true
	}
	byValue := map[string]*record.Batch{}
	var order []string
	for i := range b.Len() {
		row := b.Row(i)
		if bad[row] {
			continue
		}
		value := textOf(s.t, col, row)
		v := byValue[value]
		if v == nil {
			if err := fileName(s.name, value); err != nil {
				if err := out.Bad(nodes.BadItem{Err: err, Data: b, Row: row}); err != nil {
					release(byValue)
					return nil, err
				}
				continue
			}
			v = b.Share()
			v.Sel = v.SelBuf()
			value = strings.Clone(value)
			byValue[value] = v
			order = append(order, value)
		}
		v.Sel = append(v.Sel, uint16(row))
	}
	parts := new([]part)
	for _, value := range order {
		v := byValue[value]
		*parts = append(*parts, part{value, s.encode(nil, v), v.Len()})
	}
	release(byValue)
	return parts, nil
}

func release(batches map[string]*record.Batch) {
	for _, b := range batches {
		b.Release()
	}
}

// textOf gives a value of split as it stands in the name of a file.
func textOf(t *types.Type, c *record.Column, row int) string {
	switch t.Kind {
	case types.KindInt:
		return strconv.FormatInt(c.Int[row], 10)
	case types.KindBool:
		return strconv.FormatBool(c.Bool[row])
	}
	return c.Str[row]
}

// fileName refuses values that are no part of a file's name. pattern is the name
// with a star in their place.
func fileName(pattern, value string) error {
	name := strings.Replace(pattern, "*", value, 1)
	switch {
	case value == "" || value == "." || value == ".." || strings.ContainsAny(value, "/\\\x00\n") || !filepath.IsLocal(name):
		return fmt.Errorf("split gave %q, which is no file name", value)
	case len(name) > durable.LongestName:
		return fmt.Errorf("split gave a value of %d bytes, which makes a file name longer than %d", len(value), durable.LongestName)
	}
	return nil
}
