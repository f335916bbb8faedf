package durable

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// This file writes a single file, where links lead to.

// WriteFile writes one file that takes the place of what is at path, links followed.
func WriteFile(path string, write func(io.Writer) error) (err error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	s := NewSet(Options{})
	defer func() { err = errors.Join(err, s.Abort()) }()
	f, err := s.Create(BehindLinks(full))
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := errors.Join(s.Seal(f), s.Commit()); err != nil {
		if one, ok := errors.AsType[*FileError](err); ok {
			return one.Err
		}
		return err
	}
	return nil
}

// BehindLinks is the file that an absolute path leads to, which need not be there yet.
func BehindLinks(path string) string {
	for range 40 {
		if full, err := filepath.EvalSymlinks(path); err == nil {
			return full
		}
		link, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(path), link)
		}
		path = link
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}
