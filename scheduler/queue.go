package scheduler

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// A queue is the store of an edge that is no plain channel: one that drops or
// fails when it is full, or whose items do not leave in the order in which they
// came. Its bounds are those of the edge.
//
//	drop_newest, drop_oldest, fail   a list of envelopes
//	priority                         a heap: the highest priority first, equal ones in their order
//	delay                            a heap: the earliest due time first
//
// Aging. An item gains one unit of priority for each contract.Aging that it waits.
// All items age alike, so what counts is priority - arrival/aging, which does not
// change while an item waits: the heap never needs to be built anew, a put and a
// take are O(log n), and an item of low priority is overtaken only by items that
// are better by more than it has waited.
//
// The sender and the reader meet under mu; wake holds a token when something may
// have become ready, over is closed when nothing more will come.
type queue struct {
	contract *graph.Contract
	rank     *expr.Program // of the contract's expression; nil: none. The sender's
	wake     chan struct{}
	over     chan struct{}
	atOnce   atomic.Int64 // how many items of a heap the reader wants at once

	mu   sync.Mutex
	list []envelope // without order of its own
	heap waitingItems
	seq  uint64
	from time.Time // arrivals are counted from here
}

// A waitingItem is one item of a heap.
type waitingItem struct {
	key  float64   // higher leaves first
	due  time.Time // of a delay
	seq  uint64
	from *waitingBatch
	row  int
}

// A waitingBatch is a batch with items in a heap. It is released with the last.
type waitingBatch struct {
	data  *record.Batch
	left  int
	epoch uint64
	bytes int           // of one item
	sent  time.Duration // as of the envelope
}

type waitingItems []waitingItem

func (h waitingItems) Len() int { return len(h) }
func (h waitingItems) Less(i, j int) bool {
	a, b := &h[i], &h[j]
	switch {
	case !a.due.Equal(b.due):
		return a.due.Before(b.due)
	case a.key != b.key:
		return a.key > b.key
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

func newQueue(e *edge) *queue {
	q := &queue{contract: &e.spec.Contract, wake: make(chan struct{}, 1), over: make(chan struct{}), from: time.Now()}
	q.atOnce.Store(1)
	return q
}

// errFull is the failure of a sender whose edge has on_full: fail.
var errFull = errors.New("the queue is full")

// put stores an envelope that there is room for.
func (q *queue) put(env envelope) {
	q.mu.Lock()
	if env.order == nil {
		q.list = append(q.list, env)
	} else {
		b := env.data.(*record.Batch)
		from := &waitingBatch{data: b, left: len(env.order), epoch: env.epoch, bytes: env.bytes / max(env.items, 1), sent: env.sent}
		for _, r := range env.order {
			heap.Push(&q.heap, waitingItem{key: r.key, due: r.due, seq: q.seq, from: from, row: r.row})
			q.seq++
		}
	}
	q.mu.Unlock()
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// dropOldest takes items off the front until n more fit, and returns how many
// items and bytes went.
func (q *queue) dropOldest(n, bytes int, e *edge) (items, size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.list) > 0 && (e.count.Items.Load()-int64(items)+int64(n) > e.capacity ||
		e.count.Bytes.Load()-int64(size)+int64(bytes) > e.bytes) {
		head := &q.list[0]
		over := int(e.count.Items.Load()) - items + n - int(e.capacity)
		if over <= 0 || over >= head.items { // the whole of it: too many items, or too many bytes
			items += head.items
			size += head.bytes
			head.data.Release()
			q.list = q.list[1:]
			continue
		}
		kept := head.data.Slice(over, head.items)
		head.data.Release()
		share := head.bytes * over / head.items
		head.data, head.items, head.bytes = kept, head.items-over, head.bytes-share
		items += over
		size += share
	}
	return items, size
}

// take gives what is ready: an envelope of the list, or a batch of the first items
// of the heap. next is when something more will be ready, zero if that is not
// known; done says that the queue is empty for good. Without waiting for due
// times, everything is ready.
func (q *queue) take(now time.Time, hurry bool) (env envelope, ok bool, next time.Time, done bool) {
	ended := false
	select {
	case <-q.over:
		ended = true
	default:
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) > 0 {
		env = q.list[0]
		q.list[0] = envelope{}
		q.list = q.list[1:]
		if len(q.list) > 0 {
			q.signal()
		}
		return env, true, next, false
	}
	if len(q.heap) == 0 {
		return envelope{}, false, next, ended
	}
	if first := q.heap[0].due; !hurry && first.After(now) {
		return envelope{}, false, first, false
	}
	env = q.gather(now, hurry)
	if len(q.heap) > 0 {
		q.signal()
	}
	return env, true, next, false
}

// gatherRows is how many items leave a heap at once at most.
const gatherRows = 256

// gather makes a batch of the first ready items.
func (q *queue) gather(now time.Time, hurry bool) envelope {
	first := q.heap[0].from
	b := record.NewLike(first.data)
	env := envelope{epoch: first.epoch, data: b, sent: first.sent}
	arena := b.Arena()
	for len(q.heap) > 0 && env.items < int(q.atOnce.Load()) && (hurry || !q.heap[0].due.After(now)) {
		item := heap.Pop(&q.heap).(waitingItem)
		b.AppendRow(item.from.data, item.row, arena)
		env.items++
		env.sent = min(env.sent, item.from.sent)
		env.bytes += item.from.bytes
		if item.from.left--; item.from.left == 0 {
			item.from.data.Release()
		}
	}
	return env
}

// close releases what is left.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, env := range q.list {
		env.data.Release()
	}
	for _, item := range q.heap {
		if item.from.left--; item.from.left == 0 {
			item.from.data.Release()
		}
	}
	q.list, q.heap = nil, nil
}

