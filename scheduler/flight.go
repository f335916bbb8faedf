package scheduler

import (
	"sync/atomic"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// A cut is "up to here" in the stream of a node.
type cut struct {
	epoch uint64
	low   uint64 // see queue.Mark
}

// A flight is what nodes and edges know of the cut that is under way.
type flight struct {
	epoch atomic.Uint64 // of it; 0: none is

	observe    func(seenCut) // for tests; nil: nobody looks
	misaligned bool          // for tests: see Options
}

// A seenCut is what an edge was when its reader came to a cut, or a source when it was cut.
// Its books are checked, and tests look at it.
type seenCut struct {
	epoch uint64

	edge                          *graph.Edge
	low                           uint64
	sent, received, held, dropped int64

	source   *graph.Node
	position nodes.Position
}
