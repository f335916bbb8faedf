package file

import (
	"io"

	"github.com/flowrun/flowrun/graph/record/parquet"
	"github.com/flowrun/flowrun/graph/types"
)

// This file reads Parquet files, in parts of their row groups.

// How much a worker reads at once: as many rows as have some memory, but enough for pages to be
// unpacked once, mostly.
const (
	partBytes = 16 << 20
	leastPart = 32 << 10
	mostPart  = 128 << 10
)

// A parquetTable is a Parquet file that is being read.
type parquetTable struct {
	file  *parquet.File
	plan  *parquet.Plan
	size  int64
	group int
	from  int64 // rows of the group that were given
	row   int64 // rows of the file that were given
}

func openParquet(f seekable, t *types.Type) (table, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	p := &parquetTable{size: info.Size()}
	if p.file, err = parquet.Open(f, p.size); err == nil {
		p.plan, err = p.file.Plan(t)
	}
	return p, err
}

func (p *parquetTable) next() (tablePart, error) {
	for p.group < p.file.Groups() && p.from == p.file.GroupRows(p.group) {
		p.group, p.from = p.group+1, 0
	}
	if p.group == p.file.Groups() {
		return nil, io.EOF
	}
	rows := p.file.GroupRows(p.group)
	most := int64(mostPart)
	if perRow := p.plan.Bytes(p.group) / rows; perRow > 0 {
		most = min(max(partBytes/perRow, leastPart), mostPart)
	}
	parts := (rows + most - 1) / most
	part := parquetPart{p.plan, p.group, p.from, min(p.from+(rows+parts-1)/parts, rows)}
	p.from, p.row = part.to, p.row+part.to-part.from
	return part, nil
}

func (p *parquetTable) at() tableCursor { return tableCursor{row: p.row} }

func (p *parquetTable) seek(to tableCursor) error {
	p.group, p.from, p.row = 0, to.row, to.row
	for p.group < p.file.Groups() && p.from >= p.file.GroupRows(p.group) {
		p.from -= p.file.GroupRows(p.group)
		p.group++
	}
	if p.from > 0 && p.group == p.file.Groups() || p.from < 0 {
		return errReplaced
	}
	return nil
}

func (p *parquetTable) done() int64 {
	if p.file.Rows() == 0 {
		return p.size
	}
	return int64(float64(p.size) * float64(p.row) / float64(p.file.Rows()))
}

// A parquetPart is rows of a row group.
type parquetPart struct {
	plan     *parquet.Plan
	group    int
	from, to int64
}

func (p parquetPart) rows(needed []bool) (rowReader, error) {
	r, err := p.plan.Rows(p.group, needed, p.from, p.to)
	if err != nil {
		return nil, err
	}
	return r, nil
}
