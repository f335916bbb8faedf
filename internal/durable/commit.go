package durable

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// This file gives the files of a set their names, step by step, so that it can be
// completed or taken back.

// publish gives files their names, together. The caller holds the lock of the set.
func (s *Set) publish(files []*File) error {
	if len(files) == 0 {
		return nil
	}
	files = slices.SortedFunc(slices.Values(files), func(a, b *File) int { return cmp.Compare(a.target, b.target) })
	for {
		c := &commit{set: s}
		err := c.run(files)
		c.unlock()
		if !errors.Is(err, errChanged) {
			return err
		}
	}
}

// errChanged says that a target was made while we were about to make it.
var errChanged = errors.New("the target has changed")

// A commit is a set that gets its names.
type commit struct {
	set     *Set
	steps   []*step
	journal *journal // nil: one rename decides
}

// A step is what happens to one file.
type step struct {
	part   string
	target string
	inode  uint64 // of the part
	size   int64  // of the part

	adds   bool   // else the part is renamed
	lead   []byte // what comes before the part
	behind uint64 // the inode of the target; 0: it was not there
	old    int64  // its size

	file *File    // nil: of a run that is dead
	lock *os.File // the target, locked; nil: it is not there
	made bool     // the target was made for this step
	had  int64    // how much of lead and part was added before a crash
	add  int64    // and since
	done bool
}

func (c *commit) run(files []*File) error {
	if err := c.begin(files); err != nil {
		return err
	}
	if err := c.set.syncMade(); err != nil {
		return err
	}
	if len(files) > 1 || files[0].add != nil {
		var err error
		if c.journal, err = c.set.decide(c.steps); err != nil {
			return err
		}
	}
	err := c.set.carryOut(c.steps)
	return errors.Join(err, c.end(err))
}

// begin locks the targets and finds out what is to be done. What dead runs have left half
// done to one of them is completed before.
func (c *commit) begin(files []*File) error {
	for pause := time.Millisecond; ; {
		for _, f := range files {
			st, err := c.set.step(f)
			if err != nil {
				return &FileError{f.target, bare(err)}
			}
			c.steps = append(c.steps, st)
		}
		dead, wait, err := c.before()
		if err != nil || len(dead) == 0 && !wait {
			return err
		}
		c.unlock() // for they lock targets of their own
		c.steps = nil
		if c.set.killed.Load() {
			return errKilled
		}
		for _, path := range dead {
			if err := c.set.complete(path); err != nil {
				return err
			}
		}
		time.Sleep(pause)
		pause = min(2*pause, 50*time.Millisecond)
	}
}

// before looks for what has to be done before something is added: it gives the journals of
// dead runs in the folders of those targets. wait says that one tells of our targets and is
// in the hands of another run: since we have the locks of the targets, that is one that is
// about to complete it, or one that is just dying.
func (c *commit) before() (dead []string, wait bool, err error) {
	targets, dirs := map[string]bool{}, map[string]bool{}
	for _, st := range c.steps {
		if st.adds {
			targets[st.target], dirs[filepath.Dir(st.target)] = true, true
		}
	}
	for dir := range dirs {
		all, err := journalsIn(dir)
		if err != nil {
			return nil, false, &FileError{dir, bare(err)}
		}
		for _, path := range all {
			f, _, err := openJournal(path)
			switch {
			case err != nil:
				return nil, false, err
			case f != nil:
				f.Close()
				dead = append(dead, path)
			default:
				wait = wait || tells(path, func(_, target string) bool { return targets[target] })
			}
		}
	}
	return dead, wait, nil
}

// step locks the target of a file and looks at both.
func (s *Set) step(f *File) (_ *step, err error) {
	st := &step{part: f.part, target: f.target, adds: f.add != nil, file: f}
	info, err := os.Lstat(f.part)
	if errors.Is(err, fs.ErrNotExist) || err == nil && renamesOpen && !same(f.f, f.part) {
		return nil, errors.New("what was written is gone: somebody has removed it, or its folder")
	}
	if err != nil {
		return nil, err
	}
	st.inode, st.size = inode(info), info.Size()
	if st.lock, err = s.lockTarget(f.target, st.adds); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			st.unlock()
		}
	}()
	if st.lock != nil {
		if info, err = st.lock.Stat(); err != nil {
			return nil, err
		}
		if err := regular(info); err != nil { // it has become something else since it was opened
			return nil, err
		}
		st.old, st.behind = info.Size(), inode(info)
	}
	if !st.adds {
		return st, nil
	}
	if f.add.Lead != nil && (st.size > 0 || st.old == 0) { // an empty table has its head
		st.lead, err = f.add.Lead(st.lock, st.old)
	}
	return st, err
}

// regular refuses what is no file.
func regular(info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return errors.New("it is a folder")
	case !info.Mode().IsRegular():
		return errors.New("it is no regular file")
	}
	return nil
}

