package file

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// This file is how a run goes on with files that are followed: where each of them was read
// up to, and how to find it again when it was renamed or copied meanwhile.

// A followPosition is what the nodes.Position of a file.read that follows says.
type followPosition struct {
	Follow []json.RawMessage `json:"follow"` // of followedAt; the files of a path in their order
}

// A followedAt says how far a file was read.
type followedAt struct {
	Path string `json:"path"` // where it stands or stood, as the flow names it
	fileID
	Offset int64     `json:"offset"` // of what comes next
	Line   int       `json:"line"`
	Head   filePrint `json:"head"` // its first bytes
	Tail   filePrint `json:"tail"` // those before Offset
	Time   time.Time `json:"time"` // when it had changed
	Moved  bool      `json:"moved,omitempty"`
}

// A filePrint is a fingerprint of some bytes.
type filePrint struct {
	Size int64  `json:"size"`
	Hash uint64 `json:"hash"`
}

func printOf(text []byte) filePrint { return filePrint{int64(len(text)), hashOf(text)} }

// position is that behind the last chunk.
func (o *followOp) position() (nodes.Position, error) {
	var b bytes.Buffer
	b.WriteString(`{"follow":[`)
	n := 0
	for _, s := range o.slots {
		for _, g := range s.gens {
			if g.in == nil || g.in.done.offset == 0 || g.held != nil {
				continue
			}
			if g.encoded == nil {
				head := g.head[:min(int64(len(g.head)), g.in.done.offset)]
				var err error
				if g.encoded, err = json.Marshal(followedAt{s.name, g.id, g.in.done.offset, g.in.done.line, printOf(head), printOf(g.done), g.left, g.moved}); err != nil {
					return nil, err
				}
			}
			if n++; n > 1 {
				b.WriteByte(',')
			}
			b.Write(g.encoded)
		}
	}
	b.WriteString("]}")
	return b.Bytes(), nil
}

// Seek implements nodes.Seeker.
func (o *followOp) Seek(_ context.Context, after nodes.Position) error {
	var p followPosition
	wrong := json.Unmarshal(after, &p)
	o.start()
	for dir := range o.seen { // what has come since then is looked for
		o.seen[dir] = map[fileID]bool{}
	}
	for _, text := range p.Follow {
		var at followedAt
		if err := json.Unmarshal(text, &at); err != nil {
			wrong = err
			break
		}
		s := o.slotOf(at.Path)
		g, err := o.find(s, at)
		for range maxRenames {
			if g != nil || err != nil {
				break
			}
			g, err = o.find(s, at)
		}
		switch {
		case err != nil:
			return named(called(s.path), err)
		case g != nil:
			o.add(s, g)
		default:
			o.note(slog.LevelWarn, "the file that was read before is not there any more, nor a copy of it: what came behind, if anything did, is lost", called(s.path), "read up to line", at.Line)
			o.missed(s, &generation{left: at.Time}, nil)
		}
	}
	if wrong != nil {
		return fmt.Errorf("%q is not a position of file.read: %w", after, wrong)
	}
	o.poll()
	return nil
}

// maxRenames is how often a file may be renamed while it is looked for.
const maxRenames = 3

// slotOf gives the slot of a path of a position, which a pattern may not find any more.
func (o *followOp) slotOf(name string) *slot {
	for _, s := range o.slots {
		if s.name == name {
			return s
		}
	}
	s := &slot{path: o.env.Path(name), name: name, glob: true}
	o.follow(s)
	o.seen[filepath.Dir(s.path)] = map[fileID]bool{}
	return s
}

// find opens the file of a position: where it stood, under another name, or as a copy. nil
// says that it is not there.
func (o *followOp) find(s *slot, at followedAt) (*generation, error) {
	var all []sibling
	if info, err := o.env.Flow.Stat(s.path); err == nil && info.Mode().IsRegular() {
		all = append(all, sibling{s.path, info, idOf(info, s.path)})
	}
	all = append(all, o.relatives(s)...) // after that: what is renamed just now is in both
	slices.Reverse(all)                  // the newest first
	for _, same := range []bool{true, false} {
		for _, r := range all {
			if (r.id == at.fileID) != same || o.known[r.id] != nil || o.leaves(r.path) {
				continue
			}
			g, err := o.reopen(r, at)
			if g == nil && err == nil {
				continue
			}
			if err == nil && r.path != s.path {
				o.move(g)
			}
			return g, err
		}
	}
	return nil, nil
}

// reopen opens a file if it is that of a position, or a copy.
func (o *followOp) reopen(r sibling, at followedAt) (*generation, error) {
	file, err := o.env.Flow.Open(r.path)
	if isGone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	g := &generation{file: file, id: r.id, path: r.path, name: called(r.path)}
	if info, err := file.Stat(); err != nil || idOf(info, r.path) != r.id || !at.is(file) { // it may have been renamed just now
		g.close()
		return nil, nil
	}
	_, bad, err := o.begin(g, true)
	if err == nil && bad == nil {
		in := g.in
		in.rest, in.full = in.rest[:0], false
		in.offset, in.line, in.done, g.pos = at.Offset, at.Line, cursor{at.Offset, at.Line}, at.Offset
		if err = g.look(); err == nil {
			g.done = bytes.Clone(g.back)
			err = in.cut.resume("")
		}
	}
	if err != nil || bad != nil {
		g.close()
		return nil, err
	}
	g.left = at.Time
	g.changed(r.info)
	return g, nil
}

// is reports whether a file begins as that of a position, and still does where it was read
// up to.
func (at followedAt) is(f io.ReaderAt) bool {
	head, err := readPart(f, 0, at.Head.Size)
	if err != nil || printOf(head) != at.Head {
		return false
	}
	tail, err := readPart(f, at.Offset-at.Tail.Size, at.Tail.Size)
	return err == nil && printOf(tail) == at.Tail
}
