package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
)

// This file reads files in chunks of whole rows.

// A chunk is a run of whole rows of one file.
type chunk struct {
	arena *record.Arena // one reference is the chunk's
	text  []byte        // in the arena
	line  int           // of the first byte, from 1
	file  *input
	rows  rows // how to read the rows: the same for all chunks of a file

	long  *longRow       // instead of rows: one that is too long to be read
	wrong *text.RowError // instead of rows: the whole file cannot be read
}

// An input is a file that is being read. One goroutine uses it at a time; workers
// read its name.
type input struct {
	name   string // for messages
	place  string // the same as the flow names it, from its folder
	src    io.Reader
	end    func()
	packed compression

	seeks   bool // what is read is the file as it is
	encoded bool // what is read was another encoding

	most int             // bytes that a row may have; 0: any number
	ctx  context.Context // of who reads; it belongs to next
	pump *pump           // of standard input, pipes and devices: what is there is taken, nothing is waited for

	rows   rows // set once the header is known
	cut    cutter
	rest   []byte // read, and not yet part of a chunk
	line   int    // of rest, from 1
	offset int64  // of rest, in the unpacked text
	eof    bool
	full   bool // rest may hold whole rows: it came with the header

	file        seekable // nil: it is a stream
	object      bool     // it is an object
	read        *atomic.Int64
	fingerprint fingerprint // of the file
	done        cursor      // behind the last chunk
}

// A cursor is how far the unpacked text of a file was read.
type cursor struct {
	offset int64
	line   int // from 1
}

// open opens a file that the flow may read, an object, or standard input. read counts the bytes as they come,
// before unpacking.
func open(ctx context.Context, flow *graph.Flow, file sourceFile, stores openStores, c compression, stdin io.Reader, read *atomic.Int64) (*input, error) {
	path := file.path
	in := &input{name: called(path), packed: c, line: 1, read: read}
	var raw io.Reader
	var closeFile func()
	switch {
	case path == "-" && !goesOn(stdin):
		raw, closeFile = stdin, func() {}
	case path == "-":
		in.pump = newPump(ctx, stdin, func() {})
	case isStream(flow, path):
		f := &lateFile{flow: flow, path: path}
		in.pump = newPump(ctx, f, f.close)
	default:
		f, err := openFile(ctx, flow, file, stores)
		if err != nil {
			return nil, named(in.name, err)
		}
		raw, closeFile = f, func() { f.Close() }
		in.file, in.object = f, file.object != nil
		if in.fingerprint, err = fingerprintOf(f); err != nil {
			closeFile()
			return nil, named(in.name, err)
		}
	}
	if in.pump != nil {
		raw, closeFile = in.pump, in.pump.close
	}
	src, end, err := unpack(&countReader{raw, read}, c)
	if errors.Is(err, errNothing) {
		src, end, err = bytes.NewReader(nil), func() {}, nil
	}
	if err != nil {
		closeFile()
		return nil, named(in.name, err)
	}
	in.src, in.end = src, func() { end(); closeFile() }
	return in, nil
}

// A countReader counts the bytes read.
type countReader struct {
	r io.Reader
	n *atomic.Int64
}

