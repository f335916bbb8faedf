package nodes

import (
	"cmp"
	"io"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph/record"
)

// idleFlush is how long a source may hold items while it does nothing.
const idleFlush = time.Millisecond

// A gathering puts the single items of a source together into batches, for Next to
// fetch. A full batch is offered at once; a partial one when the first item of it has
// waited for idleFlush, so that a slow source is not held up and a fast one is not slowed
// down. Whoever offers a batch waits until it is fetched, so a source is at most a batch
// and the one that is offered ahead.
//
// Locks: turn is held while offering, and taken before mu; mu guards what is held and is
// never held while offering. turn is a channel, because a mutex held across a blocking
// send would stop virtual time.
type gathering[O any] struct {
	pool    record.Pool[O]
	batches chan gathered[O]
	turn    chan struct{}
	closed  chan struct{} // nobody fetches any more

	mu    sync.Mutex
	held  gathered[O]
	armed bool
	timer *time.Timer
	over  error // why no more items are taken
	err   error // of the source
}

// gathered is a batch, and how far the source is after it.
type gathered[O any] struct {
	items *record.Items[O] // nil: none
	known int              // up to this item the position is known
	after Position
}

func newGathering[O any]() *gathering[O] {
	return &gathering[O]{batches: make(chan gathered[O]), turn: make(chan struct{}, 1), closed: make(chan struct{})}
}

// add takes an item.
func (g *gathering[O]) add(x O, after Position) error {
	g.mu.Lock()
	if why := g.over; why != nil {
		g.mu.Unlock()
		return why
	}
	h := &g.held
	if h.items == nil {
		h.items = g.pool.Get(record.MaxRows)
	}
	h.items.V = append(h.items.V, x)
	if after != nil {
		h.known, h.after = len(h.items.V), after
	}
	full := len(h.items.V) >= record.MaxRows
	if !full && !g.armed {
		g.armed = true
		if g.timer == nil {
			g.timer = time.AfterFunc(idleFlush, g.flush)
		} else {
			g.timer.Reset(idleFlush)
		}
	}
	g.mu.Unlock()
	if full {
		g.flush()
	}
	return nil
}

// refuse makes add take no more. What it has taken stays.
func (g *gathering[O]) refuse(why error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over == nil {
		g.over = why
	}
}

// end notes how the source has ended by itself.
func (g *gathering[O]) end(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err = err
}

// outcome is what comes after the last item.
func (g *gathering[O]) outcome() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return cmp.Or(g.err, io.EOF)
}

// flush offers what is held, in order with other flushes, until it is fetched or nobody
// fetches any more.
func (g *gathering[O]) flush() {
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	for more := true; more; {
		var b gathered[O]
		if b, more = g.take(); b.items == nil {
			return
		}
		select {
		case g.batches <- b:
		case <-g.closed:
			b.items.Release()
		}
	}
}

// take gives what is held. If the source can be come back to before the end of it, it
// gives the part up to there; more says that there is another one. The caller holds turn.
func (g *gathering[O]) take() (b gathered[O], more bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b, g.held, g.armed = g.held, gathered[O]{}, false
	if b.items == nil || b.known == 0 || b.known == len(b.items.V) {
		return b, false
	}
	g.held.items = g.pool.Get(record.MaxRows)
	g.held.items.V = append(g.held.items.V, b.items.V[b.known:]...)
	fill(b.items, b.known, len(b.items.V))
	return b, true
}

// drain gives a batch of what was taken, without waiting for the source, which must have
// been refused. There is none when nothing is left.
func (g *gathering[O]) drain() gathered[O] {
	select {
	case b := <-g.batches: // whoever has the turn offers it
		return b
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
		b, _ := g.take()
		return b
	}
}

// close releases what was not fetched. The source has ended.
func (g *gathering[O]) close() {
	g.mu.Lock()
	if g.timer != nil {
		g.timer.Stop()
	}
	g.mu.Unlock()
	g.flush()
}
