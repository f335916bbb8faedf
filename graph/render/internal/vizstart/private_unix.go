//go:build unix

package vizstart

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// private makes dir a folder that only the running user can enter. A folder
// that others could write to until now is refused, not repaired: what lies in
// it may already be theirs.
func private(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir) // not Stat: a link may lead anywhere
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return fs.ErrPermission
	}
	if info.Mode().Perm() != 0o700 {
		return os.Chmod(dir, 0o700)
	}
	return nil
}
