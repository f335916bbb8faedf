package scheduler

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// A bucket keeps the rate of a node: count tokens come in each per, and an item
// takes one. All is whole numbers: a nanosecond is worth count, a token costs per,
// so nothing is lost to rounding however long a run is.
//
// Time is that of the monotonic clock, so a wall clock that jumps moves nothing.
//
// A bucket is used by one goroutine at a time: the one that takes for the node, or,
// of a source, sends for it and holds the token.
type bucket struct {
	n     *node
	token chan struct{}
	count int64
	per   int64
	burst int64 // tokens that gather at most
	least int64 // tokens worth waking up for
	whole bool  // a batch of the node waits until it can go as one

	credit int64
	last   time.Time // up to when credit was given; zero: the bucket is still full
}

// wakeTime is how much of a fast rate is waited for at once: a timer for every
// single token would cost more than the items.
const wakeTime = time.Millisecond

func newBucket(n *node, r graph.Rate, whole bool) *bucket {
	if !r.Bounds() {
		return nil
	}
	common := gcd(int64(r.Count), int64(r.Per))
	b := &bucket{n: n, token: make(chan struct{}, 1), count: int64(r.Count) / common, per: int64(r.Per) / common, burst: int64(r.Burst), whole: whole}
	b.least = int64(float64(b.count) * float64(wakeTime) / float64(b.per))
	return b
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// take waits until there are tokens and takes up to want of them, at least one. The
// error is the cause of ctx, or nodes.ErrDone if the node is dismissed.
func (b *bucket) take(ctx context.Context, w *worker, want int) (int, error) {
	need := max(1, min(int64(want), b.burst, b.least))
	if b.whole {
		need = int64(want)
	}
	need = min(need, math.MaxInt64/4/b.per)
	most := max(b.burst, need)
	b.fill(time.Now(), most)
	if lack := need*b.per - b.credit; lack > 0 {
		wait := (lack + b.count - 1) / b.count
		due := b.last.Add(time.Duration(wait))
		if err := b.n.idleUntil(ctx, w, due, nil); err != nil {
			return 0, err
		}
		// Not up to now: who has waited does not pay for a timer that was late. And with
		// the fraction of a token that is left over.
		b.credit, b.last = b.credit+wait*b.count, due
	}
	got := min(int64(want), b.credit/b.per)
	b.credit -= got * b.per
	return int(got), nil
}

// ready is how many tokens there are.
func (b *bucket) ready() int64 {
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

// idleUntil waits for a time, or for hurry if that is sooner, as a worker that may
// do nothing before: it is neither at work nor stuck.
func (n *node) idleUntil(ctx context.Context, w *worker, due time.Time, hurry <-chan struct{}) error {
	defer n.holdBack()()
	defer w.waits(queueing, nil)()
	w.note(working, nil) // time will pass, so this is no deadlock
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-hurry:
	case <-n.taking.Done():
		return n.dismissed()
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

// send puts data on every edge of a port, at the rate of the node if that is a
// source. What a source has read when it is stopped leaves at once.
func (o *output) send(port int, d record.Data) error {
	b := o.n.bucket
	if b == nil || len(o.n.in) > 0 || port == o.n.errorPort {
		return o.sendNow(port, d)
	}
	if err := hold(o.ctx, b.token, o.w); err != nil { // without order several workers send
		d.Release()
		return err
	}
	defer func() { <-b.token }()
	n := d.Len()
	for at := 0; at < n; {
		size, err := n-at, error(nil)
		if !o.n.run.stopping() {
			size, err = b.take(o.ctx, o.w, n-at)
		}
		switch {
		case errors.Is(err, nodes.ErrDone) && !o.n.unwanted():
			continue // it was stopped
		case err != nil:
			d.Release()
			return err
		case at == 0 && size == n:
			return o.sendNow(port, d)
		}
		if err := o.sendNow(port, d.Slice(at, at+size)); err != nil {
			d.Release()
			return err
		}
		at += size
	}
	d.Release()
	return nil
}
