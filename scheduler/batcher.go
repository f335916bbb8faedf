package scheduler

import (
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/scheduler/queue"
)

// A batcher puts what comes over an edge together to the batches that the flow asks
// for, and cuts what is larger. What waits in it belongs to the edge, though it is
// counted as taken by the node. A batch is never made of items of two types.
type batcher struct {
	want  graph.Batching
	parts []part
	items int
	bytes int64
	ahead *part // waits for the parts to leave, because it is unlike them
}

// A part is data that waits to be part of a batch.
type part struct {
	data   record.Data
	came   time.Time
	bytes  int64  // of an item
	origin uint64 // see queue.Mark
}

// newBatcher gives nil if the node takes what is there.
func newBatcher(want graph.Batching, o *Options) *batcher {
	if !want.Given() || o.Serial { // a serial run takes one item at a time
		return nil
	}
	want.Count = min(want.Count, o.atMost(want.Count))
	return &batcher{want: want}
}

func (b *batcher) full() bool {
	return b.ahead != nil || b.items >= b.want.Count || b.want.Bytes > 0 && b.bytes >= int64(b.want.Bytes)
}

// due is when the first item has waited long enough; zero if it may wait for ever, or
// none waits.
func (b *batcher) due() time.Time {
	if b.want.Period == 0 || b.items == 0 {
		return time.Time{}
	}
	return b.parts[0].came.Add(b.want.Period)
}

// ready gives the next batch, nil if it is not time yet. No more will come, or nothing
// is to wait any longer, if so it is said.
func (b *batcher) ready(now bool) record.Data {
	if b.items == 0 {
		return nil
	}
	if due := b.due(); !now && !b.full() && (due.IsZero() || time.Now().Before(due)) {
		return nil
	}
	return b.cut()
}

// add takes the data of an envelope, which has an origin or a later one.
func (b *batcher) add(env queue.Envelope, origin uint64) {
	n := env.Data.Len()
	if n == 0 {
		env.Data.Release()
		return
	}
	p := part{env.Data, time.Now(), 0, origin}
	if b.want.Bytes > 0 {
		p.bytes = itemBytes(p.data)
	}
	if len(b.parts) > 0 && !record.Alike(b.parts[0].data, p.data) {
		b.ahead = &p
		return
	}
	b.put(p)
}

func (b *batcher) put(p part) {
	b.parts = append(b.parts, p)
	b.items += p.data.Len()
	b.bytes += p.bytes * int64(p.data.Len())
}

// itemBytes estimates the memory of one item.
func itemBytes(d record.Data) int64 {
	n := d.Len()
	if b, ok := d.(*record.Batch); ok {
		n = b.Rows
	}
	return max(1, int64(d.Bytes()/max(n, 1)))
}

// cut takes a batch off the front of what waits: as many items as are wanted, at
// least one.
func (b *batcher) cut() record.Data {
	var taken []record.Data
	room, bytes := b.want.Count, int64(b.want.Bytes)
	for len(b.parts) > 0 && room > 0 {
		p := &b.parts[0]
		n := p.data.Len()
		size := min(n, room)
		if p.bytes > 0 {
			size = min(size, int(bytes/p.bytes))
		}
		if size == 0 && len(taken) == 0 {
			size = 1 // one that is larger than all that is wanted
		}
		if size == 0 {
			break
		}
		room, bytes = room-size, max(0, bytes-p.bytes*int64(size))
		b.items, b.bytes = b.items-size, b.bytes-p.bytes*int64(size)
		if size < n {
			taken = append(taken, p.data.Slice(0, size))
			rest := p.data.Slice(size, n)
			p.data.Release()
			p.data = rest
			break
		}
		taken = append(taken, p.data)
		b.parts = b.parts[1:]
	}
	if len(b.parts) == 0 && b.ahead != nil {
		p := *b.ahead
		b.parts, b.ahead = nil, nil
		b.put(p)
	}
	return record.Concat(taken)
}

// low is the Low of a mark that goes past what waits here, which belongs to the edge.
func (b *batcher) low(low uint64) uint64 {
	if b == nil || len(b.parts) == 0 {
		return low
	}
	return min(low, b.parts[0].origin-1)
}

// drop releases what still waits, which nobody wants any more, and tells how many
// items that were.
func (b *batcher) drop() int {
	if b == nil {
		return 0
	}
	if b.ahead != nil {
		b.put(*b.ahead)
	}
	for _, p := range b.parts {
		p.data.Release()
	}
	b.parts, b.ahead = nil, nil
	return b.items
}