// lockTarget waits for the lock of a target, nil if it is not there.
func (s *Set) lockTarget(path string, adds bool) (*os.File, error) {
	flag := os.O_RDONLY
	if adds {
		flag = os.O_RDWR | os.O_APPEND
	}
	for wait := time.Millisecond; ; {
		f, err := os.OpenFile(path, flag|noHang, 0)
		if !adds && errors.Is(err, fs.ErrPermission) { // it may be written and not read
			f, err = os.OpenFile(path, os.O_WRONLY|noHang, 0)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			if info, serr := os.Stat(path); serr == nil {
				err = cmp.Or(regular(info), err) // which says more
			}
			return nil, err
		}
		locked, err := tryLock(f)
		if err == nil && locked && same(f, path) {
			return f, nil
		}
		f.Close()
		switch {
		case err != nil:
			return nil, err
		case s.killed.Load():
			return nil, errKilled
		case !locked:
			time.Sleep(wait)
			wait = min(2*wait, 50*time.Millisecond)
		}
	}
}

// make makes the target of a step that adds to a file which is not there.
func (st *step) make() error {
	f, err := createNew(st.target, os.O_APPEND, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return errChanged
	}
	if err != nil {
		return err
	}
	if locked, err := tryLock(f); err != nil || !locked {
		f.Close()
		return cmp.Or(err, errChanged)
	}
	st.lock, st.made = f, true
	return nil
}

func (c *commit) unlock() {
	for _, st := range c.steps {
		st.unlock()
	}
}

func (st *step) unlock() {
	if st.lock != nil {
		st.lock.Close()
		st.lock = nil
	}
}

// syncMade makes the folders safe that were made for the set: without them nothing in
// them is.
func (s *Set) syncMade() error {
	dirs := map[string]bool{}
	for _, dir := range s.made[s.safe:] {
		dirs[filepath.Dir(dir)] = true
	}
	s.safe = len(s.made)
	return s.syncDirs(dirs)
}

// carryOut does the steps: first those that can fail for want of room, and can be taken
// back; then the renames.
func (s *Set) carryOut(steps []*step) error {
	if err := s.addAll(steps); err != nil {
		for _, st := range steps {
			st.takeBack()
		}
		return err
	}
	var errs []error
	for _, st := range steps {
		if !st.adds {
			if err := rename(st.part, st.target); err != nil {
				errs = append(errs, &FileError{st.target, bare(err)})
				continue
			}
		}
		st.done = true
	}
	return errors.Join(errs...)
}

// addAll adds what is to be added, and makes it safe.
func (s *Set) addAll(steps []*step) error {
	var added []*step
	for _, st := range steps {
		if !st.adds || st.size == 0 && len(st.lead) == 0 && st.lock != nil {
			continue
		}
		if err := s.add(st); errors.Is(err, errChanged) {
			return err
		} else if err != nil {
			return &FileError{st.target, bare(err)}
		}
		added = append(added, st)
	}
	errs := make([]error, len(added))
	atOnce(len(added), func(i int) {
		if err := s.sync(added[i].lock); err != nil {
			errs[i] = &FileError{added[i].target, bare(err)}
		}
	})
	return errors.Join(errs...)
}

// copySize is how much is added at once. Tests take less.
var copySize = 1 << 20

// add adds the part to the target, which may have some of it already.
func (s *Set) add(st *step) error {
	if st.lock == nil {
		if err := st.make(); err != nil {
			return err
		}
	}
	part, err := os.Open(st.part)
	if err != nil {
		return err
	}
	defer part.Close()
	text := io.MultiReader(bytes.NewReader(st.lead), io.NewSectionReader(part, 0, st.size))
	if _, err := io.CopyN(io.Discard, text, st.had); err != nil {
		return err
	}
	_, err = io.CopyBuffer(adder{st}, struct{ io.Reader }{text}, make([]byte, copySize)) // which a MultiReader would not use
	if whole := int64(len(st.lead)) + st.size; err == nil && st.had+st.add != whole {
		err = fmt.Errorf("what was staged is cut off: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// takeBack cuts off what was added, unless others have added something behind it.
func (st *step) takeBack() {
	if st.lock == nil || st.done {
		return
	}
	info, err := st.lock.Stat()
	if err != nil || info.Size() != st.old+st.had+st.add {
		return
	}
	if truncate(st.lock, st.old) == nil && st.made {
		remove(st.target)
	}
}

// end makes safe what was done, and removes the journal.
func (c *commit) end(err error) error {
	if errors.Is(err, errChanged) {
		return c.set.conclude(c.journal)
	}
	halfway := c.journal != nil && c.halfway()
	dirs := map[string]bool{}
	for _, st := range c.steps {
		dirs[filepath.Dir(st.target)] = true
	}
	errs := []error{c.set.syncDirs(dirs)}
	switch {
	case halfway: // what is not done, the next run does
		c.journal.leave()
		if note := c.set.options.Note; note != nil {
			note("some files of the run have their names and some have not; the next run that writes to one of their folders completes that")
		}
	case c.journal != nil:
		errs = append(errs, c.set.conclude(c.journal))
	}
	for _, st := range c.steps {
		switch {
		case st.done:
			errs = append(errs, st.file.stands())
		case halfway:
			st.file.leave()
		}
	}
	return errors.Join(errs...)
}

// halfway reports whether some of the steps are done and others are not.
func (c *commit) halfway() bool {
	done := 0
	for _, st := range c.steps {
		if st.done {
			done++
		}
	}
	return 0 < done && done < len(c.steps)
}
