package file

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record/jsonl"
)

// This file reads parts of files before the run: to infer a type, to see a header.

// An excerpt is a part of a file, unpacked.
type excerpt struct {
	text   []byte
	whole  bool // it goes on to the end of the file
	offset int  // of text, in the file
	line   int  // lines of the file before text; only if offset is 0
}

// How much of a file is looked at, in bytes.
const (
	defaultSample = 1 << 20
	leastExcerpt  = 4 << 10
)

// beginning reads the first part of a file, unpacked, without its byte order mark:
// size bytes, or as many as the first row takes. whole says that it is all of it. A
// nil text is that of a standard input that is not there yet.
func (k *reader) beginning(c *graph.Inference, path string, size int) (text []byte, whole bool, err error) {
	_, packed, _ := formatOf(path, k.format, compression(k.Compress))
	switch {
	case path == "-" && c.Stdin() == nil:
		return nil, false, nil
	case path == "-" && packed == plain:
		return k.peek(c.Stdin())
	case isStream(c.Flow, path):
		return nil, false, errors.New("a sample of compressed input, or of a pipe, would be missing from the run")
	}
	src, err := k.look(c, path)
	if err != nil {
		return nil, false, err
	}
	defer src.Close()
	r, end, err := unpack(src, packed)
	if err != nil {
		return nil, false, err
	}
	defer end()
	r = k.lines(decode(r, k.Encoding))
	for begun := false; ; size = min(4*size, size+int(k.MaxRecord)) {
		text = append(make([]byte, 0, size), text...) // under the race detector, slices.Grow writes all of it
		for len(text) < size && err == nil {
			var n int
			n, err = r.Read(text[len(text):size])
			text = text[:len(text)+n]
		}
		if err != nil && err != io.EOF {
			return nil, false, unpackError(packed, err)
		}
		if !begun {
			begun, text = true, bytes.TrimPrefix(text, bom)
		}
		if text, err = k.leaveOut(text, r, err); err != nil && err != io.EOF {
			return nil, false, err
		}
		if whole = err == io.EOF; whole || k.hasRow(text) {
			return readable(text, whole)
		}
	}
}

// leaveOut leaves rows that are too long out of the beginning of a file: a blank line
// stands in the place of each. rest gives what follows text; ended is io.EOF if nothing
// does, and so is err.
func (k *reader) leaveOut(text []byte, rest io.Reader, ended error) (_ []byte, err error) {
	for {
		at, err := k.longRow(text, ended == io.EOF)
		if at < 0 || err != nil {
			return text, cmp.Or(err, ended)
		}
		n, done := passLine(text[at:])
		text = append(text[:at], text[at+n:]...)
		buf := make([]byte, bufferSize)
		for !done && ended == nil {
			n, ended = rest.Read(buf)
			var line int
			line, done = passLine(buf[:n])
			text = append(text, buf[line:n]...)
		}
		if done {
			text = slices.Insert(text, at, '\n')
		}
	}
}

// longRow gives the beginning of the first row of the beginning of a file that is too
// long; -1 if none is. An error is about one that nothing can be read without.
func (k *reader) longRow(text []byte, whole bool) (int, error) {
	most := int(k.MaxRecord)
	switch {
	case k.format == formatJSON:
		s := jsonl.Splitter{Max: most}
		if _, _, _, err := s.Split(text, false); err == jsonl.ErrLong {
			return -1, fmt.Errorf("its first value is longer than max_record (%s)", k.MaxRecord)
		}
		return -1, nil
	case !k.format.isCSV():
		return longLine(text, most), nil
	}
	d, head := k.dialect(), 0
	if k.Header {
		if err := checkHead(d, text, whole, most); err != nil {
			return -1, err
		}
		_, next, err := d.Header(text[:d.Split(text, whole)])
		if err != nil {
			return -1, nil
		}
		head = next
	}
	if at := d.Long(text[head:], most); at >= 0 {
		return head + at, nil
	}
	return -1, nil
}

