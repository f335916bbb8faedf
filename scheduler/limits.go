package scheduler

import (
	"context"
	"sync"

	"github.com/flowrun/flowrun/graph"
)

// A gate lets a number of workers of the whole flow work at once. Nodes that want
// to work take turns, however many workers each has, so that a node with a hundred
// workers does not keep one with a single worker waiting. A nil gate lets everybody
// through.
type gate struct {
	mu    sync.Mutex
	free  int
	queue []*node // nodes with workers that wait, in the order of their turns
}

func newGate(limit int) *gate {
	if limit == 0 {
		return nil
	}
	return &gate{free: limit}
}

// enter waits until w may work.
func (g *gate) enter(ctx context.Context, w *worker) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return nil
	}
	n, turn := w.n, make(chan struct{}, 1)
	if len(n.atGate) == 0 {
		g.queue = append(g.queue, n)
	}
	n.atGate = append(n.atGate, turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done(): // the run is over; whoever gives the turn to a place that nobody waits at does no harm
		return context.Cause(ctx)
	}
}

// exit lets the next one in: the first worker of the node whose turn it is, which
// then goes to the back of the queue.
func (g *gate) exit() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		g.free++
		return
	}
	n := g.queue[0]
	g.queue = append(g.queue[:0], g.queue[1:]...)
	n.atGate[0] <- struct{}{}
	if n.atGate = n.atGate[1:]; len(n.atGate) > 0 {
		g.queue = append(g.queue, n)
	}
}

// A memory is the bytes that all edges together may hold. Half of it is shared out:
// each edge has its share for itself, so that no edge can starve another and a flow
// gets on as it would with small queues. The other half is lent to whoever needs
// more. A batch is not split for it: an edge may be one batch over.
type memory struct {
	share int64 // of each edge

	mu     sync.Mutex
	free   int64 // of what is lent
	lent   map[*edge]int64
	hungry map[*edge]bool // whose senders wait
}

// newMemory gives nil if there is no limit.
func newMemory(limits graph.Limits, edges int) *memory {
	if limits.Memory == 0 || edges == 0 {
		return nil
	}
	half := int64(limits.Memory) / 2
	return &memory{share: max(1, half/int64(edges)), free: half, lent: map[*edge]int64{}, hungry: map[*edge]bool{}}
}

// room reports whether an edge may hold so many bytes.
func (m *memory) room(e *edge, bytes int64) bool {
	if bytes <= m.share {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes-m.share-m.lent[e] <= m.free
}

// settle lends an edge what it needs beyond its share, or takes back what it does
// not need any more, and wakes those who wait for that.
func (m *memory) settle(e *edge) {
	m.mu.Lock()
	defer m.mu.Unlock()
	need := max(0, e.count.Bytes.Load()-m.share)
	back := m.lent[e] - need
	if back == 0 {
		return
	}
	m.lent[e] = need
	m.free += back
	if back < 0 {
		return
	}
	for h := range m.hungry {
		select {
		case h.space <- struct{}{}:
		default:
		}
	}
}

// wait notes that the sender of an edge waits, or does not any more.
func (m *memory) wait(e *edge, waits bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if waits {
		m.hungry[e] = true
	} else {
		delete(m.hungry, e)
	}
}
