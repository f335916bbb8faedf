package csv

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// An Encoder writes records of one type, a line each. Columns come in the order
// of the type; fields without a column in the batch are left empty. Null is the
// first word of Dialect.Null, else nothing; so is a float that is not finite.
// Cells are quoted where they must be, also those that would otherwise be read as
// null: a text that is empty always is, for who reads it may have another type, or take
// a sample. Bytes that are not UTF-8 become U+FFFD. Many goroutines may use an Encoder
// at once.
type Encoder struct {
	Dialect
	typ     *types.Type
	special [256]bool // bytes for which a cell must be quoted
	null    string
	blanks  bool // an empty line is a row
}

// NewEncoder gives an encoder for records of type t. An error names the field that
// no cell can hold.
func NewEncoder(t *types.Type, d Dialect) (*Encoder, error) {
	switch err := d.Check(); {
	case err != nil:
		return nil, err
	case d.Quote == 0:
		return nil, errors.New("cells cannot be written without quotes")
	case !t.IsRecord():
		return nil, fmt.Errorf("the rows of a CSV file are records, not %s", t)
	case len(t.Fields) == 0:
		return nil, errors.New("there are no columns")
	}
	for _, f := range t.Fields {
		if !f.Type.IsScalar() {
			return nil, fmt.Errorf("field %q: no cell can hold %s", f.Name, f.Type)
		}
	}
	e := &Encoder{Dialect: d, typ: t, blanks: len(t.Fields) == 1 && blankIsNull(t.Fields[0].Type)}
	for _, c := range []byte{d.Comma, d.Quote, '\n', '\r'} {
		e.special[c] = true
	}
	if len(d.Null) > 0 {
		e.null = d.Null[0]
	}
	return e, nil
}

// AppendHeader writes the line with the names of the columns.
func (e *Encoder) AppendHeader(dst []byte) []byte {
	for i, f := range e.typ.Fields {
		if i > 0 {
			dst = append(dst, e.Comma)
		}
		dst = e.appendText(dst, f.Name, i == 0, f.Name == "")
	}
	return append(dst, '\n')
}

// AppendBatch writes the selected rows of b.
func (e *Encoder) AppendBatch(dst []byte, b *record.Batch) []byte {
	for i := range b.Len() {
		dst = append(e.AppendRow(dst, b, b.Row(i)), '\n')
	}
	return dst
}

// AppendRow writes one physical row of b, without a newline.
func (e *Encoder) AppendRow(dst []byte, b *record.Batch, row int) []byte {
	start := len(dst)
	for i, c := range b.Cols {
		if i > 0 {
			dst = append(dst, e.Comma)
		}
		if c == nil || c.IsNull(row) {
			dst = append(dst, e.null...)
			continue
		}
		dst = e.appendCell(dst, e.typ.Fields[i].Type, c, row, i == 0)
	}
	if len(dst) == start && !e.blanks { // an empty line would be no row
		dst = append(dst, e.Quote, e.Quote)
	}
	return dst
}

func (e *Encoder) appendCell(dst []byte, t *types.Type, c *record.Column, row int, first bool) []byte {
	start := len(dst)
	switch t.Kind {
	case types.KindString, types.KindEnum:
		return e.appendText(dst, c.Str[row], first, c.Str[row] == "")
	case types.KindInt:
		dst = strconv.AppendInt(dst, c.Int[row], 10)
	case types.KindFloat:
		if f := c.Float[row]; !math.IsNaN(f) && !math.IsInf(f, 0) {
			dst = text.AppendFloat(dst, f)
		}
	case types.KindBool:
		dst = strconv.AppendBool(dst, c.Bool[row])
	case types.KindTime:
		dst = text.AppendTime(dst, c.Int[row])
	case types.KindDate:
		dst = text.AppendDate(dst, c.Int[row])
	case types.KindDuration:
		dst = text.AppendDuration(dst, c.Int[row])
	case types.KindDecimal:
		dst = text.AppendDecimal(dst, c.Int[row], t.Scale)
	case types.KindBytes:
		if c.Str[row] == "" {
			return append(dst, e.Quote, e.Quote)
		}
		dst = base64.StdEncoding.AppendEncode(dst, record.Bytes(c.Str[row]))
	}
	if e.plain(dst[start:]) {
		return dst
	}
	cell := string(dst[start:])
	return e.appendText(dst[:start], cell, first, false)
}

// plain reports whether the text of a number or the like needs no quotes: unless
// the dialect has an odd delimiter or odd words for null, none does.
func (e *Encoder) plain(cell []byte) bool {
	if e.Comma == ',' && e.Quote == '"' && e.Comment == 0 && len(e.Null) == 0 {
		return true
	}
	return !slices.ContainsFunc(cell, func(c byte) bool { return e.special[c] || c == e.Comment }) && !slices.Contains(e.Null, string(cell))
}

// appendText writes a text, in quotes if it must be, or if forced.
func (e *Encoder) appendText(dst []byte, s string, first, forced bool) []byte {
	quote, wide := forced, byte(0)
	for i := range len(s) {
		quote = quote || e.special[s[i]]
		wide |= s[i]
	}
	if wide >= utf8.RuneSelf && !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if !quote && s != "" {
		r, _ := utf8.DecodeRuneInString(s)
		quote = unicode.IsSpace(r) || s == `\.` || first && s[0] == e.Comment || slices.Contains(e.Null, s)
	}
	if !quote {
		return append(dst, s...)
	}
	dst = append(dst, e.Quote)
	for {
		i := strings.IndexByte(s, e.Quote)
		if i < 0 {
			break
		}
		dst = append(append(dst, s[:i+1]...), e.Quote)
		s = s[i+1:]
	}
	return append(append(dst, s...), e.Quote)
}
