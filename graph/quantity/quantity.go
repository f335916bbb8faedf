// Package quantity reads durations and rates as people write them: one parser for
// settings, expressions, data and flags, so that 7d is a week of days wherever a duration
// may stand.
//
//	duration = ["-" | "+"] (number unit {number unit} | "0")
//	rate     = number "/" (unit | duration)
//	unit     = "ns" | "us" | "µs" | "ms" | "s" | "m" | "h" | "d" | "w"
//
// A day has 24 hours, a week 7 days. Examples: 1h30m, 250ms, 1.5s, 7d, 2w; 100/s, 2.5/m,
// 10/100ms.
package quantity

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

var errDuration = errors.New("this is no duration: write 500ms, 5s, 1h30m, 7d or 2w")

// Duration reads a duration. It must fit into 64 bits of nanoseconds, 292 years.
func Duration(s string) (time.Duration, error) {
	rest, negative := s, false
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		negative, rest = rest[0] == '-', rest[1:]
	}
	if rest == "0" {
		return 0, nil
	}
	if rest == "" {
		return 0, errDuration
	}
	var sum uint64 // without its sign: there is one more nanosecond below zero than above
	for rest != "" {
		digits := 0
		for digits < len(rest) && (rest[digits] == '.' || rest[digits] >= '0' && rest[digits] <= '9') {
			digits++
		}
		unit := digits
		for unit < len(rest) && rest[unit] != '.' && (rest[unit] < '0' || rest[unit] > '9') {
			unit++
		}
		part, err := part(rest[:digits], rest[digits:unit])
		if err != nil || part > 1<<63-sum {
			return 0, errDuration
		}
		sum, rest = sum+part, rest[unit:]
	}
	switch {
	case negative:
		return -time.Duration(sum), nil
	case sum == 1<<63:
		return 0, errDuration
	}
	return time.Duration(sum), nil
}

// Format writes a duration as Go does, without the parts that are nothing: 1h, not 1h0m0s.
func Format(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// days are the units that package time does not know, in hours.
var days = map[string]float64{"d": 24, "w": 7 * 24}

// part gives nanoseconds, 1<<63 at most.
func part(number, unit string) (uint64, error) {
	hours := days[unit]
	if hours == 0 {
		d, err := time.ParseDuration("-" + number + unit)
		return uint64(-d), err
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, err
	}
	ns := math.Round(f * hours * float64(time.Hour))
	if ns > 1<<63 {
		return 0, strconv.ErrRange
	}
	return uint64(ns), nil
}

// A Rate is so many things in a time.
type Rate struct {
	Count int64
	Per   time.Duration
}

// maxDecimals is how many decimals the number of a rate may have.
const maxDecimals = 6

// ParseRate reads a rate. Its number may have underscores, and decimals, by which count
// and time are multiplied: 2.5/m is 25 in 10 minutes. What is too large to be read is the
// largest number there is. The text behind the stroke, for messages, is per.
func ParseRate(s string) (r Rate, per string, err error) {
	number, per, found := strings.Cut(s, "/")
	number, per = strings.ReplaceAll(strings.TrimSpace(number), "_", ""), strings.TrimSpace(per)
	whole, decimals, point := strings.Cut(number, ".")
	if !found || number == "" || whole == "" || point && (decimals == "" || len(decimals) > maxDecimals) {
		return Rate{}, "", fmt.Errorf("%q is no rate", s)
	}
	for i, c := range []byte(whole + decimals) {
		if (c < '0' || c > '9') && (i > 0 || c != '-' || whole == "-") {
			return Rate{}, "", fmt.Errorf("%q is no rate", s)
		}
	}
	unit := per
	if unit != "" && (unit[0] < '0' || unit[0] > '9') && unit[0] != '-' && unit[0] != '+' && unit[0] != '.' {
		unit = "1" + unit
	}
	if r.Per, err = Duration(unit); err != nil {
		return Rate{}, per, fmt.Errorf("%q is not a time for a rate", per)
	}
	decimals = strings.TrimRight(decimals, "0")
	r.Count, _ = strconv.ParseInt(whole+decimals, 10, 64) // out of range gives the largest, or the smallest
	for range decimals {
		if r.Per > math.MaxInt64/10 {
			return Rate{}, per, fmt.Errorf("the time of the rate %q is too long", s)
		}
		r.Per *= 10
	}
	return r, per, nil
}
