package scheduler

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// This file is the part of an intake that asks a source for its next piece.

// pull takes the next piece of a source. A source that was told to stop is asked for
// what it has taken already, if it has that, and for nothing more.
func (t *intake) pull(ctx context.Context, w *worker) error {
	n := t.n
	if t.over || n.done.Load() {
		t.over = true
		return io.EOF
	}
	n.brake.wait(n.inputCtx, w)
	n.valve.pass(n.inputCtx)
	switch n.dismissed() {
	case nil:
	case nodes.ErrDone:
		return t.drain(ctx)
	default:
		return context.Cause(ctx)
	}
	err := t.piece(n.inputCtx, n.parts.Puller.Next)
	switch {
	case err == nil:
		n.valve.pass(n.inputCtx)
		return n.acknowledgeEarly(t.task.after)
	case err != io.EOF && n.dismissed() == nodes.ErrDone: // it was told to stop
		return t.drain(ctx)
	default:
		t.over = true
	}
	return err
}

// piece calls Next, or Drain.
func (t *intake) piece(ctx context.Context, next func(context.Context) (any, nodes.Position, error)) (err error) {
	n := t.n
	start, paused := time.Now(), n.valve.total()
	err = n.call(ctx, nodes.Call{Part: nodes.PartNext}, nil, func(ctx context.Context, _ nodes.Out) error {
		piece, after, err := next(ctx)
		if err == nil {
			t.task = task{in: nodes.Input{Made: piece}, after: after}
		}
		return err
	})
	// A source that takes items on a goroutine of its own may be paused meanwhile.
	n.count.Busy.Add(int64(max(0, time.Since(start)-(n.valve.total()-paused))))
	return err
}

// drain takes what a source that is to stop has taken and not given yet.
func (t *intake) drain(ctx context.Context) error {
	if t.n.unwanted() {
		t.n.done.Store(true)
	}
	if d := t.n.parts.Drainer; d != nil && !t.n.done.Load() {
		err := t.piece(ctx, d.Drain)
		if err == nil {
			err = t.n.acknowledgeEarly(t.task.after)
		}
		if err == nil || !errors.Is(err, io.EOF) {
			t.over = err != nil
			return err
		}
	}
	t.over = true
	t.n.cut.Store(!t.n.done.Load() && !t.exhausted() || t.n.cut.Load())
	return io.EOF
}

// exhausted reports whether nothing is left in a source that was stopped. It is asked for
// a piece once more, which is thrown away.
func (t *intake) exhausted() bool {
	n := t.n
	if n.drains() {
		return false
	}
	var piece any
	err := guard(func() (err error) { piece, _, err = n.parts.Puller.Next(n.inputCtx); return err })
	if r, ok := piece.(interface{ Release() }); ok && err == nil {
		r.Release()
	}
	return errors.Is(err, io.EOF)
}
