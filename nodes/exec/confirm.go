package exec

import (
	"sync"
	"time"
)

// This file tells a command that prints rows how many of its lines have arrived.

// A confirmation writes numbers to a command, on a goroutine of its own: the command may
// be slow to read them. Of several that wait the last one is written.
type confirmation struct {
	p     *process
	start uint64 // which start of the command it is for

	mu      sync.Mutex
	lines   uint64 // that have arrived
	last    uint64 // after which nothing more is written; with closing
	closing bool
	wake    chan struct{}
	done    chan struct{} // the input of the command has ended
}

func newConfirmation(p *process, start uint64) *confirmation {
	c := &confirmation{p: p, start: start, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go c.run()
	return c
}

func (c *confirmation) run() {
	defer close(c.done)
	defer c.p.stdin.Close()
	var written uint64
	for {
		c.mu.Lock()
		lines, over := c.lines, c.closing && c.lines >= c.last
		c.mu.Unlock()
		if lines > written {
			if _, err := c.p.stdin.Write(numbered(lines)); err != nil {
				return
			}
			written = lines
			continue
		}
		if over {
			return
		}
		select {
		case <-c.wake:
		case <-c.p.ended:
			return
		}
	}
}

// upTo says how many lines of a start of the command have arrived.
func (c *confirmation) upTo(start, lines uint64) {
	if start != c.start {
		return
	}
	c.mu.Lock()
	c.lines = max(c.lines, lines)
	c.mu.Unlock()
	c.poke()
}

// finish ends the input of the command once so many lines have arrived.
func (c *confirmation) finish(lines uint64) {
	c.mu.Lock()
	c.closing, c.last = true, lines
	c.mu.Unlock()
	c.poke()
}

func (c *confirmation) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// close ends the input of the command after what has arrived by now, and gives it some time
// to read that and to end.
func (c *confirmation) close(grace time.Duration) {
	c.finish(0)
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-c.p.reaped:
	case <-t.C:
	}
}
