package file

import (
	"bytes"
	"errors"
	"hash/fnv"
	"io"
	"os"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
)

// This file reads one file that is followed: what is there, and later what has come.

// A generation is one file that stands at a path which is followed, or stood there before
// it was rotated away. Next alone uses it, but for the input, whose name workers read.
type generation struct {
	at   *slot
	file *os.File // nil: nothing is left to be read but what is in the input
	id   fileID
	path string // where it was found
	name string // the same for messages
	in   *input
	pos  int64 // how far it was read; only what was also verified counts

	// What tells this file from another one, and where it was read up to.
	head []byte // its first bytes
	tail []byte // those before pos
	back []byte // those before what the input keeps of the next row
	done []byte // those before the end of the last chunk

	more  bool      // there may be something to read
	size  int64     // when it was last looked at
	mtime time.Time // and when it had changed then

	failed bool      // it could not be read, and is tried again
	left   time.Time // when it had changed when it was read last

	moved    bool        // another file stands at the path, or none
	since    time.Time   // of one that has moved, or seems to be a copy: when it last changed
	lives    string      // where a pattern finds it since it has moved
	original *generation // what it seems to be a copy of; nil: it is read
	waited   int         // looks, for one that it may be a copy of
	own      bool        // it is no copy
	given    bool        // all of it was given, with a last line that has no end

	after *generation // what stood at the path before, as long as nothing was read of this one
	held  *chunk      // the first one, which waits for files that stood there between them

	long    *chunk // a row that is too long, and is being left out
	comment bool   // it is none
	encoded []byte // the part of a position that tells of it; nil: it is to be made
}

const (
	headSize = 1 << 10 // of what tells a file from another one
	tailSize = 256
)

// errOther says that a file is not what it was when it was read up to here.
var errOther = errors.New("the file was truncated")

// A generationReader reads a generation on from where it was read up to.
type generationReader struct{ g *generation }

func (r generationReader) Read(p []byte) (int, error) {
	if r.g.file == nil {
		return 0, io.EOF
	}
	n, err := r.g.file.ReadAt(p, r.g.pos)
	r.g.pos += int64(n)
	return n, err
}

// intact reports by an error whether a file still is what was read up to a point.
func intact(f io.ReaderAt, head, tail []byte, pos int64) error {
	buf := make([]byte, max(len(head), len(tail)))
	for _, part := range []struct {
		text []byte
		at   int64
	}{{head, 0}, {tail, pos - int64(len(tail))}} {
		n, err := f.ReadAt(buf[:len(part.text)], part.at)
		if err != nil && err != io.EOF {
			return err
		}
		if !bytes.Equal(buf[:n], part.text) {
			return errOther
		}
	}
	return nil
}

// remember keeps what tells the file after it was read on from a point.
func (g *generation) remember(from int64, fresh []byte) {
	if room := headSize - len(g.head); room > 0 && from == int64(len(g.head)) {
		g.head = append(g.head, fresh[:min(room, len(fresh))]...)
	}
	g.tail = lastOf(g.tail, fresh)
}

// lastOf gives the last bytes of two texts, in the memory of the first.
func lastOf(a, b []byte) []byte {
	if len(b) >= tailSize {
		return append(a[:0], b[len(b)-tailSize:]...)
	}
	if drop := len(a) + len(b) - tailSize; drop > 0 {
		a = append(a[:0], a[drop:]...)
	}
	return append(a, b...)
}

// hashOf is how a position has bytes of a file.
func hashOf(text []byte) uint64 {
	h := fnv.New64a()
	h.Write(text)
	return h.Sum64()
}

// next gives the next chunk of what is there; nil if there is no whole row. With last, what
// is there is all that will come.
func (g *generation) next(last bool) (*chunk, error) {
	in := g.in
	for {
		arena := record.NewArena(max(record.ArenaSize, 2*len(in.rest)))
		from, had := g.pos, len(in.rest)
		buf, err := in.fill(append(arena.Buf, in.rest...))
		in.eof = false
		if err == nil && g.file != nil {
			err = intact(g.file, g.head, g.tail, from)
		}
		if err != nil {
			g.pos = from
			arena.Release()
			return nil, err
		}
		g.remember(from, buf[had:])
		in.rest = in.rest[:0]
		full := len(buf) == cap(buf)
		if p, ok, err := g.cut(arena, buf, last); p != nil || ok || err != nil {
			g.encoded = nil
			return p, err
		}
		if !full && (!last || len(in.rest) == 0) {
			return nil, nil
		}
	}
}

