package file

import (
	"io"

	"github.com/flowrun/flowrun/graph/record/avro"
	"github.com/flowrun/flowrun/graph/types"
)

// This file reads Avro object container files, block by block. What is in blocks is unpacked
// and read by the workers.

// An avroTable is an Avro file that is being read.
type avroTable struct {
	file *avro.File
	plan *avro.Plan
}

func openAvro(src io.Reader, t *types.Type) (table, error) {
	f, err := avro.Open(src)
	if err != nil {
		return nil, err
	}
	p, err := f.Plan(t)
	return &avroTable{f, p}, err
}

func (a *avroTable) next() (tablePart, error) {
	b, err := a.file.Next()
	if err != nil {
		return nil, err
	}
	return avroPart{a.plan, b}, nil
}

func (a *avroTable) at() tableCursor {
	offset, row := a.file.Offset()
	return tableCursor{offset, row}
}

func (a *avroTable) seek(to tableCursor) error {
	err := a.file.Resume(to.offset, to.row)
	if err == avro.ErrMoved {
		err = errReplaced
	}
	return err
}

func (a *avroTable) done() int64 {
	offset, _ := a.file.Offset()
	return offset
}

// An avroPart is a block.
type avroPart struct {
	plan  *avro.Plan
	block *avro.Block
}

func (p avroPart) rows(needed []bool) (rowReader, error) {
	r, err := p.plan.Rows(p.block, needed)
	if err != nil {
		return nil, err
	}
	return r, nil
}
