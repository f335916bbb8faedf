package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

// This file finds the files that a path or a pattern means.

// A sourceFile is a file to read, and the setting that named it.
type sourceFile struct {
	path string // in full; "-" for standard input
	name string // as the setting names it, from the folder of the flow
	at   diag.Span
	of   int // the index of that setting

	object *nodes.Object // it is one in a store, and path its address
}

// find lists the files that paths and patterns name, each pattern's in the order
// of their names, and reports what is not there, unless it may come later.
func (k *reader) find(c *graph.Inference) []sourceFile {
	var files []sourceFile
	later := k.Follow
	for i, p := range k.Path {
		at := p.At
		if at.IsZero() {
			at = c.Node.At
		}
		full := c.Path(p.Value)
		if nodes.Scheme(p.Value) != "" {
			files = append(files, k.findObjects(c, p.Value, at)...)
			continue
		}
		if !isPattern(p.Value) || exists(c.Flow, full) {
			if later && comes(c.Flow, full) {
				continue
			}
			if checkFile(c, full, p.Value, at) {
				files = append(files, sourceFile{path: full, name: p.Value, at: at, of: i})
			}
			continue
		}
		for _, name := range matches(c, p.Value, at, later) {
			if full := c.Path(name); checkFile(c, full, full, at) {
				files = append(files, sourceFile{path: full, name: name, at: at, of: i})
			}
		}
	}
	return files
}

// matches lists the files that a pattern names, as it names them. Only the pattern is one: the
// folder of the flow may have a name with brackets. As in a shell, a star does not
// match names that begin with a dot.
func matches(c *graph.Inference, pattern string, at diag.Span, later bool) []string {
	base, rest := doublestar.SplitPattern(filepath.ToSlash(pattern))
	base = filepath.FromSlash(base)
	dir := c.Path(base)
	links := &linkWarner{Inference: c, pattern: pattern, base: base, at: at, seen: map[string]bool{}}
	names, err := doublestar.Glob(links.folder(dir), rest, doublestar.WithFilesOnly(), doublestar.WithNoHidden(), doublestar.WithFailOnIOErrors())
	switch {
	case errors.Is(err, doublestar.ErrBadPattern):
		c.List().Add(diag.WrongValue, at, "%q is not a valid pattern: a bracket or brace is not closed", pattern).WithHint(`to mean the sign itself, write \ before it`)
		return nil
	case err != nil:
		c.List().Add(diag.NoFile, at, "the folders of %q cannot be read: %s", pattern, reason(err))
		return nil
	case len(names) == 0 && later:
	case len(names) == 0 && !exists(c.Flow, dir):
		c.List().Add(diag.NoFile, at, "no file matches %q: there is no folder %s", pattern, dir)
	case len(names) == 0:
		c.List().Add(diag.NoFile, at, "no file matches %q", pattern).WithHint("paths are relative to the folder of the flow, %s", folder(c))
	}
	slices.Sort(names)
	names = links.readOnce(c.Flow.Folder(dir), names)
	for i, name := range names {
		names[i] = filepath.Join(base, filepath.FromSlash(name))
	}
	return names
}

// folder is the folder of the flow, in full if the reader of the message may know.
func folder(c *graph.Inference) string {
	if c.Flow.Enclosed() {
		return c.Flow.Dir
	}
	if full, err := filepath.Abs(c.Flow.Dir); err == nil {
		return full
	}
	return c.Flow.Dir
}

func isPattern(p string) bool { return strings.ContainsAny(p, "*?[{") }

func exists(f *graph.Flow, p string) bool {
	_, err := f.Stat(p)
	return err == nil
}

// isStream reports whether a path is that of standard input, a pipe or a device:
// what can be read only once, and may keep its reader waiting.
func isStream(f *graph.Flow, path string) bool {
	if path == "-" {
		return true
	}
	info, err := f.Stat(path)
	return err == nil && !info.Mode().IsRegular()
}

// checkFile reports a path that cannot be read from. Pipes are left alone: to open
// one waits for its writer, and to close it again would kill him.
func checkFile(c *graph.Inference, full, written string, at diag.Span) bool {
	if full == "-" {
		return true
	}
	info, err := c.Flow.Stat(full)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		if link, target := deadLink(c.Flow, full); link != "" {
			d := c.List().Add(diag.NoFile, at, "%s is a link to %s, which is not there", full, target)
			if link != full {
				d.Message = fmt.Sprintf("there is no file %s: %s is a link to %s, which is not there", full, link, target)
			}
			return false
		}
		d := c.List().Add(diag.NoFile, at, "there is no file %s", full)
		if near := nearFile(c.Flow, full); near != "" {
			d.WithHint("did you mean %q?", filepath.Join(filepath.Dir(written), near))
		} else if !filepath.IsAbs(written) {
			d.WithHint("paths are relative to the folder of the flow, %s", folder(c))
		}
		return false
	case errors.Is(err, graph.ErrOutside):
		c.List().Add(diag.NoFile, at, "%s cannot be read: %s", full, reason(err)).WithHint("name a file below it, or copy this one there")
		return false
	case err != nil:
		c.List().Add(diag.NoFile, at, "%s cannot be read: %s", full, reason(err))
		return false
	case info.IsDir():
		c.List().Add(diag.NoFile, at, "%s is a folder", full).WithHint("to read all files in it: %s", filepath.Join(written, "*.csv"))
		return false
	case !info.Mode().IsRegular() && c.Flow.Enclosed():
		c.List().Add(diag.NoFile, at, "%s is a pipe or a device, which may not be read here", full)
		return false
	case !info.Mode().IsRegular():
		return true
	}
	f, err := c.Flow.Open(full)
	if err != nil {
		c.List().Add(diag.NoFile, at, "%s cannot be read: %s", full, reason(err))
		return false
	}
	f.Close()
	return true
}

// nearFile finds a file in the same folder with a similar name.
func nearFile(f *graph.Flow, full string) string {
	entries, err := fs.ReadDir(f.Folder(filepath.Dir(full)), ".")
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return diag.Nearest(filepath.Base(full), names)
}

// called is how messages call the file of a path.
func called(path string) string {
	if path == "-" {
		return "standard input"
	}
	return shortPath(path)
}

// bare takes the path and the system call off an error of package os: the message
// names the file as its user knows it.
func bare(err error) error {
	switch e := err.(type) {
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	}
	return err
}

func reason(err error) string { return bare(err).Error() }

// named puts the file in front of what is wrong with it.
func named(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, bare(err))
}
