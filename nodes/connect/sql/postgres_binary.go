package sql

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file writes values in the binary format of PostgreSQL, which saves the server a
// third of the work of a COPY. The server takes the bytes for what its column is, so a
// value is written for the type of the column and not for its own. The formats are those of
// the server's functions that end in recv and send.

// A binaryWriter appends a value that is not null. The error says that the column cannot
// hold it.
type binaryWriter func(dst []byte, c *planColumn, col *record.Column, row int) ([]byte, error)

// An unfitError is a value that a column cannot hold, in the words of the server.
type unfitError struct{ what, column, code string }

func (e unfitError) Error() string {
	return e.what + ", column " + e.column + " (SQLSTATE " + e.code + ")"
}

// binaryWriters gives the writers of columns whose types have these numbers; nil if one of
// them has to go as text.
func (p *plan) binaryWriters(oids []uint32) []binaryWriter {
	writers := make([]binaryWriter, len(p.columns))
	for i, oid := range oids {
		if writers[i] = binaryWriterOf(oid, p.columns[i].t.Kind); writers[i] == nil {
			return nil
		}
	}
	return writers
}

func binaryWriterOf(oid uint32, kind types.Kind) binaryWriter {
	switch oid {
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID, pgtype.JSONOID:
		return textAsBinary
	case pgtype.JSONBOID:
		return jsonbAsBinary
	case pgtype.UUIDOID:
		if kind == types.KindString {
			return uuidAsBinary
		}
	}
	switch kind {
	case types.KindBool:
		if oid == pgtype.BoolOID {
			return boolAsBinary
		}
	case types.KindInt:
		switch oid {
		case pgtype.Int8OID:
			return func(dst []byte, _ *planColumn, col *record.Column, row int) ([]byte, error) {
				return binary.BigEndian.AppendUint64(dst, uint64(col.Int[row])), nil
			}
		case pgtype.Int4OID:
			return int4AsBinary
		case pgtype.Int2OID:
			return int2AsBinary
		case pgtype.Float8OID:
			return func(dst []byte, _ *planColumn, col *record.Column, row int) ([]byte, error) {
				return binary.BigEndian.AppendUint64(dst, math.Float64bits(float64(col.Int[row]))), nil
			}
		case pgtype.NumericOID:
			return numericAsBinary
		}
	case types.KindFloat:
		switch oid {
		case pgtype.Float8OID:
			return func(dst []byte, _ *planColumn, col *record.Column, row int) ([]byte, error) {
				return binary.BigEndian.AppendUint64(dst, math.Float64bits(col.Float[row])), nil
			}
		case pgtype.Float4OID:
			return float4AsBinary
		}
	case types.KindDecimal:
		if oid == pgtype.NumericOID {
			return numericAsBinary
		}
	case types.KindBytes:
		if oid == pgtype.ByteaOID {
			return func(dst []byte, _ *planColumn, col *record.Column, row int) ([]byte, error) {
				return append(dst, col.Str[row]...), nil
			}
		}
	case types.KindTime:
		if oid == pgtype.TimestamptzOID || oid == pgtype.TimestampOID {
			return func(dst []byte, _ *planColumn, col *record.Column, row int) ([]byte, error) {
				return binary.BigEndian.AppendUint64(dst, uint64(micros(col.Int[row])-epoch*1_000_000)), nil
			}
		}
	case types.KindDate:
		if oid == pgtype.DateOID {
			return func(dst []byte, _ *planColumn, col *record.Column, row int) ([]byte, error) {
				return binary.BigEndian.AppendUint32(dst, uint32(int32(col.Int[row]-epoch/86400))), nil
			}
		}
	case types.KindDuration:
		if oid == pgtype.IntervalOID {
			return func(dst []byte, _ *planColumn, col *record.Column, row int) ([]byte, error) {
				dst = binary.BigEndian.AppendUint64(dst, uint64(micros(col.Int[row])))
				return append(dst, 0, 0, 0, 0, 0, 0, 0, 0), nil // no days, no months
			}
		}
	}
	return nil
}

// epoch is where PostgreSQL begins to count, 2000-01-01, in seconds since 1970.
const epoch = 946_684_800

// micros rounds nanoseconds to the microseconds that PostgreSQL keeps, halves to even as it
// does with a text.
func micros(ns int64) int64 {
	us, rest := ns/1000, ns%1000
	if rest < 0 {
		us, rest = us-1, rest+1000
	}
	if rest > 500 || rest == 500 && us%2 != 0 {
		us++
	}
	return us
}

