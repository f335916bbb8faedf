package scheduler

import (
	"io"
	"log/slog"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// Options of a run. The zero value is that of `flowrun run`.
type Options struct {
	// Workers is for nodes that the flow gives no number and that may have
	// several; 0 leaves it to their kind.
	Workers int
	// Serial runs everything on one goroutine, one item at a time.
	Serial bool
	// Batch bounds how many items a task has; 0: record.MaxRows. Tests
	// use it to show that output does not depend on it.
	Batch int
	// Watch is how long nothing may move before the run looks whether it is stuck;
	// 0: a second.
	Watch time.Duration

	Stdin  io.Reader
	Stdout io.Writer
	Log    *slog.Logger // of what kinds log; nil: nobody reads it
	Events *slog.Logger // of what happens to the run, see events.go; nil: nobody wants to know
	Seed   uint64       // of chance in kinds such as sample
	// Partial lets sinks commit what they have when a source was stopped before its end.
	Partial bool
	// Discard lets no sink commit when the run was stopped, whatever its sources are. None
	// of these is told of anything before the end then.
	Discard bool
	// NoAcks lets no source hear of what it gave: for runs whose results are thrown away.
	NoAcks bool
	// NoSync leaves out what makes files safe from a power cut.
	NoSync bool
	// Cuts says when there is a cut through all streams.
	Cuts Cuts
	// SpillDir is where edges that spill put their overflow; "": the system's
	// folder for temporary files.
	SpillDir string

	// Network makes the connections of kinds; nil: that of the system.
	Network nodes.Network

	cpu     func() time.Duration // processor time of the process; tests set it
	seeCuts func(seenCut)        // tests look at every cut of every edge

	misaligned bool // tests see that they notice when nodes do not align
}

func (o *Options) batch() int {
	if o.Batch > 0 {
		return o.Batch
	}
	return record.MaxRows
}

// atMost is the size of a batch of n items in a run whose batches are bounded.
func (o *Options) atMost(n int) int {
	if o.Batch > 0 {
		return min(n, o.Batch)
	}
	return n
}

// Cuts says when a run draws a cut through all of its streams; see epochs.go.
type Cuts struct {
	// Every is the time from the begin of one cut to that of the next; 0: there is none,
	// unless a source acknowledges by cuts: then it is 50 ms, while something that such a
	// source gave is not acknowledged and anything has moved.
	Every time.Duration
	// Timeout is how long a cut may wait for a node that does nothing meanwhile before it is
	// given up; 0: a minute.
	Timeout time.Duration
	// Staged is how many bytes sinks may stage before there is a cut at once; 0: 64 MB.
	Staged int64
}
