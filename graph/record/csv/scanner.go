package csv

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file reads rows into batches; cell.go finds their cells.

// A Scanner reads rows of one record type.
type Scanner struct {
	lexer
	columns []*field // of the file, in order; nil: no field of the type
	fields  []*field // of the type, in order
	missing []*field // those of fields without a column in the file
	numbers bool     // a number may be a word for null
	blanks  bool     // an empty line is a row
	sampled bool     // see Options
	number  []byte   // memory for a number
	names   []string // of the columns
	refused error    // why no row of the file fits the type; nil: they may
	dropped int64    // rows whose further columns were left out

	// Under text.ExtraKeep, the field for what other fields do not hold, and the text of
	// the object that the row has for it.
	extra *field
	rest  []byte

	// While Scan runs:
	batch *record.Batch
	arena *record.Arena // for cells with doubled quotes; nil until there is one
	wrong *field        // that an error is about; nil: the row as such
	open  bool          // a quote of the bad row is not closed

	unwanted string // the column that an error is about
}

// A field is the plan for one field of the type.
type field struct {
	typ     *types.Type
	name    string
	wanted  string // the type, for messages
	format  text.TimeFormat
	instead []byte // read in place of null; nil: none
	col     *record.Column
}

// Options of a Scanner.
type Options struct {
	Dialect
	// Extra says what becomes of columns that the type does not list. With
	// text.ExtraKeep the type is what text.Keeping has made.
	Extra text.Extra
	// Sampled says that nobody has declared the type: a number is read only where it
	// stands as a sample takes it for one, no float may lose digits, and nothing is not
	// taken for an empty text.
	Sampled bool
}

// New gives a scanner for rows of type t, a record, in a file with the named
// columns; without names the columns are the fields of t in their order. An error
// names the field that no cell can hold or whose Reading is wrong. That the columns
// do not fit the type is no error: see Mismatch.
func New(t *types.Type, names []string, opts Options) (*Scanner, error) {
	if !t.IsRecord() {
		return nil, fmt.Errorf("the rows of a CSV file are records, not %s", t)
	}
	if err := opts.Check(); err != nil {
		return nil, err
	}
	s := &Scanner{lexer: lexer{Dialect: opts.Dialect}, columns: make([]*field, len(names)), names: names, sampled: opts.Sampled}
	s.alloc = s.memory
	s.numbers = slices.ContainsFunc(opts.Null, func(w string) bool { return text.NumberEnd([]byte(w), 0) > 0 })
	if names == nil {
		s.columns = make([]*field, len(t.Fields))
		if opts.Extra == text.ExtraKeep {
			s.columns = s.columns[1:]
		}
	}
	if len(s.columns) == 0 {
		return nil, errors.New("there are no columns")
	}
	for i, f := range t.Fields {
		if opts.Extra == text.ExtraKeep && i == len(t.Fields)-1 {
			s.extra = &field{typ: f.Type, name: f.Name}
			s.fields = append(s.fields, s.extra)
			break
		}
		n, err := s.newField(f)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", f.Name, err)
		}
		s.fields = append(s.fields, n)
		at := i
		if names != nil {
			at = slices.Index(names, source(f))
		}
		if at < 0 {
			if !f.Type.Nullable && n.instead == nil && s.refused == nil {
				s.refused = noColumn(f, names)
			}
			s.missing = append(s.missing, n)
			continue
		}
		if s.columns[at] != nil {
			return nil, fmt.Errorf("fields %q and %q are both read from column %q", s.columns[at].name, f.Name, names[at])
		}
		s.columns[at] = n
	}
	if c := opts.OtherDelimiter(names); c != 0 && s.columns[0] == nil && s.extra == nil { // or all fields would be null
		s.refused = fmt.Errorf("the header is one column, %q, which is no field of the type; is the delimiter %q?", text.Shorten(names[0]), c)
	}
	s.blanks = len(s.columns) == 1 && s.columns[0] != nil && (blankIsNull(s.columns[0].typ) || s.sampled && isText(s.columns[0].typ))
	if at := slices.Index(s.columns, nil); at >= 0 && opts.Extra == text.ExtraError && !t.Open && s.refused == nil {
		s.refused = &text.RowError{Extra: names[at], Reason: fmt.Sprintf("column %q is no field of the type", names[at])}
	}
	return s, nil
}

