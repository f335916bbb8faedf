package flowrun

import (
	"context"
	"errors"
	"sync"

	"github.com/flowrun/flowrun/nodes"
)

// This file has the source that a program submits items to while the flow runs.

// What Submit and TrySubmit give when they take nothing.
var (
	ErrEnded  = errors.New("the flow has ended")   // or was stopped, or nobody wants more
	ErrClosed = errors.New("the source is closed") // by Close
	ErrFull   = errors.New("the queue is full")    // TrySubmit would have to wait
)

// A Pusher is a source whose items the program submits. Its Stream is what the
// other nodes read. All methods may be called by any number of goroutines at once.
type Pusher[T any] struct {
	Stream[T]

	mu  sync.Mutex
	now *submissions[T]
	ran bool // now is of a run that has begun
}

// Push is a source for a program that has the items, such as one that serves
// requests.
//
//	in := flowrun.Push[Order](g, "in")
//	flowrun.Each(in.Stream, "book", book)
//	go g.Run(ctx)
//	...
//	err := in.Submit(ctx, order)
//
// Items of one goroutine keep their order. Before the first run a few items can be
// submitted already; then Submit waits for it. After a run the source is over until
// the next one begins.
func Push[T any](g *Graph, id string, opts ...Option) *Pusher[T] {
	p := &Pusher[T]{now: newSubmissions[T]()}
	p.Stream = source[T](g, id, "go.push", "Gives what the program submits.", func(*nodes.Env) nodes.Operator {
		return nodes.SubmittedValues(func() (<-chan T, func()) {
			s := p.current()
			return s.items, func() { s.end(ErrEnded) }
		})
	}, opts)
	p.n.reset = p.begin
	p.n.over = func() { p.current().end(ErrEnded) }
	return p
}

// Submit hands an item over. It waits while the flow is busy: that is how
// back-pressure reaches the program. The error is ErrEnded once the flow has ended
// or was stopped, ErrClosed after Close, and the cause of ctx if that ends first; the
// item was not taken then. An item that was taken is lost only if the flow fails.
func (p *Pusher[T]) Submit(ctx context.Context, item T) error {
	return p.current().submit(ctx, item)
}

// TrySubmit is Submit that does not wait: the error is ErrFull if it would have to.
func (p *Pusher[T]) TrySubmit(item T) error { return p.current().try(item) }

// Close ends the source; what was submitted before is worked off. It does not wait
// for that. Another run opens the source again.
func (p *Pusher[T]) Close() { p.current().end(ErrClosed) }

func (p *Pusher[T]) current() *submissions[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// begin makes room for another run.
func (p *Pusher[T]) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ran {
		p.now = newSubmissions[T]()
	}
	p.ran = true
}

// Submissions are the items on their way into one run. Whoever submits holds mu for
// reading, so that nobody does when the channel is closed.
type submissions[T any] struct {
	items chan T
	over  chan struct{} // closed: nothing more is taken
	once  sync.Once
	why   error // set before over is closed
	mu    sync.RWMutex
}

func newSubmissions[T any]() *submissions[T] {
	return &submissions[T]{items: make(chan T, pushDepth), over: make(chan struct{})}
}

func (s *submissions[T]) submit(ctx context.Context, item T) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.isOver() {
		return s.why
	}
	select {
	case s.items <- item:
		return nil
	case <-s.over:
		return s.why
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *submissions[T]) try(item T) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.isOver() {
		return s.why
	}
	select {
	case s.items <- item:
		return nil
	default:
		return ErrFull
	}
}

// isOver is asked before an item is handed over, because select has no order.
func (s *submissions[T]) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// end takes nothing more. Those who wait are told, and what was taken stays.
func (s *submissions[T]) end(why error) {
	s.once.Do(func() {
		s.why = why
		close(s.over)
		s.mu.Lock()
		defer s.mu.Unlock()
		close(s.items)
	})
}

// pushDepth is how many submitted items may wait for the source to take them.
const pushDepth = 256
