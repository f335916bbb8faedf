package graph

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Which files a flow may read, and which it has read.

// ErrOutside is what Open and Stat of an enclosed flow give for a path that leads
// out of its folder: by "..", by being absolute, or by a symbolic link.
var ErrOutside = errors.New("it lies outside the folder that this flow may read")

// errHidden is the same for names that begin with a dot: .env and .git hold what is
// nobody's business.
var errHidden = errors.New("this flow may not read hidden files")

// Path resolves a path of the settings: relative to the folder of the flow. "-"
// stays.
func (f *Flow) Path(p string) string {
	if p == "-" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(f.Dir, p)
}

// Enclosed reports whether the flow sees one folder only; see Options.Root.
func (f *Flow) Enclosed() bool { return f.root != nil }

// Looked tells which files and folders Load looked at to learn the types of what is
// in them, each once, as paths for package os: when one of them changes, the flow may
// be another one. Files that package graph did not open itself are not among them.
func (f *Flow) Looked() []string {
	all := slices.Clone(f.looked)
	slices.Sort(all)
	all = slices.Compact(all)
	if f.root != nil {
		for i, path := range all {
			all[i] = filepath.Join(f.root.Name(), path)
		}
	}
	return all
}

// look notes a path while the flow is loaded, which one goroutine does.
func (f *Flow) look(path string) {
	if f.loading {
		f.looked = append(f.looked, path)
	}
}

// Open opens a file that Path gave, for reading. Kinds read by it and not by
// package os, so that a flow whose writer is not trusted sees no other file than
// those it may.
func (f *Flow) Open(path string) (*os.File, error) {
	f.look(path)
	if f.root == nil {
		return os.Open(path)
	}
	if err := within(path); err != nil {
		return nil, err
	}
	file, err := f.root.Open(path)
	return file, outside(err)
}

// Stat describes a file that Path gave.
func (f *Flow) Stat(path string) (fs.FileInfo, error) {
	f.look(path)
	if f.root == nil {
		return os.Stat(path)
	}
	if err := within(path); err != nil {
		return nil, err
	}
	info, err := f.root.Stat(path)
	return info, outside(err)
}

// Folder gives the files below a folder that Path gave. What is not there, or may
// not be seen, shows when it is read.
func (f *Flow) Folder(path string) fs.FS {
	f.look(path)
	if f.root == nil {
		return os.DirFS(path)
	}
	if err := within(path); err != nil {
		return nowhere{err}
	}
	sub, err := fs.Sub(f.root.FS(), filepath.ToSlash(filepath.Clean(path)))
	if err != nil {
		return nowhere{err}
	}
	return sub
}

func within(path string) error {
	if !filepath.IsLocal(path) {
		return &fs.PathError{Op: "open", Path: path, Err: ErrOutside}
	}
	for name := range strings.SplitSeq(filepath.ToSlash(filepath.Clean(path)), "/") {
		if name != "." && strings.HasPrefix(name, ".") {
			return &fs.PathError{Op: "open", Path: path, Err: errHidden}
		}
	}
	return nil
}

// outside gives the refusal of an os.Root, which has no value to compare with, the
// name that the rest of flowrun knows.
func outside(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok && strings.Contains(e.Err.Error(), "escapes from parent") {
		return &fs.PathError{Op: e.Op, Path: e.Path, Err: ErrOutside}
	}
	return err
}

// nowhere is a folder that may not be seen.
type nowhere struct{ err error }

func (n nowhere) Open(string) (fs.File, error) { return nil, n.err }
