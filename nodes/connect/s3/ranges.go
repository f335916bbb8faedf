package s3

import (
	"context"
	"io"
	"sync"
)

// This file reads a large object in ranges, some of them ahead of who reads: a server gives
// one connection only so much, and begins each answer after a while.

const (
	// rangeSize is how large ranges are, in bytes.
	rangeSize = 8 << 20
	// rangesAhead is how many are asked for, or in memory, beside the first one.
	rangesAhead = 3
)

// A rangedBody reads what is left of a large object. The first range is a stream, so whoever
// looks at the beginning gets no more than that. When half of it is read the next ones are
// asked for, side by side, each of the same object or not at all. One goroutine uses it.
type rangedBody struct {
	first  *body
	half   int64
	end    int64
	next   int64 // where the range begins that is asked for next
	ctx    context.Context
	cancel context.CancelFunc
	wait   sync.WaitGroup
	coming []*ahead // in order
	spare  []byte   // of a range that was read
}

// An ahead is a range on its way. What stands in it is there when done is closed.
type ahead struct {
	done chan struct{}
	buf  []byte
	text []byte // what has come of it and is not read
	err  error
}

// ranged makes a reader of the range that b is for.
func ranged(b *body) *rangedBody {
	r := &rangedBody{first: b, half: b.at + rangeSize/2, next: b.at + rangeSize, end: b.end}
	r.ctx, r.cancel = context.WithCancel(b.ctx)
	b.end = r.next
	return r
}

// Read implements io.Reader.
func (r *rangedBody) Read(p []byte) (int, error) {
	if r.first.at >= r.half {
		r.ask()
	}
	if r.first.at < r.first.end || len(p) == 0 {
		return r.first.Read(p)
	}
	for len(r.coming) > 0 {
		a := r.coming[0]
		<-a.done
		switch n := copy(p, a.text); {
		case n > 0:
			a.text = a.text[n:]
			return n, nil
		case a.err != nil:
			return 0, a.err
		}
		r.coming, r.spare = r.coming[1:], a.buf
		r.ask()
	}
	return 0, io.EOF
}

// ask asks for ranges until there are enough of them.
func (r *rangedBody) ask() {
	for len(r.coming) < rangesAhead && r.next < r.end {
		size := min(rangeSize, r.end-r.next)
		a := &ahead{done: make(chan struct{}), buf: r.spare}
		if r.spare = nil; a.buf == nil {
			a.buf = make([]byte, rangeSize)
		}
		b := *r.first
		b.ctx, b.r, b.at, b.end = r.ctx, nil, r.next, r.next+size
		r.next += size
		r.coming = append(r.coming, a)
		r.wait.Go(func() {
			defer close(a.done)
			n, err := io.ReadFull(&b, a.buf[:size])
			a.text, a.err = a.buf[:n], err
			b.Close() // what was read is whole, or err says why not
		})
	}
}

// Close implements io.Closer.
func (r *rangedBody) Close() error {
	r.cancel()
	r.wait.Wait()
	return r.first.Close()
}
