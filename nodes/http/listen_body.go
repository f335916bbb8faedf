package http

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file makes items of the bodies of requests.

// The formats of a body, beside json and csv.
const (
	formatLines       = "lines"
	formatRaw         = "raw"
	formatCloudEvents = "cloudevents"
)

// Bodies makes items of bodies. Any number of goroutines may use it.
type bodies struct {
	format   string
	body     *types.Type // of what stands in a body; the first fields of out
	out      *types.Type // with those that come from elsewhere in the request
	needed   []bool      // of out
	scanners sync.Pool   // of *jsonl.Scanner
}

func newBodies(format string, body, out *types.Type, needed []bool) (*bodies, error) {
	d := &bodies{format: format, body: body, out: out, needed: needed}
	if format == formatJSON || format == formatLines || format == formatCloudEvents {
		s, err := jsonl.New(body, d.options())
		if err != nil {
			return nil, err
		}
		d.scanners.Put(s)
	}
	return d, nil
}

func (d *bodies) options() jsonl.Options {
	return jsonl.Options{Values: d.format != formatLines}
}

// decode makes batches of a body, which belongs to them from then on. The error is for the
// one who sent it.
func (d *bodies) decode(body []byte) (batches []*record.Batch, err error) {
	switch d.format {
	case formatRaw:
		return d.raw(body), nil
	case formatCSV:
		batches, err = d.csv(body)
	default:
		batches, err = d.json(body)
	}
	if err != nil {
		release(batches)
		return nil, err
	}
	return batches, nil
}

func release(batches []*record.Batch) {
	for _, b := range batches {
		b.Release()
	}
}

var errNoItem = errors.New("the body is empty")

// json reads values; of the format json one, of lines any number.
func (d *bodies) json(body []byte) ([]*record.Batch, error) {
	if body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")); len(bytes.TrimSpace(body)) == 0 {
		return nil, errNoItem
	}
	if !utf8.Valid(body) {
		return nil, errors.New("the body is not UTF-8")
	}
	if body[len(body)-1] != '\n' {
		body = append(body, '\n')
	}
	s, _ := d.scanners.Get().(*jsonl.Scanner)
	if s == nil {
		var err error
		if s, err = jsonl.New(d.body, d.options()); err != nil {
			return nil, err
		}
	}
	defer d.scanners.Put(s)
	return d.scan(body, 0, s)
}

// csv reads a header and rows.
func (d *bodies) csv(body []byte) ([]*record.Batch, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	names, next, err := csv.Standard.Header(body)
	if err != nil {
		return nil, err
	}
	s, err := csv.New(d.body, names, csv.Options{Dialect: csv.Standard})
	if err != nil {
		return nil, err
	}
	if err := s.Mismatch(); err != nil {
		return nil, err
	}
	return d.scan(body, next, s)
}

type scanner interface {
	Scan(src []byte, from int, b *record.Batch, max int) (next int, bad *text.RowError)
}

// scan reads all rows. All of a body are good, or it is refused as a whole: so whoever sent
// it can send it again.
func (d *bodies) scan(body []byte, from int, s scanner) (batches []*record.Batch, err error) {
	for from < len(body) {
		b := record.NewNeeded(d.out, d.needed)
		next, bad := s.Scan(body, from, b, record.MaxRows)
		if b.Rows == 0 && bad == nil {
			b.Release()
			break
		}
		batches = append(batches, b)
		if bad != nil {
			line := 1 + bytes.Count(body[:min(bad.Offset, len(body))], []byte("\n"))
			if d.format == formatJSON || d.format == formatCloudEvents {
				return batches, bad
			}
			return batches, fmt.Errorf("line %d: %w", line, bad)
		}
		from = next
	}
	if d.format == formatJSON && count(batches) != 1 {
		return batches, fmt.Errorf("the body has %d values, want one; the format lines takes any number", count(batches))
	}
	if len(batches) == 0 {
		return nil, errNoItem
	}
	return batches, nil
}

func count(batches []*record.Batch) (rows int) {
	for _, b := range batches {
		rows += b.Rows
	}
	return rows
}

// raw makes one item of the body as it is.
func (d *bodies) raw(body []byte) []*record.Batch {
	b := record.NewNeeded(d.out, d.needed)
	b.Rows = 1
	if c := b.Cols[0]; c != nil {
		c.Resize(1)
		c.Str[0] = record.View(body)
	}
	return []*record.Batch{b}
}
