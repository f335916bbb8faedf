package web

import (
	"strings"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file decides what each node is doing.

// A state is what a node is doing, as one word. The order is that of the words in
// the page's script and in openapi.json.
type state int64

const (
	stateRunning state = iota
	stateBottleneck
	stateBlocked
	stateIdle
	stateErrors
	stateDone
	stateFailed
	statePaused
)

// A state shows as sign, word and colour, so that none of them is the only one to
// tell.
var (
	stateWords = [...]string{"running", "bottleneck", "back-pressured", "idle", "errors", "done", "failed", "paused"}
	stateSigns = [...]string{"●", "▲", "↑", "○", "!", "✓", "✕", "‖"}
)

func (s state) String() string { return stateWords[s] }

// When a node counts as what. A state once taken is kept until its lower bound is
// passed, so that nothing blinks.
const (
	busyFrom, busyKeep       = 80, 60 // percent of time
	fullFrom, fullKeep       = 80, 40 // percent of the queue before a bottleneck
	blockedFrom, blockedKeep = 50, 35 // percent of time
	idleFrom                 = 90     // percent of time starved
)

// setStates decides what each node of a snapshot is doing. Before is the snapshot before,
// nil for the first; since is an earlier report.
func setStates(t *topology, s, before *snapshot, since *metrics.Report) {
	for i := range s.nodes {
		row, rep := &s.nodes[i], &s.report.Nodes[i]
		var was state = -1
		if before != nil {
			was = before.nodes[i].State
		}
		row.State = stateIn(t, s, i, was)
		// Errors show while they happen, and for as long as a report is kept after.
		fresh := since == nil || rep.Errors() > since.Nodes[i].Errors()
		if rep.Errors() > 0 && fresh && row.State != stateFailed && row.State != stateBottleneck && row.State != statePaused {
			row.State = stateErrors
		}
	}
}

// stateIn is what a node is doing but for its errors.
func stateIn(t *topology, s *snapshot, i int, was state) state {
	row, rep := &s.nodes[i], &s.report.Nodes[i]
	limit := func(from, keep int64, of state) int64 {
		if was == of {
			return keep
		}
		return from
	}
	switch {
	case s.outcome == "failed" && (rep.Failed > 0 || strings.HasPrefix(s.report.Error, rep.ID+" (")):
		return stateFailed
	case rep.State == "done" || s.ended():
		return stateDone
	case rep.State == "paused":
		return statePaused
	case row.Busy >= limit(busyFrom, busyKeep, stateBottleneck) && holdsUp(t, s, i, limit(fullFrom, fullKeep, stateBottleneck)):
		return stateBottleneck
	case row.Blocked >= limit(blockedFrom, blockedKeep, stateBlocked):
		return stateBlocked
	case row.In == 0 && row.Out == 0 && row.Starved >= idleFrom:
		return stateIdle
	}
	return stateRunning
}

// holdsUp reports whether others wait for room before a node.
func holdsUp(t *topology, s *snapshot, i int, full int64) bool {
	for _, e := range t.in[i] {
		if s.edges[e].Fill >= full || s.nodes[t.from[e]].Blocked >= blockedFrom {
			return true
		}
	}
	return false
}
