package queue

import (
	"sync"
	"time"
)

// A List is a queue that what waits longest can be dropped from. It has no bound of
// its own.
type List struct {
	mu   sync.Mutex
	list []Envelope
}

// Full implements Queue.
func (*List) Full() bool { return false }

// Put implements Queue.
func (l *List) Put(env Envelope) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, env)
}

// Take implements Queue.
func (l *List) Take(bool, int) (env Envelope, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) == 0 {
		return env, false
	}
	env = l.list[0]
	l.list[0] = Envelope{}
	l.list = l.list[1:]
	return env, true
}

// DropOldest drops items off the front until fits says that what is left leaves
// enough room, given how many items and bytes were dropped. over gives how many items
// too many there are then; 0 or less if it is bytes.
func (l *List) DropOldest(fits func(items, bytes int) bool, over func(items int) int) (items, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.list) > 0 && !fits(items, bytes) {
		head := &l.list[0]
		n := over(items)
		if n <= 0 || n >= head.Items { // the whole of it
			items += head.Items
			bytes += head.Bytes
			head.Data.Release()
			*head = Envelope{}
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
