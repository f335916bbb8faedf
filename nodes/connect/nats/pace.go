package nats

import "time"

// This file bounds how much is taken ahead of the flow. What a process has fetched no other
// one that reads by the same durable can do; it must be acknowledged, or spoken for, before
// its ack_wait is over; and it comes again when the process dies.

// A pace is how fast the flow takes messages. One is fast at first, because its first messages
// come at once and are counted soon.
type pace struct {
	within time.Duration // how long messages may lie here, about
	since  time.Time     // when counting began
	count  int           // messages taken since then
	rate   float64       // messages a second, before
}

const (
	// paceEvery is how long messages are counted for at least.
	paceEvery = 100 * time.Millisecond
	// leastAhead is how many messages may lie here however slow the flow is.
	leastAhead = 64
	// ahead to atOnce: so many times the flow is given something in the time that a message lies.
	shares = 8
)

// took counts messages that the flow has taken.
func (p *pace) took(n int, now time.Time) {
	p.count += n
	if d := now.Sub(p.since); d >= paceEvery {
		p.rate = float64(p.count) / d.Seconds()
		p.count, p.since = 0, now
	}
}

// ahead is how many messages may be on their way to here or lie here.
func (p *pace) ahead() int { return max(leastAhead, int(p.rate*p.within.Seconds())) }

// atOnce is how many of these the flow is given at once.
func (p *pace) atOnce() int { return p.ahead() / shares }
