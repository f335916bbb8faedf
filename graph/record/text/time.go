package text

import (
	"encoding/binary"
	"math"
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

// IsUTC reports whether s is a time that Time reads and whose offset is that of UTC:
// Z or +00:00.
func IsUTC(s []byte) bool {
	_, ok := Time(s)
	return ok && (s[len(s)-1] == 'Z' || string(s[len(s)-6:]) == "+00:00")
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

// Date reads a date as 2006-01-02, of the years 0001 to 9999, in days since 1970. See
// Time.
func Date(s []byte) (days int64, ok bool) {
	if len(s) != len("2006-01-02") {
		return 0, false
	}
	date := binary.LittleEndian.Uint64(s) ^ datePattern
	end := uint64(binary.LittleEndian.Uint16(s[8:])) ^ 0x30_30
	if date&dateSeparators != 0 || notDigits(date)|notDigits(end) != 0 {
		return 0, false
	}
	date, end = date*10+date>>8, end*10+end>>8
	year := uint(date&0xFF)*100 + uint(date>>16&0xFF)
	month, day := uint(date>>40&0xFF), uint(end&0xFF)
	if year == 0 || month-1 > 11 || day-1 > 30 || day > 28 && day > daysIn(year, month) {
		return 0, false
	}
	return daysFromCivil(year, month, day), true
}

// AppendDate writes days since 1970 as 2006-01-02.
func AppendDate(dst []byte, days int64) []byte {
	y, m, d := civilFromDays(days)
	dst = append(dst, "0000-00-00"...)
	t := dst[len(dst)-10:]
	copy(t, pairs[y/100*2:][:2])
	copy(t[2:], pairs[y%100*2:][:2])
	copy(t[5:], pairs[m*2:][:2])
	copy(t[8:], pairs[d*2:][:2])
	return dst
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