func (c *countReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// next gives the next chunk; io.EOF at the end of the file.
func (in *input) next() (p *chunk, err error) {
	for p == nil && err == nil {
		p, err = in.cutNext()
	}
	return p, err
}

// cutNext cuts the next chunk; nil where only a comment was left out. Where a row is
// longer than the memory of a chunk, the memory doubles.
func (in *input) cutNext() (*chunk, error) {
	if in.eof && len(in.rest) == 0 {
		return nil, in.ended()
	}
	arena := record.NewArena(max(record.ArenaSize, 2*len(in.rest)))
	buf := append(arena.Buf, in.rest...)
	if in.rest = in.rest[:0]; cap(in.rest) > 4*record.ArenaSize { // one long row must not keep its memory for good
		in.rest = nil
	}
	for {
		var err error
		if in.pump == nil || !in.full {
			if buf, err = in.fill(buf); err != nil {
				arena.Release()
				return nil, named(in.name, err)
			}
		}
		in.full = false
		from, to, used, err := in.cut.cut(buf, in.eof)
		if err == errLong {
			in.line += bytes.Count(buf[:used], newline)
			in.offset += int64(used)
			return in.passLong(arena, append(buf[:0], buf[used:]...))
		}
		if err != nil {
			line := in.line + bytes.Count(buf[:used], newline)
			arena.Release()
			return nil, fmt.Errorf("%s:%d: %w", in.name, line, err)
		}
		if from < to {
			return in.chunk(arena, buf, from, to, used), nil
		}
		in.line += bytes.Count(buf[:used], newline)
		in.offset += int64(used)
		if used > 0 { // or a row that comes in small parts would be moved with each of them
			buf = append(buf[:0], buf[used:]...)
		}
		switch {
		case in.eof:
			arena.Release()
			return nil, io.EOF
		case len(buf) == cap(buf):
			size := 2 * len(buf)
			if in.most > len(buf) { // more than that is of no use
				size = min(size, in.most+record.ArenaSize)
			}
			larger := record.NewArena(size)
			buf = append(larger.Buf, buf...)
			arena.Release()
			arena = larger
		}
	}
}

// ended is what next gives at the end of the file: that it ends too early, or io.EOF.
func (in *input) ended() error {
	if _, _, _, err := in.cut.cut(nil, true); err != nil {
		return fmt.Errorf("%s:%d: %w", in.name, in.line, err)
	}
	return io.EOF
}

// chunk makes a chunk of buf[from:to], which the arena holds, and keeps what is
// behind used. Scanners want a newline at the end; what stood in its place is kept
// before it is written.
func (in *input) chunk(arena *record.Arena, buf []byte, from, to, used int) *chunk {
	in.rest = append(in.rest, buf[used:]...)
	line := in.line + bytes.Count(buf[:from], newline)
	in.done = cursor{in.offset + int64(to), line + bytes.Count(buf[from:to], newline)}
	in.line, in.offset = in.done.line+bytes.Count(buf[to:used], newline), in.offset+int64(used)
	if buf[to-1] != '\n' {
		buf = append(buf[:to], '\n')
		to++
	}
	arena.Buf = buf
	return &chunk{arena: arena, text: buf[from:to], line: line, file: in, rows: in.rows}
}

var newline = []byte{'\n'}

// fill reads behind what is in buf: until it is full, or, of a pipe, what is there.
// A pack in a pipe is read once, for more of it need not be more text.
func (in *input) fill(buf []byte) ([]byte, error) {
	for !in.eof && len(buf) < cap(buf) {
		n, err := in.src.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			in.eof = true
		} else if err != nil {
			return buf, unpackError(in.packed, err)
		}
		if in.pump != nil && n > 0 && (in.packed != plain || in.encoded || !in.pump.ready()) {
			break
		}
	}
	return buf, nil
}

// A cutter finds where whole rows end. It may keep a state between calls.
type cutter interface {
	// cut looks at src, which begins where the last call has used it: whole rows
	// are src[from:to], and src[used:] must be given again. With errLong a row begins
	// at src[used] that is too long.
	cut(src []byte, atEOF bool) (from, to, used int, err error)
	// pass leaves out what cut has called too long, the row or its first line. src goes
	// on where the last call has ended; n bytes of it belong to what is left out.
	pass(src []byte) (n int, done bool)
	// isComment reports whether src begins with a line that is no row.
	isComment(src []byte) bool
	// state is what resume must be told to go on behind the last whole row; "" where
	// a row ends with its line.
	state() string
	resume(state string) error
}

// lineCutter cuts at line ends.
type lineCutter struct {
	most  int // bytes that a line may have; 0: any number
	begun bool
	seen  int // bytes at the beginning of src that hold no line end
}

var bom = []byte("\xEF\xBB\xBF")

func (c *lineCutter) cut(src []byte, atEOF bool) (from, to, used int, err error) {
	if !c.begun {
		if len(src) < len(bom) && !atEOF && bytes.HasPrefix(bom, src) {
			return 0, 0, 0, nil
		}
		c.begun = true
		from = len(src) - len(bytes.TrimPrefix(src, bom))
	}
	end := len(src)
	if !atEOF {
		end = c.seen + bytes.LastIndexByte(src[c.seen:], '\n') + 1
		if end == c.seen {
			if c.most > 0 && len(src)-from > c.most {
				c.seen = 0
				return from, from, from, errLong
			}
			c.seen = len(src) - from
			return from, from, from, nil
		}
	}
	c.seen = len(src) - end
	if long := longLine(src[from:end], c.most); long >= 0 {
		c.seen = 0
		if end = from + long; long == 0 {
			err = errLong
		}
	}
	return from, end, end, err
}

func (c *lineCutter) pass(src []byte) (int, bool) { return passLine(src) }

func (c *lineCutter) isComment([]byte) bool { return false }

func (c *lineCutter) state() string { return "" }

func (c *lineCutter) resume(string) error {
	c.begun = true
	return nil
}
