//go:build linux || darwin || freebsd || netbsd || openbsd

package file

import (
	"errors"
	"syscall"
)

// writable reports whether this process may write to a file, or make files in a folder.
func writable(path string) bool {
	const write = 2 // W_OK
	return !errors.Is(syscall.Access(path, write), syscall.EACCES)
}

// isNoFolder reports whether a part of a path that should be a folder is none.
func isNoFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
