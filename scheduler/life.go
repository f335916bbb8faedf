package scheduler

import (
	"context"
	"time"
)

// A lifetime is when a run began, when its sources are to take no more, and when it is over.
type lifetime struct {
	ctx     context.Context // of the whole run; cancelled by a failure
	cancel  context.CancelCauseFunc
	sources context.Context // of sources; cancelled by Stop too
	stop    context.CancelFunc
	started time.Time
}

// begin starts to count; parent kills the run.
func (l *lifetime) begin(parent context.Context) {
	l.ctx, l.cancel = context.WithCancelCause(parent)
	l.sources, l.stop = context.WithCancel(l.ctx)
	l.started = time.Now()
}

// clock is the time since the run began.
func (l *lifetime) clock() time.Duration { return time.Since(l.started) }

// at is the time that node.due stands for.
func (l *lifetime) at(due int64) time.Time { return l.started.Add(time.Duration(due - 1)) }

// stopping reports whether the run was told to stop, or is over.
func (l *lifetime) stopping() bool { return l.sources.Err() != nil }
