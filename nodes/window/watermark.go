package window

import (
	"math"
	"time"
)

// This file has the watermark: the time before which no item is waited for any more.

// noTime is before every time, also when a span is taken from it.
const noTime = math.MinInt64 / 2

// watermarks are how far each input has come: the greatest time seen on it.
type watermarks struct {
	lateness int64
	seen     []int64 // ns since 1970; noTime: nothing yet
	out      []bool  // the input has ended, or is silent: it holds nothing back
	last     int64   // the watermark never goes back
}

func newWatermarks(inputs int, lateness time.Duration) *watermarks {
	m := &watermarks{lateness: int64(lateness), seen: make([]int64, inputs), out: make([]bool, inputs), last: noTime}
	for i := range m.seen {
		m.seen[i] = noTime
	}
	return m
}

// now is the time up to which everything is taken to have come.
func (m *watermarks) now() int64 {
	least, some := int64(math.MaxInt64), false
	for i, t := range m.seen {
		if !m.out[i] {
			least, some = min(least, t), true
		}
	}
	if some && least != noTime {
		m.last = max(m.last, least-m.lateness)
	}
	return m.last
}

// advance takes a time into account that an input has brought.
func (m *watermarks) advance(input int, t int64) { m.seen[input] = max(m.seen[input], t) }

// Times outside of these leave no room for the ends of windows in 64 bits of
// nanoseconds, or for times before noTime.
var (
	earliest = time.Date(1844, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	latest   = time.Date(2242, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
)

// floor rounds t down to a multiple of step, which is above zero.
func floor(t, step int64) int64 {
	r := t % step
	if r < 0 {
		r += step
	}
	return t - r
}
