package scheduler

import (
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/scheduler/queue"
)

// An inlet is an edge as its reader sees it.
type inlet struct {
	e           *edge
	port, place int
	open        bool        // its end was not told yet
	batch       *batcher    // puts batches together; nil: what is there is taken
	data        record.Data // a batch that is handed out in parts; nil: none
	at          int         // how much of it was handed out
	origin      uint64      // of it; see queue.Mark

	wanted bool        // the operator reads it now
	cut    uint64      // the epoch of the last cut that it has come to
	from   uint64      // of what came over the edge after that, the origin is later
	low    uint64      // the same with what was taken off the edge before and waits here
	kept   *queue.List // what was read for a cut before the operator wanted it; nil: nothing
}

// next takes off the edge, what was kept first.
func (in *inlet) next(most int) (env queue.Envelope, what finding, err error) {
	if in.kept != nil {
		if env, ok := in.kept.Take(true, 0); ok {
			in.e.receive(env)
			in.e.wakeSender()
			return env, foundItems, nil
		}
		in.kept = nil
	}
	return in.e.take(most)
}

// sooner is the earlier of two times, of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
