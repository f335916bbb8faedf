package sql

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file turns values of flows into what databases take.

// timeText writes a time: for MySQL without a zone, because its times have none and are
// those of UTC; for SQLite with at least six digits of a second, so that the order of the
// texts is that of the times.
func timeText(d dialect, dst []byte, ns int64) []byte {
	start := len(dst)
	dst = text.AppendTime(dst, ns)
	switch d {
	case mysql:
		dst[start+10] = ' '
		return dst[:len(dst)-1]
	case sqlite:
		dst = dst[:len(dst)-1]
		digits := len(dst) - start - 20
		if digits < 0 {
			dst, digits = append(dst, '.'), 0
		}
		for ; digits < 6; digits++ {
			dst = append(dst, '0')
		}
		return append(dst, 'Z')
	}
	return dst
}

// clockText writes a duration as hours, minutes and seconds.
func clockText(dst []byte, ns int64) []byte {
	n := uint64(ns)
	if ns < 0 {
		dst, n = append(dst, '-'), -n
	}
	dst = fmt.Appendf(dst, "%02d:%02d:%02d", n/3600e9, n/60e9%60, n/1e9%60)
	if f := n % 1e9; f != 0 {
		dst = fmt.Appendf(dst, ".%09d", f)
	}
	return dst
}

// appendText writes a value that is not null as text. array says that a list goes into an
// array and not into JSON.
func appendText(dst []byte, d dialect, t *types.Type, c *record.Column, row int, array bool) []byte {
	switch t.Kind {
	case types.KindBool:
		if d == postgres {
			return strconv.AppendBool(dst, c.Bool[row])
		}
		if c.Bool[row] {
			return append(dst, '1')
		}
		return append(dst, '0')
	case types.KindInt:
		return strconv.AppendInt(dst, c.Int[row], 10)
	case types.KindFloat:
		switch f := c.Float[row]; {
		case math.IsNaN(f):
			return append(dst, "NaN"...)
		case math.IsInf(f, 1):
			return append(dst, "Infinity"...)
		case math.IsInf(f, -1):
			return append(dst, "-Infinity"...)
		default:
			return strconv.AppendFloat(dst, f, 'g', -1, 64)
		}
	case types.KindDecimal:
		return text.AppendDecimal(dst, c.Int[row], t.Scale)
	case types.KindString, types.KindEnum:
		return append(dst, c.Str[row]...)
	case types.KindTime:
		return timeText(d, dst, c.Int[row])
	case types.KindDate:
		return text.AppendDate(dst, c.Int[row])
	case types.KindDuration:
		if d == sqlite {
			return text.AppendDuration(dst, c.Int[row])
		}
		return clockText(dst, c.Int[row])
	case types.KindBytes:
		if d == postgres {
			return hex.AppendEncode(append(dst, `\x`...), record.Bytes(c.Str[row]))
		}
		return append(dst, c.Str[row]...)
	case types.KindList:
		if array {
			return appendArray(dst, t, c, row)
		}
	}
	return jsonl.AppendValue(dst, t, c, row)
}

// isNull reports whether a value is NULL in a database.
func isNull(t *types.Type, c *record.Column, row int) bool {
	return c == nil || c.IsNull(row) || t.Kind == types.KindAny && c.Str[row] == "null"
}

// arg gives a value as an argument of a statement.
func arg(d dialect, t *types.Type, c *record.Column, row int, array bool) any {
	if isNull(t, c, row) {
		return nil
	}
	switch t.Kind {
	case types.KindBool:
		if d != postgres {
			if c.Bool[row] {
				return int64(1)
			}
			return int64(0)
		}
		return c.Bool[row]
	case types.KindInt:
		return c.Int[row]
	case types.KindFloat:
		return c.Float[row]
	case types.KindString, types.KindEnum:
		return c.Str[row]
	case types.KindBytes:
		if d != postgres {
			return record.Bytes(c.Str[row])
		}
	case types.KindDecimal:
		if d == sqlite && t.Scale == 0 {
			return c.Int[row]
		}
	}
	return string(appendText(nil, d, t, c, row, array))
}

var errNotFinite = errors.New("it is not a number, or infinite, which this database cannot hold")

// unfit says why a row cannot be written whatever the table, nil if it may be.
func (p *plan) unfit(b *record.Batch, row int) error {
	for i := range p.columns {
		c := &p.columns[i]
		col := b.Cols[c.field]
		switch {
		case p.keyed[i] && p.mode != modeInsert && (col == nil || col.IsNull(row)):
			return fmt.Errorf("the key %s is null, so no row can have it", c.name)
		case p.dialect != postgres && c.t.Kind == types.KindFloat && col != nil && !col.IsNull(row) && (math.IsNaN(col.Float[row]) || math.IsInf(col.Float[row], 0)):
			return fmt.Errorf("column %s: %w", c.name, errNotFinite)
		}
	}
	return nil
}
