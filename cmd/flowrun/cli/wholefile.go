package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/flowrun/flowrun/internal/durable"
)

// This file writes files that are there whole or not at all.

// writeText is writeWhole for a text that is there already.
func writeText(path string, text []byte) error {
	return writeWhole(path, func(w io.Writer) error { _, err := w.Write(text); return err })
}

// writeWhole writes a file that is there whole or not at all, also after a power cut. A
// file that was there keeps its permissions; links are followed.
func writeWhole(path string, write func(io.Writer) error) error {
	wrong := func(err error) error {
		if _, ok := errors.AsType[*ending](err); ok {
			return err
		}
		return &ending{code: codeFailed, err: fmt.Errorf("%s: %s", path, reason(err))}
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return &ending{code: codeMisuse, err: fmt.Errorf("%s is a folder", path)}
	} else if err == nil && !info.Mode().IsRegular() { // such as /dev/stdout
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return wrong(err)
		}
		if err := errors.Join(write(f), f.Close()); err != nil {
			return wrong(err)
		}
		return nil
	}
	if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
		return (&ending{code: codeFailed, err: fmt.Errorf("%s: there is no folder %s", path, filepath.Dir(path))}).or("mkdir -p %s", shellWord(filepath.Dir(path)))
	}
	if err := durable.WriteFile(path, write); err != nil {
		return wrong(err)
	}
	return nil
}