// Mismatch says why no row of the file fits the type: a field that may not be null has
// no column, or a column has no field where that counts as a mistake. Scan finds each
// row bad then. It is nil if rows may fit.
func (s *Scanner) Mismatch() error { return s.refused }

// source is the name of a field in the file.
func source(f types.Field) string {
	if f.Reading != nil && f.Reading.From != "" {
		return f.Reading.From
	}
	return f.Name
}

func noColumn(f types.Field, names []string) error {
	hint := "the header has " + text.Shorten(strings.Join(names, ", "))
	if near := diag.Nearest(source(f), names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return fmt.Errorf("field %q: the file has no column %q, and %s is not nullable; %s", f.Name, source(f), f.Type, hint)
}

func (s *Scanner) newField(f types.Field) (*field, error) {
	n := &field{typ: f.Type, name: f.Name, wanted: f.Type.NotNull().String()}
	if !f.Type.IsScalar() {
		return nil, fmt.Errorf("no cell can hold %s", f.Type)
	}
	if f.Type.Kind == types.KindTime || f.Type.Kind == types.KindDate {
		var err error
		if n.format, err = text.FormatOf(f); err != nil {
			return nil, err
		}
		n.wanted = n.format.String()
	}
	if f.Reading == nil || !f.Reading.Has {
		return n, nil
	}
	n.instead = append([]byte{}, f.Reading.Default...)
	n.col = record.NewColumn(f.Type)
	n.col.Resize(1)
	if !s.convert(n, n.instead, 0) {
		return nil, &text.DefaultError{Reading: f.Reading, Reason: fmt.Sprintf("the default %s is no %s", f.Reading.Default, f.Type.NotNull())}
	}
	n.col = nil
	return n, nil
}

// Scan appends rows to b, from src[from:] on, until b has maxRows rows (65,535 at
// most), src ends, or a row is bad. It returns where it stopped: after a bad row,
// whose error it returns, scanning may go on there. What has no column in b,
// because nobody needs it, is not converted.
//
// src holds whole rows, without the header. The strings of b are views of it, so b
// must keep it alive (record.Batch.Adopt). It should end with a newline, which is
// where every loop of the scanner ends; without one the last row is copied.
func (s *Scanner) Scan(src []byte, from int, b *record.Batch, maxRows int) (next int, bad *text.RowError) {
	body := bytes.LastIndexByte(src, '\n') + 1
	if from < body {
		next, bad = s.scan(src[:body], from, b, maxRows)
		switch goesOn := bad != nil && s.open && body < len(src); {
		case goesOn: // the quote may be closed behind the last newline
			from = bad.Offset
		case next < body || next == len(src) || bad == nil && b.Rows >= maxRows:
			return next, bad
		case bad == nil:
			from = body
		default: // the last newline may stand in the row
			from = bad.Offset
		}
	}
	next, bad = s.scan(ended(src[from:]), 0, b, maxRows)
	if bad != nil {
		bad.Offset += from
		bad.End = min(bad.End+from, len(src))
	}
	return min(next+from, len(src)), bad
}

// scan is Scan of a text that ends with a newline.
func (s *Scanner) scan(src []byte, from int, b *record.Batch, maxRows int) (next int, bad *text.RowError) {
	s.begin(src, b, max(maxRows, b.Rows))
	p, rows := from, b.Rows
	for b.Rows < maxRows && p < len(src) {
		if c := src[p]; c == '\n' || c == '\r' || c == s.Comment {
			if end := s.skipped(src, p); end > p && (!s.blanks || c == s.Comment) {
				p = end
				continue
			}
		}
		end := s.row(p, b.Rows)
		if end < 0 {
			bad = s.rowError(p)
			p = bad.End
			break
		}
		b.Rows++
		p = end
	}
	if s.extra == nil {
		s.dropped += int64(b.Rows - rows)
	}
	s.end()
	return p, bad
}

// ended gives src with a newline at its end.
func ended(src []byte) []byte {
	if n := len(src); n > 0 && src[n-1] != '\n' {
		return append(bytes.Clone(src), '\n')
	}
	return src
}

func (s *Scanner) begin(src []byte, b *record.Batch, rows int) {
	s.src, s.batch, s.arena = src, b, nil
	for i, f := range s.fields {
		if f.col = b.Cols[i]; f.col != nil {
			f.col.Resize(rows)
		}
	}
}

// end cuts the columns to the rows that were read; what a bad row left behind them
// goes.
func (s *Scanner) end() {
	rows := s.batch.Rows
	for _, f := range s.fields {
		if c := f.col; c != nil {
			f.col = nil
			c.Resize(rows)
		}
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

// row reads the row at p and returns where the next line begins; -1 if it is bad.
func (s *Scanner) row(p, row int) int {
	b := s.src
	s.rest = s.rest[:0]
	for i, f := range s.columns {
		var end int
		switch {
		case f != nil && f.col != nil:
			end = s.field(f, p, row)
		case f == nil && s.extra != nil && s.extra.col != nil:
			end = s.keep(s.names[i], p)
		default:
			_, _, end = s.cell(p)
		}
		if end < 0 {
			s.wrong = f
			return -1
		}
		p = end + 1
		if b[end] == '\n' {
			if i < len(s.columns)-1 {
				return s.fail("the row has %d cells, want %d", i+1, len(s.columns))
			}
			return s.fill(p, row)
		}
	}
	cells, end := s.cells(p)
	if end < 0 {
		return -1
	}
	return s.fail("the row has %d cells, want %d", len(s.columns)+len(cells), len(s.columns))
}

// fill gives the fields without a column in the file null or their default; it
// gives p back.
func (s *Scanner) fill(p, row int) int {
	if s.refused != nil {
		return s.refuse()
	}
	for _, f := range s.missing {
		if f.col != nil && !s.null(f, nil, row) {
			s.wrong = f
			return -1
		}
	}
	if s.extra != nil && s.extra.col != nil {
		s.endRest(row)
	}
	return p
}

// rowError takes what is wrong with the row at p.
func (s *Scanner) rowError(p int) *text.RowError {
	end, open := s.rowEnd(s.src, p)
	s.open = open
	e := &text.RowError{Offset: p, End: end, Reason: s.reason, Extra: s.unwanted, Raw: strings.TrimRight(string(s.src[p:end]), "\r\n")}
	if s.wrong != nil {
		e.Field = s.wrong.name
	}
	s.reason, s.unwanted, s.wrong = "", "", nil
	return e
}

// field reads the cell at p into row of the column of f.
func (s *Scanner) field(f *field, p, row int) int {
	c := f.col
	if end := s.plain(f, p, row); end > 0 {
		c.Clear(row)
		return end
	}
	content, quoted, end := s.cell(p)
	if end < 0 {
		return -1
	}
	if s.isNull(f, content, quoted) {
		if !s.null(f, content, row) {
			return -1
		}
		return end
	}
	if s.sampled && f.typ.Kind == types.KindFloat && text.NumberEnd(content, 0) == len(content) && text.Loses(content) {
		return s.fail("%s has more digits than a float keeps", text.Shorten(string(content)))
	}
	if !s.convert(f, content, row) {
		more := ""
		if f.typ.Kind == types.KindTime || f.typ.Kind == types.KindDate {
			more = f.format.Wrong(content)
		}
		return s.fail("want %s, got %s%s", f.wanted, text.Shorten(fmt.Sprintf("%q", content)), more)
	}
	c.Clear(row)
	return end
}

// plain reads most cells at once: numbers and text that stand there as they are.
// It gives 0 where a cell needs a closer look.
func (s *Scanner) plain(f *field, p, row int) int {
	b, c, end := s.src, f.col, 0
	switch {
	case f.typ.Kind == types.KindInt && !s.numbers:
		c.Int[row], end = text.Int(b, p)
	case f.typ.Kind == types.KindFloat && !s.numbers:
		if c.Float[row], end = text.Float(b, p); s.sampled && end > p && text.Loses(b[p:end]) {
			return 0
		}
	case f.typ.Kind == types.KindString && len(s.Null) == 0 && b[p] != s.Quote:
		var wide bool
		if end, wide = s.cellEnd(p); end == p || wide || b[end-1] == '\r' {
			return 0
		}
		c.Str[row] = record.View(b[p:end])
	}
	if end > 0 && (b[end] == s.Comma || b[end] == '\n') {
		return end
	}
	return 0
}

// isNull reports whether a cell stands for null.
func (s *Scanner) isNull(f *field, content []byte, quoted bool) bool {
	isText := isText(f.typ)
	if len(content) == 0 {
		return !isText || !quoted && (f.typ.Nullable || f.instead != nil || s.sampled)
	}
	return s.isWord(content, quoted)
}

// isText reports whether an empty cell can be more than null.
func isText(t *types.Type) bool { return t.Kind == types.KindString || t.Kind == types.KindBytes }

// blankIsNull reports whether null stands as an empty line where there is one column of
// type t: in quotes it would be the empty text.
func blankIsNull(t *types.Type) bool { return isText(t) && t.Nullable }

// isWord reports whether a cell is a word for null.
func (s *Scanner) isWord(content []byte, quoted bool) bool {
	if quoted {
		return false
	}
	for _, w := range s.Null {
		if w == string(content) {
			return true
		}
	}
	return false
}

// null makes row null, or gives it the default. word is what stood for null.
func (s *Scanner) null(f *field, word []byte, row int) bool {
	switch {
	case f.instead != nil:
		s.convert(f, f.instead, row)
		f.col.Clear(row)
	case f.typ.Nullable:
		f.col.SetNull(row)
	case len(word) > 0:
		s.fail("is %q, which stands for null, but %s is not nullable", word, f.typ)
		return false
	case f.typ.Kind == types.KindBytes:
		f.col.Str[row] = ""
		f.col.Clear(row)
	default:
		s.fail("is empty, but %s is not nullable", f.typ)
		return false
	}
	return true
}

// convert reads a literal into row: of a number also one that is written loosely, where
// the type was declared.
func (s *Scanner) convert(f *field, lit []byte, row int) bool {
	if s.convertExact(f, lit, row) {
		return true
	}
	switch f.typ.Kind {
	case types.KindInt, types.KindFloat, types.KindDecimal:
		if s.sampled {
			return false
		}
		var ok bool
		s.number, ok = text.AppendLoose(s.number[:0], lit)
		return ok && s.convertExact(f, s.number, row)
	}
	return false
}

// convertExact reads a literal as a Scanner and an Encoder both have it.
func (s *Scanner) convertExact(f *field, lit []byte, row int) bool {
	c, end, ok := f.col, 0, false
	switch f.typ.Kind {
	case types.KindString:
		c.Str[row] = record.View(lit)
		return true
	case types.KindInt:
		c.Int[row], end = text.Int(lit, 0)
		return end == len(lit)
	case types.KindFloat:
		c.Float[row], end = text.Float(lit, 0)
		return end == len(lit)
	case types.KindDecimal:
		c.Int[row], end = text.Decimal(lit, 0, f.typ.Precision, f.typ.Scale)
		return end == len(lit)
	case types.KindBool:
		c.Bool[row] = len(lit) == 4
		return len(lit) == 4 && bytes.EqualFold(lit, []byte("true")) || len(lit) == 5 && bytes.EqualFold(lit, []byte("false"))
	case types.KindTime, types.KindDate:
		c.Int[row], ok = f.format.Parse(lit)
	case types.KindDuration:
		if c.Int[row], end = text.Decimal(lit, 0, 19, 0); end == len(lit) {
			return true
		}
		c.Int[row], ok = text.Duration(record.View(lit))
	case types.KindEnum:
		for _, w := range f.typ.Words {
			if w == string(lit) {
				c.Str[row], ok = w, true
			}
		}
	case types.KindBytes:
		raw := s.memory(base64.StdEncoding.DecodedLen(len(lit)))
		n, err := base64.StdEncoding.Decode(raw, lit)
		c.Str[row], ok = record.View(raw[:n]), err == nil
	}
	return ok
}
