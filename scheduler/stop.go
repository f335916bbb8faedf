package scheduler

import "slices"

// This file is the stop of a run, and what it means for what the run has made.

// Stop ends the sources; what is on its way is worked off. Where all sources had come to
// their end, or have none, outputs become visible as in a run that ended by itself; else
// see ErrStopped. Once the run has ended it does nothing.
func (r *Run) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	r.stopped = true
	if r.stop != nil { // before the pause ends, or one more piece would slip in
		r.stop()
	}
	r.pausing.end()
	select {
	case r.news <- struct{}{}:
	default: // the observer has been told and not looked yet
	}
}

// endless reports whether a source has no end of its own.
func (r *Run) endless() bool {
	for _, n := range r.nodes {
		if u := n.parts.Unending; u != nil && u.Endless() {
			return true
		}
	}
	return false
}

// partial reports whether a source was stopped before its end.
func (r *Run) partial() bool {
	return slices.ContainsFunc(r.nodes, func(n *node) bool {
		return n.cut.Load() && (n.parts.Unending == nil || !n.parts.Unending.Endless())
	})
}

// forfeited reports whether it is certain by now that no sink will commit: of a source that
// may yet turn out to have no end, that is so when it has ended.
func (r *Run) forfeited() bool {
	return r.cutShort() && (r.options.Discard || slices.ContainsFunc(r.nodes, func(n *node) bool {
		return n.cut.Load() && (n.parts.Unending == nil || n.count.Ended.Load() && !n.parts.Unending.Endless())
	}))
}

// cutShort reports whether sinks are not to commit because the run was stopped.
func (r *Run) cutShort() bool {
	return r.partial() && !r.options.Partial || r.options.Discard && r.wasStopped()
}

func (r *Run) wasStopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}
