package file

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file reads tables: files of formats whose rows stand in blocks, and that say their type
// themselves. What a worker reads at once is a part of such a file.

// A table is a file that is being read. One goroutine uses it.
type table interface {
	// next gives the next part; io.EOF at the end.
	next() (tablePart, error)
	// at is where the last part ends.
	at() tableCursor
	// seek goes on at a cursor.
	seek(to tableCursor) error
	// done is how many bytes of the file were given.
	done() int64
}

// A tableCursor is how far a table was read.
type tableCursor struct {
	offset int64 // of its next block; it is 0 where rows are enough to find it
	row    int64 // rows before
}

// A tablePart is rows of a table. Workers read parts at the same time.
type tablePart interface {
	// rows reads them, without the fields that are not needed.
	rows(needed []bool) (rowReader, error)
}

// A rowReader reads rows into batches.
type rowReader interface {
	Next(b *record.Batch, most int) (bad []text.BadRow, err error)
}

// An openTable is a table with the file that it is in, which is closed when nobody reads it.
type openTable struct {
	table
	name, place string
	fingerprint fingerprint
	stream      bool
	pump        *pump // of a stream
	refs        atomic.Int32
	close       func()
}

func (t *openTable) release() {
	if t.refs.Add(-1) == 0 {
		t.close()
	}
}

// A tableTask is a part, for a worker.
type tableTask struct {
	of   *openTable
	part tablePart
	row  int64 // rows of the file before it
}

// Release implements what the engine calls for a task that nobody takes.
func (t *tableTask) Release() { t.of.release() }

// A tableOp is a running file.read of tables.
type tableOp struct {
	*readOp
	of   *openTable
	base int64 // bytes of the files before
}

var (
	_ fileReading    = (*tableOp)(nil)
	_ nodes.Parallel = (*tableOp)(nil)
	_ nodes.Puller   = (*tableOp)(nil)
	_ nodes.Seeker   = (*tableOp)(nil)
	_ nodes.Closer   = (*tableOp)(nil)
)

func newTableOp(o *readOp) *tableOp {
	t := &tableOp{readOp: o}
	o.total, o.endless = o.k.size(o.env.Flow), o.k.endless(o.env)
	o.env.Progress = func() (int64, int64) { return o.read.Load(), max(o.total, o.listed.Load()) }
	o.Spread = t.newWorker
	return t
}

// Next gives the next part of the next file.
func (o *tableOp) Next(ctx context.Context) (any, nodes.Position, error) {
	for {
		if o.of == nil {
			if o.at == len(o.files) {
				return nil, nil, io.EOF
			}
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			err := o.open(ctx, nil)
			if f := o.files[o.at-1]; err != nil && f.lost(err) {
				return o.lost(&input{name: called(f.path), object: true}, err)
			}
			if err != nil {
				return nil, nil, err
			}
		}
		if o.of.pump != nil {
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			o.of.pump.ctx = ctx
		}
		row := o.of.at().row
		part, err := o.of.next()
		o.read.Store(o.base + o.of.done())
		if err == nil {
			o.of.refs.Add(1)
			after, err := o.position()
			return &tableTask{o.of, part, row}, after, err
		}
		if err != io.EOF {
			return nil, nil, named(o.of.name, err)
		}
		o.base += o.of.done()
		at := &input{name: o.of.name, fingerprint: o.of.fingerprint, object: true}
		if o.leave(); o.marks {
			return o.mark(at)
		}
	}
}

// Close closes the file that is being read.
func (o *tableOp) Close() error {
	o.leave()
	return o.readOp.Close()
}

func (o *tableOp) leave() {
	if o.of != nil {
		o.of.release()
		o.of = nil
	}
}

// open opens the next file. It must be the one that was, if that is known.
func (o *tableOp) open(ctx context.Context, was *fingerprint) error {
	f := o.files[o.at]
	o.pass()
	t := &openTable{name: called(f.path), place: f.name, stream: isStream(o.env.Flow, f.path)}
	t.refs.Store(1)
	src, err := o.source(ctx, f, t)
	if err != nil {
		return named(t.name, err)
	}
	switch {
	case was != nil && t.fingerprint.Size < was.Size:
		err = errShorter
	case was != nil && t.fingerprint != *was: // what is written once has one end
		err = errReplaced
	}
	if err != nil {
		t.close()
		return named(t.name, err)
	}
	if t.table, err = o.k.openTable(src, o.scanned()); err != nil {
		t.close()
		return named(t.name, err)
	}
	o.of = t
	return nil
}

