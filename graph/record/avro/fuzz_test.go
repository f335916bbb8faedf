package avro

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/recordtest"
	"github.com/flowrun/flowrun/graph/types"
)

// readAll reads a file, and gives how many rows it has.
func readAll(src []byte) (rows int, err error) {
	f, err := Open(bytes.NewReader(src))
	if err != nil {
		return 0, err
	}
	t, err := f.Type(types.Origin{})
	if err != nil {
		return 0, err
	}
	p, err := f.Plan(t)
	if err != nil {
		return 0, err
	}
	text := recordtest.NewText(t)
	for !text.Full() {
		block, err := f.Next()
		if errors.Is(err, io.EOF) {
			return text.Rows, nil
		}
		if err != nil {
			return text.Rows, err
		}
		r, err := p.Rows(block, nil)
		if err != nil {
			return text.Rows, err
		}
		err = text.Take(func(b *record.Batch) error {
			_, err := r.Next(b, record.MaxRows)
			return err
		})
		r.Close()
		if err != nil {
			return text.Rows, err
		}
	}
	return text.Rows, nil
}

func FuzzFile(f *testing.F) {
	recordtest.Fuzz(f, recordtest.Samples(f, "avro"), func(src []byte) { readAll(src) })
}
