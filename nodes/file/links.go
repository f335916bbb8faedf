package file

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

// This file keeps the search of ** out of links that lead nowhere: round in a circle, or
// out of where the flow may read.

// A linkedFolder is a folder in which such links are not there. ** goes into other
// folders by links as well. A pattern without ** goes no deeper than it is long: of it,
// links to themselves are kept away, which no search survives.
type linkedFolder struct {
	fs.FS
	flow *graph.Flow
	dir  string // of it, as Flow.Path gives it
	deep bool   // the pattern has **
	left func(link, why string)
}

// Stat implements fs.StatFS.
func (f *linkedFolder) Stat(name string) (fs.FileInfo, error) { return fs.Stat(f.FS, name) }

// ReadDir implements fs.ReadDirFS.
func (f *linkedFolder) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(f.FS, name)
	kept := entries[:0]
	for _, e := range entries {
		link := path.Join(name, e.Name())
		if e.Type()&fs.ModeSymlink == 0 || strings.HasPrefix(e.Name(), ".") {
			kept = append(kept, e)
		} else if why := f.wrong(link); why != "" {
			f.left(link, why)
		} else {
			kept = append(kept, e)
		}
	}
	return kept, err
}

// wrong says why a link is not to be followed; "" if it may be.
func (f *linkedFolder) wrong(link string) string {
	full := filepath.Join(f.dir, filepath.FromSlash(link))
	info, err := f.flow.Stat(full)
	switch {
	case errors.Is(err, syscall.ELOOP):
		return "it leads to itself"
	case !f.deep:
		return ""
	case errors.Is(err, graph.ErrOutside):
		return "it leads out of the folder that this flow may read"
	case err != nil || !info.IsDir():
		return ""
	}
	for dir := filepath.Dir(full); ; dir = filepath.Dir(dir) {
		if above, err := f.flow.Stat(dir); err == nil && os.SameFile(info, above) {
			return "it leads to a folder that it is in"
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// A linkWarner warns of links that a pattern does not follow: once each, and of a few.
type linkWarner struct {
	*graph.Inference
	pattern string
	base    string // of the pattern
	at      diag.Span
	seen    map[string]bool
}

// folder gives the folder in which the pattern is looked for.
func (c *linkWarner) folder(dir string) fs.FS {
	return &linkedFolder{FS: c.Flow.Folder(dir), flow: c.Flow, dir: dir, deep: strings.Contains(c.pattern, "**"), left: c.left}
}

// maxLinks is how many links a pattern is told of.
const maxLinks = 3

func (c *linkWarner) left(link, why string) {
	if c.seen[link] || len(c.seen) == maxLinks {
		return
	}
	c.seen[link] = true
	c.List().Warn(diag.LinkLeftOut, c.at, "%q does not follow the link %s: %s", c.pattern, filepath.Join(c.base, filepath.FromSlash(link)), why)
}
