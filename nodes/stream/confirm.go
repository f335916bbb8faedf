package stream

import (
	"io"
	"strconv"
	"sync"
)

// This file tells whoever sends rows how many of them have arrived.

// A Confirmer writes numbers to a peer, a line each, on a goroutine of its own: the peer may
// be slow to read them. Of several that wait the last one is written.
type Confirmer struct {
	w    io.Writer
	gone <-chan struct{}
	done chan struct{}

	mu      sync.Mutex
	rows    uint64 // that have arrived
	last    uint64 // after which nothing more is written; with closing
	closing bool
	wake    chan struct{}
}

// NewConfirmer gives a confirmer that ends after Finish, when a write fails, or once gone is
// closed.
func NewConfirmer(w io.Writer, gone <-chan struct{}) *Confirmer {
	c := &Confirmer{w: w, gone: gone, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go c.run()
	return c
}

// Done is closed when nothing more is written.
func (c *Confirmer) Done() <-chan struct{} { return c.done }

func (c *Confirmer) run() {
	defer close(c.done)
	var written uint64
	for {
		c.mu.Lock()
		rows, over := c.rows, c.closing && c.rows >= c.last
		c.mu.Unlock()
		if rows > written {
			if _, err := c.w.Write(append(strconv.AppendUint(nil, rows, 10), '\n')); err != nil {
				return
			}
			written = rows
			continue
		}
		if over {
			return
		}
		select {
		case <-c.wake:
		case <-c.gone:
			return
		}
	}
}

// UpTo says how many rows have arrived by now.
func (c *Confirmer) UpTo(rows uint64) {
	c.mu.Lock()
	c.rows = max(c.rows, rows)
	c.mu.Unlock()
	c.poke()
}

// Finish ends the confirmer once so many rows have arrived and that is written.
func (c *Confirmer) Finish(rows uint64) {
	c.mu.Lock()
	c.closing, c.last = true, rows
	c.mu.Unlock()
	c.poke()
}

func (c *Confirmer) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}
