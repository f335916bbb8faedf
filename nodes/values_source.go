package nodes

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"

	"github.com/flowrun/flowrun/graph/record"
)

// This file has the sources of Go values.

// SourceValues is a source of what read emits. read runs on a goroutine of its own, from
// the first Next until the node has ended; its context is cancelled when the flow is
// stopped, and emit gives an error from then on. What was emitted before leaves the node
// before an error or a panic of read ends the run. A read that returns nil has given all
// there is, also after a stop: one that has no end of its own does so.
func SourceValues[O any](env *Env, read func(ctx context.Context, emit func(O) error) error) Operator {
	return sourceValues(env, read, lifetime{})
}

func sourceValues[O any](env *Env, read func(ctx context.Context, emit func(O) error) error, l lifetime) *sourceOp[O] {
	s := &sourceOp[O]{lifetime: l, env: env}
	s.read = func(ctx context.Context) error { return read(ctx, s.emit) }
	return s
}

type sourceOp[O any] struct {
	lifetime
	env  *Env
	read func(ctx context.Context) error

	batcher *batcher[O] // nil: read was not begun
	ctx     context.Context
	cancel  context.CancelCauseFunc
	ended   chan struct{} // closed: read has ended, and what it emitted was fetched
	whole   atomic.Bool   // it has ended without an error
}

// start runs read.
func (s *sourceOp[O]) start(ctx context.Context) {
	s.batcher, s.ended = newBatcher[O](), make(chan struct{})
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	ctx = s.ctx
	context.AfterFunc(ctx, func() { s.batcher.refuse(context.Cause(ctx)) })
	go func() {
		defer close(s.ended)
		err := Guard(func() error { return s.read(ctx) })
		s.whole.Store(err == nil)
		if ctx.Err() == nil { // else it was told to end, with whatever error
			s.batcher.end(err)
		}
		s.batcher.flush()
	}()
}

// emit takes an item of read, unless the run is paused.
func (s *sourceOp[O]) emit(x O) error {
	if p := s.env.Paused; p != nil && p.Load() {
		s.env.Await(s.ctx)
	}
	return s.batcher.add(x, nil)
}

func (s *sourceOp[O]) emitAt(x O, after Position) error {
	if p := s.env.Paused; p != nil && p.Load() {
		s.env.Await(s.ctx)
	}
	return s.batcher.add(x, after)
}

