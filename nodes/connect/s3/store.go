package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/minio/minio-go/v7"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file finds objects, and takes them away.

// A store is a server as one node sees it. Its methods are called on any goroutine.
type store struct {
	env       *nodes.Env // in a check it has no more than Node and Flow
	id        identity
	host      string // for messages
	plain     bool   // it is reached without TLS
	transport *http.Transport
	core      *minio.Core
	uploads   chan struct{} // holds a token for each part that is under way
	spares    chan []byte   // memory of parts that were sent

	met  atomic.Bool  // the server has answered
	skew atomic.Int64 // how far its clock is ahead
}

// Close implements nodes.Store.
func (s *store) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

// do asks the server. What fails for a time only is tried again: in a run for as long as it
// takes, or as the retry of the node says; before the server has ever answered only if the
// node has a retry. In a check nothing is.
func (s *store) do(ctx context.Context, bucket string, ask func(ctx context.Context) error) error {
	var away *peer.Away
	for {
		err := ask(ctx)
		if err == nil || answered(err) {
			s.met.Store(true)
		}
		switch {
		case err == nil:
			if away != nil {
				away.Back()
			}
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !passing(err), s.env.Log == nil, !s.met.Load() && s.env.Node.Engine.Retry.Attempts <= 1:
			return s.explained(err, bucket)
		}
		if away == nil {
			away = s.away()
		}
		if err := away.Wait(ctx, s.explained(err, bucket)); err != nil {
			return err
		}
	}
}

func (s *store) away() *peer.Away { return &peer.Away{Env: s.env, What: "the server " + s.host} }

// Find implements nodes.Store.
func (s *store) Find(ctx context.Context, text string) ([]nodes.Object, error) {
	a, err := addressOf(text)
	if err == nil {
		err = a.check()
	}
	if err != nil {
		return nil, err
	}
	if !a.isPattern() && !a.isFolder() {
		o, err := s.stat(ctx, a.bucket, unescaped(a.key))
		if err == nil {
			return []nodes.Object{o}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return nil, err
		}
		// Perhaps it is a folder; a list also says what is wrong, which HEAD cannot.
		a.key += "/"
	}
	return s.list(ctx, a)
}

// stat looks at one object.
func (s *store) stat(ctx context.Context, bucket, key string) (o nodes.Object, err error) {
	err = s.do(ctx, bucket, func(ctx context.Context) error {
		info, err := s.core.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
		info.Key = key
		o = objectOf(bucket, info)
		return err
	})
	return o, err
}

func objectOf(bucket string, info minio.ObjectInfo) nodes.Object {
	return nodes.Object{Address: address{bucket, info.Key}.String(), Size: info.Size, ETag: info.ETag, Modified: info.LastModified}
}

// list finds objects. Folders that consoles make, objects of nothing with a slash at the
// end of their keys, are none.
func (s *store) list(ctx context.Context, a address) (found []nodes.Object, err error) {
	last := ""
	err = s.do(ctx, a.bucket, func(ctx context.Context) error {
		options := minio.ListObjectsOptions{Prefix: a.prefix(), Recursive: true, StartAfter: last}
		for info := range s.core.ListObjectsIter(ctx, a.bucket, options) {
			if info.Err != nil {
				return info.Err
			}
			last = info.Key
			if a.has(info.Key) && !(info.Size == 0 && strings.HasSuffix(info.Key, "/")) {
				found = append(found, objectOf(a.bucket, info))
			}
		}
		return nil
	})
	return found, err
}

// Open implements nodes.Store.
func (s *store) Open(ctx context.Context, o nodes.Object, offset, length int64) (io.ReadCloser, error) {
	a, err := addressOf(o.Address)
	if err != nil {
		return nil, err
	}
	end := o.Size
	if length >= 0 {
		end = min(end, offset+length)
	}
	b := &body{ctx: ctx, s: s, a: a, etag: o.ETag, at: offset, end: end, told: new(atomic.Bool)}
	var r io.ReadCloser = b
	if length < 0 && end-offset > 2*rangeSize {
		r = ranged(b)
	}
	if b.at < b.end {
		return r, b.open()
	}
	return r, nil
}

// remove deletes an object, if it still is the one that was read.
func (s *store) remove(ctx context.Context, o nodes.Object) error {
	a, err := addressOf(o.Address)
	if err != nil {
		return err
	}
	now, err := s.stat(ctx, a.bucket, a.key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case now.ETag != o.ETag:
		s.env.Log.Warn("an object was written anew since it was read, and is left where it is", "object", o.Address)
		return nil
	}
	return s.do(ctx, a.bucket, func(ctx context.Context) error {
		return s.core.RemoveObject(ctx, a.bucket, a.key, minio.RemoveObjectOptions{})
	})
}

// maxCopied is how large an object may be that a server copies at once, in bytes.
const maxCopied = 5 << 30

// move copies an object to another key of its bucket, within the server, and removes it.
func (s *store) move(ctx context.Context, o nodes.Object, to string) error {
	a, err := addressOf(o.Address)
	if err != nil {
		return err
	}
	err = s.do(ctx, a.bucket, func(ctx context.Context) error {
		copied := s.core.Client.CopyObject
		if o.Size > maxCopied {
			copied = func(ctx context.Context, to minio.CopyDestOptions, from minio.CopySrcOptions) (minio.UploadInfo, error) {
				return s.core.ComposeObject(ctx, to, from)
			}
		}
		_, err := copied(ctx, minio.CopyDestOptions{Bucket: a.bucket, Object: to}, minio.CopySrcOptions{Bucket: a.bucket, Object: a.key, MatchETag: o.ETag})
		return err
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // it was moved before, or somebody has deleted it
	case errors.Is(err, nodes.ErrOtherObject):
		s.env.Log.Warn("an object was written anew since it was read, and is left where it is", "object", o.Address)
		return nil
	case err != nil:
		return fmt.Errorf("it cannot be copied to %s: %w", to, err)
	}
	return s.remove(ctx, o)
}
