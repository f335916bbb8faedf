package s3

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/minio/minio-go/v7"

	"github.com/flowrun/flowrun/nodes"
)

// This file reads one object on and on, whatever becomes of the connection.

// A body is a part of an object that is being read. One goroutine uses it.
type body struct {
	ctx  context.Context
	s    *store
	a    address
	etag string
	at   int64 // what comes next
	end  int64
	r    io.ReadCloser // nil: it has to be asked for
	told *atomic.Bool  // that this reading was broken off
	some bool          // something came since it was asked for
}

// open asks for the rest, of the same object.
func (b *body) open() error {
	return b.s.do(b.ctx, b.a.bucket, b.ask)
}

func (b *body) ask(ctx context.Context) error {
	var options minio.GetObjectOptions
	if err := options.SetRange(b.at, b.end-1); err != nil {
		return err
	}
	if err := options.SetMatchETag(b.etag); err != nil {
		return err
	}
	r, info, _, err := b.s.core.GetObject(ctx, b.a.bucket, b.a.key, options)
	if err != nil {
		return err
	}
	if info.ETag != b.etag { // of a server that knows no If-Match
		r.Close()
		return nodes.ErrOtherObject
	}
	b.r, b.some = r, false
	return nil
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	for {
		if b.at >= b.end {
			return 0, io.EOF
		}
		if b.r == nil {
			if err := b.open(); err != nil {
				return 0, err
			}
		}
		if rest := b.end - b.at; int64(len(p)) > rest {
			p = p[:rest]
		}
		n, err := b.r.Read(p)
		b.at += int64(n)
		b.some = b.some || n > 0
		if err == nil || b.at >= b.end {
			return n, nil
		}
		if err := b.broken(err); err != nil || n > 0 {
			return n, err
		}
	}
}

// broken makes a reading that broke off ready to be taken up.
func (b *body) broken(err error) error {
	b.r.Close()
	b.r = nil
	if b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if b.s.env.Log == nil {
		return b.s.explained(err, b.a.bucket)
	}
	if !b.told.Swap(true) {
		b.s.env.Log.Warn("the connection broke while an object was read; it is read on from there", "object", b.a.String(), "byte", b.at, "error", err.Error())
	}
	if b.s.env.Retries != nil {
		b.s.env.Retries.Add(1)
	}
	if b.some {
		return nil
	}
	return b.s.away().Wait(b.ctx, b.s.explained(err, b.a.bucket))
}

// Close implements io.Closer.
func (b *body) Close() error {
	if b.r == nil {
		return nil
	}
	return b.r.Close()
}
