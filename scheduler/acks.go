package scheduler

import (
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
)

// This file is how sources hear of what they gave: at a complete cut, up to where nothing
// of it is on its way any more.

// acks is what the engine knows of a source that acknowledges. Who coordinates uses it.
type acks struct {
	cuts   []ackCut // that were not acknowledged
	pieces uint64   // that were
}

// An ackCut is how far a source was at a cut.
type ackCut struct {
	epoch uint64
	reached
}

// cut notes how far a source was at a cut.
func (a *acks) cut(epoch uint64, at reached) {
	if last := len(a.cuts) - 1; last >= 0 && a.cuts[last].pieces == at.pieces || at.pieces == a.pieces {
		return
	}
	a.cuts = append(a.cuts, ackCut{epoch, at})
}

// upTo gives the position of the last cut up to an epoch, nil if there is nothing new.
func (a *acks) upTo(epoch uint64) nodes.Position {
	n := 0
	for n < len(a.cuts) && a.cuts[n].epoch <= epoch {
		n++
	}
	if n == 0 {
		return nil
	}
	last := a.cuts[n-1]
	a.cuts = append(a.cuts[:0], a.cuts[n:]...)
	a.pieces = last.pieces
	return last.position
}

// acksEarly reports whether a source acknowledges what it takes, at once.
func (n *node) acksEarly() bool {
	return n.spec.Engine.Ack == graph.AckEarly && !n.run.options.Discard && !n.run.options.NoAcks
}

// acknowledgeEarly does that.
func (n *node) acknowledgeEarly(after nodes.Position) error {
	if after == nil || n.parts.Acknowledger == nil || !n.acksEarly() {
		return nil
	}
	n.acks.pieces++
	return n.acknowledge(after)
}

// owes reports whether a source has given what it has not acknowledged.
func (n *node) owes() bool { return n.at().pieces > n.acks.pieces }

// reach notes how far a source without an order is after what it has taken.
func (n *node) reach(after nodes.Position) {
	if after != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.reached.note(after)
	}
}

// at is how far a source is.
func (n *node) at() reached {
	if n.order == nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.reached
	}
	n.order.mu.Lock()
	defer n.order.mu.Unlock()
	return n.order.reached
}

// acknowledge tells sources up to where everything was delivered: to all sinks, and
// flushed. Of those that nobody wants more of, some was thrown away.
func (c *epochs) acknowledge(low uint64) {
	var wanted map[*node]bool
	for _, n := range c.acking {
		if len(n.acks.cuts) == 0 || n.acks.cuts[0].epoch > low || n.shed.Load() {
			continue
		}
		if wanted == nil {
			wanted = c.run.wanted()
		}
		if !wanted[n] {
			continue
		}
		if err := n.acknowledge(n.acks.upTo(low)); err != nil {
			c.run.fail(n, err)
			return
		}
	}
}

// acknowledge calls Taken.
func (n *node) acknowledge(at nodes.Position) error {
	return guard(func() error { return n.parts.Acknowledger.Taken(at) })
}

// wanted finds the nodes of which somebody wants what they give.
func (r *Run) wanted() map[*node]bool {
	wanted := map[*node]bool{}
	for _, n := range slices.Backward(r.nodes) {
		read, wants := false, false
		for _, edges := range n.out {
			for _, e := range edges {
				if !e.spec.Contract.Watched {
					read, wants = true, wants || wanted[r.byNode[e.spec.To]]
				}
			}
		}
		wanted[n] = !n.done.Load() && (!read || wants)
	}
	return wanted
}

// withheld finds the nodes behind which is a sink that keeps what it has to the end of the
// run, and those sinks: what leads there is acknowledged then.
func (r *Run) withheld() map[*node]bool {
	withheld := map[*node]bool{}
	for _, n := range slices.Backward(r.nodes) {
		l := n.parts.Laster
		withheld[n] = n.parts.Committer != nil && (l == nil || !l.Lasts())
		for _, edges := range n.out {
			for _, e := range edges {
				withheld[n] = withheld[n] || withheld[r.byNode[e.spec.To]]
			}
		}
	}
	return withheld
}

// acknowledges reports whether any source does so by cuts.
func (c *epochs) acknowledges() bool { return c != nil && len(c.acking) > 0 }
