package file

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/record/text"
)

// This file leaves out rows that are longer than max_record, without holding them in
// memory. Where such a row ends, or its first line does, is a matter of the text alone:
// neither chunks nor workers have a part in it.

// errLong is what a cutter says of a row that is too long.
var errLong = errors.New("the row is too long")

// defaultMaxRecord is the default of max_record.
const defaultMaxRecord = 16_000_000

// shownOfLong is how much of a row that is too long its bad item shows, in bytes.
const shownOfLong = 1 << 10

// A longRow is a row that is too long.
type longRow struct {
	begin string // its first bytes
	bytes int64  // that were left out, without that newline
}

// passLong leaves out the row with which buf begins, which is all that was read, and
// gives a chunk of no rows for its bad item; nil if it was no row.
func (in *input) passLong(arena *record.Arena, buf []byte) (*chunk, error) {
	defer arena.Release()
	p := &chunk{line: in.line, file: in, rows: in.rows, long: &longRow{begin: beginning(buf)}}
	comment := in.cut.isComment(buf)
	for {
		n, done := in.cut.pass(buf)
		in.offset += int64(n)
		in.line += bytes.Count(buf[:n], newline)
		if p.long.bytes += int64(n); done && n > 0 && buf[n-1] == '\n' {
			p.long.bytes--
		}
		buf = append(buf[:0], buf[n:]...)
		if done || in.eof && len(buf) == 0 {
			break
		}
		if in.ctx != nil && in.ctx.Err() != nil {
			return nil, in.ctx.Err()
		}
		var err error
		if buf, err = in.fill(buf); err != nil {
			return nil, named(in.name, err)
		}
	}
	in.rest = append(in.rest, buf...)
	in.done = cursor{in.offset, in.line}
	in.full = len(in.rest) > 0
	if comment {
		return nil, nil
	}
	return p, nil
}

// beginning copies what a bad item shows of a long row.
func beginning(row []byte) string {
	if len(row) <= shownOfLong {
		return string(row)
	}
	return strings.ToValidUTF8(string(row[:shownOfLong]), "") + "…"
}

// tooLong is the mistake of a row that is too long.
func (k *reader) tooLong(l *longRow) *text.RowError {
	e := &text.RowError{Raw: l.begin}
	switch what := k.format.rowName(); {
	case l.bytes > int64(k.MaxRecord):
		e.Reason = fmt.Sprintf("the %s has %d bytes, more than max_record (%s)", what, l.bytes, k.MaxRecord)
	default: // the first line of a row of several
		e.Reason = fmt.Sprintf("the %s has no end within max_record (%s)", what, k.MaxRecord)
	}
	if k.format.isCSV() {
		e.Reason += "; a quote may be open in it, so reading goes on in the next line"
	}
	return e
}

// checkHead reports a header with more than most bytes; 0 allows any number. text is the
// beginning of a csv file, or with whole all of it.
func checkHead(d csv.Dialect, text []byte, whole bool, most int) error {
	if most == 0 {
		return nil
	}
	lines := text[:d.Split(text, whole)]
	if _, next, err := d.Header(lines); err == nil {
		text = lines[:next]
	}
	if d.Long(text, most) < 0 {
		return nil
	}
	return fmt.Errorf("the header has no end within max_record (%s); a quote may be open in it", config.Size(most))
}

// rowName is how messages call a row.
func (f format) rowName() string {
	switch f {
	case formatCSV, formatTSV:
		return "row"
	case formatJSON:
		return "value"
	}
	return "line"
}

// longLine gives the beginning of the first line of src that has more than most bytes
// without its newline; -1 if none has, or most is 0. Of the last one counts what src has
// of it.
func longLine(src []byte, most int) int {
	for p := 0; most > 0 && len(src)-p > most; {
		i := bytes.IndexByte(src[p:], '\n')
		if i < 0 || i > most {
			return p
		}
		p += i + 1
	}
	return -1
}

// passLine is how a line is left out.
func passLine(src []byte) (n int, done bool) {
	if i := bytes.IndexByte(src, '\n'); i >= 0 {
		return i + 1, true
	}
	return len(src), false
}
