package file

import (
	"context"
	"io"
	"io/fs"
	"os"

	"github.com/flowrun/flowrun/graph"
)

// A pump reads standard input, a pipe or a device on a goroutine of its own,
// because such a read cannot be interrupted: the reader can be stopped while the
// goroutine waits. It is the one goroutine that may outlive a run, until its read
// returns.
type pump struct {
	ctx    context.Context // of who reads; it belongs to Read
	filled chan []byte
	empty  chan []byte
	done   chan struct{}
	err    error  // why filled was closed
	rest   []byte // of buf, not yet given on
	buf    []byte
}

// pumped is the memory of a pump: two buffers, one that is read into and one that
// is read from.
const pumped = 64 << 10

// newPump starts to read. end is called when nothing will be read any more.
func newPump(ctx context.Context, r io.Reader, end func()) *pump {
	p := &pump{ctx: ctx, filled: make(chan []byte, 1), empty: make(chan []byte, 3), done: make(chan struct{})}
	for range cap(p.empty) {
		p.empty <- make([]byte, pumped)
	}
	go p.run(r, end)
	return p
}

func (p *pump) run(r io.Reader, end func()) {
	defer end()
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
}

// Read waits for what comes next, or until the run is stopped.
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

// ready reports whether Read has something to give at once.
func (p *pump) ready() bool { return len(p.rest) > 0 || len(p.filled) > 0 }

// close lets go of the goroutine.
func (p *pump) close() { close(p.done) }

// A lateFile is opened by the first read: to open a pipe waits for its writer.
type lateFile struct {
	flow *graph.Flow
	path string
	file *os.File
}

func (f *lateFile) Read(p []byte) (int, error) {
	if f.file == nil {
		var err error
		if f.file, err = f.flow.Open(f.path); err != nil {
			return 0, err
		}
	}
	return f.file.Read(p)
}

func (f *lateFile) close() {
	if f.file != nil {
		f.file.Close()
	}
}

// goesOn reports whether standard input may go on for ever: unless it is known to be a
// file or a text.
func goesOn(stdin io.Reader) bool {
	if text, ok := stdin.(interface{ Len() int }); ok && text.Len() >= 0 {
		return false
	}
	file, ok := stdin.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return true
	}
	info, err := file.Stat()
	return err != nil || !info.Mode().IsRegular()
}
