package control

import (
	"math"
	"time"

	"github.com/flowrun/flowrun/graph"
)

// A Bucket keeps the rate of a node: count tokens come in each per, and an item
// takes one. All is whole numbers: a nanosecond is worth count, a token costs per,
// so nothing is lost to rounding however long a run is.
//
// It waits for nothing: it says when to come again. Time is that of the monotonic
// clock, so a wall clock that jumps moves nothing. One goroutine at a time uses a
// bucket: the one that takes for the node, or, of a source, sends for it.
type Bucket struct {
	count int64
	per   int64
	burst int64 // tokens that gather at most
	least int64 // tokens worth waking up for
	whole bool  // a batch of the node waits until it can go as one

	credit  int64
	last    time.Time // up to when credit was given; zero: the bucket is still full
	pledged time.Time // when there will be enough for the last one who asked; zero: nobody waits
}

// wakeTime is how much of a fast rate is waited for at once: a timer for every
// single token would cost more than the items.
const wakeTime = time.Millisecond

// NewBucket gives nil for a rate that bounds nothing. With whole, what is asked for passes
// as one, or waits until it can.
func NewBucket(r graph.Rate, whole bool) *Bucket {
	if !r.Bounds() {
		return nil
	}
	common := gcd(int64(r.Count), int64(r.Per))
	b := &Bucket{count: int64(r.Count) / common, per: int64(r.Per) / common, burst: int64(r.Burst), whole: whole}
	b.least = int64(float64(b.count) * float64(wakeTime) / float64(b.per))
	return b
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Take takes up to want tokens, at least one; if there are not enough it takes none
// and says when there will be. Whoever comes back earlier is told the same again.
func (b *Bucket) Take(now time.Time, want int) (got int, again time.Time) {
	need := max(1, min(int64(want), b.burst, b.least))
	if b.whole {
		need = int64(want)
	}
	need = min(need, math.MaxInt64/4/b.per)
	switch {
	case b.pledged.IsZero():
		b.fill(now, max(b.burst, need))
	case now.Before(b.pledged):
		return 0, b.pledged
	default:
		// Credit up to the time of the pledge and not up to now: who has waited does not
		// pay for a timer that was late. And with the fraction of a token that is left over.
		b.credit += int64(b.pledged.Sub(b.last)) * b.count
		b.last, b.pledged = b.pledged, time.Time{}
	}
	if lack := need*b.per - b.credit; lack > 0 {
		b.pledged = b.last.Add(time.Duration((lack + b.count - 1) / b.count))
		return 0, b.pledged
	}
	n := min(int64(want), b.credit/b.per)
	b.credit -= n * b.per
	return int(n), time.Time{}
}

// Ready is how many tokens there are.
func (b *Bucket) Ready() int64 {
	if !b.pledged.IsZero() {
		return 0
	}
	b.fill(time.Now(), b.burst)
	return b.credit / b.per
}

// fill gives the credit of the time since the last call, up to that of most
// tokens.
func (b *Bucket) fill(now time.Time, most int64) {
	passed := int64(now.Sub(b.last))
	missing := most*b.per - b.credit
	switch {
	case b.last.IsZero():
		b.credit = b.burst * b.per
	case passed <= 0:
		return
	case passed > missing/b.count:
		b.credit += missing
	default:
		b.credit += passed * b.count
	}
	b.last = now
}
