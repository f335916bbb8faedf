package text

import (
	"bytes"
	"math"
	"strconv"

	"github.com/flowrun/flowrun/graph/record"
)

// This file reads numbers from text.

// A number is a number of JSON taken apart: ±mantissa × 10^exp. With more than 19
// digits the mantissa has wrapped and is of no use.
type number struct {
	mantissa uint64
	digits   int // written in the mantissa, leading zeros included
	exp      int
	neg      bool
	whole    bool // written without point and exponent
}

// maxExp bounds what is computed of a written exponent; beyond it a number is
// zero or infinite whatever its digits are.
const maxExp = 1 << 20

// scanNumber takes the number at b[p] apart.
func scanNumber(b []byte, p int) (n number, end int) {
	if p < len(b) && b[p] == '-' {
		n.neg = true
		p++
	}
	first := p
	n.mantissa, p = digits(b, p, 0)
	n.digits = p - first
	if n.digits == 0 || n.digits > 1 && b[first] == '0' {
		return n, -1
	}
	if p >= len(b) || b[p] != '.' && b[p]|0x20 != 'e' {
		n.whole = true
		return n, p
	}
	if b[p] == '.' {
		point := p
		if n.mantissa, p = digits(b, p+1, n.mantissa); p == point+1 {
			return n, -1
		}
		n.exp = point + 1 - p
		n.digits -= n.exp
	}
	if p < len(b) && b[p]|0x20 == 'e' {
		var e int
		if e, p = exponent(b, p+1); p < 0 {
			return n, -1
		}
		n.exp += e
	}
	return n, p
}

// digits appends the digits at b[p] to m, which may wrap.
func digits(b []byte, p int, m uint64) (uint64, int) {
	for ; p < len(b) && b[p]-'0' <= 9; p++ {
		m = m*10 + uint64(b[p]-'0')
	}
	return m, p
}

func exponent(b []byte, p int) (e, end int) {
	neg := false
	if p < len(b) && (b[p] == '+' || b[p] == '-') {
		neg = b[p] == '-'
		p++
	}
	start := p
	for ; p < len(b) && b[p]-'0' <= 9; p++ {
		e = min(e*10+int(b[p]-'0'), maxExp)
	}
	if p == start {
		return 0, -1
	}
	if neg {
		e = -e
	}
	return e, p
}

// NumberEnd gives the end of the number at b[p].
func NumberEnd(b []byte, p int) int {
	_, end := scanNumber(b, p)
	return end
}

// Int reads an integer at b[p]: digits only, within 64 bits. It leaves alone what
// follows, so 1.5 is the integer 1 and a rest.
func Int(b []byte, p int) (v int64, end int) {
	neg := false
	if p < len(b) && b[p] == '-' {
		neg = true
		p++
	}
	first := p
	m, p := digits(b, p, 0)
	n := p - first
	if n == 0 || n > 19 || n > 1 && b[first] == '0' {
		return 0, -1
	}
	// 19 digits stay below 2^64, so that m has not wrapped.
	if neg {
		if m > 1<<63 {
			return 0, -1
		}
		return -int64(m), p
	}
	if m > math.MaxInt64 {
		return 0, -1
	}
	return int64(m), p
}

var pow10 = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
	1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// Float reads a number at b[p] as the nearest float; one beyond the range of
// floats is none. A mantissa below 2^53 and a power of ten up to 10^22 are exact as
// floats, so one rounded operation gives the nearest (Clinger, How to Read
// Floating Point Numbers Accurately, 1990); the rest goes to strconv.
func Float(b []byte, p int) (f float64, end int) {
	n, end := scanNumber(b, p)
	if end < 0 {
		return 0, -1
	}
	if n.digits > 19 || n.mantissa >= 1<<53 || n.exp < -22 || n.exp > 22 {
		f, err := strconv.ParseFloat(record.View(b[p:end]), 64)
		if err != nil {
			return 0, -1
		}
		return f, end
	}
	f = float64(n.mantissa)
	if n.exp < 0 {
		f /= pow10[-n.exp]
	} else {
		f *= pow10[n.exp]
	}
	if n.neg {
		f = -f
	}
	return f, end
}