// behind reads two parts of a file, of size bytes together, from behind its first bytes:
// one from its middle and one from the end, or all that is left if that
// is no more. Of what is packed, or where a row can begin inside another one, there are
// none.
func (k *reader) behind(c *graph.Inference, path string, first, size int) ([]excerpt, error) {
	_, packed, _ := formatOf(path, k.format, compression(k.Compress))
	if packed != plain || k.Encoding != encodingUTF8 || k.format == formatJSON || isStream(c.Flow, path) {
		return nil, nil
	}
	src, err := k.look(c, path)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return nil, err
	}
	ends := k.lines(src)
	if err := ends.judgeFile(src); err != nil {
		return nil, err
	}
	read := func(from, to int) (excerpt, error) {
		e := excerpt{offset: from, whole: to == int(info.Size()), text: make([]byte, to-from)}
		n, err := src.ReadAt(e.text, int64(from))
		if e.text = e.text[:n]; err == io.EOF {
			err = nil
		}
		if ends.old { // in quotes too: nobody knows whether it begins in them
			e.text = bytes.ReplaceAll(e.text, []byte{'\r'}, newline)
		}
		return e, err
	}
	end, half := int(info.Size()), size/2
	var parts []excerpt
	middle := max(end/2, first+half/2)
	windows := [][2]int{{middle - half/2, middle + half/2}, {end - half, end}}
	if end-first <= size {
		windows = [][2]int{{max(first-leastExcerpt, 0), end}}
	}
	for _, w := range windows {
		e, err := read(w[0], w[1])
		if err != nil {
			return nil, err
		}
		parts = append(parts, e)
	}
	return parts, nil
}

// behindLine is the excerpt from behind its first line end.
func (e excerpt) behindLine() (excerpt, bool) {
	i := bytes.IndexByte(e.text, '\n')
	if i < 0 || i+1 == len(e.text) {
		return e, false
	}
	e.text, e.offset = e.text[i+1:], e.offset+i+1
	return e, true
}

// peek looks ahead into standard input without taking anything: as far as what
// came with its first row.
func (k *reader) peek(in *bufio.Reader) (text []byte, whole bool, err error) {
	for want := 1; ; want = in.Buffered() + 1 {
		_, err := in.Peek(want)
		text, _ := in.Peek(in.Buffered())
		full := err == bufio.ErrBufferFull
		if err != nil && err != io.EOF && !full {
			return nil, false, err
		}
		text, known, wrong := k.peeked(text, err == io.EOF)
		switch {
		case wrong != nil:
			return nil, false, wrong
		case err != nil:
			return readable(text, !full)
		case known && k.hasRow(text):
			return readable(text, false)
		}
	}
}

// peeked turns the beginning of a text into UTF-8 with lines that end in LF, without its
// byte order mark. Until it is known how they end, it is as it was.
func (k *reader) peeked(text []byte, whole bool) (_ []byte, known bool, err error) {
	if text, err = decoded(text, k.Encoding, whole); err != nil {
		return nil, false, err
	}
	l := k.lines(bytes.NewReader(text))
	if err := l.judge(text[:min(len(text), lookedAt)], whole); err != nil {
		return nil, false, err
	}
	if l.old {
		text, err = io.ReadAll(l)
	}
	return bytes.TrimPrefix(text, bom), l.known, err
}

// hasRow reports whether there is a whole row in the beginning of a file.
func (k *reader) hasRow(text []byte) bool {
	switch k.format {
	case formatCSV, formatTSV:
		d := k.dialect()
		lines := text[:d.Split(text, false)]
		if k.Header {
			_, next, err := d.Header(lines)
			if err != nil {
				return holdsRow(d, lines)
			}
			lines = lines[next:]
		}
		return holdsRow(d, lines)
	case formatJSON:
		from, to, _, err := new(jsonl.Splitter).Split(text, false)
		return err != nil || from < to
	}
	return len(bytes.TrimSpace(text[:bytes.LastIndexByte(text, '\n')+1])) > 0
}

// readable refuses what has no rows.
func readable(text []byte, whole bool) ([]byte, bool, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, false, errNothing
	}
	return text, whole, nil
}
