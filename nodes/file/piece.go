package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/flowrun/flowrun/graph/record"
)

// A piece is a run of whole rows of one file.
type piece struct {
	arena *record.Arena // one reference is the piece's
	text  []byte        // in the arena
	line  int           // of the first byte, from 1
	file  *input
	rows  rows // how to read the rows: the same for all pieces of a file
}

// maxRow bounds a row, in bytes.
const maxRow = 256 << 20

// An input is a file that is being read. One goroutine uses it at a time.
type input struct {
	path string // "" for standard input in messages: see name
	src  io.Reader
	end  func()
	read *atomic.Int64 // bytes read of all files, before unpacking
	slow bool          // standard input: what is there is taken, nothing is waited for

	rows rows // set once the header is known
	cut  cutter
	rest []byte // read, and not yet part of a piece
	line int
	eof  bool
}

// name is how messages call the input.
func (in *input) name() string {
	if in.path == "-" {
		return "standard input"
	}
	return in.path
}

// open opens a file, or standard input.
func open(ctx context.Context, path string, c compression, stdin io.Reader, read *atomic.Int64) (*input, error) {
	in := &input{path: path, read: read, line: 1}
	var raw io.Reader
	var closeFile func()
	if path == "-" {
		p := newPump(ctx, stdin)
		raw, in.slow, closeFile = p, true, p.close
	} else {
		f, err := os.Open(path)
		if err != nil {
			return nil, named(path, err)
		}
		raw, closeFile = f, func() { f.Close() }
	}
	counted := &counting{raw, read}
	src, end, err := unpack(counted, c)
	if err != nil {
		closeFile()
		return nil, fmt.Errorf("%s: not a %s file: %w", in.name(), c, err)
	}
	in.src, in.end = src, func() { end(); closeFile() }
	return in, nil
}

// counting counts the bytes read.
type counting struct {
	r io.Reader
	n *atomic.Int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// next cuts the next piece; io.EOF at the end of the file.
func (in *input) next() (*piece, error) {
	size := record.ArenaSize
	for {
		if in.eof && len(in.rest) == 0 {
			return nil, io.EOF
		}
		size = max(size, 2*len(in.rest))
		arena := record.NewArena(size)
		buf := append(arena.Buf, in.rest...)
		buf, err := in.fill(buf, size)
		if err != nil {
			arena.Release()
			return nil, named(in.name(), err)
		}
		from, to, used, err := in.cut.cut(buf, in.eof)
		if err != nil {
			arena.Release()
			return nil, fmt.Errorf("%s:%d: %w", in.name(), in.line+bytes.Count(buf[:used], newline), err)
		}
		in.rest = append(in.rest[:0], buf[used:]...)
		line := in.line + bytes.Count(buf[:from], newline)
		in.line = line + bytes.Count(buf[from:used], newline)
		if from < to {
			if buf[to-1] != '\n' { // scanners want it; what stood there is in rest by now
				buf = append(buf[:to], '\n')
				to++
			}
			arena.Buf = buf
			return &piece{arena: arena, text: buf[from:to], line: line, file: in, rows: in.rows}, nil
		}
		arena.Release()
		if len(in.rest) > maxRow {
			return nil, fmt.Errorf("%s:%d: a row is longer than %d MB", in.name(), in.line, maxRow>>20)
		}
	}
}

var newline = []byte{'\n'}

// fill reads behind what is in buf: until it is full, or, of a slow input, what is
// there.
func (in *input) fill(buf []byte, size int) ([]byte, error) {
	if cap(buf) < size {
		buf = append(make([]byte, 0, size), buf...)
	}
	for !in.eof && len(buf) < cap(buf) {
		n, err := in.src.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			in.eof = true
		} else if err != nil {
			return buf, err
		}
		if in.slow && n > 0 {
			break
		}
	}
	return buf, nil
}

// A cutter finds where whole rows end. It may keep a state between calls.
type cutter interface {
	// cut looks at src, which begins where the last call has used it: whole rows
	// are src[from:to], and src[used:] must be given again.
	cut(src []byte, atEOF bool) (from, to, used int, err error)
}

// lineCutter cuts at line ends.
type lineCutter struct{ begun bool }

var bom = []byte("\xEF\xBB\xBF")

func (c *lineCutter) cut(src []byte, atEOF bool) (from, to, used int, err error) {
	if !c.begun {
		if len(src) < len(bom) && !atEOF {
			return 0, 0, 0, nil
		}
		c.begun = true
		from = len(src) - len(bytes.TrimPrefix(src, bom))
	}
	if atEOF {
		return from, len(src), len(src), nil
	}
	end := max(from, bytes.LastIndexByte(src, '\n')+1)
	return from, end, end, nil
}

// A pump reads standard input on a goroutine of its own, because a read of a
// terminal or a pipe cannot be interrupted: the reader can be stopped while the
// goroutine waits. It is the one goroutine that may outlive a run, until its read
// returns.
type pump struct {
	ctx    context.Context
	filled chan []byte
	empty  chan []byte
	done   chan struct{}
	err    error
	rest   []byte
	buf    []byte
}

func newPump(ctx context.Context, r io.Reader) *pump {
	p := &pump{ctx: ctx, filled: make(chan []byte), empty: make(chan []byte, 2), done: make(chan struct{})}
	for range cap(p.empty) {
		p.empty <- make([]byte, 64<<10)
	}
	go func() {
		defer close(p.filled)
		for {
			var buf []byte
			select {
			case buf = <-p.empty:
			case <-p.done:
				return
			}
			n, err := r.Read(buf[:cap(buf)])
			if n > 0 {
				select {
				case p.filled <- buf[:n]:
				case <-p.done:
					return
				}
			}
			if err != nil {
				p.err = err
				return
			}
		}
	}()
	return p
}

func (p *pump) Read(dst []byte) (int, error) {
	if len(p.rest) == 0 {
		if p.buf != nil {
			p.empty <- p.buf
			p.buf = nil
		}
		select {
		case buf, ok := <-p.filled:
			if !ok {
				return 0, p.err
			}
			p.buf, p.rest = buf, buf
		case <-p.ctx.Done():
			return 0, context.Cause(p.ctx)
		}
	}
	n := copy(dst, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *pump) close() { close(p.done) }
