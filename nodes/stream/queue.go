package stream

import (
	"context"
	"io"
)

// This file has what lies between the goroutine that reads a stream and the engine.

// A Part is what was read of a stream: rows, or the end.
type Part[T any] struct {
	Chunk *Chunk
	From  T     // who has to know what became of the rows
	End   error // io.EOF, or why there is no more; then there are no rows
}

// A Queue passes parts on to a source. Any number of goroutines may send; the engine, one
// call at a time, takes.
type Queue[T any] struct {
	parts chan Part[T]
	ended error // what Next gives at the end; nil: not there
}

// NewQueue gives a queue in which so many parts wait; behind them the senders wait.
func NewQueue[T any](n int) *Queue[T] { return &Queue[T]{parts: make(chan Part[T], n)} }

// Send leaves a part for the engine; false: ctx has ended, and the part is gone.
func (q *Queue[T]) Send(ctx context.Context, p Part[T]) bool {
	select {
	case q.parts <- p:
		return true
	case <-ctx.Done():
		p.release()
		return false
	}
}

// Next waits for rows. The end comes again whenever it is asked for.
func (q *Queue[T]) Next(ctx context.Context) (Part[T], error) {
	if q.ended != nil {
		return Part[T]{}, q.ended
	}
	select {
	case p := <-q.parts:
		return q.take(p)
	case <-ctx.Done():
		return Part[T]{}, context.Cause(ctx)
	}
}

// Drain gives rows that wait, and io.EOF if none do.
func (q *Queue[T]) Drain() (Part[T], error) {
	if q.ended != nil {
		return Part[T]{}, q.ended
	}
	select {
	case p := <-q.parts:
		return q.take(p)
	default:
		return Part[T]{}, io.EOF
	}
}

func (q *Queue[T]) take(p Part[T]) (Part[T], error) {
	q.ended = p.End
	return p, p.End
}

// Close gives back what waits. Nobody sends any more.
func (q *Queue[T]) Close() {
	for {
		select {
		case p := <-q.parts:
			p.release()
		default:
			return
		}
	}
}

func (p Part[T]) release() {
	if p.Chunk != nil {
		p.Chunk.Release()
	}
}
