package durable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// This file completes, or takes back, what dead runs have begun.

// recover completes the sets of dead runs that a folder tells of.
func (s *Set) recover(dir string) error {
	all, err := journalsIn(dir)
	if err != nil {
		return err
	}
	for _, path := range all {
		if err := s.complete(path); err != nil {
			return err
		}
	}
	return nil
}

// complete does what a journal says, if its run is dead, and removes it.
func (s *Set) complete(path string) error {
	f, text, err := openJournal(path)
	if f == nil || err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if text.See != "" {
		return s.follow(f, path, absolute(dir, text.See))
	}
	j := &journal{path: path, f: f}
	for _, pointer := range text.Pointers {
		j.pointers = append(j.pointers, absolute(dir, pointer))
	}
	c := &commit{set: s, journal: j}
	defer c.unlock()
	err = c.resume(dir, text)
	for errors.Is(err, errChanged) {
		c.unlock()
		c.steps = nil
		err = c.resume(dir, text)
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("a run that died had begun to name its files, and what it left cannot be completed: %w; %s tells which: when they are as they should be, remove it", err, path)
	}
	return c.concluded()
}

// follow completes what a pointer leads to. If that is not there, the set was not decided,
// or is complete.
func (s *Set) follow(f *os.File, path, home string) error {
	defer f.Close()
	if filepath.Dir(home) != filepath.Dir(path) && exists(home) {
		if err := s.complete(home); err != nil || exists(home) {
			return err
		}
	}
	return remove(path)
}

// resume does the steps of a journal that are not done.
func (c *commit) resume(dir string, text *journalText) error {
	for _, told := range text.Steps {
		st := &step{
			part: absolute(dir, told.Part), target: absolute(dir, told.Target), inode: told.Inode, size: told.Size,
			adds: told.Adds, old: told.Old, behind: told.Behind, lead: told.Lead,
		}
		if !st.left() {
			continue // it is done
		}
		c.steps = append(c.steps, st)
		var err error
		if st.lock, err = c.set.lockTarget(st.target, st.adds); err != nil {
			return &FileError{st.target, bare(err)}
		}
		if st.adds && st.lock != nil {
			if err := st.find(); err != nil {
				return &FileError{st.target, bare(err)}
			}
		}
	}
	return c.set.carryOut(c.steps)
}

// left reports whether the part of a step is still there.
func (st *step) left() bool {
	info, err := os.Lstat(st.part)
	return err == nil && info.Mode().IsRegular() && info.Size() == st.size && inode(info) == st.inode
}

// find sees how much of the part was added before the run died. What is behind the old end
// of the target is compared with it.
func (st *step) find() error {
	info, err := st.lock.Stat()
	if err != nil {
		return err
	}
	if info.Size() < st.old || st.behind != 0 && inode(info) != st.behind {
		st.old, st.lead = info.Size(), nil // another file has come in its place
		return nil
	}
	part, err := os.Open(st.part)
	if err != nil {
		return err
	}
	defer part.Close()
	text := io.MultiReader(bytes.NewReader(st.lead), part)
	st.had, err = common(io.NewSectionReader(st.lock, st.old, info.Size()-st.old), text)
	whole := int64(len(st.lead)) + st.size
	switch {
	case err != nil:
		return err
	case st.old+st.had == info.Size() || st.had == whole:
		return nil
	case !st.torn(): // others have added to it, and we had not begun
		st.old, st.had = info.Size(), 0
		if st.behind == 0 {
			st.lead = nil // which is for an empty file
		}
		return nil
	}
	return fmt.Errorf("behind the row that was cut off at byte %d somebody else has written", st.old+st.had)
}

// sector is what disks write as a whole.
const sector = 512

// torn reports whether the run can have died where what it added and the target begin to
// differ: at the end of a block or of a write. Anywhere else it is somebody else's row that
// begins as ours does.
func (st *step) torn() bool {
	written := st.had - int64(len(st.lead))
	return st.had > 0 && ((st.old+st.had)%sector == 0 || written >= 0 && written%int64(copySize) == 0)
}

// common counts the bytes that two texts have in common at their beginning.
func common(a, b io.Reader) (int64, error) {
	x, y := make([]byte, copySize), make([]byte, copySize)
	for total := int64(0); ; {
		n, err := io.ReadFull(a, x)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, err
		}
		m, err := io.ReadFull(b, y[:n])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, err
		}
		for i := range m {
			if x[i] != y[i] {
				return total + int64(i), nil
			}
		}
		if total += int64(m); m < copySize {
			return total, nil
		}
	}
}

// concluded removes what told of a set that is complete now, and says so.
func (c *commit) concluded() error {
	dirs := map[string]bool{}
	var names []string
	for _, st := range c.steps {
		dirs[filepath.Dir(st.target)] = true
		names = append(names, filepath.Base(st.target))
	}
	err := errors.Join(c.set.syncDirs(dirs), c.set.conclude(c.journal))
	for _, st := range c.steps {
		if st.adds {
			err = errors.Join(err, remove(st.part))
		}
	}
	if note := c.set.options.Note; note != nil && len(names) > 0 {
		slices.Sort(names)
		note(fmt.Sprintf("completed what a run that died had begun to name: %s", list(names)))
	}
	return err
}

// list gives some names, and how many more there are.
func list(names []string) string {
	const most = 5
	text := ""
	for i, name := range names {
		switch {
		case i == most:
			return fmt.Sprintf("%s and %d more", text, len(names)-most)
		case i > 0:
			text += ", "
		}
		text += name
	}
	return text
}
