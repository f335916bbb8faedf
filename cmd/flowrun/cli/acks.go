package cli

import (
	"fmt"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file says in words when sources acknowledge, and how the cuts of a run went.

// acksOf gives the setting ack of every source that acknowledges what it gave: sinks or
// early.
func acksOf(flow *graph.Flow) map[string]string {
	acks := map[string]string{}
	for _, n := range flow.Nodes {
		if n.Acknowledges() {
			acks[n.ID] = n.Engine.Ack
		}
	}
	return acks
}

// ackWords says when a source acknowledges, and what that may cost.
func ackWords(ack string) string {
	if ack == graph.AckEarly {
		return "at once (ack: early): a crash loses what is on its way and what is in memory"
	}
	return "when all sinks have it"
}

// cutWords counts the cuts of a run.
func cutWords(c *metrics.CutReport) string {
	if c.Complete == 0 && c.GivenUp == 0 {
		return "none was drawn" // nothing came, or the end of the run was sooner
	}
	text := fmt.Sprintf("%s complete, %s given up", count(c.Complete), count(c.GivenUp))
	switch {
	case c.Last == nil:
	case c.GivenUp == 1:
		text += "; it had waited for " + c.Last.String()
	default:
		text += "; the last of these had waited for " + c.Last.String()
	}
	return text
}
