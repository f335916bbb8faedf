package queue

import "math"

// A Mark is a place among what is put on a queue: a cut of all streams of a run goes
// through here. It is no item, takes no room and is never dropped.
//
// A queue that keeps its order lets the reader come to a mark when it has taken all that
// was put before. One whose items may wait for long, or leave in another order, lets the
// mark pass at once: what waits in it then is held.
//
// Origins. A cut has a number, an epoch; whatever a source gave between two cuts has the
// epoch of the later one as its origin, and so has all that was made of it. Low says that
// everything of that origin or an earlier one has passed. A queue knows the origin of what
// it holds, the earliest that is possible: one more than the Low of the mark before.
type Mark struct {
	Epoch   uint64
	Low     uint64 // everything of this origin was put before the mark; from Marked: and taken
	Sent    int64  // items of the edge that were sent before it
	Dropped int64  // of these, that were dropped up to the mark, or from Marked: up to now
	Held    int64  // from Marked: of these, that wait in the queue
}

// NoLow is the Low of a stream that has ended: nothing of any origin will come.
const NoLow = math.MaxUint64

// behind is the Low of a queue that gives on a mark and still holds something.
func (m Mark) behind(oldest uint64) Mark {
	if oldest != NoLow {
		m.Low = min(m.Low, oldest-1)
	}
	return m
}

// after is the origin of what comes behind a mark.
func (m Mark) after() uint64 {
	if m.Low == NoLow {
		return NoLow
	}
	return m.Low + 1
}

// A pendingMark is a mark that the reader has not come to. The zero value is a queue
// without one, before the first cut.
type pendingMark struct {
	mark   Mark
	there  bool
	origin uint64 // of what is put now; 0: there was no mark yet
}

// put is Queue.Mark, of a queue that holds some items.
func (p *pendingMark) put(m Mark, held int64) {
	m.Held = held
	p.mark, p.there, p.origin = m, true, m.after()
}

// now is the origin of what is put now.
func (p *pendingMark) now() uint64 { return max(1, p.origin) }

// take is Queue.Marked, of a queue whose oldest item has an origin.
func (p *pendingMark) take(oldest uint64) (m Mark, ok bool) {
	if !p.there {
		return m, false
	}
	p.there = false
	return p.mark.behind(oldest), true
}

// Origins counts items by their origin, which only grows from one to the next.
type Origins struct {
	counts []count
	first  int
}

type count struct {
	origin uint64
	items  int
}

// Add counts items of an origin: none that was added before has a later one.
func (o *Origins) Add(origin uint64, items int) {
	if n := len(o.counts); n > o.first && o.counts[n-1].origin == origin {
		o.counts[n-1].items += items
		return
	}
	o.counts = append(o.counts, count{origin, items})
}

// Take takes items of an origin away again.
func (o *Origins) Take(origin uint64, items int) {
	low, high := o.first, len(o.counts)
	for low < high {
		if mid := (low + high) / 2; o.counts[mid].origin < origin {
			low = mid + 1
		} else {
			high = mid
		}
	}
	o.counts[low].items -= items
	for o.first < len(o.counts) && o.counts[o.first].items == 0 {
		o.first++
	}
	if o.first == len(o.counts) {
		o.counts, o.first = o.counts[:0], 0
	} else if o.first > len(o.counts)/2 {
		o.counts, o.first = append(o.counts[:0], o.counts[o.first:]...), 0
	}
}

// Oldest is the earliest origin of all items, NoLow if there are none.
func (o *Origins) Oldest() uint64 {
	if o.first == len(o.counts) {
		return NoLow
	}
	return o.counts[o.first].origin
}
