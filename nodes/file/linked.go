package file

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

// This file finds files that a pattern names twice, by links, and links to nothing.

// A once leaves files out that a pattern names by a link as well: under the name without
// a link or, if all have one, under the first.
type once struct {
	files  fs.FS // in which the names are
	linked map[string]bool
	known  map[kindOfFile][]namedFile
}

// A kindOfFile is what all names of a file have in common, and few files.
type kindOfFile struct {
	size int64
	at   time.Time
}

type namedFile struct {
	info fs.FileInfo
	name string
}

// byLink reports whether a part of the name is a link.
func (o *once) byLink(name string) bool {
	if name == "." {
		return false
	}
	is, known := o.linked[name]
	if !known {
		info, err := fs.Lstat(o.files, name)
		is = err == nil && info.Mode()&fs.ModeSymlink != 0 || o.byLink(path.Dir(name))
		o.linked[name] = is
	}
	return is
}

// names gives the names without those of files that were named before. Two names of one
// file without a link are two files to whoever made them.
func (o *once) names(all []string) (kept, twice []string, as map[string]string) {
	var links []string
	for _, name := range all {
		if o.byLink(name) {
			links = append(links, name)
		}
	}
	if len(links) == 0 {
		return all, nil, nil
	}
	o.known, as = map[kindOfFile][]namedFile{}, map[string]string{}
	for _, name := range all {
		if !o.linked[name] {
			o.add(name)
		}
	}
	for _, name := range links {
		if first := o.add(name); first != "" {
			twice = append(twice, name)
			as[name] = first
		}
	}
	for _, name := range all {
		if as[name] == "" {
			kept = append(kept, name)
		}
	}
	return kept, twice, as
}

// add notes a file and gives the name that it had already, if it had one. What cannot be
// described is left to others to complain about.
func (o *once) add(name string) (first string) {
	info, err := fs.Stat(o.files, name)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	kind := kindOfFile{info.Size(), info.ModTime()}
	for _, other := range o.known[kind] {
		if os.SameFile(info, other.info) {
			return other.name
		}
	}
	o.known[kind] = append(o.known[kind], namedFile{info, name})
	return ""
}

// readOnce leaves out what a pattern names twice, and says so.
func (c *linkWarner) readOnce(files fs.FS, names []string) []string {
	o := &once{files: files, linked: map[string]bool{}}
	kept, twice, as := o.names(names)
	if len(twice) == 0 {
		return kept
	}
	full := func(name string) string { return filepath.Join(c.base, filepath.FromSlash(name)) }
	link, first := full(twice[0]), full(as[twice[0]])
	if len(twice) == 1 {
		c.List().Warn(diag.LinkLeftOut, c.at, "%q reads %s once: %s is the same file, by a link", c.pattern, first, link)
	} else {
		c.List().Warn(diag.LinkLeftOut, c.at, "%q reads files once that it names a second time by links, %d of them, such as %s, which is %s", c.pattern, len(twice), link, first)
	}
	return kept
}

// deadLink finds the link in a path by which it leads to nothing, and where that leads.
func deadLink(f *graph.Flow, full string) (link, target string) {
	for at := full; at == full || !exists(f, at); at = filepath.Dir(at) {
		dir, name := filepath.Split(at)
		if name == "" || name == "." || name == ".." {
			return "", ""
		}
		files := f.Folder(filepath.Clean(dir))
		if info, err := fs.Lstat(files, name); err == nil {
			if info.Mode()&fs.ModeSymlink == 0 {
				return "", ""
			}
			target, err := fs.ReadLink(files, name)
			if err != nil || exists(f, at) {
				return "", ""
			}
			return at, target
		}
	}
	return "", ""
}
