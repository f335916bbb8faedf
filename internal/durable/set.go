package durable

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a Set.
type Options struct {
	// NoSync leaves out all syncs: faster, and what was written in the last half minute
	// may be lost, empty or torn after a power cut, although a commit went well. A
	// process that is killed still leaves nothing half done.
	NoSync bool
	// Note is told what a dead run had left and what became of it; may be nil.
	Note func(text string)
}

// A Set is the files of one run, which get their names together. Its methods may be
// called from any goroutine, those of one file by one at a time.
type Set struct {
	options Options
	killed  atomic.Bool

	mu      sync.Mutex
	files   []*File
	taken   map[string]bool     // their targets
	looked  map[string][]string // the parts found in a folder, in which dead runs were looked for
	made    []string            // folders that were made, the outer ones first
	safe    int                 // how many of them are synced
	settled bool                // committed or aborted
	outcome error               // of the commit
}

// NewSet makes an empty set.
func NewSet(options Options) *Set {
	return &Set{options: options, taken: map[string]bool{}, looked: map[string][]string{}}
}

var (
	errKilled  = errors.New("the run was ended")
	errSettled = errors.New("the run has ended")
)

// ErrTaken is that of a file which the set has already.
var ErrTaken = errors.New("another node is writing it")

// Create opens a file that takes the place of target, which is absolute, with all links
// resolved, and no folder or device. It keeps the permissions of what is there; what its
// user may not write is not replaced.
func (s *Set) Create(target string) (*File, error) { return s.open(target, nil) }

// CreateNew opens a file that takes the place of no other one: the error is fs.ErrExist if
// target is there, and ErrBusy while another run writes it.
func (s *Set) CreateNew(target string) (*File, error) {
	if exists(target) {
		return nil, fs.ErrExist
	}
	f, err := s.Create(target) // from here on it is ours to make
	if err != nil || !exists(target) {
		return f, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return nil, cmp.Or(s.drop(f), error(fs.ErrExist))
}

// drop throws a file away and lets go of it. The caller holds mu.
func (s *Set) drop(f *File) error {
	delete(s.taken, f.target)
	s.files = slices.DeleteFunc(s.files, func(other *File) bool { return other == f })
	return f.discard()
}

// Append opens a file whose text is added to target.
func (s *Set) Append(target string, add Addition) (*File, error) { return s.open(target, &add) }

func (s *Set) open(target string, add *Addition) (*File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.killed.Load():
		return nil, errKilled
	case s.settled:
		return nil, errSettled
	}
	if s.taken[target] {
		return nil, ErrTaken
	}
	f := &File{set: s, target: target, add: add}
	old, err := f.permits()
	if err != nil {
		return nil, err
	}
	if err := s.folder(filepath.Dir(target)); err != nil {
		return nil, err
	}
	if err := f.clearOthers(); err != nil {
		return nil, err
	}
	if err := f.claimAny(); err != nil {
		return nil, err
	}
	s.files = append(s.files, f)
	s.taken[target] = true
	if old != nil && add == nil {
		err = f.f.Chmod(old.Mode().Perm())
	}
	if err != nil {
		f.discard()
		return nil, bare(err)
	}
	return f, nil
}

// permits looks at what is there, nil if nothing is: whether it may be written.
func (f *File) permits() (fs.FileInfo, error) {
	info, err := os.Stat(f.target)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := regular(info); err != nil {
		return nil, err
	}
	flag := os.O_WRONLY
	if f.add != nil {
		flag = os.O_RDWR
	} else if dir, err := os.Stat(filepath.Dir(f.target)); err == nil && sticks(info, dir) {
		return nil, errors.New("it belongs to another user, and its folder lets nobody else replace it")
	}
	old, err := os.OpenFile(f.target, flag, 0)
	if err != nil {
		return nil, err
	}
	defer old.Close()
	if f.add != nil && f.add.Lead != nil && info.Size() > 0 {
		_, err = f.add.Lead(old, info.Size())
	}
	return info, err
}

// claimAny claims the part: of a file that is replaced the only one, of one that is added
// to the first that is free, for several runs may add at once.
func (f *File) claimAny() error {
	if f.add == nil {
		return f.claim(0)
	}
	for number := 1; ; number++ {
		if err := f.claim(number); !errors.Is(err, ErrBusy) {
			return err
		}
	}
}

// clearOthers removes what dead runs left of the target, whatever the number.
func (f *File) clearOthers() error {
	dir, name := filepath.Split(f.target)
	for _, part := range f.set.looked[filepath.Dir(f.target)] {
		if _, number, _ := splitPart(part); part != partName(name, number) {
			continue
		}
		if err := f.set.clear(filepath.Join(dir, part)); err != nil && !errors.Is(err, ErrBusy) {
			return err
		}
	}
	return nil
}