// A rank is where an item goes in a heap.
type rank struct {
	row int
	key float64
	due time.Time
}

// ranks finds the place of each selected item of a batch. Items for which the
// expression fails, or gives what is no place (null, NaN, a negative delay), are
// reported and left out: the batch that comes back has the others.
func (q *queue) ranks(b *record.Batch, out *output) ([]rank, *record.Batch, error) {
	now := time.Now()
	if q.contract.Rank == nil {
		due := now.Add(q.contract.DelayFor)
		order := make([]rank, b.Len())
		for i := range order {
			order[i] = rank{row: b.Row(i), due: due}
		}
		return order, b, nil
	}
	if q.rank == nil {
		q.rank = q.contract.Rank.Compile()
	}
	values := b.Derive(q.contract.Rank.Type())
	defer values.Release()
	col := values.Fresh(0)
	var errs expr.RowErrors
	q.rank.Eval(b, col, values.Arena(), &errs)
	failed := map[int]error{}
	for i := range errs.Len() {
		row, err := errs.At(i)
		failed[row] = err
	}
	var order []rank
	kept := b.Share()
	kept.Sel = kept.SelBuf()
	for i := range b.Len() {
		row := b.Row(i)
		r, err := q.place(col, row, now)
		if e, ok := failed[row]; ok {
			err = e
		}
		if err != nil {
			if err := out.Bad(nodes.BadItem{Err: err, Data: b, Row: row}); err != nil {
				kept.Release()
				b.Release()
				return nil, nil, err
			}
			continue
		}
		order = append(order, r)
		kept.Sel = append(kept.Sel, uint16(row))
	}
	b.Release()
	return order, kept, nil
}

// place turns the value of the contract's expression into a rank.
func (q *queue) place(col *record.Column, row int, now time.Time) (rank, error) {
	r := rank{row: row}
	switch {
	case col.IsNull(row):
		return r, fmt.Errorf("%s is null", q.contract.Rank)
	case q.contract.Delay.Value != "" && col.Int[row] < 0:
		return r, fmt.Errorf("the delay %s is negative", time.Duration(col.Int[row]))
	case q.contract.Delay.Value != "":
		r.due = now.Add(time.Duration(col.Int[row]))
	case math.IsNaN(col.Float[row]):
		return r, fmt.Errorf("the priority %s is not a number", q.contract.Rank)
	default:
		r.key = col.Float[row] - float64(now.Sub(q.from))/float64(q.contract.Aging)
	}
	return r, nil
}

