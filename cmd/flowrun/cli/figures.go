package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// This file writes numbers, sizes, times and shares for people.

// count writes a number with its thousands apart: 1,048,576.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// short writes a number with three digits: 950, 34.5k, 1.05M.
func short(x float64) string {
	for _, unit := range []string{"", "k", "M", "G"} {
		if math.Abs(x) < 999.5 {
			return digits(x, unit == "") + unit
		}
		x /= 1000
	}
	return digits(x, false) + "T"
}

// digits writes the first three digits of a number below a thousand.
func digits(x float64, whole bool) string {
	switch {
	case whole && (x == math.Trunc(x) || x >= 99.95):
		return strconv.FormatFloat(x, 'f', 0, 64)
	case math.Abs(x) < 9.995:
		return strconv.FormatFloat(x, 'f', 2, 64)
	case math.Abs(x) < 99.95:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 0, 64)
}

// octets writes a number of bytes: 812 B, 12.3 MB.
func octets(n int64) string {
	x := float64(n)
	for _, unit := range []string{"B", "kB", "MB", "GB", "TB"} {
		if x < 999.5 {
			return digits(x, unit == "B") + " " + unit
		}
		x /= 1000
	}
	return digits(x, false) + " PB"
}

// span writes how long something took: 12 ms, 1.24 s, 2 min 5 s, 3 h 20 min.
func span(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 999500*time.Microsecond:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	case d < 59950*time.Millisecond:
		return digits(d.Seconds(), false) + " s"
	}
	s := int64(d.Round(time.Second).Seconds())
	if s < 3600 {
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	}
	return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
}

// clock writes a running time that changes once a second: 0:07, 1:23:45.
func clock(d time.Duration) string {
	s := int64(d.Seconds())
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s%3600/60, s%60)
}

// percent writes a share.
func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%s %ss", count(int64(n)), word)
}
