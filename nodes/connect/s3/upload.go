package s3

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/minio/minio-go/v7"

	"github.com/flowrun/flowrun/nodes"
)

// This file writes objects: in parts, which nobody sees before the upload is completed.

const (
	// partSize is how large parts are. A server takes none below 5 MiB but the last.
	partSize = 8 << 20
	// growsAfter is after how many parts they grow by partSize, for there may be 10,000.
	growsAfter = 1000
	maxParts   = 10_000
	// maxUploads is how many parts a node has under way at once.
	maxUploads = 4
)

// Create implements nodes.Store.
func (s *store) Create(text string, fresh bool) (nodes.ObjectWriter, error) {
	a, err := addressOf(text)
	if err != nil {
		return nil, err
	}
	if a.isFolder() {
		return nil, errors.New("it has no key: an object needs a name behind the bucket")
	}
	return &upload{s: s, a: a, fresh: fresh}, nil
}

// An upload is an object that is being written. What stands below mu the goroutines that
// send parts share with who writes.
type upload struct {
	s     *store
	a     address
	fresh bool // it must not replace anything
	id    string
	buf   []byte
	size  int64 // of what was sent
	n     int   // parts that were begun
	tried bool  // to complete it

	ctx    context.Context // of the parts
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu    sync.Mutex
	parts []minio.CompletePart
	err   error
}

// Begin implements nodes.ObjectWriter.
func (u *upload) Begin(ctx context.Context) error {
	if u.id != "" {
		return nil
	}
	return u.s.do(ctx, u.a.bucket, func(ctx context.Context) (err error) {
		u.id, err = u.s.core.NewMultipartUpload(ctx, u.a.bucket, u.a.key, minio.PutObjectOptions{})
		return err
	})
}

// size of the part that comes next.
func (u *upload) next() int { return partSize * (1 + u.n/growsAfter) }

// Write implements nodes.ObjectWriter.
func (u *upload) Write(ctx context.Context, text []byte) error {
	for len(text) > 0 {
		if u.buf == nil && u.n > 0 { // it will be filled
			u.buf = u.s.buffer(u.next())
		}
		n := min(len(text), u.next()-len(u.buf))
		u.buf = append(u.buf, text[:n]...)
		if text = text[n:]; len(u.buf) < u.next() {
			break
		}
		if err := u.send(ctx); err != nil {
			return err
		}
	}
	return u.failed()
}

func (u *upload) failed() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// send sends what is in the buffer as a part, on a goroutine of its own.
func (u *upload) send(ctx context.Context) error {
	if u.n == maxParts {
		return fmt.Errorf("it has %d parts, as many as an object may have; write several objects, by `rotate: {bytes: 100GB}`", maxParts)
	}
	if err := u.Begin(ctx); err != nil {
		return err
	}
	select {
	case u.s.uploads <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if u.ctx == nil {
		u.ctx, u.cancel = context.WithCancel(context.WithoutCancel(ctx))
	}
	u.n++
	number, part := u.n, u.buf
	u.size += int64(len(part))
	u.buf = nil
	u.wait.Go(func() {
		u.put(number, part)
		u.s.spare(part)
		<-u.s.uploads
	})
	return nil
}

func (u *upload) put(number int, part []byte) {
	options := minio.PutObjectPartOptions{Sha256Hex: digest(part), DisableContentSha256: true}
	err := u.s.do(u.ctx, u.a.bucket, func(ctx context.Context) error {
		made, err := u.s.core.PutObjectPart(ctx, u.a.bucket, u.a.key, u.id, number, bytes.NewReader(part), int64(len(part)), options)
		if err == nil {
			u.mu.Lock()
			u.parts = append(u.parts, minio.CompletePart{PartNumber: number, ETag: made.ETag})
			u.mu.Unlock()
		}
		return err
	})
	if err != nil {
		u.mu.Lock()
		u.err = cmp.Or(u.err, err) // those of parts that are cancelled tell nothing
		u.mu.Unlock()
		u.cancel()
	}
}

// buffer gives memory for a part: that of one that was sent, if there is any.
func (s *store) buffer(size int) []byte {
	select {
	case b := <-s.spares:
		if cap(b) >= size {
			return b
		}
	default:
	}
	return make([]byte, 0, size)
}

// spare takes the memory of a part that was sent.
func (s *store) spare(part []byte) {
	if cap(part) < partSize {
		return
	}
	select {
	case s.spares <- part[:0]:
	default:
	}
}

// Seal implements nodes.ObjectWriter.
func (u *upload) Seal(ctx context.Context) error {
	if len(u.buf) > 0 {
		if err := u.send(ctx); err != nil {
			return err
		}
	}
	return u.arrived(ctx)
}

// arrived waits for the parts that are under way.
func (u *upload) arrived(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		u.wait.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		if u.cancel != nil {
			u.cancel()
		}
		<-done
		return context.Cause(ctx)
	}
	return u.failed()
}

