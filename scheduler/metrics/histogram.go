package metrics

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// This file counts durations in buckets, and reads quantiles off them.

const (
	// finest is the width of the first buckets.
	finest = 500 * time.Nanosecond
	// bucketCount is how many buckets reach from 0 to 2^32 µs, more than an hour.
	bucketCount = 66
)

// A Histogram counts durations in buckets, two for each doubling: their upper
// bounds are 0.5, 1, 1.5, 2, 3, 4, 6, 8 µs and so on, each part of its bucket. The
// last bucket has everything that is longer as well. The zero value is empty, and
// all methods may be called by many goroutines.
type Histogram struct {
	counts [bucketCount]atomic.Int64
	sum    atomic.Int64 // ns
}

// Add counts a duration. A negative one, of a clock that was set back, counts as 0.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucketOf(d)].Add(1)
	h.sum.Add(int64(d))
}

// bucketOf finds the bucket by the two highest bits.
func bucketOf(d time.Duration) int {
	v := uint64(max(d-1, 0) / finest)
	if v < 2 {
		return int(v)
	}
	shift := bits.Len64(v) - 2
	return min(2*shift+int(v>>shift), bucketCount-1)
}

// Bound is the longest duration that the bucket i counts.
func Bound(i int) time.Duration {
	if i < 2 {
		return time.Duration(i+1) * finest
	}
	return time.Duration(i%2+3) << ((i - 2) / 2) * finest
}

// Snapshot gives what was counted until now. While others count, the sum may lack
// what the counts have already.
func (h *Histogram) Snapshot() Distribution {
	var d Distribution
	for i := range h.counts {
		d.Counts[i] = h.counts[i].Load()
	}
	d.Sum = time.Duration(h.sum.Load())
	return d
}

// A Distribution is what a Histogram had counted at a moment, or between two.
type Distribution struct {
	Counts [bucketCount]int64 // by bucket; see Bound
	Sum    time.Duration
}

// Sub gives what was counted since an earlier moment.
func (d *Distribution) Sub(earlier *Distribution) Distribution {
	since := *d
	for i := range since.Counts {
		since.Counts[i] -= earlier.Counts[i]
	}
	since.Sum -= earlier.Sum
	return since
}

// Count is how many durations there are.
func (d *Distribution) Count() int64 {
	var n int64
	for _, c := range d.Counts {
		n += c
	}
	return n
}

// Quantile estimates the duration that the share q of all do not exceed, as
// Prometheus does: within a bucket, durations are taken to lie evenly. It is 0 if
// there are none.
func (d *Distribution) Quantile(q float64) time.Duration {
	want := q * float64(d.Count())
	below := int64(0)
	for i, c := range d.Counts {
		if c == 0 || float64(below+c) < want {
			below += c
			continue
		}
		from := time.Duration(0)
		if i > 0 {
			from = Bound(i - 1)
		}
		return from + time.Duration(float64(Bound(i)-from)*(want-float64(below))/float64(c))
	}
	return 0
}
