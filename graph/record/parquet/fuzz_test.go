package parquet

import (
	"bytes"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/recordtest"
	"github.com/flowrun/flowrun/graph/types"
)

// readAll reads a file, and gives how many rows it has.
func readAll(src []byte) (rows int, err error) {
	f, err := Open(bytes.NewReader(src), int64(len(src)))
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
	for g := range f.Groups() {
		r, err := p.Rows(g, nil, 0, f.GroupRows(g))
		if err != nil {
			return text.Rows, err
		}
		err = text.Take(func(b *record.Batch) error {
			_, err := r.Next(b, record.MaxRows)
			return err
		})
		if err != nil {
			return text.Rows, err
		}
	}
	return text.Rows, nil
}

func FuzzFile(f *testing.F) {
	recordtest.Fuzz(f, recordtest.Samples(f, "parquet"), func(src []byte) { readAll(src) })
}
