//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// This file is what files are on unix: their locks, how they are opened, and whose they
// are.

// tryLock takes the lock of an open file, which ends when the file is closed. A file
// system without locks gives it to everybody.
func tryLock(f *os.File) (bool, error) {
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
		case err == nil, errors.Is(err, unix.ENOLCK), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EINVAL):
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
	}
}

// How files are opened: noHang returns at once at a pipe, noFollow fails at a link too.
const (
	noHang   = unix.O_NONBLOCK
	noFollow = unix.O_NOFOLLOW | noHang
)

// inode tells a file from another one that has its name later; 0: it cannot be told.
func inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Ino)
	}
	return 0
}

// ours reports whether a file belongs to this user and nobody else can write it.
func ours(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid() && info.Mode().Perm()&0o022 == 0
}

// owner is the number of the user whose file it is.
func owner(info fs.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
}

// sticks reports whether a file cannot be replaced although it may be written: it is of
// somebody else, in a folder such as /tmp.
func sticks(file, dir fs.FileInfo) bool {
	me := os.Geteuid()
	return dir.Mode()&fs.ModeSticky != 0 && me != 0 && me != owner(file) && me != owner(dir)
}

// SyncDir makes what happened to names in a folder safe. Some file systems refuse to
// sync a folder, and have nothing to sync there.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EBADF) {
		return nil
	}
	return err
}

// renamesOpen says that a file can be renamed while it is open.
const renamesOpen = true
