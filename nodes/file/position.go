package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"

	"github.com/flowrun/flowrun/nodes"
)

// A position is what the nodes.Position of a file.read says: how far which file was
// read, and how to tell that it is still that one.
type position struct {
	File   string `json:"file"`   // as the flow names it
	Index  int    `json:"index"`  // its index among the files of the node
	Before uint64 `json:"before"` // a hash of the names of the files before it
	fingerprint
	Offset int64  `json:"offset"` // of what comes next, in the unpacked text
	Line   int    `json:"line"`
	State  string `json:"state,omitempty"` // of the cutter
	Done   bool   `json:"done,omitempty"`  // all of the file was read
}

// A fingerprint tells a file from one that has taken its place. A file that has only grown
// still has it.
type fingerprint struct {
	Size int64  `json:"size"`           // when it was opened
	Head uint64 `json:"head"`           // a hash of its first bytes
	ETag string `json:"etag,omitempty"` // of an object, in place of Head
}

// fingerprintSize is how many bytes of a file are hashed.
const fingerprintSize = 4 << 10

func fingerprintOf(f seekable) (fingerprint, error) {
	info, err := f.Stat()
	if err != nil {
		return fingerprint{}, err
	}
	if o, ok := info.Sys().(nodes.Object); ok {
		return fingerprint{Size: o.Size, ETag: o.ETag}, nil
	}
	m := fingerprint{Size: info.Size()}
	m.Head, err = headOf(f, m.Size)
	return m, err
}

// headOf hashes the first bytes of a file of a size.
func headOf(f io.ReaderAt, size int64) (uint64, error) {
	h := fnv.New64a()
	_, err := io.Copy(h, io.NewSectionReader(f, 0, min(size, fingerprintSize)))
	return h.Sum64(), err
}

// How a file may have changed since a position in it was taken.
var (
	errChanged  = errors.New("it is not the object that was read up to here: another one was written to its place; read it from the beginning")
	errShorter  = errors.New("it is shorter than it was when it was read up to here; bring the old file back, or read it from the beginning")
	errReplaced = errors.New("it is not the file that was read up to here: it begins with something else; bring the old file back, or read it from the beginning")
	errShifted  = errors.New("the point up to which it was read is inside a line now, because the file was changed or its last line was continued; bring the old file back, or read it from the beginning")
)

// verify says what is wrong with a file that must have a fingerprint of before.
func (in *input) verify(was fingerprint) error {
	if was.ETag != "" || in.fingerprint.ETag != "" {
		if was.ETag != in.fingerprint.ETag {
			return errChanged
		}
		return nil
	}
	if in.fingerprint.Size < was.Size {
		return errShorter
	}
	head, err := headOf(in.file, was.Size)
	if err == nil && head != was.Head {
		err = errReplaced
	}
	return err
}

// resume goes on at a cursor behind what begin has taken.
func (in *input) resume(ctx context.Context, at cursor, state string) error {
	last, err := in.skip(ctx, at.offset-in.offset)
	if err != nil {
		return err
	}
	in.offset, in.line = at.offset, at.line
	if state == "" && last != '\n' { // only the last line may have no end
		if in.rest, err = in.fill(slices.Grow(in.rest, 1)); err != nil {
			return err
		}
		if len(in.rest) > 0 {
			return errShifted
		}
	}
	return in.cut.resume(state)
}

// skip leaves out n bytes of the unpacked text, and gives the last of them.
func (in *input) skip(ctx context.Context, n int64) (last byte, err error) {
	if n <= 0 {
		return 0, errReplaced
	}
	if k := min(n, int64(len(in.rest))); k > 0 {
		last = in.rest[k-1]
		in.rest = append(in.rest[:0], in.rest[k:]...)
		n -= k
	}
	if n > 1 && in.seeks {
		if _, err := in.file.Seek(n-1, io.SeekCurrent); err != nil {
			return 0, err
		}
		in.read.Add(n - 1)
		n = 1
	}
	buf := make([]byte, min(n, bufferSize))
	for n > 0 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		m, err := in.src.Read(buf[:min(n, int64(len(buf)))])
		if m > 0 {
			last = buf[m-1]
			n -= int64(m)
		}
		switch {
		case n == 0 || err == nil:
		case err == io.EOF:
			return 0, errShorter
		default:
			return 0, unpackError(in.packed, err)
		}
	}
	return last, nil
}

// position is that behind the last chunk. There is none in a stream, which cannot be
// read again.
func (o *readOp) position() (nodes.Position, error) {
	if o.in.file == nil {
		return nil, nil
	}
	return o.positionAt(o.in, false)
}

// positionAt is that in the last file that was opened, or behind it.
func (o *readOp) positionAt(in *input, done bool) (nodes.Position, error) {
	p := position{
		File: o.files[o.at-1].name, Index: o.at - 1, Before: o.before, fingerprint: in.fingerprint,
		Offset: in.done.offset, Line: in.done.line, Done: done,
	}
	if in.cut != nil {
		p.State = in.cut.state()
	}
	return json.Marshal(p)
}

// locate goes to the file of a position, and gives what that says.
func (o *readOp) locate(after nodes.Position) (p position, err error) {
	if err := json.Unmarshal(after, &p); err != nil {
		return p, fmt.Errorf("%q is not a position of file.read: %w", after, err)
	}
	for o.at < min(p.Index, len(o.files)) {
		if object := o.files[o.at].object; object != nil {
			o.read.Add(object.Size)
		} else if info, err := o.env.Flow.Stat(o.files[o.at].path); err == nil {
			o.read.Add(info.Size())
		}
		o.pass()
	}
	if o.at != p.Index || o.at == len(o.files) || o.files[o.at].name != p.File || o.names.Sum64() != p.Before {
		return p, fmt.Errorf("%s is not where it was among the files to read: some were added, removed or renamed; bring them back, or read all from the beginning", p.File)
	}
	if p.Done {
		if object := o.files[o.at].object; object != nil {
			o.read.Add(object.Size)
		}
		o.pass()
		return p, nil
	}
	if isStream(o.env.Flow, o.files[o.at].path) {
		return p, named(p.File, errReplaced)
	}
	return p, nil
}

// Seek implements nodes.Seeker.
func (o *readOp) Seek(ctx context.Context, after nodes.Position) error {
	p, err := o.locate(after)
	if err != nil || p.Done {
		return err
	}
	in, err := o.open(ctx)
	if err != nil {
		return err
	}
	if err := in.verify(p.fingerprint); err != nil {
		in.end()
		return named(in.name, err)
	}
	if err := o.begin(in); err != nil {
		return err
	}
	return named(in.name, in.resume(ctx, cursor{p.Offset, p.Line}, p.State))
}