// sendQueued is edge.send for an edge with a queue.
func (e *edge) sendQueued(ctx context.Context, env envelope, w *worker) (wanted bool, err error) {
	if !e.room(env) {
		switch e.spec.Contract.OnFull {
		case "drop_newest":
			return e.dropNewest(env), nil
		case "drop_oldest":
			items, size := e.queue.dropOldest(env.items, env.bytes, e)
			e.count.Dropped.Add(int64(items))
			e.count.Items.Add(-int64(items))
			e.count.Bytes.Add(-int64(size))
		case "fail":
			env.data.Release()
			return false, fmt.Errorf("%w: %s holds %d of %d items and its contract says on_full: fail", errFull, e.spec, e.count.Items.Load(), e.capacity)
		default:
			if wanted, err := e.awaitRoom(ctx, env, w); !wanted || err != nil {
				return false, err
			}
		}
	}
	e.note(&env)
	e.queue.put(env)
	return true, nil
}

// dropNewest keeps the items that there is room for, and drops the others.
func (e *edge) dropNewest(env envelope) bool {
	fit := min(int(e.capacity-e.count.Items.Load()), env.items)
	if perItem := env.bytes / env.items; perItem > 0 {
		fit = min(fit, int(e.bytes-e.count.Bytes.Load())/perItem)
	}
	fit = max(fit, 0)
	e.count.Sent.Add(int64(env.items - fit))
	e.count.Dropped.Add(int64(env.items - fit))
	if fit == 0 {
		env.data.Release()
		return true
	}
	kept := envelope{epoch: env.epoch, data: env.data.Slice(0, fit), items: fit, bytes: env.bytes * fit / env.items}
	if env.order != nil {
		kept.order = env.order[:fit]
	}
	env.data.Release()
	e.note(&kept)
	e.queue.put(kept)
	return true
}

// hurry reports whether the flow was told to stop: delays are cut short then, and
// what waits for its time leaves at once.
func (e *edge) hurry() bool { return e.run.stopping() }

func (r *Run) stopping() bool { return r.sources.Err() != nil }

// receiveQueued is edge.receive for an edge with a queue.
func (e *edge) receiveQueued(ctx context.Context, w *worker) (envelope, bool, error) {
	defer w.waits(receiving, e)()
	w.mayWakeItself(ctx)
	for {
		env, ok, next, done := e.queue.take(time.Now(), e.hurry())
		if ok {
			e.took(env)
		}
		if ok || done {
			return env, ok, nil
		}
		var due <-chan time.Time
		if !next.IsZero() {
			w.note(working, nil) // time will pass, so this is no deadlock
			timer := time.NewTimer(time.Until(next))
			defer timer.Stop()
			due = timer.C
		}
		var stop <-chan struct{}
		if !e.hurry() {
			stop = e.run.sources.Done()
		}
		select {
		case <-e.queue.wake:
		case <-e.queue.ending():
		case <-due:
		case <-stop:
		case <-w.n.taking.Done():
			return envelope{}, false, w.n.dismissed()
		case <-ctx.Done():
			return envelope{}, false, context.Cause(ctx)
		}
	}
}

// next is when the first item of the heap is due; zero if there is none.
func (q *queue) next() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.heap) == 0 {
		return time.Time{}
	}
	return q.heap[0].due
}

// ending is closed when nothing more will come; nil while items wait for their
// time. It must not be nil only because the end came: whoever looked before that,
// and found nothing, would wait for ever.
func (q *queue) ending() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.heap) > 0 {
		return nil
	}
	return q.over
}
