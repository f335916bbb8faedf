package scheduler

import (
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
	headway
}

// cut notes how far a source was at a cut.
func (a *acks) cut(epoch uint64, at headway) {
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

// A headway is how far a source is.
type headway struct {
	position nodes.Position // nil: nothing was taken that has one
	pieces   uint64         // that had one
}

func (r *headway) note(after nodes.Position) {
	if after != nil {
		r.position = after
		r.pieces++
	}
}
