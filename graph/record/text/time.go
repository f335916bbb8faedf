package text

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/flowrun/flowrun/graph/record"
)

// Times are nanoseconds since 1970 in UTC: from 1677-09-21 to 2262-04-11.

// Time reads an RFC 3339 time, strictly: upper-case T and Z, two digits
// everywhere, no leap second. Digits beyond nanoseconds are cut off.
//
// Eight bytes are looked at together: what is left of them after XOR with the
// pattern are the values of digits, and zero where a separator is. Ten times that
// plus that of the next byte gives, in the first byte of each pair of digits, the
// number of the pair.
func Time(s []byte) (ns int64, ok bool) {
	if len(s) < len("2006-01-02T15:04:05Z") {
		return 0, false
	}
	date := binary.LittleEndian.Uint64(s) ^ datePattern
	clock := binary.LittleEndian.Uint64(s[8:]) ^ clockPattern
	end := uint64(binary.LittleEndian.Uint32(s[16:])&0xFFFFFF) ^ endPattern
	if date&dateSeparators|clock&clockSeparators|end&endSeparators != 0 || notDigits(date)|notDigits(clock)|notDigits(end) != 0 {
		return 0, false
	}
	date, clock, end = date*10+date>>8, clock*10+clock>>8, end*10+end>>8
	year := uint(date&0xFF)*100 + uint(date>>16&0xFF)
	month, day := uint(date>>40&0xFF), uint(clock&0xFF)
	hour, minute, second := clock>>24&0xFF, clock>>48&0xFF, end>>8&0xFF
	if hour > 23 || minute > 59 || second > 59 || month-1 > 11 || day-1 > 30 || day > 28 && day > daysIn(year, month) {
		return 0, false
	}
	sec := daysFromCivil(year, month, day)*86400 + int64(hour*3600+minute*60+second)
	if s[19] == 'Z' && len(s) == 20 {
		return join(sec, 0)
	}
	nanos, p := fraction(s, 19)
	if p < 0 {
		return 0, false
	}
	offset, ok := zone(s[p:])
	if !ok {
		return 0, false
	}
	return join(sec-offset, nanos)
}

// The patterns of 2006-01-02T15:04:05 in three words, low bytes first, and the
// bytes of them that are separators.
const (
	datePattern     = 0x2D_30_30_2D_30_30_30_30 // "0000-00-"
	dateSeparators  = 0xFF_00_00_FF_00_00_00_00
	clockPattern    = 0x30_30_3A_30_30_54_30_30 // "00T00:00"
	clockSeparators = 0x00_00_FF_00_00_FF_00_00
	endPattern      = 0x30_30_3A // ":00"
	endSeparators   = 0x00_00_FF
)

// notDigits is zero if all bytes of x are at most 9.
func notDigits(x uint64) uint64 { return (x + 0x7676767676767676 | x) & 0x8080808080808080 }

// zone reads Z or an offset such as +01:00, in seconds.
func zone(s []byte) (offset int64, ok bool) {
	if len(s) == 1 && s[0] == 'Z' {
		return 0, true
	}
	if len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	for _, c := range []byte{s[1], s[2], s[4], s[5]} {
		if c-'0' > 9 {
			return 0, false
		}
	}
	hours, minutes := int64(s[1]-'0')*10+int64(s[2]-'0'), int64(s[4]-'0')*10+int64(s[5]-'0')
	offset = hours*3600 + minutes*60
	if s[0] == '-' {
		offset = -offset
	}
	return offset, hours <= 23 && minutes <= 59
}

// fraction reads the decimals of a second at s[p], if there are any.
func fraction(s []byte, p int) (nanos int64, end int) {
	if p >= len(s) || s[p] != '.' {
		return 0, p
	}
	unit := int64(100_000_000)
	start := p + 1
	for p++; p < len(s) && s[p]-'0' <= 9; p++ {
		nanos += int64(s[p]-'0') * unit
		unit /= 10
	}
	if p == start {
		return 0, -1
	}
	return nanos, p
}

// join makes nanoseconds of seconds and the nanoseconds that follow them, unless
// 64 bits are too few.
func join(sec, nanos int64) (int64, bool) {
	if sec < 0 && nanos > 0 { // so that the two halves of the earliest times fit
		sec++
		nanos -= 1e9
	}
	const last = math.MaxInt64 / 1_000_000_000
	if sec < -last || sec > last {
		return 0, false
	}
	ns := sec*1e9 + nanos
	if sec > 0 && ns < 0 || sec < 0 && ns > 0 {
		return 0, false
	}
	return ns, true
}

func isLeap(year uint) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func daysIn(year, month uint) uint {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if isLeap(year) {
			return 29
		}
		return 28
	}
	return 31
}

// before counts the days of a common year before each month.
var before = [13]uint{0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334}

// daysFromCivil counts days since 1970-01-01 in the Gregorian calendar, which is
// taken to hold from year 0 on.
func daysFromCivil(y, m, d uint) int64 {
	days := before[m] + d - 1 + y*365
	if m > 2 && isLeap(y) {
		days++
	}
	if y > 0 { // leap days of the years before; year 0 is one
		days += (y-1)/4 - (y-1)/100 + (y-1)/400 + 1
	}
	return int64(days) - 719528
}

