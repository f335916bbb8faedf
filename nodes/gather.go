package nodes

import (
	"cmp"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph/record"
)

// idleFlush is how long a source may hold items while it does nothing.
const idleFlush = time.Millisecond

// A gathering puts the single items of a source together into batches. A full
// batch leaves at once; a partial one leaves when the source has been silent for
// idleFlush, so that a slow source is not held up and a fast one is not slowed
// down.
//
// Locks: turn is held while sending, and taken before mu; mu guards held and is
// never held while sending. turn is a channel, because a mutex held across a
// blocking send would stop virtual time.
type gathering[O any] struct {
	out  Out
	pool record.Pool[O]
	turn chan struct{}

	mu    sync.Mutex
	held  *record.Items[O] // nil: none
	armed bool
	timer *time.Timer
	lost  error // of a flush by the timer
	over  error // why no more items are taken
}

func newGathering[O any](out Out) *gathering[O] {
	return &gathering[O]{out: out, turn: make(chan struct{}, 1)}
}

// add takes an item.
func (g *gathering[O]) add(x O) error {
	g.mu.Lock()
	if g.lost != nil || g.over != nil {
		defer g.mu.Unlock()
		return cmp.Or(g.lost, g.over)
	}
	if g.held == nil {
		g.held = g.pool.Get(record.MaxRows)
	}
	g.held.V = append(g.held.V, x)
	full := len(g.held.V) >= record.MaxRows
	if !full && !g.armed {
		g.armed = true
		if g.timer == nil {
			g.timer = time.AfterFunc(idleFlush, g.expired)
		} else {
			g.timer.Reset(idleFlush)
		}
	}
	g.mu.Unlock()
	if full {
		return g.flush()
	}
	return nil
}

// refuse makes add take no more. What it has taken stays.
func (g *gathering[O]) refuse(why error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = why
}

func (g *gathering[O]) expired() {
	if err := g.flush(); err != nil {
		g.mu.Lock()
		g.lost = err
		g.mu.Unlock()
	}
}

// flush sends what is held, in order with other flushes.
func (g *gathering[O]) flush() error {
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	g.mu.Lock()
	full := g.held
	g.held, g.armed = nil, false
	g.mu.Unlock()
	if full == nil {
		return nil
	}
	return g.out.Emit(0, full)
}

// close sends the rest and waits for a flush by the timer.
func (g *gathering[O]) close() error {
	g.mu.Lock()
	if g.timer != nil {
		g.timer.Stop()
	}
	g.mu.Unlock()
	err := g.flush()
	g.mu.Lock()
	defer g.mu.Unlock()
	return cmp.Or(g.lost, err)
}
