package scheduler

import (
	"fmt"
	"strings"
	"time"
)

// watch looks, while nothing moves, whether nothing can: every worker that has
// not ended waits for an edge or a turn. Then the flow is stuck, and the failure
// names who waits for whom. A source that reads and a kind that works are not
// waiting, however long they take.
func (r *Run) watch(over <-chan struct{}) {
	every := r.options.Watch
	if every == 0 {
		every = time.Second
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var before int64
	still := 0
	for {
		select {
		case <-over:
			return
		case <-r.ctx.Done():
			return
		case <-ticker.C:
		}
		now := r.progress()
		waiting := r.allWait()
		if now != before || waiting == "" {
			before, still = now, 0
			continue
		}
		if still++; still == 1 {
			r.options.Events.Warn("nothing moves", "waiting", waiting)
		}
		if still >= 2 {
			r.cancel(fmt.Errorf("%w: %s", ErrStuck, waiting))
			return
		}
	}
}

// progress is a number that changes when anything moves.
func (r *Run) progress() int64 {
	var sum int64
	for _, e := range r.edges {
		sum += e.count.Sent.Load() + e.count.Received.Load() + e.count.Unwanted.Load()
	}
	for _, n := range r.nodes {
		sum += n.count.In.Load() + n.count.Out.Load() + n.count.Batches.Load()
	}
	return sum
}

// allWait says who waits for what if everybody does, else "".
func (r *Run) allWait() string {
	var waits []string
	for _, n := range r.nodes {
		if n.count.Ended.Load() {
			continue
		}
		workers := n.everyone()
		if len(workers) == 0 {
			return "" // it is about to begin
		}
		said, live := false, false
		for _, w := range workers {
			a, edge := w.doing()
			if a == working || a == napping {
				return ""
			}
			live = live || a != ended
			if said || edge < 0 {
				continue
			}
			e := r.edges[edge]
			switch a {
			case sending:
				waits = append(waits, fmt.Sprintf("%s waits for room at %s.%s (%d of %d items)",
					n.spec.ID, e.spec.To.ID, e.spec.ToPort.Name, e.count.Items.Load(), e.capacity))
				said = true
			case receiving:
				waits = append(waits, fmt.Sprintf("%s waits for items at %s.%s from %s", n.spec.ID, n.spec.ID, e.spec.ToPort.Name, e.spec.From.ID))
				said = true
			}
		}
		if !live {
			return "" // it is about to end
		}
	}
	if len(waits) == 0 {
		return ""
	}
	return strings.Join(waits, "; ") + "; a larger `capacity` or `on_full: spill` on the full edge helps"
}
