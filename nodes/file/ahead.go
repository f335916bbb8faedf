package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/internal/durable"
)

// This file looks ahead at the files that a flow is to write, so that a flow that is called
// good is not refused when it runs. It makes and changes nothing.

// checkTarget reports a file that cannot be written as things are now. What an enclosed flow
// would write, nobody writes here.
func (k *writer) checkTarget(c *graph.Inference, t *types.Type) {
	if k.Path.Value == "" || k.Path.Value == "-" || k.isObject() || c.Flow.Enclosed() {
		return
	}
	full, err := filepath.Abs(c.Path(k.Path.Value))
	if err != nil {
		return
	}
	if len(k.Split) == 0 && !k.Rotate.on() {
		full = durable.BehindLinks(full)
		info, err := os.Stat(full)
		switch {
		case err != nil:
		case info.IsDir():
			c.List().Add(diag.NoTarget, k.Path.At, "%s is a folder", k.Path.Value).WithHint("name a file in it: %s", filepath.Join(k.Path.Value, "out.jsonl"))
			return
		case !info.Mode().IsRegular(): // a device or a pipe, which is written to as it is
			return
		case !writable(full):
			c.List().Add(diag.NoTarget, k.Path.At, "%s cannot be written: permission denied", k.Path.Value)
			return
		case k.Append:
			k.checkColumns(c, t, full)
		}
	}
	dir := filepath.Dir(full)
	if before, _, ok := strings.Cut(dir, "*"); ok {
		dir = filepath.Dir(before + "*") // folders behind it have names that only rows tell
	}
	k.checkFolder(c, dir)
}

// checkFolder reports a folder in which no file can be made. Those that are not there yet
// are made in the nearest one that is.
func (k *writer) checkFolder(c *graph.Inference, dir string) {
	for {
		info, err := os.Stat(dir)
		switch {
		case err == nil && !info.IsDir():
			c.List().Add(diag.NoTarget, k.Path.At, "%s cannot be written: %s is a file, not a folder", k.Path.Value, dir)
			return
		case err == nil:
			if !writable(dir) {
				c.List().Add(diag.NoTarget, k.Path.At, "%s cannot be written: no file can be made in %s: permission denied", k.Path.Value, dir)
			}
			return
		case !errors.Is(err, fs.ErrNotExist) && !isNoFolder(err), filepath.Dir(dir) == dir:
			return
		}
		dir = filepath.Dir(dir)
	}
}

// checkColumns reports rows that a csv file has other columns for.
func (k *writer) checkColumns(c *graph.Inference, t *types.Type, full string) {
	if !k.format.isCSV() || !k.Header || !t.IsRecord() {
		return
	}
	file, err := os.Open(full)
	if err != nil {
		return
	}
	defer file.Close()
	if names := k.columns(file); names != nil && !slices.Equal(names, t.FieldNames()) {
		c.List().Add(diag.NoTarget, k.Path.At, "%s has the columns %s, and these rows have %s", k.Path.Value, strings.Join(names, ", "), strings.Join(t.FieldNames(), ", ")).
			WithHint("write another file, or say `header: false`")
	}
}

// sameTarget reports whether two paths of the settings lead to one file.
func sameTarget(c *graph.Inference, a, b string) bool {
	if a, b = c.Path(a), c.Path(b); a == b || a == "-" || b == "-" || c.Flow.Enclosed() {
		return a == b
	}
	return durable.BehindLinks(a) == durable.BehindLinks(b)
}
