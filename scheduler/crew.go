package scheduler

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// A crew is the workers of a stage while it runs. Its size may change: workers are
// started at once, and leave when they are between two pieces of work.
type crew struct {
	s     *stage
	ctx   context.Context
	all   sync.WaitGroup
	leave chan struct{} // each worker that takes one off goes

	mu     sync.Mutex
	size   int  // workers that stay
	going  int  // workers that were told to leave and are still there
	closed bool // the input has ended: nobody is hired any more

	at   time.Time     // of the last change of size
	time time.Duration // of all workers up to then
}

func newCrew(ctx context.Context, s *stage) *crew {
	return &crew{s: s, ctx: ctx, leave: make(chan struct{}, s.n.workers.Max), at: time.Now()}
}

// hire starts a worker. The caller holds mu.
func (c *crew) hire(work nodes.Work) {
	c.size++
	c.all.Go(func() {
		w := c.s.n.newWorker()
		defer w.note(ended, nil)
		var err error
		if c.s.turns != nil {
			err = c.s.inTurn(c.ctx, w, work)
		} else {
			err = c.s.asItComes(c.ctx, w, work)
		}
		if err == errLeave {
			c.left()
			return
		}
		c.close() // so that nobody is added while the stage waits for all
		if err != nil {
			c.s.n.run.fail(c.s.n, err) // at once: the others may be waiting for input
		}
	})
}

func (c *crew) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.note()
		c.closed = true
	}
}

func (c *crew) left() {
	c.mu.Lock()
	c.going--
	c.mu.Unlock()
}

// resize changes the number of workers and reports whether it did.
func (c *crew) resize(size int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || size == c.size {
		return false
	}
	c.note()
	for c.size > size {
		c.leave <- struct{}{} // there is room for every worker
		c.size--
		c.going++
	}
	for c.size < size && c.stay() {
	}
	for c.size < size {
		work, err := c.s.open(c.ctx)
		if err != nil {
			c.s.n.run.fail(c.s.n, err)
			return false
		}
		c.hire(work)
	}
	c.s.n.count.Workers.Store(int64(c.size))
	return true
}

// stay takes back that a worker is to leave, if none has heard it yet.
func (c *crew) stay() bool {
	select {
	case <-c.leave:
		c.going--
		c.size++
		return true
	default:
		return false
	}
}

// note adds up the time of all workers. The caller holds mu.
func (c *crew) note() {
	now := time.Now()
	c.time += now.Sub(c.at) * time.Duration(c.size)
	c.at = now
}

// timeOfAll is how long the workers have been there, added up.
func (c *crew) timeOfAll() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.time
	}
	c.note()
	return c.time
}

// errLeave ends a worker that the crew has no more work for.
var errLeave = errors.New("the worker is not needed any more")
