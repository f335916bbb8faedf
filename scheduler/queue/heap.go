package queue

import (
	"container/heap"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph/record"
)

// A Rank is where an item goes in a Heap: the earliest due time leaves first, of
// these the highest key, of equal ones the one that came first.
type Rank struct {
	Row int // of the batch
	Key float64
	Due time.Time // zero: at once
}

// A Heap is a queue of single items that leave by their ranks. It takes batches of
// records whose envelopes have an Order. A put and a take are O(log n).
type Heap struct {
	mu      sync.Mutex
	heap    waitingItems
	seq     uint64
	pending pendingMark
	origins Origins // of what waits
}

// A waitingItem is one item of a heap.
type waitingItem struct {
	Rank
	seq  uint64
	from *waitingBatch
}

// A waitingBatch is a batch with items in a heap. It is released with the last.
type waitingBatch struct {
	data   *record.Batch
	left   int
	bytes  int           // of one item
	sent   time.Duration // as of the envelope
	origin uint64
}

type waitingItems []waitingItem

func (h waitingItems) Len() int { return len(h) }
func (h waitingItems) Less(i, j int) bool {
	a, b := &h[i], &h[j]
	switch {
	case !a.Due.Equal(b.Due):
		return a.Due.Before(b.Due)
	case a.Key != b.Key:
		return a.Key > b.Key
	}
	return a.seq < b.seq
}
func (h waitingItems) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *waitingItems) Push(x any)   { *h = append(*h, x.(waitingItem)) }
func (h *waitingItems) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = waitingItem{}
	*h = old[:len(old)-1]
	return last
}

// Full implements Queue.
func (*Heap) Full() bool { return false }

// Put implements Queue.
func (q *Heap) Put(env Envelope) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := env.Data.(*record.Batch)
	from := &waitingBatch{data: b, left: len(*env.Order), bytes: env.Bytes / max(env.Items, 1), sent: env.Sent, origin: q.pending.now()}
	q.origins.Add(from.origin, from.left)
	for _, r := range *env.Order {
		heap.Push(&q.heap, waitingItem{Rank: r, seq: q.seq, from: from})
		q.seq++
	}
}

// maxTake is how many items leave a heap at once at most.
const maxTake = 256

// Take implements Queue: it makes a batch of the first items that are ready.
func (q *Heap) Take(hurry bool, most int) (env Envelope, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.heap) == 0 || q.pending.there {
		return env, false
	}
	now := time.Now()
	if !hurry && q.heap[0].Due.After(now) {
		return env, false
	}
	most = max(1, min(most, maxTake))
	first := q.heap[0].from
	b := record.NewLike(first.data)
	env = Envelope{Data: b, Sent: first.sent}
	arena := b.Arena()
	for len(q.heap) > 0 && env.Items < most && (hurry || !q.heap[0].Due.After(now)) {
		item := heap.Pop(&q.heap).(waitingItem)
		b.AppendRow(item.from.data, item.Row, arena)
		env.Items++
		env.Sent = min(env.Sent, item.from.sent)
		env.Bytes += item.from.bytes
		q.origins.Take(item.from.origin, 1)
		if item.from.left--; item.from.left == 0 {
			item.from.data.Release()
		}
	}
	return env, true
}

// Due implements Queue.
func (q *Heap) Due() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.heap) == 0 {
		return time.Time{}
	}
	if due := q.heap[0].Due; !due.IsZero() {
		return due
	}
	return time.Unix(0, 0) // it is ready, and always was
}

// Err implements Queue.
func (*Heap) Err() error { return nil }

// Mark implements Queue. It passes at once: all that waits is held.
func (q *Heap) Mark(m Mark) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending.put(m, int64(len(q.heap)))
}

// Marked implements Queue.
func (q *Heap) Marked() (Mark, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pending.take(q.origins.Oldest())
}

// Close implements Queue.
func (q *Heap) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, item := range q.heap {
		if item.from.left--; item.from.left == 0 {
			item.from.data.Release()
		}
	}
	q.heap = nil
}
