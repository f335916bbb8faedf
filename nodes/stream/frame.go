package stream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"bytes"

	"github.com/flowrun/flowrun/graph/record"
)

// This file cuts a stream whose rows say how long they are.

// A Frame says how rows stand one behind the other.
type Frame uint8

const (
	FrameLines  Frame = iota // each ends with its line, of csv with the row
	FrameLength              // each has its length before it: four bytes, the highest first
	FrameSyslog              // each has its length before it in digits and a space, or ends with its line (RFC 6587)
)

// errNotYet: the frame is not whole yet.
var errNotYet = errors.New("not yet")

// A frameFunc finds the frame at the beginning of src: its head has head bytes, and its
// text n.
type frameFunc func(src []byte) (head, n int, err error)

func lengthFrame(src []byte) (head, n int, err error) {
	if len(src) < 4 {
		return 0, 0, errNotYet
	}
	return 4, int(binary.BigEndian.Uint32(src)), nil
}

// maxDigits bounds the length of a frame of syslog, as it is written.
const maxDigits = 10

func syslogFrame(src []byte) (head, n int, err error) {
	if len(src) == 0 {
		return 0, 0, errNotYet
	}
	if src[0] < '0' || src[0] > '9' { // it ends with its line
		i := bytes.IndexByte(src, '\n')
		if i < 0 {
			return 0, len(src), errNotYet
		}
		return 0, i + 1, nil
	}
	for head = 0; head < len(src) && src[head] >= '0' && src[head] <= '9'; head++ {
		if head == maxDigits {
			return 0, 0, errors.New("the length before a message has too many digits")
		}
		n = 10*n + int(src[head]-'0')
	}
	switch {
	case head == len(src):
		return 0, 0, errNotYet
	case src[head] != ' ':
		return 0, 0, fmt.Errorf("a message begins with %q: want < or its length", src[:head+1])
	}
	return head + 1, n, nil
}

// AppendLength writes text with its length before it.
func AppendLength(dst, text []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(text))), text...)
}

// cutFrames takes whole frames.
func (r *Reader) cutFrames(find frameFunc) (*Chunk, error) {
	type span struct{ from, to int }
	var spans []span
	at, most := 0, int(r.k.MaxRecord)
	var head, n int
	var err error
	for {
		head, n, err = find(r.buf[at:])
		if err != nil || n > most || len(r.buf)-at < head+n || len(spans) == record.MaxRows {
			break
		}
		spans = append(spans, span{at + head, at + head + n})
		at += head + n
	}
	switch {
	case len(spans) > 0:
		c := &Chunk{Stream: r.o.Stream, Line: r.line, Lines: uint64(len(spans)), arena: record.NewArena(at + len(spans))}
		for _, s := range spans {
			frame := r.buf[s.from:s.to]
			from := len(c.arena.Buf)
			c.arena.Buf = append(c.arena.Buf, frame...)
			if r.o.Frame == FrameLength && r.k.Format == FormatJSONL { // a line end inside JSON is a space
				for i, b := range c.arena.Buf[from:] {
					if b == '\n' || b == '\r' {
						c.arena.Buf[from+i] = ' '
					}
				}
				c.arena.Buf = append(c.arena.Buf, '\n')
				continue
			}
			c.frames = append(c.frames, c.arena.Buf[from:])
		}
		if c.frames == nil {
			c.text = c.arena.Buf
		}
		r.line += c.Lines
		r.drop(at)
		return c, nil
	case err == errNotYet && n > most: // a line of syslog without an end
		return r.passLong(-1), nil
	case err == nil && n > most && head == 0:
		return r.passLong(-1), nil
	case err == nil && n > most:
		r.drop(head)
		return r.passLong(int64(n)), nil
	case err != nil && err != errNotYet:
		return nil, err
	case r.err != nil && len(r.buf) > 0:
		if r.o.Frame == FrameSyslog && r.buf[0] == '<' && r.err == io.EOF {
			r.buf = append(r.buf, '\n') // the last line has no end
			return r.cutFrames(find)
		}
		return r.broken(), nil
	}
	return nil, nil
}

// Datagram makes a chunk of what came at once; line counts what came before. The data is
// copied.
func (k *Reading) Datagram(data []byte, line uint64, o Options) *Chunk {
	c := &Chunk{Stream: o.Stream, Line: line, Lines: 1}
	data = bytes.TrimRight(data, "\r\n")
	switch {
	case len(data) == 0:
		return nil
	case len(data) > int(k.MaxRecord):
		c.bad = fmt.Sprintf("the datagram has %d bytes, more than max_record (%s)", len(data), k.MaxRecord)
		c.raw = string(data[:min(len(data), shownOfLong)])
		return c
	}
	c.arena = record.NewArena(len(data) + 1)
	c.arena.Buf = append(append(c.arena.Buf, data...), '\n')
	if o.Frame == FrameSyslog {
		c.frames = [][]byte{c.arena.Buf[:len(data)]}
		return c
	}
	c.text = c.arena.Buf
	return c
}
