package stream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/types"
)

// This file cuts a stream into whole rows.

// A Chunk is a run of whole rows of a stream. It belongs to who gets it, who passes it to
// Scanner.Scan or releases it.
type Chunk struct {
	Stream string // the name of the stream, for messages
	Line   uint64 // of the first row, from 1: of framed rows, their number
	Lines  uint64 // how many lines it has, with those that are no rows; of framed rows, how many

	arena  *record.Arena
	text   []byte   // lines, in the arena
	frames [][]byte // in place of lines: rows that may have line ends in them
	names  []string // of the columns of csv; nil: those of the type
	bad    string   // in place of rows: why one could not be read
	raw    string   // its beginning
}

// Release gives back a chunk that nobody scans.
func (c *Chunk) Release() {
	if c.arena != nil {
		c.arena.Release()
		c.arena = nil
	}
}

// A Part is a chunk on its way to the engine.
type Part[T any] struct {
	*Chunk
	From T // who has to know what became of the rows
}

// Options say how a stream is cut.
type Options struct {
	Stream string // its name, for messages
	Frame  Frame
	Type   *types.Type
}

// A Reader cuts a stream into chunks. One goroutine may use it.
type Reader struct {
	k    *Reading
	o    Options
	src  io.Reader
	buf  []byte
	seen int // bytes of buf that were looked at and end no row
	err  error
	line uint64 // of buf, from 1

	begun bool
	names []string

	skip  int64  // bytes of a row that is too long, still to come; -1: up to the end of the line
	begin string // its beginning
	long  int64  // its bytes so far
}

// MaxRecord is the default of max_record.
const MaxRecord = 1_000_000

// NewReader gives a reader of src.
func (k *Reading) NewReader(src io.Reader, o Options) *Reader {
	return &Reader{k: k, o: o, src: src, line: 1, begun: k.Format != FormatCSV || !k.Header}
}

var newline = []byte{'\n'}

// readSize is how much is read at once, in bytes.
const readSize = 64 << 10

// shownOfLong is how much of a row that is too long its bad item shows, in bytes.
const shownOfLong = 1 << 10

// ErrCut is the end of a stream within a row.
var ErrCut = errors.New("it ended within a row")

// Next gives the next chunk: what is there, waiting only where no row is whole. io.EOF is
// the end of the stream.
func (r *Reader) Next() (*Chunk, error) {
	for {
		c, err := r.cut()
		if c != nil || err != nil {
			return c, err
		}
		if r.err != nil {
			return nil, r.err
		}
		if cap(r.buf)-len(r.buf) < readSize/2 {
			r.buf = append(make([]byte, 0, 2*len(r.buf)+readSize), r.buf...)
		}
		n, err := r.src.Read(r.buf[len(r.buf):cap(r.buf)])
		r.buf, r.err = r.buf[:len(r.buf)+n], err
	}
}

// cut takes whole rows off the buffer; nil if there are none.
func (r *Reader) cut() (*Chunk, error) {
	if r.skip != 0 {
		return r.pass(), nil
	}
	switch r.o.Frame {
	case FrameLength:
		return r.cutFrames(lengthFrame)
	case FrameSyslog:
		return r.cutFrames(syslogFrame)
	}
	return r.cutLines()
}

// take gives the first n bytes of the buffer as a chunk, with a line end.
func (r *Reader) take(n int) *Chunk {
	text := r.buf[:n]
	c := &Chunk{Stream: r.o.Stream, Line: r.line, names: r.names, arena: record.NewArena(n + 1)}
	c.arena.Buf = append(c.arena.Buf, text...)
	if text[n-1] != '\n' {
		c.arena.Buf = append(c.arena.Buf, '\n')
	}
	c.text = c.arena.Buf
	c.Lines = Lines(c.text)
	r.drop(n)
	r.line += c.Lines
	return c
}

// drop forgets the first n bytes of the buffer.
func (r *Reader) drop(n int) {
	r.buf = append(r.buf[:0], r.buf[n:]...)
	r.seen = 0
	if cap(r.buf) > 16*readSize && len(r.buf) < readSize { // one long row must not keep its memory for good
		r.buf = append(make([]byte, 0, readSize), r.buf...)
	}
}

