package file

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

// This file checks what is to be followed, and finds files whose time comes later.

// checkFollowed reports what cannot be followed. before is how many problems there were
// before the files were looked for.
func (k *reader) checkFollowed(c *graph.Inference, before int) bool {
	for _, p := range k.Path {
		at := p.At
		if at.IsZero() {
			at = c.Node.At
		}
		form, packed, err := formatOf(p.Value, format(k.Format), compression(k.Compress))
		switch {
		case p.Value == "-":
			c.List().Add(diag.Conflict, at, "%s: standard input cannot be followed: it has no other file to go on with", c.Node.ID).
				WithHint("leave `follow` out: it is read as it comes")
		case packed != plain && (k.Compress != "" || !isPattern(p.Value)):
			c.List().Add(diag.Conflict, at, "%s: %s is packed with %s, and what is packed cannot be followed: it has no rows before its end", c.Node.ID, p.Value, packed).
				WithHint("follow the file before it is packed, or leave `follow` out")
		case err == nil && form.isTable():
			c.List().Add(diag.Conflict, at, "%s: a file of format %s cannot be followed: it is complete when it is there", c.Node.ID, form).
				WithHint("leave `follow` out")
		case err == nil && form == formatJSON:
			c.List().Add(diag.Conflict, at, "%s: a json file cannot be followed: nothing says where a row is complete", c.Node.ID).
				WithHint("write jsonl, a row a line; if it is that already, say `format: jsonl`")
		case err == nil && k.format == "":
			k.format = form
		}
	}
	if k.Encoding != encodingUTF8 {
		c.List().Add(diag.Conflict, c.Node.At, "%s: only text in utf-8 can be followed, not %s", c.Node.ID, k.Encoding)
	}
	k.files = slices.DeleteFunc(k.files, func(f sourceFile) bool {
		_, packed, _ := formatOf(f.path, format(k.Format), compression(k.Compress))
		switch {
		case packed != plain:
			return true
		case isStream(c.Flow, f.path) && f.path != "-":
			c.List().Add(diag.Conflict, f.at, "%s: %s is a pipe or a device, which cannot be followed", c.Node.ID, called(f.path)).
				WithHint("leave `follow` out: it is read as it comes")
		}
		return false
	})
	if len(*c.List()) > before {
		return false
	}
	if len(k.files) > 0 {
		return true
	}
	p := k.Path[0]
	if k.format == "" {
		_, _, err := formatOf(p.Value, "", "")
		c.List().Add(diag.MissingKey, p.At, "%s, and it is not there yet", err).WithHint("add `format: lines` (or csv, tsv, jsonl)")
		return false
	}
	if k.format != formatLines && k.As.YAML.IsNull() {
		c.List().Add(diag.NoSchema, p.At, "the type of %s cannot be inferred: there is no such file yet", p.Value).WithHint("declare it with `as:`")
		return false
	}
	return true
}

// isGone reports whether an error is that of a file that is not there.
func isGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// comes reports whether there is no file at a path, and one may come.
func comes(f *graph.Flow, path string) bool {
	_, err := f.Stat(path)
	return err != nil && isGone(err)
}

// globbed lists the files that a pattern names now, as it names them. It follows the same
// links as the check, which tells of those that it does not follow.
func globbed(f *graph.Flow, pattern string) ([]string, error) {
	base, rest := doublestar.SplitPattern(filepath.ToSlash(pattern))
	base = filepath.FromSlash(base)
	dir := f.Path(base)
	folder := &linkedFolder{FS: f.Folder(dir), flow: f, dir: dir, deep: strings.Contains(pattern, "**"), left: func(string, string) {}}
	names, err := doublestar.Glob(folder, rest, doublestar.WithFilesOnly(), doublestar.WithNoHidden())
	slices.Sort(names)
	for i, name := range names {
		names[i] = filepath.Join(base, filepath.FromSlash(name))
	}
	return names, err
}
