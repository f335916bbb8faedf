package scheduler

import (
	"cmp"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// A watch finds a flow that is stuck. While nothing moves, it looks whether nothing can:
// every worker that has not ended waits for an edge or a turn. The failure names who
// waits for whom. A source that reads and a kind that works are not waiting, however
// long they take.
type watch struct {
	*topology
	life   *lifetime
	every  time.Duration // how long nothing may move; 0: a second
	events *slog.Logger
}

// run looks until over is closed.
func (k *watch) run(over <-chan struct{}) {
	ticker := time.NewTicker(cmp.Or(k.every, time.Second))
	defer ticker.Stop()
	var before int64
	still := 0
	for {
		select {
		case <-over:
			return
		case <-k.life.ctx.Done():
			return
		case <-ticker.C:
		}
		now := k.progress()
		waiting := k.allWait()
		if now != before || waiting == "" {
			before, still = now, 0
			continue
		}
		if still++; still == 1 {
			k.events.Warn("nothing moves", "waiting", waiting)
		}
		if still >= 2 {
			k.life.cancel(fmt.Errorf("%w: %s", ErrStuck, waiting))
			return
		}
	}
}

// allWait says who waits for what if everybody does, else "".
func (k *watch) allWait() string {
	var waits []string
	for _, n := range k.nodes {
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
			e := k.edges[edge]
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
