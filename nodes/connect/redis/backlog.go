package redis

import (
	"sync"

	client "github.com/redis/go-redis/v9"
)

// This file counts what waits in a stream or a list.

// A backlog is how many entries wait for a group: what Redis has said last, less what was read
// since then. It is asked on one goroutine while another one reads, so the answer to either may
// be late: what counts is which of them Redis did first.
type backlog struct {
	mu    sync.Mutex
	n     int64  // -1: Redis does not tell
	upTo  string // what the group had been given when Redis was asked last
	asks  int    // answers to how much waits
	reads int    // answers to reads
}

// entries gives how many entries wait, -1 if nobody knows.
func (b *backlog) entries() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}

// set takes the length of a list.
func (b *backlog) set(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n = n
}

// now is to be called before Redis is asked or read: its answers are for asked and read.
func (b *backlog) now() (asks, reads int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asks, b.reads
}

// asked takes what Redis says of a group. If a read was answered since reads were counted,
// nobody knows whether that is in it, and it is left out.
func (b *backlog) asked(reads int, g client.XInfoGroup) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reads == reads {
		b.n, b.upTo = g.Lag, g.LastDeliveredID
		b.asks++
	}
}

// read takes what a read has given: so many entries up to the last one, and whether these were
// all there were.
func (b *backlog) read(asks, entries int, last string, all bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	switch {
	case b.asks != asks && (entries == 0 || !before(b.upTo, last)): // Redis was asked after the read, or may have been
	case all:
		b.n = 0
	case b.n > 0:
		b.n = max(0, b.n-int64(entries))
	}
}