// Next implements Puller.
func (s *sourceOp[O]) Next(ctx context.Context) (any, Position, error) {
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if s.batcher == nil {
		s.start(ctx)
	}
	select {
	case b := <-s.batcher.batches:
		return b.items, b.after, nil
	case <-s.ended:
		return nil, nil, s.batcher.outcome()
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
}

// Drain implements Drainer.
func (s *sourceOp[O]) Drain(context.Context) (any, Position, error) {
	if s.batcher == nil {
		return nil, nil, io.EOF
	}
	s.cancel(ErrDone)
	s.batcher.refuse(context.Cause(s.ctx))
	if b := s.batcher.drain(); b.items != nil {
		return b.items, b.after, nil
	}
	return nil, nil, s.batcher.outcome()
}

// Endless implements Endless.
func (s *sourceOp[O]) Endless() bool { return s.whole.Load() }

// Process implements Operator.
func (s *sourceOp[O]) Process(_ context.Context, in Input, out Out) error { return emitPiece(in, out) }

func emitPiece(in Input, out Out) error { return out.Emit(0, in.Made.(record.Data)) }

// Close implements Closer. It waits for read.
func (s *sourceOp[O]) Close() error {
	if s.batcher != nil {
		s.cancel(ErrDone)
		s.batcher.refuse(ErrDone)
		close(s.batcher.closed)
		<-s.ended
		s.batcher.close()
	}
	return s.lifetime.Close()
}

// A resumableOp is a source that goes on after a position.
type resumableOp[O any] struct {
	sourceOp[O]
	after Position // where it begins; nil: at the beginning
}

// Seek implements Seeker.
func (s *resumableOp[O]) Seek(_ context.Context, after Position) error {
	s.after = after
	return nil
}

// An acknowledgedOp is one that is told how far it was taken.
type acknowledgedOp[O any] struct {
	*resumableOp[O]
	taken func(after Position) error
}

// Taken implements Acknowledger.
func (s *acknowledgedOp[O]) Taken(after Position) error {
	return Guard(func() error { return s.taken(after) })
}

// ResumableOperator is a source made of a ResumableSource, with what else it has: Taken,
// Open and Close.
func ResumableOperator[O any](env *Env, n ResumableSource[O]) Operator {
	s := &resumableOp[O]{sourceOp: sourceOp[O]{lifetime: lifetimeOf(n, env), env: env}}
	s.read = func(ctx context.Context) error { return n.ReadFrom(ctx, s.after, s.emitAt) }
	if a, ok := n.(Acknowledger); ok {
		return &acknowledgedOp[O]{s, a.Taken}
	}
	return s
}

// SliceValues is a source of the items, which must not change while it runs: they are
// not copied. Its position is how many of them it has given.
func SliceValues[T any](items []T) Operator {
	// The reference of the whole is never given back: the memory is the caller's.
	return &sliceOp[T]{items: record.Wrap(items)}
}

type sliceOp[T any] struct {
	items *record.Items[T]
	at    int
}

// Next implements Puller.
func (s *sliceOp[T]) Next(context.Context) (any, Position, error) {
	if s.at == s.items.Len() {
		return nil, nil, io.EOF
	}
	from := s.at
	s.at = min(from+record.MaxRows, s.items.Len())
	return s.items.Slice(from, s.at), Position(strconv.Itoa(s.at)), nil
}

// Seek implements Seeker.
func (s *sliceOp[T]) Seek(_ context.Context, after Position) error {
	at, err := strconv.Atoi(string(after))
	if err != nil || at < 0 || at > s.items.Len() {
		return fmt.Errorf("position %q is not one of a slice of %d items", after, s.items.Len())
	}
	s.at = at
	return nil
}

// Process implements Operator.
func (s *sliceOp[T]) Process(_ context.Context, in Input, out Out) error { return emitPiece(in, out) }

// ReceiveValues is a source of what comes over a channel, until it is closed. What waits
// in the channel travels together; nothing is held back.
func ReceiveValues[T any](ch <-chan T) Operator { return &receiveOp[T]{ch: ch} }

type receiveOp[T any] struct {
	ch   <-chan T
	pool record.Pool[T]
}

// Next implements Puller: it waits for one item and takes what else is there.
func (r *receiveOp[T]) Next(ctx context.Context) (any, Position, error) {
	var batch *record.Items[T]
	select {
	case x, ok := <-r.ch:
		if !ok {
			return nil, nil, io.EOF
		}
		batch = r.pool.Get(1)
		batch.V = append(batch.V, x)
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	for len(batch.V) < record.MaxRows {
		select {
		case x, ok := <-r.ch:
			if !ok {
				return batch, nil, nil // the next call finds the end
			}
			batch.V = append(batch.V, x)
		default:
			return batch, nil, nil
		}
	}
	return batch, nil, nil
}

// Endless implements Endless: who sends may go on for ever.
func (r *receiveOp[T]) Endless() bool { return true }

// Process implements Operator.
func (r *receiveOp[T]) Process(_ context.Context, in Input, out Out) error { return emitPiece(in, out) }

// SubmittedValues is a ReceiveValues of items that somebody has submitted and will not
// submit again. begin gives, when the run begins, their channel and a function which sees
// to it that nothing more is sent, and then closes the channel; it may be called several
// times. After a stop, what was sent before still leaves the node; when the node has
// ended, nobody waits.
func SubmittedValues[T any](begin func() (items <-chan T, end func())) Operator {
	return &submittedOp[T]{begin: begin}
}

type submittedOp[T any] struct {
	receiveOp[T]
	begin func() (<-chan T, func())
	end   func()
}

// Open implements Starter.
func (s *submittedOp[T]) Open(context.Context) error {
	s.ch, s.end = s.begin()
	return nil
}

// Drain implements Drainer.
func (s *submittedOp[T]) Drain(ctx context.Context) (any, Position, error) {
	s.end()
	return s.Next(context.WithoutCancel(ctx))
}

// Close implements Closer.
func (s *submittedOp[T]) Close() error {
	s.end()
	return nil
}

var (
	_ Drainer      = (*sourceOp[int])(nil)
	_ Seeker       = (*resumableOp[int])(nil)
	_ Acknowledger = (*acknowledgedOp[int])(nil)
	_ Seeker       = (*sliceOp[int])(nil)
	_ Drainer      = (*submittedOp[int])(nil)
)
