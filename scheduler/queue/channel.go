package queue

import (
	"sync/atomic"
	"time"
)

// A Channel is a Go channel of envelopes.
type Channel struct {
	slots chan Envelope
	mark  atomic.Pointer[placedMark]
	puts  uint64   // envelopes; belongs to whoever puts
	takes uint64   // belongs to whoever takes, as do the next two
	ahead Envelope // taken off the slots, and behind a mark
	has   bool     // ahead is there
}

// A placedMark is a mark of a Channel, which stands behind so many envelopes.
type placedMark struct {
	Mark
	after uint64
}

// NewChannel makes a channel with a number of slots.
func NewChannel(slots int) *Channel { return &Channel{slots: make(chan Envelope, slots)} }

// Full implements Queue.
func (c *Channel) Full() bool { return len(c.slots) == cap(c.slots) }

// Put implements Queue.
func (c *Channel) Put(env Envelope) {
	c.puts++
	c.slots <- env
}

// Mark implements Queue.
func (c *Channel) Mark(m Mark) { c.mark.Store(&placedMark{m, c.puts}) }

// Take implements Queue. The mark is looked at after the envelope was taken: one that was
// put before the envelope is seen then.
func (c *Channel) Take(bool, int) (env Envelope, ok bool) {
	if !c.has {
		select {
		case c.ahead = <-c.slots:
			c.has = true
		default:
			return env, false
		}
	}
	if p := c.mark.Load(); p != nil && c.takes >= p.after {
		return env, false
	}
	env, c.ahead, c.has = c.ahead, Envelope{}, false
	c.takes++
	return env, true
}

// Marked implements Queue.
func (c *Channel) Marked() (m Mark, ok bool) {
	for p := c.mark.Load(); p != nil && c.takes >= p.after; p = c.mark.Load() {
		if c.mark.CompareAndSwap(p, nil) {
			return p.Mark, true
		}
	}
	return m, false
}

// Due implements Queue.
func (*Channel) Due() time.Time { return time.Time{} }

// Err implements Queue.
func (*Channel) Err() error { return nil }

// Close implements Queue.
func (c *Channel) Close() {
	c.mark.Store(nil)
	for {
		env, ok := c.Take(true, 0)
		if !ok {
			return
		}
		env.Data.Release()
	}
}
