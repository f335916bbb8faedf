package file

import (
	"context"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file is how file.read follows files: from the start, then what comes. It polls, which
// works on every file system, and reads nothing but what has changed.
//
// A slot is a path that is followed. It has generations, the files that stood there one after
// the other: one that was rotated away is read to its end before the next one begins, and
// looked at for a while longer, for its writer may not have noticed yet.

// defaultEvery is the default of every.
const defaultEvery = 250 * time.Millisecond

const (
	// lingering is how long a file that was rotated away has to be silent to be let go, and
	// one that seems to be a copy to be read as a file of its own.
	lingering = time.Minute
	// globbing is how often patterns are looked up again at most, which costs more than to
	// look at the files that are known.
	globbing = time.Second
)

// A slot is a path that is followed, and the files that stand or stood there.
type slot struct {
	path string // in full
	name string // as the flow or its pattern names it
	glob bool   // a pattern has found it: it is let go when nothing is left of it
	gens []*generation
	told string // what was said last of why no file can be read there
}

// current is the generation that stands at the path; nil if there is none.
func (s *slot) current() *generation {
	if n := len(s.gens); n > 0 && !s.gens[n-1].moved {
		return s.gens[n-1]
	}
	return nil
}

// A followOp is a running file.read that follows. All but the workers' part belongs to Next.
type followOp struct {
	*readOp
	scanned *types.Type // what scanners read: the rows without their place
	slots   []*slot
	looks   []*slot // the same in the order in which they are looked at; nil: it is to be made
	known   map[fileID]*generation
	seen    map[string]map[fileID]bool // by folder: the files in it that nobody has to look for
	turn    int                        // whose turn it is among slots
	due     time.Time                  // when the files are looked at again
	search  time.Time                  // and when the patterns are
	begun   bool
	notes   nodes.Notebook
}

var (
	_ nodes.Endless  = (*followOp)(nil)
	_ nodes.Parallel = (*followOp)(nil)
	_ nodes.Puller   = (*followOp)(nil)
	_ nodes.Seeker   = (*followOp)(nil)
	_ nodes.Closer   = (*followOp)(nil)
)

func newFollowOp(o *readOp) *followOp {
	f := &followOp{readOp: o, scanned: o.scanned(), known: map[fileID]*generation{}, seen: map[string]map[fileID]bool{}}
	o.env.Notes = f.notes.Notes
	return f
}

// Endless implements nodes.Endless.
func (o *followOp) Endless() bool { return true }

// Close implements nodes.Closer.
func (o *followOp) Close() error {
	for _, s := range o.slots {
		for _, g := range s.gens {
			if g.in != nil && len(g.in.rest) > 0 {
				o.note(slog.LevelWarn, "the last line has no end yet, and was not read", g.name, "line", g.in.line, "bytes", len(g.in.rest))
			}
			g.close()
		}
	}
	o.slots = nil
	return nil
}

func (g *generation) close() {
	if g.held != nil {
		g.held.arena.Release()
		g.held = nil
	}
	if g.file != nil {
		g.file.Close()
		g.file = nil
	}
}

// Next gives the next chunk of whichever file has one, each in its turn, and waits for it.
func (o *followOp) Next(ctx context.Context) (any, nodes.Position, error) {
	if !o.begun {
		o.start()
		o.poll()
		for _, g := range o.known { // they were there before: the oldest is read first
			g.waited = maxWaits
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if !time.Now().Before(o.due) {
			o.poll()
		}
		for range o.slots {
			s := o.slots[o.turn%len(o.slots)]
			o.turn = (o.turn + 1) % len(o.slots)
			if p := o.read1(s); p != nil {
				after, err := o.position()
				return p, after, err
			}
		}
		timer := time.NewTimer(time.Until(o.due))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, nil, ctx.Err()
		}
	}
}

// start finds the files that are there, those that changed first before the others.
func (o *followOp) start() {
	o.begun = true
	for _, p := range o.k.Path {
		if full := o.env.Path(p.Value); !isPattern(p.Value) || exists(o.env.Flow, full) {
			o.follow(&slot{path: full, name: p.Value})
		}
	}
	o.glob()
	at := map[*slot]time.Time{}
	for _, s := range o.slots {
		if info, err := o.env.Flow.Stat(s.path); err == nil {
			at[s] = info.ModTime()
		}
	}
	slices.SortStableFunc(o.slots, func(a, b *slot) int { return at[a].Compare(at[b]) })
	for _, s := range o.slots {
		o.siblings(filepath.Dir(s.path))
	}
}

// follow adds a slot.
func (o *followOp) follow(s *slot) {
	o.slots, o.looks = append(o.slots, s), nil
}

// siblings gives the files of a folder that were there when it was looked at first.
func (o *followOp) siblings(dir string) map[fileID]bool {
	if seen := o.seen[dir]; seen != nil {
		return seen
	}
	seen := map[fileID]bool{}
	o.seen[dir] = seen
	entries, err := fs.ReadDir(o.env.Flow.Folder(dir), ".")
	if err != nil {
		return seen
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := o.env.Flow.Stat(path); err == nil {
			seen[idOf(info, path)] = true
		}
	}
	return seen
}

// glob finds files that have come and that a pattern names.
func (o *followOp) glob() {
	began := time.Now()
	have := map[string]bool{}
	for _, s := range o.slots {
		have[s.path] = true
	}
	for _, p := range o.k.Path {
		if !isPattern(p.Value) || exists(o.env.Flow, o.env.Path(p.Value)) {
			continue
		}
		names, err := globbed(o.env.Flow, p.Value)
		if err != nil {
			o.env.Log.Warn("the folders of a pattern cannot be read; they are looked at again", "pattern", p.Value, "error", reason(err))
		}
		for _, name := range names {
			path := o.env.Path(name)
			if have[path] || o.leaves(path) {
				continue
			}
			info, err := o.env.Flow.Stat(path)
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			if g := o.known[idOf(info, path)]; g != nil { // renamed, and read on where it was
				g.lives = path
				continue
			}
			have[path] = true
			o.follow(&slot{path: path, name: name, glob: true})
			if o.due != (time.Time{}) {
				o.note(slog.LevelInfo, "a new file is followed", called(path))
			}
		}
	}
	spent := time.Since(began)
	o.search = time.Now().Add(max(globbing, o.k.Every, 20*spent))
}

// leaves reports whether a file that a pattern names is left out, because it is packed.
func (o *followOp) leaves(path string) bool {
	_, packed, _ := formatOf(path, o.k.format, "")
	return packed != plain
}

// poll looks at all files, and at the patterns now and then.
func (o *followOp) poll() {
	now := time.Now()
	if !now.Before(o.search) {
		o.glob()
	}
	o.due = now.Add(o.k.Every)
	if o.looks == nil { // a path before those that rotation makes of it
		o.looks = slices.Clone(o.slots)
		slices.SortStableFunc(o.looks, func(a, b *slot) int { return len(a.path) - len(b.path) })
	}
	for _, s := range o.looks {
		o.lookAt(s)
		for _, g := range slices.Clone(s.gens) {
			if g.moved || g.original != nil {
				o.watch(s, g, now)
			}
		}
	}
	before := len(o.slots)
	o.slots = slices.DeleteFunc(o.slots, func(s *slot) bool { return s.glob && len(s.gens) == 0 && s.told != "" && s.told != unreadableYet })
	if len(o.slots) < before {
		o.looks = nil
	}
}

// unreadableYet is what was said of a file that is there and cannot be opened.
const unreadableYet = "unreadable"

// lookAt looks at what stands at a path.
func (o *followOp) lookAt(s *slot) {
	cur := s.current()
	info, err := o.env.Flow.Stat(s.path)
	switch {
	case err != nil && !isGone(err):
		o.tell(s, unreadableYet, "it cannot be read; it is tried again: "+reason(err))
		if cur != nil && cur.file != nil { // what is open is read on
			if info, err := cur.file.Stat(); err == nil && info.Size() != cur.size {
				cur.changed(info)
			}
		}
		return
	case err != nil:
		o.move(cur)
		o.tell(s, "gone", "there is no such file; it is read when it comes")
		return
	case !info.Mode().IsRegular():
		o.move(cur)
		what := "it is a folder"
		if !info.IsDir() {
			what = "it is a pipe or a device"
		}
		o.tell(s, what, what+"; a file is read when it stands there again")
		return
	}
	id := idOf(info, s.path)
	if cur != nil && cur.id == id {
		if cur.failed || info.Size() != cur.size || !info.ModTime().Equal(cur.mtime) {
			cur.changed(info)
		}
		if s.told != "" && !cur.failed {
			o.tell(s, "", "it can be read again")
		}
		return
	}
	if g := o.known[id]; g != nil && g.at != s { // it was renamed to this path
		o.move(cur)
		g.lives = s.path
		return
	} else if g != nil && g.moved { // it has come back
		o.move(cur)
		g.moved, g.more = false, true
		s.gens = append(slices.DeleteFunc(s.gens, func(x *generation) bool { return x == g }), g)
		return
	}
	if cur != nil {
		o.note(slog.LevelInfo, "another file stands in its place; what is left of the old one is read first", called(s.path))
		o.move(cur)
	}
	var old *generation
	if n := len(s.gens); n > 0 {
		old = s.gens[n-1]
	}
	o.open(s, old)
}

// changed notes that there may be something to read.
func (g *generation) changed(info fs.FileInfo) {
	g.size, g.mtime, g.more = info.Size(), info.ModTime(), true
}

// move notes that a generation does not stand at its path any more.
func (o *followOp) move(g *generation) {
	if g != nil {
		g.moved, g.more, g.since, g.encoded = true, true, time.Now(), nil
	}
}

// tell says once why no file can be read at a path, and when it can.
func (o *followOp) tell(s *slot, what, text string) {
	if s.told == what {
		return
	}
	s.told = what
	if what == "" {
		o.note(slog.LevelInfo, text, called(s.path))
	} else {
		o.note(slog.LevelWarn, text, called(s.path))
	}
}

// open begins to follow the file that stands at a path now, after an old one.
func (o *followOp) open(s *slot, old *generation) {
	file, err := o.env.Flow.Open(s.path)
	if err != nil {
		if !isGone(err) {
			o.tell(s, unreadableYet, "it cannot be read; it is tried again: "+reason(err))
		}
		return
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() { // it has just become something else
		file.Close()
		return
	}
	if s.told != "" {
		o.tell(s, "", "it is there, and is read")
	}
	g := &generation{file: file, id: idOf(info, s.path), path: s.path, name: called(s.path), after: old}
	g.changed(info)
	o.add(s, g)
}

// add puts a generation behind those of a slot.
func (o *followOp) add(s *slot, g *generation) {
	g.at = s
	s.gens = append(s.gens, g)
	o.known[g.id] = g
}

// watch looks at a file that has moved, or seems to be a copy.
func (o *followOp) watch(s *slot, g *generation, now time.Time) {
	if g.file != nil {
		info, err := g.file.Stat()
		if err == nil && (g.failed || info.Size() != g.size || !info.ModTime().Equal(g.mtime)) {
			g.changed(info)
			g.since = now
		}
	}
	if now.Sub(g.since) < lingering {
		return
	}
	if g.original != nil {
		g.original, g.own, g.more = nil, true, true
		return
	}
	if g.lives != "" {
		info, err := o.env.Flow.Stat(g.lives)
		if err == nil && idOf(info, g.lives) == g.id {
			o.settle(s, g)
			return
		}
	}
	g.given, g.more = true, true // with its last line; then read1 lets it go
}

// settle gives a file that was renamed to a path that is followed too to the slot of it.
func (o *followOp) settle(from *slot, g *generation) {
	path := g.lives
	to := -1
	for i, s := range o.slots {
		if s.path == path {
			to = i
		}
	}
	if to < 0 {
		to = len(o.slots)
		o.follow(&slot{path: path, name: placeOf(o.env.Flow, path), glob: true})
	}
	if o.slots[to].current() != nil {
		return
	}
	from.gens = slices.DeleteFunc(from.gens, func(x *generation) bool { return x == g })
	g.moved, g.lives, g.encoded = false, "", nil
	o.add(o.slots[to], g)
}

// drop lets a generation go.
func (o *followOp) drop(s *slot, g *generation) {
	g.close()
	s.gens = slices.DeleteFunc(s.gens, func(x *generation) bool { return x == g })
	if o.known[g.id] == g {
		delete(o.known, g.id)
	}
}

// read1 gives the next chunk of a slot: of the oldest generation that has one.
func (o *followOp) read1(s *slot) *chunk {
	for i := 0; i < len(s.gens); i++ {
		g := s.gens[i]
		if !g.more {
			continue
		}
		g.failed = false
		p, err := o.readOn(g)
		if err == nil && g.after != nil && g.file != nil { // what stood there between was rotated away by now
			n := o.missed(s, g.after, g) // which looks before this one is given
			if g.pos > 0 {
				g.after = nil
			}
			if n > 0 {
				g.held = p
				i = -1
				continue
			}
		}
		switch {
		case err == errOther:
			o.truncated(s, g)
			i = -1
			continue
		case err != nil:
			g.more, g.failed = false, true
			o.tell(s, unreadableYet, "it cannot be read; it is tried again: "+reason(err))
			continue
		}
		if !g.left.Equal(g.mtime) {
			g.left, g.encoded = g.mtime, nil
		}
		if p != nil {
			return p
		}
		g.more = false
		if g.moved && g.given && g.held == nil {
			o.drop(s, g)
			i--
		}
	}
	return nil
}

// readOn gives the next chunk of a generation, nil where there is none now.
func (o *followOp) readOn(g *generation) (*chunk, error) {
	last := g.moved && g.given
	if p := g.held; p != nil {
		g.held, g.encoded = nil, nil
		return p, nil
	}
	if g.in == nil {
		if g.file == nil || o.isCopy(g) {
			return nil, nil
		}
		ready, bad, err := o.begin(g, last)
		if !ready || err != nil {
			return bad, err
		}
	}
	if g.in.cut == nil { // it was no such file
		return nil, nil
	}
	return g.next(last)
}
