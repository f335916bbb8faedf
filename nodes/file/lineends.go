package file

import (
	"bufio"
	"bytes"
	"io"

	"github.com/flowrun/flowrun/graph/record/csv"
)

// This file reads text whose lines end in CR alone, as those of old Macs do, as text whose
// lines end in LF. Which of the two it is, is told by the beginning of the text.

// lookedAt is how much of a text is looked at for the ends of its lines, in bytes. It is
// no more than a look ahead into standard input can have.
const lookedAt = 32 << 10

// A textError is one of a text, not of the file that it is in.
type textError string

func (e textError) Error() string { return string(e) }

// A lineReader gives a text with lines that end in LF or CR LF. Bytes keep their places,
// so offsets in it are those of the text. A CR or LF in the quotes of a csv file stays.
type lineReader struct {
	r    io.Reader
	json bool // lines do not matter
	at   lexis

	// Until the ends of the lines are known, what was looked at; then what is left of it.
	head  []byte
	err   error // of r, behind head
	known bool
	old   bool // the lines end in CR
	from  *bufio.Reader
	mark  int // bytes of a byte order mark with which from begins: the first cell is behind it
}

// lines reads a text of the reader's format.
func (k *reader) lines(r io.Reader) *lineReader {
	l := &lineReader{r: r, json: k.format == formatJSON}
	if k.format.isCSV() {
		l.at = lexis{Dialect: k.dialect(), most: int(k.MaxRecord)}
	}
	return l
}

// asText makes an input give text in UTF-8 whose lines end in LF.
func (k *reader) asText(in *input) error {
	in.seeks = in.file != nil && in.packed == plain && k.Encoding == encodingUTF8
	if k.Encoding != encodingUTF8 {
		in.encoded, in.src = true, decode(in.src, k.Encoding)
	}
	l := k.lines(in.src)
	if in.seeks { // if its lines end in LF, it is read as it is
		if err := l.judgeFile(in.file); err != nil || !l.old {
			return err
		}
		in.seeks = false
	}
	in.src = l
	return nil
}

// judgeFile judges a file that was opened and is not packed.
func (l *lineReader) judgeFile(f io.ReaderAt) error {
	head := make([]byte, lookedAt)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return err
	}
	return l.judge(head[:n], err == io.EOF)
}

// look reads until the ends of the lines are known.
func (l *lineReader) look() error {
	if l.head == nil {
		l.head = make([]byte, 0, lookedAt)
	}
	for !l.known {
		n, err := l.r.Read(l.head[len(l.head):cap(l.head)])
		if l.head = l.head[:len(l.head)+n]; err != nil && err != io.EOF {
			return err
		}
		l.err = err
		if err := l.judge(l.head, err == io.EOF); err != nil {
			return err
		}
	}
	return nil
}

// judge looks at the beginning of the text, or with whole at all of it.
func (l *lineReader) judge(head []byte, whole bool) error {
	if err := foreign(head); err != nil {
		return err
	}
	at, cr := l.at, false
	for i, c := range bytes.TrimPrefix(head, bom) {
		if l.json {
			break
		}
		if at.step(c) && c == '\n' {
			l.known = true
			return nil
		}
		cr = cr || at.outside && c == '\r' && (whole || i+1 < len(head))
	}
	l.known = whole || len(head) >= lookedAt || l.json && len(head) >= magicSize
	l.old = l.known && cr
	return nil
}

// Read implements io.Reader.
func (l *lineReader) Read(p []byte) (int, error) {
	if !l.known {
		if err := l.look(); err != nil {
			return 0, err
		}
	}
	if l.old {
		return l.convert(p)
	}
	return l.given(p)
}

// given gives the text as it is.
func (l *lineReader) given(p []byte) (int, error) {
	switch {
	case len(l.head) > 0:
		n := copy(p, l.head)
		l.head = l.head[n:]
		return n, nil
	case l.err != nil:
		return 0, l.err
	}
	l.head = nil
	return l.r.Read(p)
}

// A givenReader reads what a lineReader has before it is converted.
type givenReader struct{ l *lineReader }

func (g givenReader) Read(p []byte) (int, error) { return g.l.given(p) }

// convert gives the text with LF in the place of each CR that ends a line.
func (l *lineReader) convert(p []byte) (n int, err error) {
	if l.from == nil {
		l.from = bufio.NewReaderSize(givenReader{l}, lookedAt)
		mark, _ := l.from.Peek(len(bom))
		if bytes.Equal(mark, bom) {
			l.mark = len(bom)
		}
	}
	for n < len(p) && (n == 0 || l.from.Buffered() > 1) {
		next, err := l.from.Peek(2) // CR LF is one end
		if len(next) == 0 {
			return n, err
		}
		c := next[0]
		if l.mark > 0 {
			l.mark--
		} else if l.at.step(c) && c == '\r' && (len(next) == 1 || next[1] != '\n') {
			c = '\n'
		}
		p[n] = c
		n++
		if _, err := l.from.Discard(1); err != nil {
			return n, err
		}
	}
	return n, nil
}

// A lexis tells what stands in quotes in a csv file whose lines end in CR or LF. Its zero
// value is that of a text without quotes.
type lexis struct {
	csv.Dialect
	most    int // a quote that is open for more bytes than that is not meant as one
	outside bool
	state   lexState
	open    int // bytes since the quote
}

type lexState uint8

const (
	atLine lexState = iota
	atCell
	inCell
	inComment
	inQuotes
	atQuote // in quotes: the second one, or that of a doubled one
)

// step goes on by a byte, and reports whether it stands outside of quotes.
func (s *lexis) step(c byte) bool {
	s.outside = true
	switch {
	case s.Quote == 0:
		return true
	case s.state == inQuotes:
		if s.open++; s.open > s.most {
			s.state = inCell
		} else if s.outside = false; c == s.Quote {
			s.state = atQuote
		}
		return s.outside
	case c == '\r' || c == '\n':
		s.state = atLine
	case s.state == inComment:
	case s.state == atLine && s.IsComment([]byte{c}):
		s.state = inComment
	case c == s.Quote && (s.state == atQuote || s.state == atCell || s.state == atLine):
		if s.state != atQuote {
			s.open = 0
		}
		s.state, s.outside = inQuotes, false
	case c == s.Comma:
		s.state = atCell
	default:
		s.state = inCell
	}
	return s.outside
}

// magicSize is how many bytes foreign looks at.
const magicSize = 4

// foreign says of the beginning of a text that it is none in UTF-8.
func foreign(head []byte) error {
	for _, m := range []struct{ magic, what string }{
		{"\xFF\xFE", "it is UTF-16; say encoding: utf-16"}, {"\xFE\xFF", "it is UTF-16; say encoding: utf-16"},
		{"\x1F\x8B", "it is packed; say compress: gzip"}, {"\x28\xB5\x2F\xFD", "it is packed; say compress: zstd"},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return textError(m.what)
		}
	}
	return nil
}
