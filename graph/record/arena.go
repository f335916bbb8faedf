package record

import (
	"sync"
	"sync/atomic"
)

// An Arena is memory that strings are cut from. Several batches may share one;
// it is recycled with the last. One goroutine at a time writes to it, before the
// batches that show it are emitted.
type Arena struct {
	Buf []byte // for readers: the text that batches are views of

	refs atomic.Int32
	size int // of all blocks, Buf included
}

// ArenaSize is the memory an arena starts with: a chunk of a file.
const ArenaSize = 256 << 10

var arenas = sync.Pool{New: func() any { return new(Arena) }}

// NewArena gives an empty arena with room for n bytes and one reference.
func NewArena(n int) *Arena {
	a := arenas.Get().(*Arena)
	if cap(a.Buf) < n {
		a.Buf = make([]byte, 0, n)
	}
	a.Buf, a.size = a.Buf[:0], cap(a.Buf)
	a.refs.Store(1)
	return a
}

// Retain adds a reference.
func (a *Arena) Retain() *Arena { a.refs.Add(1); return a }

// Release gives a reference back.
func (a *Arena) Release() {
	switch n := a.refs.Add(-1); {
	case n > 0:
		return
	case n < 0:
		panic("record: arena released twice")
	}
	if poison.Load() {
		fill(a.Buf, 0xDB) // nobody has a view of what is behind
	}
	if cap(a.Buf) > 4*ArenaSize { // one long line must not pin its memory for good
		a.Buf = nil
	}
	arenas.Put(a)
}

// Alloc gives n bytes of the arena to write to; View makes a string of them. A
// full block is left to the strings cut from it and a new one begun.
func (a *Arena) Alloc(n int) []byte {
	if cap(a.Buf)-len(a.Buf) < n {
		size := max(n, min(2*cap(a.Buf), ArenaSize), 4<<10)
		a.Buf = make([]byte, 0, size)
		a.size += size
	}
	start := len(a.Buf)
	a.Buf = a.Buf[:start+n]
	return a.Buf[start : start+n : start+n]
}

// Copy gives s as a string of the arena.
func (a *Arena) Copy(s string) string {
	if s == "" {
		return ""
	}
	b := a.Alloc(len(s))
	copy(b, s)
	return View(b)
}
