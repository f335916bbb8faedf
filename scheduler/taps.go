package scheduler

import (
	"fmt"

	"github.com/flowrun/flowrun/scheduler/tap"
)

// What there is to know of taps: see package tap.
type (
	Tap        = tap.Tap
	TapOptions = tap.Options
	Sample     = tap.Sample
)

// Tap opens a tap on an edge, which is named by its place in the edges of the flow.
// Close it. Of an edge that has ended there is nothing more to see: Next gives
// io.EOF.
func (r *Run) Tap(edge int, o TapOptions) (*Tap, error) {
	if edge < 0 || edge >= len(r.edges) {
		return nil, fmt.Errorf("the flow has no edge %d", edge)
	}
	return r.edges[edge].taps.Open(o)
}

// TapBetween is Tap for an edge that is named by its ports, such as late.out and
// named.left.
func (r *Run) TapBetween(from, to string, o TapOptions) (*Tap, error) {
	for i, e := range r.edges {
		if e.spec.String() == from+" -> "+to {
			return r.Tap(i, o)
		}
	}
	return nil, fmt.Errorf("the flow has no edge %s -> %s", from, to)
}

// endTaps ends those that the ends of edges have left, as in a run that could not
// begin.
func (r *Run) endTaps() {
	for _, e := range r.edges {
		e.taps.End()
	}
}
