//go:build linux || darwin || freebsd || netbsd || openbsd

package file

import (
	"errors"
	"io/fs"
	"syscall"
)

// writable reports whether this process may write to a file, or make files in a folder.
func writable(path string) bool {
	const write = 2 // W_OK
	return !errors.Is(syscall.Access(path, write), syscall.EACCES)
}

// isNoFolder reports whether a part of a path that should be a folder is none.
func isNoFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }

// A fileID tells a file from all others that are there at the same time, by whatever name.
type fileID struct {
	Dev   uint64 `json:"dev"`
	Inode uint64 `json:"inode"`
}

// idOf is the identity of a file that stands at a path.
func idOf(info fs.FileInfo, _ string) fileID {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return fileID{uint64(st.Dev), uint64(st.Ino)} //nolint:unconvert // their types differ between systems
	}
	return fileID{}
}