// Commit implements nodes.ObjectWriter. What is small and was not sealed goes by one request.
func (u *upload) Commit(ctx context.Context) error {
	if u.n == 0 {
		return u.whole(ctx)
	}
	if err := u.Seal(ctx); err != nil {
		return err
	}
	u.end()
	slices.SortFunc(u.parts, func(a, b minio.CompletePart) int { return a.PartNumber - b.PartNumber })
	err := u.s.do(ctx, u.a.bucket, func(ctx context.Context) error {
		again := u.tried
		u.tried = true
		_, err := u.s.core.CompleteMultipartUpload(ctx, u.a.bucket, u.a.key, u.id, u.parts, u.options())
		if again && answerOf(err).Code == "NoSuchUpload" && u.there(ctx) {
			return nil // the answer to the first try was lost
		}
		return err
	})
	return u.taken(err)
}

// there reports whether the object is what was uploaded.
func (u *upload) there(ctx context.Context) bool {
	o, err := u.s.stat(ctx, u.a.bucket, u.a.key)
	return err == nil && o.Size == u.size
}

// whole writes an object of which no part was sent.
func (u *upload) whole(ctx context.Context) error {
	err := u.s.do(ctx, u.a.bucket, func(ctx context.Context) error {
		_, err := u.s.core.PutObject(ctx, u.a.bucket, u.a.key, bytes.NewReader(u.buf), int64(len(u.buf)), "", digest(u.buf), u.options())
		return err
	})
	if err != nil {
		return u.taken(err)
	}
	return u.abort(ctx)
}

// digest is what a request says of its text, which the server holds it against. Signed is
// the digest, and not the text piece by piece, which not every server can read.
func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func (u *upload) options() (o minio.PutObjectOptions) {
	o.DisableContentSha256 = true
	if u.fresh {
		o.SetMatchETagExcept("*")
	}
	return o
}

// taken says of an object that must not replace another one that there is one.
func (u *upload) taken(err error) error {
	if u.fresh && errors.Is(err, nodes.ErrOtherObject) {
		return &toldError{err: err, text: "another run has written an object of this name meanwhile, and it is left as it is", hint: "give each run a prefix of its own", is: fs.ErrExist}
	}
	return err
}

// Abort implements nodes.ObjectWriter.
func (u *upload) Abort(ctx context.Context) error {
	u.end()
	u.wait.Wait()
	return u.abort(ctx)
}

func (u *upload) end() {
	if u.cancel != nil {
		u.cancel()
	}
}

// abort throws the parts away.
func (u *upload) abort(ctx context.Context) error {
	if u.id == "" {
		return nil
	}
	id := u.id
	u.id = ""
	err := u.s.core.AbortMultipartUpload(ctx, u.a.bucket, u.a.key, id)
	if err == nil || answerOf(err).Code == "NoSuchUpload" {
		return nil
	}
	u.s.env.Log.Warn("an upload could not be aborted: its parts stay in the bucket until a rule of it removes them", "object", u.a.String(), "error", u.s.explained(err, u.a.bucket).Error())
	return nil
}
