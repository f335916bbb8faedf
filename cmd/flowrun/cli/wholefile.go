package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// writeWhole writes a file aside and gives it its name when it is whole. A file
// that was there keeps its permissions; links are followed.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	mode := fs.FileMode(0o644)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if info, err := os.Stat(path); err == nil {
		if info.IsDir() {
			return &ending{code: codeMisuse, err: fmt.Errorf("%s is a folder", path)}
		}
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if errors.Is(err, fs.ErrNotExist) {
		return (&ending{code: codeFailed, err: fmt.Errorf("%s: there is no folder %s", path, filepath.Dir(path))}).or("mkdir -p %s", shellWord(filepath.Dir(path)))
	}
	if err != nil {
		return &ending{code: codeFailed, err: fmt.Errorf("%s: %s", path, reason(err))}
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			if _, ok := errors.AsType[*ending](err); !ok {
				err = &ending{code: codeFailed, err: fmt.Errorf("%s: %s", path, reason(err))}
			}
		}
	}()
	w := bufio.NewWriter(f)
	if err := write(w); err != nil {
		return err
	}
	if err := errors.Join(w.Flush(), f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
