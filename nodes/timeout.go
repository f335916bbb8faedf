package nodes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A timeoutError is an item whose time was up, with what its function made of that.
// errors.Is finds context.DeadlineExceeded and the error of the function.
type timeoutError struct {
	limit time.Duration
	err   error
}

func (t *timeoutError) Error() string {
	s := fmt.Sprintf("no answer within %s", t.limit)
	if !errors.Is(t.err, context.DeadlineExceeded) && !errors.Is(t.err, context.Canceled) {
		s += ": " + t.err.Error()
	}
	return s
}

func (t *timeoutError) Unwrap() []error { return []error{context.DeadlineExceeded, t.err} }

// A limitContext is the context of one try of an item. context.WithTimeout starts a
// timer and joins its parent, which costs more than most items; this one does both
// only when somebody asks for its Done.
type limitContext struct {
	context.Context // the parent
	deadline        time.Time
	own             bool // the deadline is that of the try; else the parent's, which sees to it

	mu    sync.Mutex
	done  chan struct{} // nil: nobody has asked
	timer *time.Timer   // with done
	leave func() bool   // with done: leaves the parent
	err   error         // why it ended; nil: it has not
}

func newLimitContext(parent context.Context, limit time.Duration) *limitContext {
	c := &limitContext{Context: parent, deadline: time.Now().Add(limit), own: true}
	if d, ok := parent.Deadline(); ok && d.Before(c.deadline) {
		c.deadline, c.own = d, false
	}
	return c
}

// Deadline implements context.Context.
func (c *limitContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Done implements context.Context.
func (c *limitContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done != nil {
		return c.done
	}
	c.done = make(chan struct{})
	if c.err != nil {
		close(c.done)
		return c.done
	}
	if c.own {
		c.timer = time.AfterFunc(time.Until(c.deadline), func() { c.stop(context.DeadlineExceeded) })
	}
	c.leave = context.AfterFunc(c.Context, func() { c.stop(c.Context.Err()) })
	return c.done
}

// Err implements context.Context.
func (c *limitContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		if c.err = c.Context.Err(); c.err == nil && c.own && !time.Now().Before(c.deadline) {
			c.err = context.DeadlineExceeded
		}
		if c.err != nil {
			c.close()
		}
	}
	return c.err
}

// stop ends the context.
func (c *limitContext) stop(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = why
		c.close()
	}
}

// close tells those who wait. The caller holds mu and has set err.
func (c *limitContext) close() {
	if c.done != nil {
		close(c.done)
		if c.own {
			c.timer.Stop()
		}
		c.leave()
	}
}

// end is called when the try has returned: whoever still holds the context finds it
// cancelled. Of a try that failed, it reports whether the time was up.
func (c *limitContext) end(failed bool) (over bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = context.Canceled
		if failed && c.own && !time.Now().Before(c.deadline) {
			c.err = context.DeadlineExceeded
		}
		c.close()
	}
	return failed && c.own && c.err == context.DeadlineExceeded && c.Context.Err() == nil
}
