package text

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/flowrun/flowrun/graph/record"
)

// This file says of texts that look like times what is special about them.

// Range is the years that a time can be in, for messages.
const Range = "the years 1677 to 2262"

// Outside reports whether a text is a time of the format, but one that 64 bits of
// nanoseconds have no room for.
func (f TimeFormat) Outside(s []byte) bool {
	if f.number {
		v, err := strconv.ParseFloat(record.View(s), 64)
		return err == nil && math.Abs(v)*math.Pow10(f.scale) >= math.MaxInt64
	}
	layout := f.layout
	if layout == "" {
		layout = time.RFC3339Nano
	}
	t, err := time.Parse(layout, record.View(s))
	if err != nil {
		return false
	}
	_, ok := join(t.Unix(), int64(t.Nanosecond()))
	return !ok
}

// Wanted says what is wrong with a text that Parse does not take.
func (f TimeFormat) Wanted(s []byte) string {
	if f.Outside(s) {
		return fmt.Sprintf("%s is outside %s, in which a time must be", Shorten(string(s)), Range)
	}
	return fmt.Sprintf("want %s, got %s", f, Shorten(fmt.Sprintf("%q", s)))
}

// KeepsOffset reports whether a text that Time takes says the same once it was read and
// is written again: a time is written in UTC, so one with another offset would not.
func KeepsOffset(s []byte) bool {
	n := len(s)
	return s[n-1] == 'Z' || s[n-1] == '0' && s[n-2] == '0' && s[n-4] == '0' && s[n-5] == '0'
}