// cutLines takes lines.
func (r *Reader) cutLines() (*Chunk, error) {
	ended := r.err != nil
	if len(r.buf) == 0 {
		return nil, nil
	}
	end := r.whole()
	switch {
	case ended && end == 0 && r.err != io.EOF:
		return r.broken(), nil
	case ended && end == 0:
		end = len(r.buf)
	}
	if !r.begun {
		before := len(r.buf)
		if err := r.head(end); err != nil || len(r.buf) == before {
			return nil, err
		}
		return r.cutLines()
	}
	most := int(r.k.MaxRecord)
	switch {
	case end == 0 && len(r.buf) > most:
		return r.passLong(-1), nil
	case end == 0:
		return nil, nil
	}
	switch long := r.longAt(r.buf[:end], most); {
	case long == 0:
		return r.passLong(-1), nil
	case long > 0:
		end = long
	}
	return r.take(end), nil
}

// whole gives the end of the last whole row of the buffer; 0: there is none.
func (r *Reader) whole() int {
	if bytes.IndexByte(r.buf[min(r.seen, len(r.buf)):], '\n') < 0 {
		r.seen = len(r.buf)
		return 0
	}
	end := 0
	if r.k.Format == FormatCSV {
		end = csv.Standard.Split(r.buf, false)
	} else {
		end = bytes.LastIndexByte(r.buf, '\n') + 1
	}
	if end == 0 {
		r.seen = len(r.buf)
	}
	return end
}

// longAt gives where the first row that is too long begins in whole rows; -1: none is.
func (r *Reader) longAt(text []byte, most int) int {
	if len(text) <= most {
		return -1
	}
	if r.k.Format == FormatCSV {
		return csv.Standard.Long(text, most)
	}
	for at := 0; at < len(text); {
		n := bytes.IndexByte(text[at:], '\n')
		if n < 0 {
			n = len(text) - at
		}
		if n > most {
			return at
		}
		at += n + 1
	}
	return -1
}

var errLongHeader = errors.New("its header: it is longer than max_record")

// head reads the header of csv.
func (r *Reader) head(end int) error {
	if end == 0 {
		if len(r.buf) > int(r.k.MaxRecord) {
			return errLongHeader
		}
		return nil
	}
	text := bytes.TrimPrefix(r.buf[:end], []byte("\xef\xbb\xbf"))
	names, next, err := csv.Standard.Header(text)
	if err == csv.ErrNoHeader {
		r.line += Lines(r.buf[:end])
		r.drop(end)
		return nil
	}
	if err != nil {
		return fmt.Errorf("its header: %w", err)
	}
	if len(bytes.TrimSuffix(text[:next], newline)) > int(r.k.MaxRecord) {
		return errLongHeader
	}
	s, err := csv.New(r.o.Type, names, csv.Options{Dialect: csv.Standard})
	if err == nil {
		err = s.Mismatch()
	}
	if err != nil {
		return fmt.Errorf("its header does not fit the type: %w", err)
	}
	r.begun, r.names = true, names
	n := end - len(text) + next
	r.line += Lines(r.buf[:n])
	r.drop(n)
	return nil
}

// passLong begins to leave out the row at the beginning of the buffer; rest is how many
// bytes it has, -1: up to the end of its line.
func (r *Reader) passLong(rest int64) *Chunk {
	r.skip, r.long, r.begin = rest, 0, ""
	return r.pass()
}

// pass leaves out what came of a row that is too long, and gives its bad item at its end.
func (r *Reader) pass() *Chunk {
	n, done, ended := len(r.buf), false, r.err != nil
	if r.skip > 0 {
		if int64(n) >= r.skip {
			n, done = int(r.skip), true
		}
		r.skip -= int64(n)
	} else if i := bytes.IndexByte(r.buf, '\n'); i >= 0 {
		n, done = i, true
	}
	if room := shownOfLong - len(r.begin); room > 0 {
		r.begin += string(r.buf[:min(n, room)])
	}
	r.long += int64(n)
	if done && r.skip < 0 {
		n++
	}
	r.drop(n)
	if !done && !ended {
		return nil
	}
	cut := !done && r.skip > 0
	if r.skip = 0; cut {
		return r.badRow(ErrCut.Error(), r.begin)
	}
	return r.badRow(fmt.Sprintf("the row has %d bytes, more than max_record (%s)", r.long, r.k.MaxRecord), r.begin)
}

func (r *Reader) badRow(why, raw string) *Chunk {
	if len(raw) >= shownOfLong {
		raw = strings.ToValidUTF8(raw[:shownOfLong], "") + "…"
	}
	c := &Chunk{Stream: r.o.Stream, Line: r.line, Lines: 1, names: r.names, bad: why, raw: raw}
	r.line++
	return c
}

// broken gives the bad item of a last row that did not come whole.
func (r *Reader) broken() *Chunk {
	raw := string(r.buf[:min(len(r.buf), shownOfLong)])
	r.drop(len(r.buf))
	return r.badRow(ErrCut.Error(), raw)
}