// civilFromDays is the inverse of daysFromCivil from the year 1 on. Source: Neri
// and Schneider, Euclidean Affine Functions and Their Application to Calendar
// Algorithms, 2022. Years begin in March there, so that the leap day comes last.
func civilFromDays(days int64) (y, m, d uint32) {
	n := 4*uint32(days+719468) + 3
	century, rest := n/146097, n%146097/4
	p := 2939745 * uint64(4*rest+3)
	year, ofYear := uint32(p>>32), uint32(p)/2939745/4
	k := 2141*ofYear + 197913
	y, m, d = 100*century+year, k>>16, k&0xFFFF/2141+1
	if ofYear >= 306 { // January and February belong to the next year
		return y + 1, m - 12, d
	}
	return y, m, d
}

// pairs are the numbers from 00 to 99.
const pairs = "00010203040506070809" + "10111213141516171819" + "20212223242526272829" + "30313233343536373839" + "40414243444546474849" +
	"50515253545556575859" + "60616263646566676869" + "70717273747576777879" + "80818283848586878889" + "90919293949596979899"

// AppendTime writes nanoseconds since 1970 as RFC 3339 in UTC. Decimals of a
// second stand only where they are not zero, without trailing zeros, as
// time.RFC3339Nano has them.
func AppendTime(dst []byte, ns int64) []byte {
	const toPositive = 1 << 17 // days, so that unsigned division rounds down
	sec, nanos := ns/1e9, ns%1e9
	if nanos < 0 {
		sec--
		nanos += 1e9
	}
	shifted := uint64(sec + toPositive*86400)
	rest := uint32(shifted % 86400)
	y, m, d := civilFromDays(int64(shifted/86400) - toPositive)
	dst = append(dst, "0000-00-00T00:00:00"...)
	t := dst[len(dst)-19:]
	copy(t, pairs[y/100*2:][:2])
	copy(t[2:], pairs[y%100*2:][:2])
	copy(t[5:], pairs[m*2:][:2])
	copy(t[8:], pairs[d*2:][:2])
	copy(t[11:], pairs[rest/3600*2:][:2])
	copy(t[14:], pairs[rest/60%60*2:][:2])
	copy(t[17:], pairs[rest%60*2:][:2])
	if nanos != 0 {
		width := 9
		for ; nanos%10 == 0; nanos /= 10 {
			width--
		}
		dst = append(dst, '.')
		dst = appendPadded(dst, uint64(nanos), width)
	}
	return append(dst, 'Z')
}

// A TimeFormat is how times of a field are written. The zero value is RFC 3339.
type TimeFormat struct {
	name   string // as the user gave it
	layout string // of package time; "": RFC 3339, or a number
	number bool   // units of 10^-scale nanoseconds since 1970
	scale  int
}

// epochs are the formats that are numbers: the decimals of the unit down to
// nanoseconds.
var epochs = map[string]int{"unix": 9, "unix_ms": 6, "unix_us": 3, "unix_ns": 0}

// ParseTimeFormat understands "" and "rfc3339"; unix, unix_ms, unix_us and
// unix_ns, numbers since 1970, which may have decimals; "date", 2006-01-02; and
// layouts of package time. A time without a zone is UTC.
func ParseTimeFormat(format string) (TimeFormat, error) {
	if scale, ok := epochs[format]; ok {
		return TimeFormat{name: format, number: true, scale: scale}, nil
	}
	switch format {
	case "", "rfc3339", time.RFC3339, time.RFC3339Nano:
		return TimeFormat{}, nil
	case "date":
		return TimeFormat{name: format, layout: time.DateOnly}, nil
	}
	// Two times that differ in everything look alike only in a text without a
	// reference to time.
	one, two := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC), time.Date(2012, 11, 22, 21, 38, 47, 0, time.UTC)
	if one.Format(format) == two.Format(format) {
		return TimeFormat{}, fmt.Errorf("the time format %q names no part of a time: "+
			"write how 3:04:05 pm on January 2, 2006 looks, such as 2006-01-02 15:04:05, or one of rfc3339, date, unix, unix_ms, unix_us, unix_ns", format)
	}
	return TimeFormat{name: format, layout: format}, nil
}

// Number reports whether times are numbers: read them by Decimal.
func (f TimeFormat) Number() bool { return f.number }

// Decimal reads a time that is a number at b[p].
func (f TimeFormat) Decimal(b []byte, p int) (ns int64, end int) {
	return Decimal(b, p, 19, f.scale)
}

// Parse reads a whole literal.
func (f TimeFormat) Parse(s []byte) (ns int64, ok bool) {
	switch {
	case f.number:
		ns, end := f.Decimal(s, 0)
		return ns, end == len(s) && end > 0
	case f.layout == "":
		return Time(s)
	}
	t, err := time.Parse(f.layout, record.View(s))
	if err != nil {
		return 0, false
	}
	return join(t.Unix(), int64(t.Nanosecond()))
}

// String says how a time looks, for messages: "time like 2006-01-02".
func (f TimeFormat) String() string {
	switch {
	case f.number:
		return "time as a number, " + f.name
	case f.layout != "":
		return "time like " + f.layout
	}
	return "time like 2006-01-02T15:04:05Z"
}
