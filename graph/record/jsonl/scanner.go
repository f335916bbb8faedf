package jsonl

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file reads lines into batches, row by row; what stands in a row is for value.go
// and object.go.

// Options of a Scanner.
type Options struct {
	// Extra says what becomes of fields that the type does not list. With
	// text.ExtraKeep the type is what text.Keeping has made.
	Extra text.Extra
	// Values says that rows are values which may span lines, with a comma, space
	// or nothing between two, instead of lines. It is for what a Splitter cuts.
	Values bool
	// Sampled says that nobody has declared the type: no float may lose digits.
	Sampled bool
}

// A Scanner reads rows of one type.
type Scanner struct {
	root   *node
	record bool // the fields of root are the columns of the batch
	opts   Options
	space  uint64 // bit c is set: the byte c is white space inside a row

	// While Scan runs:
	src   []byte // ends with a newline, so that every loop ends before its end
	batch *record.Batch
	arena *record.Arena // for strings with escapes; nil until there is one
	depth int           // open objects and lists that have a type
	count int64         // what a field that is dropped adds to its count

	// What is wrong with the row.
	reason string
	extra  string   // the field that the type does not have
	path   []string // names from the innermost field outwards

	open [maxDepth/64 + 1]uint64 // of skipNested: bit i is set if level i is an object
}

// maxDepth is how deep objects and lists may stand in each other: as deep as in
// encoding/json.
const maxDepth = 10_000

const (
	blanks   = 1<<' ' | 1<<'\t' | 1<<'\r'
	newlines = 1 << '\n'
)

// New gives a scanner for rows of type t. An error names the field whose Reading
// is wrong.
func New(t *types.Type, opts Options) (*Scanner, error) {
	s := &Scanner{record: t.IsRecord(), opts: opts, space: blanks, count: 1}
	if opts.Values {
		s.space |= newlines
	}
	var err error
	if s.root, err = newNode(types.Field{Type: t}, opts); err != nil {
		return nil, err
	}
	return s, s.checkDefaults(s.root)
}

// Scan appends rows to b, from src[from:] on, until b has maxRows rows (65,535 at
// most), src ends, or a row is bad. It returns where it stopped: after a bad row,
// whose error it returns, scanning may go on there. Blank lines are no rows. What
// has no column in b, because nobody needs it, is only checked to be JSON.
//
// src holds whole rows. The strings of b are views of it, so b must keep it alive
// (record.Batch.Adopt). It should end with a newline, which is where every loop of
// the scanner ends; without one the last line is copied, and with Options.Values
// every row.
func (s *Scanner) Scan(src []byte, from int, b *record.Batch, maxRows int) (next int, bad *text.RowError) {
	if n := len(src); n == 0 || src[n-1] == '\n' {
		return s.scan(src, from, b, maxRows)
	}
	end := len(src)
	if s.opts.Values {
		end = window(src, from, maxRows-b.Rows)
	} else if body := bytes.LastIndexByte(src, '\n') + 1; from < body {
		if next, bad = s.scan(src[:body], from, b, maxRows); next < body || bad != nil {
			return next, bad
		}
		from = body
	}
	next, bad = s.scan(append(bytes.Clone(src[from:end]), '\n'), 0, b, maxRows)
	if bad != nil {
		bad.Offset += from
		bad.End = min(bad.End+from, end)
	}
	return min(next+from, end), bad
}

// window gives the end of the next rows values of src.
func window(src []byte, from, rows int) int {
	for ; rows >= 0; rows-- {
		for from < len(src) && isSpace(src[from]) {
			from++
		}
		if from == len(src) {
			break
		}
		end := valueEnd(src, from)
		if end < 0 {
			return len(src)
		}
		from = afterComma(src, end)
	}
	return from
}

// scan is Scan of a text that ends with a newline.
func (s *Scanner) scan(src []byte, from int, b *record.Batch, maxRows int) (next int, bad *text.RowError) {
	s.begin(src, b, max(maxRows, b.Rows))
	p := from
	for b.Rows < maxRows {
		for p < len(src) && isSpace(src[p]) {
			p++
		}
		if p >= len(src) {
			break
		}
		end := s.row(p, b.Rows)
		if end < 0 {
			bad = s.rowError(p)
			s.uncount(p, b.Rows)
			p = bad.End
			break
		}
		b.Rows++
		p = end
	}
	s.end()
	return p, bad
}

func isSpace(c byte) bool { return c <= ' ' && (blanks|newlines)>>c&1 != 0 }

