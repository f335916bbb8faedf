package sql

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file turns cells into values of flows.

// A cellKind is what a database gives.
type cellKind uint8

const (
	cellNull  cellKind = iota
	cellInt            // i
	cellFloat          // f
	cellText           // s
	cellBytes          // s; of MySQL text, too
)

// A cell is a value as it comes.
type cell struct {
	kind cellKind
	i    int64
	f    float64
	s    []byte
}

// text is the cell for people, "" for null.
func (c *cell) textBytes() []byte {
	switch c.kind {
	case cellInt:
		return strconv.AppendInt(nil, c.i, 10)
	case cellFloat:
		return text.AppendFloat(nil, c.f)
	}
	return c.s
}

func (c cell) text() string { return string(c.textBytes()) }

// arg gives the cell as an argument of a later statement.
func (c *cell) arg() any {
	switch c.kind {
	case cellNull:
		return nil
	case cellInt:
		return c.i
	case cellFloat:
		return c.f
	case cellBytes:
		return bytes.Clone(c.s)
	}
	return string(c.s)
}

// A decoder makes values of one field.
type decoder struct {
	field   string
	t       *types.Type
	dialect dialect
	column  column

	scan  *jsonl.Scanner // of lists, records and any
	scanT *types.Type
	buf   []byte
}

func newDecoder(d dialect, f types.Field, c column) (*decoder, error) {
	dec := &decoder{field: f.Name, t: f.Type, dialect: d, column: c}
	switch f.Type.Kind {
	case types.KindAny, types.KindList, types.KindRecord:
		dec.scanT = types.Record(types.Field{Name: "v", Type: f.Type})
		var err error
		if dec.scan, err = jsonl.New(dec.scanT, jsonl.Options{Values: true}); err != nil {
			return nil, err
		}
	}
	return dec, nil
}

// A cellError is a cell that is no value of its field.
type cellError struct {
	field, got, want string
	as               string // the type that would take it; "": nobody knows
}

func (e *cellError) Error() string {
	if e.want == "" {
		return fmt.Sprintf("column %s: %s", e.field, e.got)
	}
	return fmt.Sprintf("column %s: %s is no %s", e.field, e.got, e.want)
}

// Hint says how the flow can take the cell.
func (e *cellError) Hint() diag.Hint {
	if e.as == "" {
		return diag.Hint{}
	}
	return diag.Hint{Text: "read it as another type: write `as` with " + types.Quote(e.field) + ": " + e.as + "; `flowrun types --pin` writes the other columns"}
}

// wider gives a type that takes more than another; "": none.
func wider(t *types.Type) string {
	name := "string"
	switch t.Kind {
	case types.KindBool:
		name = "int"
	case types.KindString:
		name = "bytes"
	case types.KindAny, types.KindList, types.KindRecord, types.KindBytes:
		return ""
	}
	if t.Nullable {
		name += "?"
	}
	return name
}

func (d *decoder) wrong(x *cell) error {
	return &cellError{field: d.field, got: strconv.Quote(text.Shorten(x.text())), want: d.t.NotNull().String(), as: wider(d.t)}
}

// put writes a cell into row i of a column.
func (d *decoder) put(c *record.Column, i int, x *cell, arena *record.Arena) error {
	if x.kind == cellNull {
		if !d.t.Nullable {
			return &cellError{field: d.field, got: "it is null, and the type of the flow does not say so", as: d.t.Opt().String()}
		}
		c.SetNull(i)
		return nil
	}
	var ok bool
	switch d.t.Kind {
	case types.KindBool:
		c.Bool[i], ok = boolOf(x)
	case types.KindInt:
		c.Int[i], ok = intOf(x)
	case types.KindFloat:
		c.Float[i], ok = floatOf(x)
		if ok && x.kind > cellFloat && text.Loses(x.s) {
			return &cellError{field: d.field, got: x.text() + " has more digits than a float", as: wider(d.t)}
		}
	case types.KindDecimal:
		c.Int[i], ok = decimalOf(x, d.t.Precision, d.t.Scale)
	case types.KindString, types.KindEnum:
		s := x.textBytes()
		if ok = utf8.Valid(s) && (d.t.Kind == types.KindString || slices.Contains(d.t.Words, string(s))); ok {
			c.Str[i] = arena.Copy(record.View(s))
		}
	case types.KindTime:
		c.Int[i], ok = timeOf(x)
	case types.KindDate:
		if s := x.textBytes(); x.kind >= cellText && (len(s) == 10 || len(s) > 10 && (s[10] == ' ' || s[10] == 'T')) {
			c.Int[i], ok = text.Date(s[:10])
		}
	case types.KindDuration:
		c.Int[i], ok = durationOf(x)
	case types.KindBytes:
		return d.putBytes(c, i, x, arena)
	default:
		return d.putJSON(c, i, x, arena)
	}
	if !ok {
		return d.wrong(x)
	}
	return nil
}

