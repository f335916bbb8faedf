package jsonl

import (
	"bytes"
	"errors"
)

// This file finds where one value ends and the next begins.

// bom is the byte order mark of UTF-8, which some editors put in front of a file.
var bom = []byte("\xEF\xBB\xBF")

// A Splitter cuts a JSON text into rows for a Scanner with Options.Values: the
// items of an array, or values one after the other. It matches brackets and quotes
// and checks what stands between items; the items themselves are the Scanner's to
// check. The zero value stands at the beginning of a text.
type Splitter struct {
	// Max bounds an item, in bytes; 0: nothing does.
	Max int

	state splitState
	long  passing
}

// ErrLong is that of an item longer than Splitter.Max.
var ErrLong = errors.New("the value is too long")

var errInside = errors.New("the file ends inside a value")

type splitState uint8

const (
	atStart   splitState = iota // nothing was read
	atFirst                     // after [
	atItem                      // after a comma
	afterItem                   // after an item of the array
	atEnd                       // after ]
	atValue                     // in a text that is no array
)

// Split looks at src, the text from where the last call has used it. Whole rows
// are src[from:to], possibly none; src[used:] must be given again, with more
// behind it. With atEOF nothing follows src, and an error says that the text is
// not whole; an error is at src[used]. With ErrLong, Pass leaves out the item there.
func (s *Splitter) Split(src []byte, atEOF bool) (from, to, used int, err error) {
	p := 0
	if s.state == atStart {
		if !atEOF && len(src) < len(bom) {
			return 0, 0, 0, nil
		}
		p = len(src) - len(bytes.TrimPrefix(src, bom))
	}
	from, to = p, p
	for {
		for p < len(src) && isSpace(src[p]) {
			p++
		}
		if p == len(src) {
			return from, to, p, s.ended(atEOF)
		}
		if skip, err := s.between(src[p]); skip || err != nil {
			if err != nil {
				return from, to, p, err
			}
			p++
			continue
		}
		end := valueEnd(src, p)
		if end < 0 && atEOF && s.state == atValue && isScalar(src[p]) {
			end = len(src)
		}
		if isLong(src, p, end, s.Max) {
			if from < to {
				return from, to, p, nil
			}
			return p, p, p, ErrLong
		}
		if end < 0 {
			if atEOF {
				err = errInside
			}
			return from, to, p, err
		}
		if to == from {
			from = p
		}
		p, to = end, end
		if s.state != atValue {
			s.state = afterItem
		}
	}
}

// isLong reports whether the item at p, which ends at end, or behind src if that is
// negative, has more than most bytes.
func isLong(src []byte, p, end, most int) bool {
	if end < 0 {
		end = len(src)
	}
	return most > 0 && end-p > most
}

// A passing is how far an item that is too long was left out. Its zero value stands at
// the beginning of one.
type passing struct {
	begun, scalar   bool
	quoted, escaped bool
	depth           int
}

// Pass leaves out the item that Split has called too long: src is the text from its
// beginning, or from where the last call has ended. It gives the end of the item in
// src, or all of src if it goes on behind.
func (s *Splitter) Pass(src []byte) (n int, done bool) {
	if n, done = s.long.pass(src); done {
		s.long = passing{}
		if s.state != atValue {
			s.state = afterItem
		}
	}
	return n, done
}

func (l *passing) pass(src []byte) (n int, done bool) {
	if !l.begun && len(src) > 0 {
		l.begun, l.scalar = true, isScalar(src[0])
	}
	for p, c := range src {
		switch {
		case l.scalar:
			switch c {
			case ' ', '\t', '\r', '\n', ',', '[', ']', '{', '}', '"':
				return p, true
			}
			continue
		case l.escaped:
			l.escaped = false
			continue
		case l.quoted && c == '\\':
			l.escaped = true
			continue
		case c == '"':
			l.quoted = !l.quoted
		case l.quoted:
			continue
		case c == '{' || c == '[':
			l.depth++
		case c == '}' || c == ']':
			l.depth--
		}
		if l.depth <= 0 && !l.quoted {
			return p + 1, true
		}
	}
	return len(src), false
}

// between says whether c stands between items; if not, an item begins with it.
func (s *Splitter) between(c byte) (skip bool, err error) {
	if s.state == atStart {
		if c == '[' {
			s.state = atFirst
			return true, nil
		}
		s.state = atValue
	}
	switch {
	case s.state == atEnd:
		return false, errors.New("the file goes on after its array")
	case s.state == atValue && c == ',':
		return false, errors.New("a comma stands between values that are in no array")
	case s.state == atValue:
		return false, nil
	case s.state == afterItem && c == ',':
		s.state = atItem
		return true, nil
	case c == ']' && s.state != atItem:
		s.state = atEnd
		return true, nil
	case s.state == afterItem:
		return false, errors.New("want , or ] after an item of the array")
	case c == ']' || c == ',':
		return false, errors.New("want an item after a comma of the array")
	}
	return false, nil
}

func (s *Splitter) ended(atEOF bool) error {
	if atEOF && s.long.begun && !s.long.scalar {
		return errInside
	}
	if atEOF && s.state != atStart && s.state != atEnd && s.state != atValue {
		return errors.New("the file ends inside its array")
	}
	return nil
}

// valueEnd finds the end of the value at p by its brackets and quotes alone; -1
// if b ends before.
func valueEnd(b []byte, p int) int {
	if isScalar(b[p]) {
		for start := p; p < len(b); p++ {
			switch b[p] {
			case ' ', '\t', '\r', '\n', ',', '[', ']', '{', '}', '"':
				return max(p, start+1) // junk is a value of one byte
			}
		}
		return -1
	}
	depth := 0
	for p < len(b) {
		switch b[p] {
		case '"':
			if p = quoteEnd(b, p+1); p < 0 {
				return -1
			}
		case '{', '[':
			depth++
			p++
		case '}', ']':
			depth--
			p++
		default:
			p++
		}
		if depth <= 0 {
			return p
		}
	}
	return -1
}

func isScalar(c byte) bool { return c != '"' && c != '{' && c != '[' }

// quoteEnd finds the place behind the quote that closes a string; -1 if b ends
// before.
func quoteEnd(b []byte, p int) int {
	start := p
	for {
		i := bytes.IndexByte(b[p:], '"')
		if i < 0 {
			return -1
		}
		p += i + 1
		slashes := 0
		for k := p - 2; k >= start && b[k] == '\\'; k-- {
			slashes++
		}
		if slashes%2 == 0 {
			return p
		}
	}
}

// afterComma skips white space and one comma.
func afterComma(b []byte, p int) int {
	end := p
	for p < len(b) && isSpace(b[p]) {
		p++
	}
	if p < len(b) && b[p] == ',' {
		return p + 1
	}
	return end
}