// row reads the row at p, which is not blank, and returns where the next begins;
// -1 if it is bad.
func (s *Scanner) row(p, row int) int {
	s.depth = 0
	if s.record {
		if s.src[p] != '{' {
			return s.want(s.root, p)
		}
		p = s.object(s.root.object, p, row)
	} else {
		p = s.value(s.root, p, row)
	}
	if p < 0 {
		return -1
	}
	p = s.blank(p)
	switch {
	case !s.opts.Values && s.src[p] == '\n':
		return p + 1
	case !s.opts.Values:
		return s.syntax(p, "the line goes on after its value")
	case s.src[p] == ',':
		return p + 1
	}
	return p
}

// uncount takes back what a bad row has added to the counts of dropped fields: it is
// read again, up to the same mistake.
func (s *Scanner) uncount(p, row int) {
	s.count = -1
	s.row(p, row)
	s.count = 1
	s.forget()
}

// forget is ready for the next mistake.
func (s *Scanner) forget() { s.reason, s.extra, s.path = "", "", s.path[:0] }

// begin binds the columns of b and makes room for rows.
func (s *Scanner) begin(src []byte, b *record.Batch, rows int) {
	s.src, s.batch, s.arena = src, b, nil
	if !s.record {
		s.root.bind(b.Cols[0], rows)
		return
	}
	s.root.object.bind(b.Cols, rows)
}

// end cuts the columns to the rows that were read.
func (s *Scanner) end() {
	if s.record {
		for _, f := range s.root.object.fields {
			f.trim(s.batch.Rows)
		}
	} else {
		s.root.trim(s.batch.Rows)
	}
	s.src, s.batch, s.arena = nil, nil, nil
}

// memory gives n bytes to write a string of the batch to.
func (s *Scanner) memory(n int) []byte {
	if s.batch == nil { // a default is checked
		return make([]byte, n)
	}
	if s.arena == nil {
		s.arena = s.batch.Arena()
	}
	return s.arena.Alloc(n)
}

// blank skips white space.
func (s *Scanner) blank(p int) int {
	if s.src[p] > ' ' {
		return p
	}
	return s.blankSlow(p)
}

func (s *Scanner) blankSlow(p int) int {
	b := s.src
	for p < len(b)-1 && b[p] <= ' ' && s.space>>b[p]&1 != 0 {
		p++
	}
	return p
}

// rowError takes what is wrong with the row at p.
func (s *Scanner) rowError(p int) *text.RowError {
	e := &text.RowError{Offset: p, Reason: s.reason, Extra: s.extra}
	for i := len(s.path) - 1; i >= 0; i-- {
		if e.Field != "" && !strings.HasPrefix(s.path[i], "[") {
			e.Field += "."
		}
		e.Field += s.path[i]
	}
	s.forget()
	end := p + bytes.IndexByte(s.src[p:], '\n')
	e.End = end + 1
	if s.opts.Values {
		if end = valueEnd(s.src, p); end < 0 {
			end = len(s.src)
		}
		e.End = afterComma(s.src, end)
	}
	e.Raw = strings.TrimRight(string(s.src[p:end]), "\r\n")
	return e
}

// fail says what is wrong with the row; callers add the names of fields.
func (s *Scanner) fail(format string, args ...any) int {
	s.reason = fmt.Sprintf(format, args...)
	return -1
}

// syntax says that the row is not JSON.
func (s *Scanner) syntax(p int, what string) int {
	start := 0
	if !s.opts.Values {
		start = bytes.LastIndexByte(s.src[:p], '\n') + 1
	}
	switch c := s.src[p]; {
	case p == len(s.src)-1 || c == '\n' && !s.opts.Values:
		what += ", got the end of the line"
	case bytes.HasPrefix(s.src[p:], bom):
		what += ", got a byte order mark"
	default:
		what += fmt.Sprintf(", got %q", firstRune(s.src[p:]))
	}
	if s.opts.Values {
		return s.fail("not JSON: %s", what)
	}
	return s.fail("not JSON at byte %d of the line: %s", p-start+1, what)
}

// want says that the value at p is not of the type of n. If it is no value at
// all, that is said instead.
func (s *Scanner) want(n *node, p int) int {
	end := s.skip(p)
	if end < 0 {
		return -1
	}
	got := text.Shorten(string(s.src[p:end]))
	switch s.src[p] {
	case '{':
		got = "an object"
	case '[':
		got = "an array"
	}
	more := ""
	if n.timed() && s.src[p] == '"' {
		if lit, _ := s.str(n, p); lit != nil {
			more = n.format.Wrong(lit)
		}
	}
	return s.fail("want %s, got %s%s", n.wanted, got, more)
}
