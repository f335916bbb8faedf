package durable

import (
	"io/fs"
	"os"
)

// All that changes the disk goes through here.

// before is called before each change, with what it is and the path: tests die there.
var before = func(change, path string) {}

func createNew(path string, flag int, mode fs.FileMode) (*os.File, error) {
	before("create", path)
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|flag, mode)
}

func rename(from, to string) error {
	before("rename", from)
	return os.Rename(from, to)
}

func remove(path string) error {
	before("remove", path)
	return ignoreMissing(os.Remove(path))
}

func truncate(f *os.File, size int64) error {
	before("truncate", f.Name())
	return f.Truncate(size)
}

// An adder writes to the target of a step.
type adder struct{ *step }

func (a adder) Write(text []byte) (int, error) {
	before("add", a.target)
	n, err := a.lock.Write(text)
	a.add += int64(n)
	return n, err
}

// sync makes what was written safe.
func (s *Set) sync(f *os.File) error {
	if s.options.NoSync {
		return nil
	}
	before("sync", f.Name())
	return f.Sync()
}

// syncDirs makes the names in folders safe.
func (s *Set) syncDirs(dirs map[string]bool) error {
	if s.options.NoSync {
		return nil
	}
	for dir := range dirs {
		before("sync", dir)
		if err := SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}
