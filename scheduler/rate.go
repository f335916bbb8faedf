package scheduler

import (
	"context"
	"math"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
)

// A bucket keeps the rate of a node: count tokens come in each per, and an item
// takes one. All is whole numbers: a nanosecond is worth count, a token costs per,
// so nothing is lost to rounding however long a run is.
//
// It waits for nothing: it says when to come again. Time is that of the monotonic
// clock, so a wall clock that jumps moves nothing. One goroutine at a time uses a
// bucket: the one that takes for the node, or, of a source, sends for it.
type bucket struct {
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

func newBucket(r graph.Rate, whole bool) *bucket {
	if !r.Bounds() {
		return nil
	}
	common := gcd(int64(r.Count), int64(r.Per))
	b := &bucket{count: int64(r.Count) / common, per: int64(r.Per) / common, burst: int64(r.Burst), whole: whole}
	b.least = int64(float64(b.count) * float64(wakeTime) / float64(b.per))
	return b
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// take takes up to want tokens, at least one; if there are not enough it takes none
// and says when there will be. Whoever comes back earlier is told the same again.
func (b *bucket) take(now time.Time, want int) (got int, again time.Time) {
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

// ready is how many tokens there are.
func (b *bucket) ready() int64 {
	if !b.pledged.IsZero() {
		return 0
	}
	b.fill(time.Now(), b.burst)
	return b.credit / b.per
}

// fill gives the credit of the time since the last call, up to that of most
// tokens.
func (b *bucket) fill(now time.Time, most int64) {
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

// pace emits what a source gives at the rate of its node, also once it was stopped: then
// what a source with an end of its own has read and not sent yet is not sent any more.
func (o *output) pace(port int, d record.Data) error {
	n := o.n
	if err := hold(o.ctx, n.pacing, o.w); err != nil { // without order several workers send
		d.Release()
		return err
	}
	defer func() { <-n.pacing }()
	defer d.Release()
	for at := 0; at < d.Len(); {
		if n.run.stopping() && !n.drains() {
			n.cut.Store(true)
			n.shed.Store(true)
			return nil
		}
		got, again := n.bucket.take(time.Now(), d.Len()-at)
		if got == 0 {
			if err := n.sleep(o.ctx, o.w, again); err != nil {
				return err
			}
			continue
		}
		if err := o.send(port, d.Slice(at, at+got)); err != nil {
			return err
		}
		at += got
	}
	return nil
}

// drains reports whether a source that is stopped gives away what it has read.
func (n *node) drains() bool {
	return n.parts.Drainer != nil || n.parts.Unending != nil && n.parts.Unending.Endless()
}

// sleep waits for a time, as a worker that may do nothing before: it is neither at work
// nor stuck. It returns early when the node is to take no more.
func (n *node) sleep(ctx context.Context, w *worker, until time.Time) error {
	defer n.holdBack()()
	defer w.waits(napping, nil)()
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	over := n.inputCtx.Done()
	if n.source() && n.run.stopping() {
		over = n.unwantedNow // it is, and what is on its way goes on while anybody wants it
	}
	select {
	case <-timer.C:
	case <-over:
		if err := n.dismissed(); err != nil && (!n.run.stopping() || n.unwanted()) {
			return err
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// holdBack notes that the node is held back, and what it returns that it is not any
// more.
func (n *node) holdBack() func() {
	start := time.Now()
	n.heldBack.Store(true)
	return func() {
		n.heldBack.Store(false)
		n.count.Limited.Add(int64(time.Since(start)))
	}
}
