package exec

import (
	"bufio"
	"fmt"
	"strconv"
	"sync"
)

// This file reads how many lines a command that is given rows has confirmed.

// A counter reads the numbers that a command prints, on a goroutine of its own.
type counter struct {
	base, head uint64 // lines that were confirmed before it was started; lines that are no rows
	more       chan struct{}
	ended      chan struct{} // the output of the command has

	mu  sync.Mutex
	n   uint64
	err error
}

func newCounter(p *process, base, head uint64) *counter {
	c := &counter{base: base, head: head, more: make(chan struct{}, 1), ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		r := bufio.NewReaderSize(p.out, 4<<10)
		for {
			line, err := cutLine(r)
			if line != "" && !c.add(line) {
				return // who waits for more is told
			}
			if err != nil {
				return
			}
		}
	}()
	return c
}

// add takes a line of the command; false: it is no confirmation.
func (c *counter) add(line string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := strconv.ParseUint(line, 10, 62)
	switch {
	case err != nil:
		c.err = fmt.Errorf("it confirms by the number of lines that it has taken, not by %.80q", line)
	case n < c.n:
		c.err = fmt.Errorf("it has confirmed %d lines, and now %d", c.n, n)
	}
	if c.err != nil {
		return false
	}
	c.n = n
	select {
	case c.more <- struct{}{}:
	default:
	}
	return true
}

// lines is how many were confirmed, of all starts.
func (c *counter) lines() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n <= c.head {
		return c.base
	}
	return c.base + c.n - c.head
}

func (c *counter) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
