package file

import (
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// This file finds what rotation has made of files: those that came and went between two
// looks, and copies of one that was truncated then.

// related reports whether a name may be that of a rotated file of another one, as programs
// for that name them: access.log.1, access.log-20260101, access-20260101.log.
func related(base, name string) bool {
	if name == base {
		return false
	}
	if rest, ok := strings.CutPrefix(name, base); ok {
		return strings.ContainsRune("._-~", rune(rest[0]))
	}
	ext := filepath.Ext(base)
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(base, ext))
	if !ok || ext == "" || !strings.HasSuffix(rest, ext) {
		return false
	}
	rest = strings.TrimSuffix(rest, ext)
	return rest != "" && strings.ContainsRune("._-", rune(rest[0]))
}

// A sibling is a file beside one that is followed, of a name that rotation may have given it.
type sibling struct {
	path string
	info fs.FileInfo
	id   fileID
}

// relatives lists the siblings of the file of a slot, those that changed first before the
// others.
func (o *followOp) relatives(s *slot) (all []sibling) {
	dir, base := filepath.Split(s.path)
	entries, err := fs.ReadDir(o.env.Flow.Folder(filepath.Clean(dir)), ".")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if !related(base, e.Name()) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if info, err := o.env.Flow.Stat(path); err == nil && info.Mode().IsRegular() {
			all = append(all, sibling{path, info, idOf(info, path)})
		}
	}
	slices.SortStableFunc(all, func(a, b sibling) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	return all
}

// missed finds files that stood at a path, and were rotated away, after an old one and
// between two looks. They are read before what stands there now, which is cur; nil: nothing
// does. It gives how many there are. Nothing is looked for before something of cur was read,
// unless it is empty: a copy of it could not be told from what was there before.
func (o *followOp) missed(s *slot, old, cur *generation) (n int) {
	seen := o.siblings(filepath.Dir(s.path))
	var upTo time.Time
	if cur != nil {
		if info, err := cur.file.Stat(); err == nil {
			upTo = info.ModTime()
		}
	}
	all := o.relatives(s)
	whole := cur == nil || o.stands(cur)
	if cur != nil {
		if info, err := cur.file.Stat(); err != nil || cur.pos == 0 && info.Size() > 0 {
			return 0
		}
		whole = whole && intact(cur.file, cur.head, cur.tail, cur.pos) == nil
	}
	for _, r := range all {
		if seen[r.id] || o.known[r.id] != nil || r.info.ModTime().Before(old.left) {
			seen[r.id] = true
			continue
		}
		if !whole && r.info.ModTime().After(upTo) {
			continue // it came later, and is found when it is looked for after cur
		}
		if o.leaves(r.path) {
			seen[r.id] = true
			o.note(slog.LevelWarn, "a file that was rotated away is packed already: if it was not read before, its rows are lost", called(r.path))
			continue
		}
		file, err := o.env.Flow.Open(r.path)
		if err != nil {
			o.note(slog.LevelWarn, "a file that was rotated away before it was read cannot be opened: its rows are lost", called(r.path), "error", reason(err))
			continue
		}
		g := &generation{file: file, id: r.id, path: r.path, name: called(r.path)}
		if info, err := file.Stat(); err != nil || info.Size() == 0 || o.copies(g, old) || cur != nil && o.copies(g, cur) { // an empty one may be about to become a copy
			g.close()
			continue
		}
		seen[r.id] = true
		g.changed(r.info)
		o.move(g)
		o.add(s, g)
		n++
		if i := slices.Index(s.gens, cur); i >= 0 {
			s.gens = slices.Insert(s.gens[:len(s.gens)-1], i, g)
		}
		o.note(slog.LevelInfo, "a file was rotated away before it was read; it is read now", g.name)
	}
	return n
}

// stands reports whether a file is still at its path.
func (o *followOp) stands(g *generation) bool {
	info, err := o.env.Flow.Stat(g.at.path)
	return err == nil && idOf(info, g.at.path) == g.id
}

