package web

import (
	"time"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file makes of the cuts of a run what the page shows of them.

// slowCut is how long a cut is under way before the page says so: most take less, and
// the page would flicker.
const slowCut = time.Second

// A cutsRow is what the page shows of the cuts of a run, as it is on the wire.
type cutsRow struct {
	Last uint64   `json:"n"`  // number of the last complete cut; 0: there was none
	At   int64    `json:"at"` // when it began, in ms since the start
	Slow *slowRow `json:"slow,omitempty"`
}

// A slowRow is the cut under way, once it is slow.
type slowRow struct {
	Number uint64 `json:"n"`
	At     int64  `json:"at"`              // when it began
	Node   int    `json:"node"`            // whom it waits for
	Input  string `json:"input,omitempty"` // of that node; "" of a source
	Left   []int  `json:"left"`            // the nodes that have not met it
}

// cutsOf gives the row of a report; nil if the run has no cuts. Of the snapshot before,
// it keeps when a cut began, which two reports may put a moment apart.
func cutsOf(r *metrics.Report, before *snapshot) *cutsRow {
	c := r.Cuts
	if c == nil {
		return nil
	}
	was := &cutsRow{}
	if before != nil && before.cuts != nil {
		was = before.cuts
	}
	row := &cutsRow{Last: c.Epoch}
	switch {
	case c.Epoch == 0:
	case c.Epoch == was.Last:
		row.At = was.At
	default:
		row.At = (r.Took - c.Age).Milliseconds()
	}
	if c.Waits == nil || c.For <= slowCut || r.Outcome != "running" {
		return row
	}
	slow := &slowRow{Number: c.Flight, At: (r.Took - c.For).Milliseconds(), Input: c.Waits.Input}
	if was.Slow != nil && was.Slow.Number == slow.Number {
		slow.At = was.Slow.At
	}
	for i := range r.Nodes {
		n := &r.Nodes[i]
		if n.ID == c.Waits.Node {
			slow.Node = i
		}
		if n.Epoch < c.Flight && n.State != "done" {
			slow.Left = append(slow.Left, i)
		}
	}
	if len(slow.Left) > 0 { // else it has just become complete
		row.Slow = slow
	}
	return row
}