func (d *decoder) putBytes(c *record.Column, i int, x *cell, arena *record.Arena) error {
	s := x.textBytes()
	if d.dialect == postgres && bytes.HasPrefix(s, []byte(`\x`)) {
		raw := arena.Alloc(hex.DecodedLen(len(s) - 2))
		if _, err := hex.Decode(raw, s[2:]); err != nil {
			return d.wrong(x)
		}
		c.Str[i] = record.View(raw)
		return nil
	}
	c.Str[i] = arena.Copy(record.View(s))
	return nil
}

// putJSON writes a value of a list, a record or any.
func (d *decoder) putJSON(c *record.Column, i int, x *cell, arena *record.Arena) error {
	d.buf = append(d.buf[:0], `{"v":`...)
	switch s := x.s; {
	case d.t.Kind == types.KindList && d.dialect == postgres && len(s) > 0 && (s[0] == '{' || s[0] == '['):
		var err error
		if s[0] == '[' && !d.column.json { // an array with bounds of its own: [0:2]={1,2,3}
			if at := bytes.IndexByte(s, '='); at > 0 {
				s = s[at+1:]
			}
		}
		if s[0] != '{' {
			d.json(s)
		} else if d.buf, err = appendArrayAsJSON(d.buf, s, d.t); err != nil {
			return &cellError{field: d.field, got: err.Error()}
		}
	case d.t.Kind != types.KindAny:
		d.json(x.textBytes())
	case x.kind == cellInt:
		d.buf = strconv.AppendInt(d.buf, x.i, 10)
	case x.kind == cellFloat && !math.IsNaN(x.f) && !math.IsInf(x.f, 0):
		d.buf = text.AppendFloat(d.buf, x.f)
	case d.column.json || d.column.t == nil && json.Valid(s):
		d.json(s)
	case x.kind == cellBytes && !utf8.Valid(s):
		d.buf = jsonl.AppendString(d.buf, base64.StdEncoding.EncodeToString(s))
	default:
		d.buf = jsonl.AppendString(d.buf, x.text())
	}
	d.buf = append(d.buf, "}\n"...)
	b := record.New(d.scanT)
	defer b.Release()
	if _, bad := d.scan.Scan(d.buf, 0, b, 1); bad != nil {
		return &cellError{field: d.field, got: bad.Error()}
	}
	if b.Rows != 1 {
		return d.wrong(x)
	}
	c.Append(i, b.Cols[0], 0, arena)
	return nil
}

// json appends JSON without the white space that databases write.
func (d *decoder) json(s []byte) {
	b := bytes.NewBuffer(d.buf)
	if json.Compact(b, s) != nil {
		b = bytes.NewBuffer(append(d.buf, s...)) // the scanner says what is wrong
	}
	d.buf = b.Bytes()
}

func boolOf(x *cell) (v, ok bool) {
	switch x.kind {
	case cellInt:
		return x.i != 0, x.i == 0 || x.i == 1
	case cellFloat:
		return false, false
	}
	switch string(x.s) {
	case "t", "true", "TRUE", "1", "\x01":
		return true, true
	case "f", "false", "FALSE", "0", "\x00":
		return false, true
	}
	return false, false
}

func intOf(x *cell) (int64, bool) {
	switch x.kind {
	case cellInt:
		return x.i, true
	case cellFloat:
		n := int64(x.f)
		return n, math.Abs(x.f) < 1<<63 && float64(n) == x.f
	}
	v, err := strconv.ParseInt(record.View(x.s), 10, 64)
	return v, err == nil
}

func floatOf(x *cell) (float64, bool) {
	switch x.kind {
	case cellInt:
		f := float64(x.i)
		return f, math.Abs(f) < 1<<63 && int64(f) == x.i
	case cellFloat:
		return x.f, true
	}
	f, err := strconv.ParseFloat(record.View(x.s), 64)
	return f, err == nil
}

func decimalOf(x *cell, precision, scale int) (int64, bool) {
	s := x.textBytes()
	v, end := text.Decimal(s, 0, precision, scale)
	return v, end == len(s) && end > 0
}

// maxSeconds is how far from 1970 a time may be.
const maxSeconds = math.MaxInt64 / 1_000_000_000

// timeOf reads a time: one without a zone is one of UTC, one that is a number counts
// seconds since 1970.
func timeOf(x *cell) (int64, bool) {
	switch x.kind {
	case cellInt:
		return x.i * 1e9, x.i < maxSeconds && x.i > -maxSeconds
	case cellFloat:
		return int64(math.Round(x.f*1e6)) * 1e3, math.Abs(x.f) < maxSeconds
	}
	return parseTime(x.s)
}

