package file

import (
	"context"
	"slices"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// This file writes files, and objects, that are acknowledged one by one, as they end.

// acknowledged reports whether a source of the flow acknowledges.
func acknowledged(f *graph.Flow) bool {
	return slices.ContainsFunc(f.Nodes, func(n *graph.Node) bool { return n.Acknowledges() && n.Engine.Ack != graph.AckEarly })
}

// A holdingWrite is a writeOp behind a source that acknowledges, of files or objects that are
// rotated and not added to: a row is there for good when its file is complete, which may be
// many cuts after the row has come. So it says what it holds, for which it must do all in
// order.
type holdingWrite struct {
	op     *writeOp
	worker nodes.Worker
	given  int
	since  map[*target]int // items that were given before the first row of a file
}

var (
	_ nodes.Starter   = (*holdingWrite)(nil)
	_ nodes.Ender     = (*holdingWrite)(nil)
	_ nodes.Timed     = (*holdingWrite)(nil)
	_ nodes.Flusher   = (*holdingWrite)(nil)
	_ nodes.Committer = (*holdingWrite)(nil)
	_ nodes.Laster    = (*holdingWrite)(nil)
	_ nodes.Holder    = (*holdingWrite)(nil)
)

// Open implements nodes.Starter.
func (h *holdingWrite) Open(ctx context.Context) (err error) {
	h.since = map[*target]int{}
	if h.worker, err = h.op.NewWorker(ctx); err != nil {
		return err
	}
	return h.op.Open(ctx)
}

// Process implements nodes.Operator.
func (h *holdingWrite) Process(ctx context.Context, in nodes.Input, out nodes.Out) (err error) {
	if in.Made, err = h.worker.Work(ctx, in, out); err != nil {
		return err
	}
	err = h.op.Process(ctx, in, out)
	for _, t := range h.op.order {
		if _, known := h.since[t]; !known && t.rows > 0 {
			h.since[t] = h.given
		}
	}
	h.given += in.Data.Len()
	return err
}

// Held implements nodes.Holder.
func (h *holdingWrite) Held() int {
	first := h.given
	for t, since := range h.since {
		if t.named() {
			delete(h.since, t)
		} else {
			first = min(first, since)
		}
	}
	return h.given - first
}

// Due implements nodes.Timed.
func (h *holdingWrite) Due() time.Time { return h.op.Due() }

// OnTime implements nodes.Timed.
func (h *holdingWrite) OnTime(ctx context.Context, now time.Time, out nodes.Out) error {
	return h.op.OnTime(ctx, now, out)
}

// End completes the files at once, so that what is in them can be acknowledged.
func (h *holdingWrite) End(ctx context.Context, _ nodes.EndedEdge, _ nodes.Out) error {
	h.op.ctx = ctx
	for value, t := range h.op.targets {
		if err := h.op.end(value, t); err != nil {
			return err
		}
	}
	h.op.turn = time.Time{}
	return nil
}

// Flush implements nodes.Flusher: what is not held is there.
func (h *holdingWrite) Flush(context.Context) error { return nil }

// Lasts implements nodes.Laster.
func (h *holdingWrite) Lasts() bool { return true }

// Seal implements nodes.Committer.
func (h *holdingWrite) Seal(ctx context.Context, epoch uint64) error { return h.op.Seal(ctx, epoch) }

// Commit implements nodes.Committer.
func (h *holdingWrite) Commit(ctx context.Context, epoch uint64) error {
	return h.op.Commit(ctx, epoch)
}

// Abort implements nodes.Committer.
func (h *holdingWrite) Abort(ctx context.Context) error { return h.op.Abort(ctx) }
