package durable

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A File is one that is being written: its part is open.
type File struct {
	set    *Set
	target string
	part   string
	f      *os.File  // the part, which holds its lock
	add    *Addition // nil: it takes the place of what is there

	sealed bool // complete and safe
	over   bool // committed or thrown away
	named  bool // what was written is there, whole, under the name of the target
}

// An Addition is how text is added to a file.
type Addition struct {
	// Lead gives what comes before the text: the head of a table where size, that of
	// the target, is 0, or the end of a last line that has none. It is asked when the
	// file is opened, if there is one, and again when the text is added. An error
	// refuses the file.
	Lead func(target *os.File, size int64) ([]byte, error)
}

// partMark is in the name of every part, before its number.
const partMark = ".flowrun-"

// LongestName is how many bytes the name of a file has at most in common file systems.
const LongestName = 255

// partName is the name of a part of a target. Of a long name a piece stands with a hash
// of the whole.
func partName(target string, number int) string {
	tail := partMark + strconv.Itoa(number)
	if longest := LongestName - len(".") - len(tail); len(target) > longest {
		h := fnv.New32a()
		h.Write([]byte(target))
		mark := fmt.Sprintf("~%08x", h.Sum32())
		target = strings.ToValidUTF8(target[:longest-len(mark)], "") + mark
	}
	return "." + target + tail
}

// splitPart is the name of the target, which may be a piece and a hash, and the number of
// a part.
func splitPart(name string) (target string, number int, ok bool) {
	at := strings.LastIndex(name, partMark)
	if at < 2 || name[0] != '.' {
		return "", 0, false
	}
	number, err := strconv.Atoi(name[at+len(partMark):])
	return name[1:at], number, err == nil && number >= 0
}

// ErrBusy says that the lock of a part is held.
var ErrBusy = errors.New("another run is writing it")

// claim makes the part number n, or takes the place of one that a dead run left.
func (f *File) claim(number int) error {
	dir, name := filepath.Split(f.target)
	path := filepath.Join(dir, partName(name, number))
	for {
		part, err := createNew(path, noFollow, 0o666)
		switch {
		case errors.Is(err, fs.ErrExist):
			if err := f.set.clear(path); err != nil {
				return err
			}
			continue
		case err != nil:
			return fmt.Errorf("no file can be made in its folder: %w", bare(err))
		}
		locked, err := tryLock(part)
		if err == nil && locked && same(part, path) {
			f.part, f.f = path, part
			return nil
		}
		part.Close()
		if err != nil {
			return err
		}
		if !locked {
			return ErrBusy // somebody took it for one that was left, and will make it anew
		}
	}
}

// clear removes a part that a dead run left; ErrBusy: its run lives.
func (s *Set) clear(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is in the way: remove it", path)
	}
	part, err := os.OpenFile(path, os.O_RDWR|noFollow, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return ofAnother(path, info)
	}
	if err != nil {
		return err
	}
	defer part.Close()
	switch locked, err := tryLock(part); {
	case err != nil:
		return err
	case !locked:
		return ErrBusy
	case !same(part, path):
		return nil // it has become a file, or was cleared
	}
	// Whoever left it may have decided that it is to be a file. While we hold its lock,
	// nobody else clears it.
	if err := s.recover(filepath.Dir(path)); err != nil || !same(part, path) {
		return err
	}
	if told, err := mentioned(path); err != nil || told { // somebody completes it now
		time.Sleep(time.Millisecond)
		return err
	}
	err = remove(path)
	if errors.Is(err, fs.ErrPermission) { // in a folder such as /tmp
		return ofAnother(path, info)
	}
	return err
}

func ofAnother(path string, info fs.FileInfo) error {
	return fmt.Errorf("%s, which is of another user (%d), is in the way: if no run of that user writes the file, remove it", path, owner(info))
}

// same reports whether a path still leads to an open file.
func same(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(path)
	return err == nil && os.SameFile(a, b)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// bare is an error without the operation and the path, which its reader knows otherwise.
func bare(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		return l.Err
	}
	return err
}

// Write implements io.Writer.
func (f *File) Write(text []byte) (int, error) {
	n, err := f.f.Write(text)
	if err != nil {
		err = bare(err)
	}
	return n, err
}

// Path is the target.
func (f *File) Path() string { return f.target }

// Named reports whether what was written stands under the name of the target.
func (f *File) Named() bool { return f.named }

// seal makes the part safe.
func (f *File) seal() error {
	if f.sealed || f.over {
		return nil
	}
	err := f.set.sync(f.f)
	if !renamesOpen {
		err = errors.Join(err, f.f.Close())
	}
	if err != nil {
		return bare(err)
	}
	f.sealed = true
	return nil
}

// stands notes that what was written is under its name. A part that was added is empty
// again: more can be written.
func (f *File) stands() error {
	f.named = true
	if f.add == nil {
		f.over = true
		return nil
	}
	f.sealed = false
	_, err := f.f.Seek(0, io.SeekStart)
	return errors.Join(truncate(f.f, 0), err)
}

// leave leaves the part to the next run.
func (f *File) leave() {
	f.over = true
	f.f.Close()
}

// discard throws the part away.
func (f *File) discard() error {
	if f.over {
		return nil
	}
	f.over = true
	if f.f == nil {
		return nil
	}
	defer f.f.Close()
	if renamesOpen && !same(f.f, f.part) {
		return nil // somebody else has removed it, with its folder or without
	}
	return remove(f.part)
}
