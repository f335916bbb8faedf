package text

import (
	"fmt"
	"math"
	"time"

	"github.com/flowrun/flowrun/graph/record"
)

// Times are nanoseconds since 1970 in UTC: from 1677-09-21 to 2262-04-11.

// Time reads an RFC 3339 time, strictly: upper-case T and Z, two digits
// everywhere, no leap second. Digits beyond nanoseconds are cut off.
func Time(s []byte) (ns int64, ok bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	bad := false
	two := func(p int) int {
		h, l := s[p]-'0', s[p+1]-'0'
		bad = bad || h > 9 || l > 9
		return int(h)*10 + int(l)
	}
	year, month, day := two(0)*100+two(2), two(5), two(8)
	hour, minute, second := two(11), two(14), two(17)
	if bad || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	sec := daysFromCivil(year, month, day)*86400 + int64(hour*3600+minute*60+second)
	nanos, p := fraction(s, 19)
	if p < 0 || p >= len(s) {
		return 0, false
	}
	if s[p] == 'Z' {
		if p+1 != len(s) {
			return 0, false
		}
		return join(sec, nanos)
	}
	if p+6 != len(s) || s[p] != '+' && s[p] != '-' || s[p+3] != ':' {
		return 0, false
	}
	oh, om := two(p+1), two(p+4)
	if bad || oh > 23 || om > 59 {
		return 0, false
	}
	offset := int64(oh*3600 + om*60)
	if s[p] == '-' {
		offset = -offset
	}
	return join(sec-offset, nanos)
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

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysFromCivil counts days since 1970-01-01 in the Gregorian calendar, extended
// to all times. It and its inverse follow Howard Hinnant, chrono-Compatible
// Low-Level Date Algorithms: years begin in March, so that the leap day comes last.
func daysFromCivil(y, m, d int) int64 {
	if m <= 2 {
		y--
	}
	era := floorDiv(y, 400)
	yoe := y - era*400
	doy := (153*((m+9)%12)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era*146097 + doe - 719468)
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func civilFromDays(days int) (y, m, d int) {
	z := days + 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	if m > 12 {
		m -= 12
	}
	y = yoe + era*400
	if m <= 2 {
		y++
	}
	return y, m, d
}

// AppendTime writes nanoseconds since 1970 as RFC 3339 in UTC. Decimals of a
// second stand only where they are not zero, without trailing zeros, as
// time.RFC3339Nano has them.
func AppendTime(dst []byte, ns int64) []byte {
	sec, nanos := ns/1e9, ns%1e9
	if nanos < 0 {
		sec--
		nanos += 1e9
	}
	days, rest := sec/86400, int(sec%86400)
	if rest < 0 {
		days--
		rest += 86400
	}
	y, m, d := civilFromDays(int(days))
	two := func(n int) (byte, byte) { return byte('0' + n/10), byte('0' + n%10) }
	y1, y2 := two(y / 100)
	y3, y4 := two(y % 100)
	m1, m2 := two(m)
	d1, d2 := two(d)
	h1, h2 := two(rest / 3600)
	n1, n2 := two(rest / 60 % 60)
	s1, s2 := two(rest % 60)
	dst = append(dst, y1, y2, y3, y4, '-', m1, m2, '-', d1, d2, 'T', h1, h2, ':', n1, n2, ':', s1, s2)
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
