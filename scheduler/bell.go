package scheduler

import "sync/atomic"

// A bell wakes one goroutine that waits for several things at once, such as the edges
// of a node. Whoever makes one of them true rings; it costs a load while nobody sleeps.
type bell struct {
	c      chan struct{}
	asleep atomic.Bool
}

func newBell() *bell { return &bell{c: make(chan struct{}, 1)} }

func (b *bell) ring() {
	if b.asleep.Load() {
		poke(b.c)
	}
}

// poke sends to whoever waits, or will; one poke is enough.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
