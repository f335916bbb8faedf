package text

import (
	"math"
	"strconv"
	"time"

	"github.com/flowrun/flowrun/graph/quantity"
)

// This file writes values as text.

// AppendFloat writes f as encoding/json does. f must be finite.
//
// Most data has few decimals. If r = round(f·10^k) and r/10^k is f again, r below
// 10^15, then r without trailing zeros are the shortest digits of f: two decimal
// numbers of up to 15 digits are never the same float. The division is exact as a
// test since both of its operands are.
func AppendFloat(dst []byte, f float64) []byte {
	a := math.Abs(f)
	switch {
	case a == 0:
		if math.Signbit(f) {
			dst = append(dst, '-')
		}
		return append(dst, '0')
	case a < 1e10 && a >= 1e-3:
		if r := math.Round(f * 1e4); r/1e4 == f {
			return appendScaled(dst, int64(r), 4)
		}
		if r := math.Round(f * 1e9); a < 1e5 && r/1e9 == f {
			return appendScaled(dst, int64(r), 9)
		}
	}
	if a >= 1e-6 && a < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' { // e-09 is written e-9
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// appendScaled writes v·10^-scale without trailing zeros.
func appendScaled(dst []byte, v int64, scale int) []byte {
	for scale > 0 && v%10 == 0 {
		v /= 10
		scale--
	}
	return AppendDecimal(dst, v, scale)
}

// AppendDecimal writes v·10^-scale with exactly scale decimals.
func AppendDecimal(dst []byte, v int64, scale int) []byte {
	if scale == 0 {
		return strconv.AppendInt(dst, v, 10)
	}
	m := uint64(v)
	if v < 0 {
		dst = append(dst, '-')
		m = -m
	}
	unit := uint64(pow10int[scale])
	dst = strconv.AppendUint(dst, m/unit, 10)
	dst = append(dst, '.')
	return appendPadded(dst, m%unit, scale)
}

// appendPadded writes m in width digits.
func appendPadded(dst []byte, m uint64, width int) []byte {
	const zeros = "0000000000000000000"
	dst = append(dst, zeros[:width]...)
	for i := len(dst) - 1; m > 0; i-- {
		dst[i] = byte('0' + m%10)
		m /= 10
	}
	return dst
}

// AppendDuration writes nanoseconds as Go does, such as 1h30m0s.
func AppendDuration(dst []byte, ns int64) []byte {
	return append(dst, time.Duration(ns).String()...)
}

// Duration reads nanoseconds from a text such as 1h30m, 250ms or 7d.
func Duration(s string) (ns int64, ok bool) {
	d, err := quantity.Duration(s)
	return int64(d), err == nil
}