// source opens what a table is read from.
func (o *tableOp) source(ctx context.Context, file sourceFile, t *openTable) (src io.Reader, err error) {
	path := file.path
	switch {
	case path == "-":
		t.pump = newPump(ctx, o.env.Stdin, func() {})
		t.close = t.pump.close
		return t.pump, nil
	case t.stream:
		f := &lateFile{flow: o.env.Flow, path: path}
		t.pump = newPump(ctx, f, f.close)
		t.close = t.pump.close
		return t.pump, nil
	}
	f, err := openFile(ctx, o.env.Flow, file, o.stores)
	if err != nil {
		return nil, err
	}
	t.close = func() { f.Close() }
	if t.fingerprint, err = fingerprintOf(f); err != nil {
		f.Close()
	}
	return f, err
}

// openTable reads what stands before the rows of a table, and plans to read a type from it.
func (k *reader) openTable(src io.Reader, t *types.Type) (table, error) {
	if k.format == formatParquet {
		return openParquet(src.(seekable), t)
	}
	return openAvro(src, t)
}

// position is that behind the last part. There is none in a stream.
func (o *tableOp) position() (nodes.Position, error) {
	if o.of.stream {
		return nil, nil
	}
	at := o.of.at()
	return json.Marshal(position{File: o.files[o.at-1].name, Index: o.at - 1, Before: o.before, fingerprint: o.of.fingerprint, Offset: at.offset, Line: int(at.row)})
}

// Seek implements nodes.Seeker.
func (o *tableOp) Seek(ctx context.Context, after nodes.Position) error {
	p, err := o.locate(after)
	if err != nil || p.Done {
		return err
	}
	o.base = o.read.Load()
	if err := o.open(ctx, &p.fingerprint); err != nil {
		return err
	}
	return named(o.of.name, o.of.seek(tableCursor{p.Offset, int64(p.Line)}))
}

// newWorker reads parts.
func (o *tableOp) newWorker(context.Context) (nodes.Worker, error) {
	return nodes.WorkFunc(func(ctx context.Context, in nodes.Input, out nodes.Out) (any, error) {
		if c, ok := in.Made.(*chunk); ok { // the end of an object, or one that is lost
			if c.wrong != nil {
				return nil, out.Bad(nodes.BadItem{Err: c.badFile(), File: c.file.name, Line: c.line})
			}
			c.arena.Release()
			return nil, nil
		}
		task := in.Made.(*tableTask)
		defer task.Release()
		rows, err := task.part.rows(o.needed)
		if err != nil {
			return nil, named(task.of.name, err)
		}
		if c, ok := rows.(interface{ Close() }); ok {
			defer c.Close()
		}
		for row := task.row; ; {
			b := record.NewNeeded(o.t, o.needed)
			bad, err := rows.Next(b, record.MaxRows)
			if err == nil {
				err = o.tell(task, b, row, bad, out)
			} else if err != io.EOF {
				err = named(task.of.name, fmt.Errorf("behind row %d: %w", row, err))
			}
			if err != nil {
				b.Release()
				if err == io.EOF {
					err = nil
				}
				return nil, err
			}
			row += int64(b.Rows)
			if o.placed() {
				o.tellPlace(task, b, row)
			}
			if err := out.Emit(0, b); err != nil {
				return nil, err
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
	}), nil
}

// tell reports the rows of a batch that are no items, and selects the others.
func (o *tableOp) tell(task *tableTask, b *record.Batch, row int64, bad []text.BadRow, out nodes.Out) error {
	if len(bad) == 0 {
		return nil
	}
	is := make(map[int]bool, len(bad))
	for _, r := range bad {
		is[r.Row] = true
		if err := out.Bad(nodes.BadItem{Err: r.Err, Data: b, Row: r.Row, File: task.of.name, Line: int(row) + r.Row + 1}); err != nil {
			return err
		}
	}
	sel := b.SelBuf()
	for i := range b.Rows {
		if !is[i] {
			sel = append(sel, uint16(i))
		}
	}
	b.Sel = sel
	return nil
}

// tellPlace says where the rows of a batch stand, of which upTo are before its end.
func (o *tableOp) tellPlace(task *tableTask, b *record.Batch, upTo int64) {
	place := b.Cols[len(b.Cols)-1]
	place.Resize(b.Rows)
	for i := range b.Rows {
		place.Fields[0].Str[i] = task.of.place
		place.Fields[1].Int[i] = upTo - int64(b.Rows-i) + 1
	}
}