// parseTime reads a time as databases write it: 2006-01-02 15:04:05.999+00, with T or a
// space, with a zone of hours, of hours and minutes, or none.
func parseTime(s []byte) (int64, bool) {
	if len(s) == 10 {
		days, ok := text.Date(s)
		return days * 86400e9, ok && days < maxSeconds/86400 && days > -maxSeconds/86400
	}
	if len(s) < 19 || len(s) > 40 {
		return 0, false
	}
	var buf [48]byte
	b := append(buf[:0], s...)
	if b[10] == ' ' {
		b[10] = 'T'
	}
	at := 19
	for at < len(b) && (b[at] == '.' || b[at] >= '0' && b[at] <= '9') {
		at++
	}
	zone := bytes.TrimLeft(b[at:], " ")
	switch {
	case len(zone) == 0:
		b = append(b[:at], 'Z')
	case zone[0] == 'Z' && len(zone) == 1:
		b = append(b[:at], 'Z')
	case len(zone) == 3:
		b = append(append(b[:at], zone...), ":00"...)
	case len(zone) == 5:
		b = fmt.Appendf(b[:at], "%s:%s", zone[:3], zone[3:])
	default:
		b = append(b[:at], zone...)
	}
	return text.Time(b)
}

// durationOf reads a duration: of PostgreSQL an interval without months, of MySQL a time,
// else as flows write it. A number counts nanoseconds.
func durationOf(x *cell) (int64, bool) {
	switch x.kind {
	case cellInt:
		return x.i, true
	case cellFloat:
		return 0, false
	}
	if len(x.s) > 0 && (x.s[0] == 'P' || x.s[0] == '-' && len(x.s) > 1 && x.s[1] == 'P') {
		return parseInterval(x.s)
	}
	if bytes.IndexByte(x.s, ':') > 0 {
		return parseClock(x.s)
	}
	return text.Duration(record.View(x.s))
}

// parseInterval reads an interval as ISO 8601 has it, with days of 24 hours.
func parseInterval(s []byte) (int64, bool) {
	sign := 1.0
	if s[0] == '-' {
		sign, s = -1, s[1:]
	}
	s, clock, sum, any := s[1:], false, int64(0), false
	for len(s) > 0 {
		if s[0] == 'T' && !clock {
			clock, s = true, s[1:]
			continue
		}
		end := 0
		for end < len(s) && (s[end] == '-' || s[end] == '.' || s[end] >= '0' && s[end] <= '9') {
			end++
		}
		if end == len(s) || end == 0 {
			return 0, false
		}
		v, err := strconv.ParseFloat(record.View(s[:end]), 64)
		if err != nil {
			return 0, false
		}
		unit := 0.0
		switch {
		case s[end] == 'D' && !clock:
			unit = 86400e9
		case s[end] == 'W' && !clock:
			unit = 7 * 86400e9
		case s[end] == 'H' && clock:
			unit = 3600e9
		case s[end] == 'M' && clock:
			unit = 60e9
		case s[end] == 'S' && clock:
			unit = 1e9
		case v == 0:
		default: // years and months have no length of their own
			return 0, false
		}
		part := sign * v * unit
		if unit == 1e9 {
			part = math.Round(part/1e3) * 1e3 // it comes in microseconds
		}
		if math.Abs(part) > math.MaxInt64/4 || sum > math.MaxInt64/2 || sum < math.MinInt64/2 {
			return 0, false
		}
		sum, any, s = sum+int64(part), true, s[end+1:]
	}
	return sum, any
}

// parseClock reads -12:34:56.789.
func parseClock(s []byte) (int64, bool) {
	sign := int64(1)
	if len(s) > 0 && s[0] == '-' {
		sign, s = -1, s[1:]
	}
	parts := bytes.Split(s, []byte{':'})
	if len(parts) != 3 {
		return 0, false
	}
	h, err1 := strconv.ParseUint(string(parts[0]), 10, 20)
	m, err2 := strconv.ParseUint(string(parts[1]), 10, 8)
	sec, nanos, _ := bytes.Cut(parts[2], []byte{'.'})
	n, err3 := strconv.ParseUint(string(sec), 10, 8)
	if err1 != nil || err2 != nil || err3 != nil || m > 59 || n > 59 || len(nanos) > 9 {
		return 0, false
	}
	fraction := int64(0)
	for i := range 9 {
		fraction *= 10
		if i < len(nanos) {
			if nanos[i] < '0' || nanos[i] > '9' {
				return 0, false
			}
			fraction += int64(nanos[i] - '0')
		}
	}
	return sign * ((int64(h)*3600+int64(m)*60+int64(n))*1e9 + fraction), true
}
