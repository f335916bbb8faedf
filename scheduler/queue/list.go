package queue

import (
	"sync"
	"time"
)

// A List is a queue that what waits longest can be dropped from. It has no bound of
// its own.
type List struct {
	mu      sync.Mutex
	list    []listItem
	items   int64 // in the list
	pending pendingMark
}

// listItem is an envelope in a list.
type listItem struct {
	Envelope
	origin uint64
}

// Full implements Queue.
func (*List) Full() bool { return false }

// Put implements Queue.
func (l *List) Put(env Envelope) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, listItem{env, l.pending.now()})
	l.items += int64(env.Items)
}

// Take implements Queue.
func (l *List) Take(bool, int) (env Envelope, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) == 0 || l.pending.there {
		return env, false
	}
	env = l.list[0].Envelope
	l.list[0] = listItem{}
	l.list = l.list[1:]
	l.items -= int64(env.Items)
	return env, true
}

// DropOldest drops items off the front until fits says that what is left leaves
// enough room, given how many items and bytes were dropped. over gives how many items
// too many there are then; 0 or less if it is bytes.
func (l *List) DropOldest(fits func(items, bytes int) bool, over func(items int) int) (items, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.dropped(int64(items)) }()
	for len(l.list) > 0 && !fits(items, bytes) {
		head := &l.list[0]
		n := over(items)
		if n <= 0 || n >= head.Items { // the whole of it
			items += head.Items
			bytes += head.Bytes
			head.Data.Release()
			*head = listItem{}
			l.list = l.list[1:]
			continue
		}
		kept, share := head.Data.Slice(n, head.Items), head.Bytes*n/head.Items
		head.Data.Release()
		head.Data, head.Items, head.Bytes = kept, head.Items-n, head.Bytes-share
		items += n
		bytes += share
	}
	return items, bytes
}

// dropped counts what was dropped, of what was put before the mark first. The caller holds mu.
func (l *List) dropped(items int64) {
	l.items -= items
	if m := &l.pending.mark; l.pending.there {
		before := min(items, m.Held)
		m.Held -= before
		m.Dropped += before
	}
}

// Mark implements Queue. It passes at once: all that waits is held.
func (l *List) Mark(m Mark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending.put(m, l.items)
}

// Marked implements Queue.
func (l *List) Marked() (Mark, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest := uint64(NoLow)
	if len(l.list) > 0 {
		oldest = l.list[0].origin
	}
	return l.pending.take(oldest)
}

// Due implements Queue.
func (*List) Due() time.Time { return time.Time{} }

// Err implements Queue.
func (*List) Err() error { return nil }

// Close implements Queue.
func (l *List) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, env := range l.list {
		env.Data.Release()
	}
	l.list = nil
}