// copies reports whether a file has what was read of another one, as far as it goes.
func (o *followOp) copies(g, of *generation) bool {
	info, err := g.file.Stat()
	if err != nil || of.in == nil || of.pos == 0 || info.Size() == 0 {
		return false
	}
	size := min(info.Size(), of.pos)
	head, tail, end := of.head[:min(int64(len(of.head)), size)], of.tail, of.pos
	if size < of.pos { // compare with what the other one has there, if it still does
		tail, end = nil, size
		if of.file != nil && intact(of.file, of.head, of.tail, of.pos) == nil {
			if tail, err = before(of.file, size); err != nil {
				tail = nil
			}
		}
	}
	return intact(g.file, head, tail, end) == nil
}

// maxWaits is how many looks a file waits for another one that it may be a copy of.
const maxWaits = 4

// isCopy reports whether a file that was found seems to be made of another one that is
// followed, to rotate it: then the other one will be truncated.
func (o *followOp) isCopy(g *generation) bool {
	if g.own || g.moved {
		return false
	}
	dir, name := filepath.Split(g.at.path)
	for _, s := range o.slots {
		d, base := filepath.Split(s.path)
		cur := s.current()
		if s == g.at || cur == nil || d != dir || cur.original != nil || !related(base, name) {
			continue
		}
		if cur.in == nil && cur.size > 0 && g.waited < maxWaits { // what it could be a copy of is not known yet
			g.waited++
			g.failed = true
			return true
		}
		if o.copies(g, cur) {
			if g.original == nil {
				o.move(g)
				g.moved, g.original = false, cur
				o.note(slog.LevelInfo, "it is taken for a copy that is made to rotate a file, and is not read twice", g.name, "copy of", cur.name)
			}
			return true
		}
	}
	g.original = nil
	return false
}

// truncated goes on after a file is not what was read of it. If there is a copy, the rest
// is read from there; then the file is read from its beginning.
func (o *followOp) truncated(s *slot, g *generation) {
	if g.in == nil || g.pos == 0 || g.in.cut == nil { // nothing was read yet
		g.in, g.more, g.failed = nil, false, true
		return
	}
	current := !g.moved
	if o.known[g.id] == g {
		delete(o.known, g.id)
	}
	g.close()
	g.more = true
	if current {
		o.move(g)
	}
	if copied := o.restOf(s, g); copied != nil {
		o.note(slog.LevelInfo, "it was truncated; the rest of what it had is read from its copy", g.name, "copy", copied.path)
		g.path, g.name, g.id, g.lives = copied.path, called(copied.path), copied.id, ""
		if c := o.known[copied.id]; c != nil {
			g.lives = c.at.path
			o.drop(c.at, c)
		}
		in := *g.in // workers look at the old one
		in.name, in.place = g.name, placeOf(o.env.Flow, g.path)
		in.src = &countReader{generationReader{g}, &o.read}
		g.in, g.encoded = &in, nil
		o.known[g.id] = g
		o.siblings(filepath.Dir(s.path))[g.id] = true
		g.changed(copied.info)
	} else {
		o.note(slog.LevelWarn, "it was truncated, and no copy was found: what came after the last look, if anything did, is lost", g.name, "read up to line", g.in.line)
		g.id, g.given = fileID{}, true
	}
	if !current {
		return
	}
	if file, err := o.env.Flow.Open(s.path); err == nil {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			next := &generation{file: file, id: idOf(info, s.path), path: s.path, name: called(s.path), failed: true, after: g, size: info.Size()}
			o.add(s, next)
			return
		}
		file.Close()
	}
}

// restOf finds and opens the copy of a file that was truncated, which goes on where it was
// read up to; nil if there is none.
func (o *followOp) restOf(s *slot, g *generation) *sibling {
	all := o.relatives(s)
	slices.Reverse(all) // the newest first
	for _, r := range all {
		if c := o.known[r.id]; r.info.Size() < g.pos || c != nil && c.in != nil || o.leaves(r.path) {
			continue
		}
		file, err := o.env.Flow.Open(r.path)
		if err != nil {
			continue
		}
		if intact(file, g.head, g.tail, g.pos) == nil {
			g.file = file
			return &r
		}
		file.Close()
	}
	return nil
}
