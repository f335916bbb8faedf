package scheduler

import (
	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// A SeenCut is what the tests are told of a cut: of an edge whose reader has come to it, or
// of a source that was cut.
type SeenCut struct {
	Epoch, Low                    uint64
	Edge                          *graph.Edge
	Sent, Received, Held, Dropped int64
	Source                        *graph.Node
	Position                      nodes.Position
}

// SeeCuts calls see at every cut of every edge and source, on the goroutine that cuts.
func (o *Options) SeeCuts(see func(SeenCut)) {
	o.seeCuts = func(c seenCut) {
		see(SeenCut{c.epoch, c.low, c.edge, c.sent, c.received, c.held, c.dropped, c.source, c.position})
	}
}

// BreakAlignment lets nodes read on an input that has come to a cut while others have not.
func (o *Options) BreakAlignment() { o.misaligned = true }

// Flight is the epoch that is under way; 0: none.
func (r *Run) Flight() uint64 { return r.epochs.epoch.Load() }

// DoneEarly reports whether a node has ended before its inputs.
func (r *Run) DoneEarly(id string) bool {
	for _, n := range r.nodes {
		if n.spec.ID == id {
			return n.done.Load()
		}
	}
	return false
}

// Lose makes the books of an edge wrong.
func (r *Run) Lose(spec *graph.Edge) {
	for _, e := range r.edges {
		if e.spec == spec {
			e.count.Received.Add(-1)
		}
	}
}
