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
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
)

// find lists the files that paths and patterns name, each pattern's in the order
// of their names, and reports what is not there.
func find(c *graph.Inference, paths []config.Name) []string {
	var files []string
	for _, p := range paths {
		at := p.At
		if at.IsZero() {
			at = c.Node.At
		}
		full := c.Path(p.Value)
		if !isPattern(p.Value) || exists(full) {
			if checkFile(c, full, p.Value, at) {
				files = append(files, full)
			}
			continue
		}
		found, err := doublestar.FilepathGlob(full, doublestar.WithFilesOnly())
		switch {
		case err != nil:
			c.List().Add(diag.WrongValue, at, "pattern %q: %s", p.Value, err)
		case len(found) == 0:
			c.List().Add(diag.NoFile, at, "no file matches %q", p.Value).WithHint("looked from the folder of the flow, %s", folder(c))
		}
		slices.Sort(found)
		files = append(files, found...)
	}
	return files
}

// folder is the folder of the flow, in full.
func folder(c *graph.Inference) string {
	if full, err := filepath.Abs(c.Flow.Dir); err == nil {
		return full
	}
	return c.Flow.Dir
}

func isPattern(p string) bool { return strings.ContainsAny(p, "*?[{") }

func exists(p string) bool {
	_, err := os.Stat(p)
	return err == nil
}

// checkFile reports a path that cannot be read from.
func checkFile(c *graph.Inference, full, written string, at diag.Span) bool {
	if full == "-" {
		return true
	}
	info, err := os.Stat(full)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		d := c.List().Add(diag.NoFile, at, "there is no file %s", full)
		if near := nearFile(full); near != "" {
			d.WithHint("did you mean %q?", filepath.Join(filepath.Dir(written), near))
		} else if !filepath.IsAbs(written) {
			d.WithHint("paths are relative to the folder of the flow, %s", folder(c))
		}
		return false
	case err != nil:
		c.List().Add(diag.NoFile, at, "%s cannot be read: %s", full, reason(err))
		return false
	case info.IsDir():
		c.List().Add(diag.NoFile, at, "%s is a folder", full).WithHint("to read all files in it: %s", filepath.Join(written, "*.csv"))
		return false
	}
	f, err := os.Open(full)
	if err != nil {
		c.List().Add(diag.NoFile, at, "%s cannot be read: %s", full, reason(err))
		return false
	}
	f.Close()
	return true
}

// nearFile finds a file in the same folder with a similar name.
func nearFile(full string) string {
	entries, err := os.ReadDir(filepath.Dir(full))
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return diag.Nearest(filepath.Base(full), names)
}

// reason gives what is wrong without the path and the system call.
func reason(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// named puts the file in front of what is wrong with it.
func named(path string, err error) error {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}