// folder makes a folder, and sees to what dead runs left in it: once.
func (s *Set) folder(dir string) error {
	if _, done := s.looked[dir]; done {
		return nil
	}
	if err := s.mkdir(dir); err != nil {
		return err
	}
	if err := s.recover(dir); err != nil {
		return err
	}
	names, err := namesIn(dir)
	if err != nil {
		return err
	}
	s.looked[dir] = slices.DeleteFunc(names, func(name string) bool { _, _, ok := splitPart(name); return !ok })
	return nil
}

// mkdir makes a folder and those around it, and remembers which are new.
func (s *Set) mkdir(dir string) error {
	var missing []string
	for at := dir; ; at = filepath.Dir(at) {
		_, err := os.Stat(at)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		missing = append(missing, at)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	slices.Reverse(missing)
	s.made = append(s.made, missing...)
	return nil
}

// Clear removes the parts that dead runs left of those targets in a folder whose names
// match. Create and Append do so for their own.
func (s *Set) Clear(dir string, match func(target string) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.folder(dir); err != nil {
		return err
	}
	for _, name := range s.looked[dir] {
		if target, _, _ := splitPart(name); match(target) {
			if err := s.clear(filepath.Join(dir, name)); err != nil && !errors.Is(err, ErrBusy) {
				return err
			}
		}
	}
	return nil
}

func namesIn(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// syncsAtOnce bounds how many files are synced side by side: the disk writes one journal
// for all of them.
const syncsAtOnce = 8

// Seal makes files safe: they are complete. One that fails keeps the others from nothing;
// the errors name the files.
func (s *Set) Seal(files ...*File) error {
	errs := make([]error, len(files))
	atOnce(len(files), func(i int) {
		if err := files[i].seal(); err != nil {
			errs[i] = &FileError{files[i].target, err}
		}
	})
	return errors.Join(errs...)
}

// atOnce calls f for each of n numbers, some at once.
func atOnce(n int, f func(i int)) {
	var all sync.WaitGroup
	places := make(chan struct{}, syncsAtOnce)
	for i := range n {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			f(i)
		})
	}
	all.Wait()
}

// A FileError is what went wrong with one file.
type FileError struct {
	Path string // the target
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("%s: %v", e.Path, e.Err) }
func (e *FileError) Unwrap() error { return e.Err }

// Commit gives all files that were sealed their names, together, and throws the others
// away. Only the first call does it; the others give what it gave.
func (s *Set) Commit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled {
		return s.outcome
	}
	if s.killed.Load() {
		s.outcome = errors.Join(errKilled, s.settle())
		return s.outcome
	}
	var whole []*File
	for _, f := range s.files {
		switch {
		case f.over:
		case f.sealed:
			whole = append(whole, f)
		default:
			s.outcome = errors.Join(s.outcome, f.discard())
		}
	}
	s.outcome = errors.Join(s.outcome, s.publish(whole), s.settle())
	return s.outcome
}

// Publish adds what was written so far to the targets of some files that are added to,
// and goes on with them.
func (s *Set) Publish(files ...*File) error {
	if err := s.Seal(files...); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled || s.killed.Load() {
		return errSettled
	}
	return s.publish(files)
}

// Finish gives some files what was written to them, at once, and lets go of them: the other
// files of the set have nothing to do with them any more.
func (s *Set) Finish(files ...*File) error {
	if err := s.Seal(files...); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled || s.killed.Load() {
		return errSettled
	}
	if err := s.publish(files); err != nil {
		return err
	}
	var errs []error
	for _, f := range files {
		if f.over {
			f.f.Close() // on some systems it was closed before
		} else {
			errs = append(errs, f.discard())
		}
		delete(s.taken, f.target)
	}
	s.files = slices.DeleteFunc(s.files, func(f *File) bool { return slices.Contains(files, f) })
	return errors.Join(errs...)
}

// Abort throws away what was not committed, with the folders that were made for it.
func (s *Set) Abort() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled {
		return nil
	}
	err := s.settle()
	s.unmake()
	s.outcome = errSettled
	return err
}

// settle removes the parts that are left and ends the locks.
func (s *Set) settle() error {
	s.settled = true
	var errs []error
	for _, f := range s.files {
		if f.over {
			f.f.Close() // of some it was closed before
			continue
		}
		errs = append(errs, f.discard())
	}
	return errors.Join(errs...)
}

// Sweep is for a process that ends at once: it removes the parts from any goroutine,
// whatever else goes on, and waits for a commit that is under way, but no longer than
// patience. What it leaves then the next run completes.
func (s *Set) Sweep(patience time.Duration) {
	s.killed.Store(true)
	for until := time.Now().Add(patience); !s.mu.TryLock(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			return
		}
	}
	defer s.mu.Unlock()
	if s.settled {
		return
	}
	for _, f := range s.files {
		if !f.over && f.f != nil && same(f.f, f.part) {
			os.Remove(f.part)
		}
	}
	s.unmake()
}

// unmake removes the folders that were made for the set.
func (s *Set) unmake() {
	for _, dir := range slices.Backward(s.made) {
		os.Remove(dir) // fails if there is something in it, which is then not ours
	}
}
