package control

import "sync"

// A Gate lets a number of workers of the whole flow work at once. Lines that wait take
// turns, however many each has, so that a node with a hundred workers does not keep one
// with a single worker waiting. A nil Gate lets everybody through.
type Gate struct {
	mu    sync.Mutex
	free  int
	queue []*Line // those in which somebody waits, in the order of their turns
}

// A Line is where those wait who are served in turn with other lines: the workers of a
// node. The zero value is an empty one.
type Line struct {
	waiting []chan struct{} // guarded by the mu of the gate
}

// NewGate gives nil if there is no limit.
func NewGate(limit int) *Gate {
	if limit == 0 {
		return nil
	}
	return &Gate{free: limit}
}

// Enter asks to be let in. It gives nil to whoever is, else what is sent to once when it is
// the turn of whoever asked. Whoever does not wait for it any more leaves the place taken
// for good, so that is for the end of a run.
func (g *Gate) Enter(l *Line) <-chan struct{} {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.free > 0 {
		g.free--
		return nil
	}
	turn := make(chan struct{}, 1)
	if len(l.waiting) == 0 {
		g.queue = append(g.queue, l)
	}
	l.waiting = append(l.waiting, turn)
	return turn
}

// Exit lets the next one in: the first in the line whose turn it is, which then goes to the
// back of the queue.
func (g *Gate) Exit() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		g.free++
		return
	}
	l := g.queue[0]
	g.queue = append(g.queue[:0], g.queue[1:]...)
	l.waiting[0] <- struct{}{}
	if l.waiting = l.waiting[1:]; len(l.waiting) > 0 {
		g.queue = append(g.queue, l)
	}
}
