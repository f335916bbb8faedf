package record

import (
	"sync"
	"sync/atomic"
)

// This file has what is on an edge, be it records or Go values, and who owns it.

// MaxRows is how many items a batch holds at most when flowrun makes it.
const MaxRows = 1024

// Data is the content of one envelope: a *Batch or an *Items[T].
type Data interface {
	// Len is the number of items.
	Len() int
	// Bytes estimates the memory held, for queues that are bounded in bytes.
	Bytes() int
	// Slice gives items [i, j) as data that shares this one's memory. The result
	// has a reference of its own.
	Slice(i, j int) Data
	// Retain adds a reference and returns the data itself.
	Retain() Data
	// Release gives a reference back; after the last one the data must not be
	// touched any more.
	Release()
}

// poison is set by tests only; live counts data that was made meanwhile and not
// released yet.
var (
	poison atomic.Bool
	live   atomic.Int64
)

// Poison makes Release overwrite memory before it is used again. It is for tests:
// whoever reads data after its release then reads nonsense.
func Poison(on bool) { poison.Store(on) }

// Live is how much of the data that was made under Poison is not released yet, in
// batches and items. A test that compares it before and after finds references
// that were never given back.
func Live() int { return int(live.Load()) }

// fill sets all of s. It copies, because the race detector looks at a copy as a whole
// and at assignments one by one.
func fill[T any](s []T, v T) {
	if len(s) == 0 {
		return
	}
	s[0] = v
	for n := 1; n < len(s); n *= 2 {
		copy(s[n:], s[:n])
	}
}

// count says that data was made; what it returns goes to uncount.
func count() bool {
	if !poison.Load() {
		return false
	}
	live.Add(1)
	return true
}

// uncount says that data which may have been counted is gone.
func uncount(counted bool) {
	if counted {
		live.Add(-1)
	}
}

// Items is data of Go values: what travels between nodes written for Go types.
type Items[T any] struct {
	V []T

	refs    atomic.Int32
	from    *Items[T]  // for a slice: the owner of the memory
	pool    *sync.Pool // nil: left to the garbage collector
	counted bool       // by Live
}

// Wrap makes data of a slice, which belongs to the data from then on.
func Wrap[T any](v []T) *Items[T] {
	x := &Items[T]{V: v, counted: count()}
	x.refs.Store(1)
	return x
}

// A Pool recycles Items[T]. The zero value is ready to use.
type Pool[T any] struct{ pool sync.Pool }

// Get gives data with room for n items and none in it.
func (p *Pool[T]) Get(n int) *Items[T] {
	x, _ := p.pool.Get().(*Items[T])
	if x == nil {
		x = &Items[T]{pool: &p.pool}
	}
	if cap(x.V) < n {
		x.V = make([]T, 0, max(n, 64))
	}
	x.refs.Store(1)
	x.counted = count()
	return x
}

func (x *Items[T]) Len() int { return len(x.V) }

// Bytes counts the items themselves, not what they point to.
func (x *Items[T]) Bytes() int {
	var zero T
	return len(x.V) * int(sizeOf(&zero))
}

func (x *Items[T]) Slice(i, j int) Data {
	s := &Items[T]{V: x.V[i:j:j], from: x, counted: count()}
	s.refs.Store(1)
	x.Retain()
	return s
}

func (x *Items[T]) Retain() Data { x.refs.Add(1); return x }

// Sole reports whether the caller's reference is the only one, so that memory may
// be written in place. Only the runtime asks.
func (x *Items[T]) Sole() bool { return x.refs.Load() == 1 && x.from == nil && x.pool != nil }

func (x *Items[T]) Release() {
	switch n := x.refs.Add(-1); {
	case n > 0:
		return
	case n < 0:
		panic("record: data released twice")
	}
	uncount(x.counted)
	if x.from != nil {
		x.from.Release()
		return
	}
	if poison.Load() {
		clear(x.V)
	}
	if x.pool != nil {
		clear(x.V[:len(x.V):len(x.V)]) // what the items point to must not live on
		x.V = x.V[:0]
		x.pool.Put(x)
	}
}
