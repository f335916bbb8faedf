package nodes

import (
	"cmp"
	"io"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph/record"
)

// This file puts what a source emits one by one together into pieces.

// idleFlush is how long a source may hold items while it does nothing.
const idleFlush = time.Millisecond

// A batcher puts the single items of a source together into batches, for Next to
// fetch. A full batch is offered at once; a partial one when the first item of it has
// waited for idleFlush, so that a slow source is not held up and a fast one is not slowed
// down. Whoever offers a batch waits until it is fetched, so a source is at most a batch
// and the one that is offered ahead.
//
// Locks: offer is held while offering, and taken before mu; mu guards what is held and is
// never held while offering. offer is a channel, because a mutex held across a blocking
// send would stop virtual time.
type batcher[O any] struct {
	pool    record.Pool[O]
	batches chan sourceBatch[O]
	offer   chan struct{}
	closed  chan struct{} // nobody fetches any more

	mu    sync.Mutex
	held  sourceBatch[O]
	armed bool
	timer *time.Timer
	over  error // why no more items are taken
	err   error // of the source
}

// A sourceBatch is a batch, and how far the source is after it.
type sourceBatch[O any] struct {
	items *record.Items[O] // nil: none
	known int              // up to this item the position is known
	after Position
}

func newBatcher[O any]() *batcher[O] {
	return &batcher[O]{batches: make(chan sourceBatch[O]), offer: make(chan struct{}, 1), closed: make(chan struct{})}
}

// add takes an item.
func (b *batcher[O]) add(x O, after Position) error {
	b.mu.Lock()
	if why := b.over; why != nil {
		b.mu.Unlock()
		return why
	}
	h := &b.held
	if h.items == nil {
		h.items = b.pool.Get(record.MaxRows)
	}
	h.items.V = append(h.items.V, x)
	if after != nil {
		h.known, h.after = len(h.items.V), after
	}
	full := len(h.items.V) >= record.MaxRows
	if !full && !b.armed {
		b.armed = true
		if b.timer == nil {
			b.timer = time.AfterFunc(idleFlush, b.flush)
		} else {
			b.timer.Reset(idleFlush)
		}
	}
	b.mu.Unlock()
	if full {
		b.flush()
	}
	return nil
}

// refuse makes add take no more. What it has taken stays.
func (b *batcher[O]) refuse(why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over == nil {
		b.over = why
	}
}

// end notes how the source has ended by itself.
func (b *batcher[O]) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

// outcome is what comes after the last item.
func (b *batcher[O]) outcome() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return cmp.Or(b.err, io.EOF)
}

// flush offers what is held, in order with other flushes, until it is fetched or nobody
// fetches any more.
func (b *batcher[O]) flush() {
	b.offer <- struct{}{}
	defer func() { <-b.offer }()
	for more := true; more; {
		var made sourceBatch[O]
		if made, more = b.take(); made.items == nil {
			return
		}
		select {
		case b.batches <- made:
		case <-b.closed:
			made.items.Release()
		}
	}
}

// take gives what is held. If the source can be come back to before the end of it, it
// gives the part up to there; more says that there is another one. The caller holds offer.
func (b *batcher[O]) take() (made sourceBatch[O], more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	made, b.held, b.armed = b.held, sourceBatch[O]{}, false
	if made.items == nil || made.known == 0 || made.known == len(made.items.V) {
		return made, false
	}
	b.held.items = b.pool.Get(record.MaxRows)
	b.held.items.V = append(b.held.items.V, made.items.V[made.known:]...)
	fill(made.items, made.known, len(made.items.V))
	return made, true
}

// drain gives a batch of what was taken, without waiting for the source, which must have
// been refused. There is none when nothing is left.
func (b *batcher[O]) drain() sourceBatch[O] {
	select {
	case made := <-b.batches: // whoever holds offer sends it
		return made
	case b.offer <- struct{}{}:
		defer func() { <-b.offer }()
		made, _ := b.take()
		return made
	}
}

// close releases what was not fetched. The source has ended.
func (b *batcher[O]) close() {
	b.mu.Lock()
	if b.timer != nil {
		b.timer.Stop()
	}
	b.mu.Unlock()
	b.flush()
}