func textAsBinary(dst []byte, c *planColumn, col *record.Column, row int) ([]byte, error) {
	if c.t.Kind == types.KindString {
		return append(dst, col.Str[row]...), nil
	}
	return appendText(dst, postgres, c.t, col, row, false), nil
}

func jsonbAsBinary(dst []byte, c *planColumn, col *record.Column, row int) ([]byte, error) {
	return textAsBinary(append(dst, 1), c, col, row) // the version of the format
}

func boolAsBinary(dst []byte, _ *planColumn, col *record.Column, row int) ([]byte, error) {
	if col.Bool[row] {
		return append(dst, 1), nil
	}
	return append(dst, 0), nil
}

func int4AsBinary(dst []byte, c *planColumn, col *record.Column, row int) ([]byte, error) {
	v := col.Int[row]
	if v != int64(int32(v)) {
		return dst, unfitError{fmt.Sprintf(`value "%d" is out of range for type integer`, v), c.name, "22003"}
	}
	return binary.BigEndian.AppendUint32(dst, uint32(v)), nil
}

func int2AsBinary(dst []byte, c *planColumn, col *record.Column, row int) ([]byte, error) {
	v := col.Int[row]
	if v != int64(int16(v)) {
		return dst, unfitError{fmt.Sprintf(`value "%d" is out of range for type smallint`, v), c.name, "22003"}
	}
	return binary.BigEndian.AppendUint16(dst, uint16(v)), nil
}

func float4AsBinary(dst []byte, c *planColumn, col *record.Column, row int) ([]byte, error) {
	v := col.Float[row]
	f := float32(v)
	if math.IsInf(float64(f), 0) && !math.IsInf(v, 0) || f == 0 && v != 0 {
		return dst, unfitError{fmt.Sprintf("%q is out of range for type real", appendText(nil, postgres, c.t, col, row, false)), c.name, "22003"}
	}
	return binary.BigEndian.AppendUint32(dst, math.Float32bits(f)), nil
}

// numericAsBinary writes a decimal or an int as digits of base 10,000: how many there are,
// the weight of the first, the sign, the digits behind the point that are shown, and the
// digits.
func numericAsBinary(dst []byte, c *planColumn, col *record.Column, row int) ([]byte, error) {
	v, scale := col.Int[row], c.t.Scale // an int has the scale 0
	n, sign := uint64(v), uint16(0)
	if v < 0 {
		n, sign = -n, 0x4000
	}
	// The last digit of base 10,000 begins at a multiple of four places behind the point.
	behind := (scale + 3) / 4
	var digits [8]uint16 // the lowest first
	count := 0
	if pad := behind*4 - scale; pad > 0 && n > 0 {
		unit := [4]uint64{1, 1000, 100, 10}[pad]
		digits[0], n, count = uint16(n%unit*(10_000/unit)), n/unit, 1
	}
	for ; n > 0; n /= 10_000 {
		digits[count], count = uint16(n%10_000), count+1
	}
	low := 0
	for low < count && digits[low] == 0 {
		low++
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(count-low))
	dst = binary.BigEndian.AppendUint16(dst, uint16(count-behind-1))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	dst = binary.BigEndian.AppendUint16(dst, uint16(scale))
	for i := count - 1; i >= low; i-- {
		dst = binary.BigEndian.AppendUint16(dst, digits[i])
	}
	return dst, nil
}

// uuidAsBinary reads a UUID as the server does: 32 digits, perhaps with a hyphen behind
// every four and in braces.
func uuidAsBinary(dst []byte, c *planColumn, col *record.Column, row int) ([]byte, error) {
	given := col.Str[row]
	wrong := func() ([]byte, error) {
		return dst, unfitError{fmt.Sprintf("invalid input syntax for type uuid: %q", given), c.name, "22P02"}
	}
	s := given
	if len(s) > 1 && s[0] == '{' {
		if s[len(s)-1] != '}' {
			return wrong()
		}
		s = s[1 : len(s)-1]
	}
	for i := range 16 {
		if len(s) < 2 {
			return wrong()
		}
		high, low := hexDigit(s[0]), hexDigit(s[1])
		if high > 15 || low > 15 {
			return wrong()
		}
		dst, s = append(dst, high<<4|low), s[2:]
		if i%2 == 1 && i < 15 && len(s) > 0 && s[0] == '-' {
			s = s[1:]
		}
	}
	if s != "" {
		return wrong()
	}
	return dst, nil
}

// hexDigit gives the value of a digit, 16 for what is none.
func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 16
}
