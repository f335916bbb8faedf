package file

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/flowrun/flowrun/graph/record/parquet"
	"github.com/flowrun/flowrun/internal/durable"
	"github.com/flowrun/flowrun/nodes"
)

// This file opens the files that are written, and standard output.

// A target is a file that is being written. Package durable sees to it that it appears
// whole, together with the others of the run. What is no regular file (a device, a pipe,
// standard output) is written to directly.
type target struct {
	path   string        // its final name, links resolved; "-" for standard output
	pack   compression   //
	file   *durable.File // nil: it is written to directly
	direct *os.File      // nil: it is not, or is standard output
	object *objectTarget // nil: it is a file
	buf    *bufio.Writer // nil: of standard output
	out    io.Writer     // buf, or standard output
	packed io.WriteCloser
	table  *parquet.Writer // of format parquet: what writes to packed
	loose  looseRows       // of format avro
	count  *countWriter    // of a file that is to be rotated
	until  time.Time       // when such a file has had its time; zero: it has any time
	rows   int64
	fresh  int64 // rows that were not published yet
	broken bool  // a write has failed, so what it has may end in half a row
	ended  bool  // nothing more is written, whether that went well or not
	whole  bool  // it is closed, with all that belongs in it
}

// Sizes of the buffer in front of a file: of the one file, and of each of many.
const (
	bufferSize = 64 << 10
	splitSize  = 16 << 10
)

// filesOf gives the files that a run writes, whichever node does. They are in the hands
// of the run until release.
func filesOf(ctx context.Context, env *nodes.Env) (set *durable.Set, release func() error, err error) {
	s, release, err := nodes.Share(ctx, env, "files that are written", func(context.Context) (sharedSet, error) {
		s := durable.NewSet(durable.Options{NoSync: env.NoSync, Note: func(text string) { env.Log.Info(text) }})
		if env.Shared != nil {
			env.Shared.AtExit(func() { s.Sweep(sweepPatience) })
		}
		return sharedSet{s}, nil
	})
	return s.Set, release, err
}

// sweepPatience is how long a process that ends at once waits for files that are just
// getting their names.
const sweepPatience = 50 * time.Millisecond

// A sharedSet is closed by the last node that has committed its files, or given them up.
type sharedSet struct{ *durable.Set }

// Close implements io.Closer.
func (s sharedSet) Close() error { return s.Abort() }

// create opens a target, with a buffer of a size.
func (o *writeOp) create(path string, size int) (*target, error) {
	t := &target{path: path, pack: o.k.packed}
	err := o.open(t)
	if o.store != nil {
		t.object, err = o.createObject(path)
	}
	switch {
	case err != nil:
		return nil, t.wrong(err)
	case path == "-":
		t.out = o.env.Stdout
		t.packed, err = pack(t.out, t.pack)
		o.tabulate(t)
		return t, err
	case t.file != nil || t.object != nil:
		t.buf = bufio.NewWriterSize(o.counted(t), size)
	default:
		t.buf = bufio.NewWriterSize(t.direct, size)
	}
	t.out = t.buf
	if t.packed, err = pack(t.out, t.pack); err != nil {
		return nil, t.wrong(err)
	}
	o.tabulate(t)
	return t, nil
}

func (o *writeOp) open(t *target) error {
	if t.path == "-" || o.store != nil {
		return nil
	}
	full, err := filepath.Abs(t.path)
	if err != nil {
		return err
	}
	t.path = durable.BehindLinks(full)
	info, err := os.Stat(t.path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err != nil:
	case info.IsDir():
		return errors.New("it is a folder")
	case !info.Mode().IsRegular():
		t.direct, err = os.OpenFile(t.path, os.O_WRONLY, 0)
		return err
	}
	switch {
	case o.k.Append:
		t.file, err = o.set.Append(t.path, durable.Addition{Lead: func(old *os.File, size int64) ([]byte, error) { return o.lead(old, size) }})
	case o.limits.on():
		t.file, err = o.set.CreateNew(t.path)
	default:
		t.file, err = o.set.Create(t.path)
	}
	if errors.Is(err, durable.ErrTaken) {
		return o.taken(t)
	}
	return err
}

// wrong names the file as its user knows it. When the program that reads what we
// write wants no more, that is an end, and no error; a connection to a store that breaks
// is one.
func (t *target) wrong(err error) error {
	_, broken := errors.AsType[*net.OpError](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EPIPE) && !broken:
		return nodes.ErrDone
	case t.path == "-":
		return named("standard output", err)
	}
	return named(shortPath(t.path), err)
}

// write adds whole rows.
func (t *target) write(text []byte, rows int) error {
	if len(text) == 0 {
		return nil
	}
	_, err := t.packed.Write(text)
	t.rows += int64(rows)
	t.fresh += int64(rows)
	t.broken = t.broken || err != nil
	return t.wrong(err)
}

// flush writes through what is in the buffer. What a compression holds back stays
// there until finish: to press it out would make the file larger.
func (t *target) flush() error {
	if t.ended {
		return nil
	}
	if t.file == nil {
		if err := t.together(); err != nil {
			return err
		}
	}
	if t.buf == nil {
		return nil
	}
	return t.wrong(t.buf.Flush())
}

// finish writes the tail and what is still in buffers, and closes what was written
// directly. It does so once.
func (t *target) finish(tail string) error {
	if t.ended {
		return nil
	}
	t.ended = true
	if err := t.write([]byte(tail), 0); err != nil {
		return err
	}
	err := t.closeTable()
	if perr := t.press(); err == nil {
		err = perr
	}
	if t.direct != nil {
		if cerr := t.direct.Close(); err == nil {
			err = cerr
		}
	}
	t.whole, t.broken = err == nil, t.broken || err != nil
	return t.wrong(err)
}

// press writes all that compression and buffer hold.
func (t *target) press() error {
	if err := t.packed.Close(); err != nil || t.buf == nil {
		return err
	}
	return t.buf.Flush()
}

// goOn begins another part of what is packed, after press.
func (t *target) goOn() (err error) {
	t.packed, err = pack(t.out, t.pack)
	return err
}

// named reports whether it stands, whole, under its name.
func (t *target) named() bool {
	switch {
	case t.path == "-":
		return false
	case t.object != nil:
		return t.object.there
	case t.file != nil:
		return t.file.Named()
	}
	return t.whole
}