var pow10int = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// Decimal reads a number at b[p] as an integer of 10^-scale, scale being 18 at
// most. One with more decimals, zeros aside, or with more than precision digits
// in all is none; precision 19 admits whatever fits 64 bits.
func Decimal(b []byte, p, precision, scale int) (v int64, end int) {
	n, end := scanNumber(b, p)
	if end < 0 {
		return 0, -1
	}
	if n.digits > 18 {
		n = trimmed(b[p:end], n)
		if n.digits > 19 {
			return 0, -1
		}
	}
	for n.exp < -scale && n.mantissa != 0 {
		if n.mantissa%10 != 0 {
			return 0, -1
		}
		n.mantissa /= 10
		n.exp++
	}
	if n.mantissa == 0 {
		return 0, end
	}
	shift := n.exp + scale
	if shift > 18 || n.mantissa > uint64(math.MaxInt64/pow10int[shift]) {
		return 0, -1
	}
	v = int64(n.mantissa) * pow10int[shift]
	if precision < len(pow10int) && v >= pow10int[precision] {
		return 0, -1
	}
	if n.neg {
		v = -v
	}
	return v, end
}

// trimmed takes a number of many digits apart once more, without the zeros that
// lead and trail and mean nothing.
func trimmed(lit []byte, n number) number {
	lead := true
	n.mantissa, n.digits = 0, 0
	zeros := 0 // seen since the last other digit
	for _, c := range lit {
		switch {
		case c == '.' || c == '-':
		case c|0x20 == 'e':
			n.exp += zeros
			return n
		case c == '0' && lead:
		case c == '0':
			zeros++
		default:
			lead = false
			for ; zeros > 0; zeros-- {
				n.mantissa *= 10
				n.digits++
			}
			n.mantissa = n.mantissa*10 + uint64(c-'0')
			n.digits++
		}
	}
	n.exp += zeros
	return n
}

// RoundTrips reports whether a number may become a float without a loss that
// anybody would notice: one of up to 17 digits, which all distinct floats have,
// and an integer only if the float is the same integer.
func RoundTrips(lit []byte) bool {
	n, end := scanNumber(lit, 0)
	if end != len(lit) || end <= 0 {
		return false
	}
	if !n.whole && n.digits <= 17 && n.exp > -250 && n.exp < 250 {
		return true // no need to look at its value
	}
	f, end := Float(lit, 0)
	if end < 0 {
		return false
	}
	if n.digits > 17 {
		n = trimmed(lit, n)
	}
	if !n.whole {
		return n.digits <= 17
	}
	i, end := Int(lit, 0)
	return end > 0 && math.Abs(f) < 1<<63 && int64(f) == i
}

// certain is how long a number may be that is sure to round-trip, whatever it is.
const certain = 15

// Loses reports whether the number lit, which Float has read, is none that RoundTrips.
func Loses(lit []byte) bool { return len(lit) > certain && !RoundTrips(lit) }

// AppendLoose appends a number that people and spreadsheets write in another way than
// JSON, in the way of JSON: with a plus, without a digit on one side of the point, with
// spaces around it. It reports whether lit is such a number.
func AppendLoose(dst, lit []byte) ([]byte, bool) {
	rest := bytes.Trim(lit, " \t")
	switch {
	case len(rest) == 0:
		return dst, false
	case rest[0] == '-':
		dst, rest = append(dst, '-'), rest[1:]
	case rest[0] == '+':
		rest = rest[1:]
	}
	_, end := digits(rest, 0, 0)
	whole, fraction := rest[:end], rest[end:end]
	if rest = rest[end:]; len(rest) > 0 && rest[0] == '.' {
		_, end = digits(rest, 1, 0)
		fraction, rest = rest[1:end], rest[end:]
	}
	switch {
	case len(whole) == 0 && len(fraction) == 0:
		return dst, false
	case len(whole) == 0:
		whole = []byte{'0'}
	}
	dst = append(dst, whole...)
	if len(fraction) > 0 {
		dst = append(append(dst, '.'), fraction...)
	}
	if len(rest) == 0 {
		return dst, true
	}
	if rest[0]|0x20 != 'e' {
		return dst, false
	}
	_, end = exponent(rest, 1)
	return append(dst, rest...), end == len(rest)
}