// cut makes a chunk of what was read, nil if it has no whole row, and keeps the rest.
func (g *generation) cut(arena *record.Arena, buf []byte, last bool) (p *chunk, ok bool, err error) {
	in := g.in
	if g.long != nil {
		defer arena.Release()
		return g.pass(buf, last), false, nil
	}
	from, to, used, err := in.cut.cut(buf, last)
	switch {
	case err == errLong:
		defer arena.Release()
		in.line += bytes.Count(buf[:used], newline)
		in.offset += int64(used)
		g.back = lastOf(g.back, buf[:used])
		buf = buf[used:]
		g.long = &chunk{line: in.line, file: in, rows: in.rows, long: &longRow{begin: beginning(buf)}}
		g.comment = in.cut.isComment(buf)
		return g.pass(buf, last), false, nil
	case err != nil:
		arena.Release()
		return nil, false, named(in.name, err)
	case from < to:
		g.back = lastOf(g.back, buf[:used])
		g.done = append(g.done[:0], g.back...) // no row of these formats is followed by anything
		return in.chunk(arena, buf, from, to, used), true, nil
	}
	in.line += bytes.Count(buf[:used], newline)
	in.offset += int64(used)
	g.back = lastOf(g.back, buf[:used])
	in.rest = append(in.rest, buf[used:]...)
	arena.Release()
	return nil, false, nil
}

// pass leaves out what there is of a row that is too long, and gives a chunk for its bad
// item when it has ended.
func (g *generation) pass(buf []byte, last bool) *chunk {
	in, p := g.in, g.long
	n, done := in.cut.pass(buf)
	in.offset += int64(n)
	in.line += bytes.Count(buf[:n], newline)
	if p.long.bytes += int64(n); done && n > 0 && buf[n-1] == '\n' {
		p.long.bytes--
	}
	g.back = lastOf(g.back, buf[:n])
	in.rest = append(in.rest, buf[n:]...)
	if !done && !(last && len(in.rest) == 0) {
		return nil
	}
	in.done = cursor{in.offset, in.line}
	g.done = append(g.done[:0], g.back...)
	if g.long = nil; g.comment {
		return nil
	}
	return p
}

// begin reads what stands before the rows. It is false where that is not there yet. A file
// that cannot be read as what it should be gives a chunk for a bad item.
func (o *followOp) begin(g *generation, last bool) (ready bool, bad *chunk, err error) {
	info, err := g.file.Stat()
	if err != nil {
		return false, nil, err
	}
	size := info.Size()
	if ready, err := o.hasHead(g, size, last); !ready || err != nil {
		return false, nil, err
	}
	in := &input{name: g.name, place: placeOf(o.env.Flow, g.path), packed: plain, line: 1, read: &o.read, seeks: true, most: int(o.k.MaxRecord)}
	in.src = &countReader{generationReader{g}, &o.read}
	g.in, g.pos = in, 0
	l := o.k.lines(nil)
	err = l.judgeFile(g.file)
	if err == nil && l.old {
		err = textError("its lines end in CR alone, and what is followed ends its lines in LF")
	}
	if err == nil {
		if in.rows, err = o.k.newRows(o.scanned); err != nil {
			return false, nil, err
		}
		in.cut, err = in.rows.begin(in)
	}
	in.eof = false
	if err != nil {
		g.given = true
		wrong := &text.RowError{Reason: err.Error()}
		return false, &chunk{line: 1, file: in, wrong: wrong}, nil
	}
	return true, nil, g.look()
}

// look reads what tells the file, which was read up to pos.
func (g *generation) look() (err error) {
	if g.head, err = readPart(g.file, 0, min(headSize, g.pos)); err != nil {
		return err
	}
	if g.tail, err = before(g.file, g.pos); err != nil {
		return err
	}
	g.back, err = before(g.file, g.in.offset)
	g.done = nil
	return err
}

// before reads the last bytes before a point.
func before(f io.ReaderAt, pos int64) ([]byte, error) {
	n := min(tailSize, pos)
	return readPart(f, pos-n, n)
}

// readPart reads n bytes, which have to be there.
func readPart(f io.ReaderAt, at, n int64) ([]byte, error) {
	text := make([]byte, n)
	m, err := f.ReadAt(text, at)
	switch {
	case m == len(text):
		return text, nil
	case err == io.EOF:
		return nil, errOther
	}
	return nil, err
}

// hasHead reports whether all that stands before the rows of a file is there.
func (o *followOp) hasHead(g *generation, size int64, last bool) (bool, error) {
	if last || size > int64(o.k.MaxRecord) {
		return size > 0, nil
	}
	if size == 0 {
		return false, nil
	}
	n := min(size, lookedAt)
	for {
		head := make([]byte, n)
		m, err := g.file.ReadAt(head, 0)
		if err != nil && err != io.EOF {
			return false, err
		}
		head = bytes.TrimPrefix(head[:m], bom)
		switch {
		case !o.k.format.isCSV() || !o.k.Header:
			return bytes.IndexByte(head, '\n') >= 0 || size > lookedAt, nil
		case holdsRow(o.k.dialect(), head[:o.k.dialect().Split(head, false)]):
			return true, nil
		case n == size:
			return false, nil
		}
		n = min(size, 4*n)
	}
}

// badFile is the bad item of a file that cannot be read as what it should be.
func (p *chunk) badFile() error {
	if p.file.object {
		return errors.New(p.wrong.Reason)
	}
	return &fileError{p.wrong.Reason}
}

// A fileError is what is wrong with a file that is followed, as a whole.
type fileError struct{ reason string }

func (e *fileError) Error() string { return e.reason + "; none of its rows is read" }

// Hint says what becomes of it; see diag.HintOf.
func (e *fileError) Hint() diag.Hint {
	return diag.Hint{Text: "once another file stands in its place, that one is read"}
}
