package file

import (
	"os"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

// This file checks which files a file.read reads together, and beside what the flow writes.

// checkFiles finds the format, which all files share, and reports a file that
// cannot be read beside the others or beside what the flow writes.
func (k *reader) checkFiles(c *graph.Inference) bool {
	streams := map[string]bool{}
	for i, f := range k.files {
		form, _, err := formatOf(f.path, format(k.Format), compression(k.Compress))
		switch {
		case err != nil:
			c.List().Add(diag.MissingKey, f.at, "%s", err).WithHint("add `format: csv` (or tsv, jsonl, json, lines)")
			return false
		case i == 0:
			k.format = form
		case form != k.format:
			c.List().Add(diag.Conflict, f.at, "%s is %s, but %s is %s", called(f.path), form, called(k.files[0].path), k.format).
				WithHint("read them by two nodes and merge, or say which `format:` both have")
			return false
		}
		if isStream(c.Flow, f.path) {
			if streams[f.path] {
				c.List().Add(diag.Conflict, f.at, "%s can be read only once", called(f.path))
			}
			streams[f.path] = true
		}
	}
	for _, n := range c.Flow.Nodes {
		switch other := n.Config.(type) {
		case *reader:
			k.checkShared(c, n.ID, other, streams)
		case *writer:
			k.checkAppended(c, n.ID, other)
		}
	}
	return true
}

// checkShared reports a stream that another node reads too.
func (k *reader) checkShared(c *graph.Inference, id string, other *reader, streams map[string]bool) {
	if other == k {
		return
	}
	for _, f := range other.files {
		if streams[f.path] {
			c.List().Add(diag.Conflict, k.files[0].at, "%s is read by %s too", called(f.path), id).
				WithNote(f.at, "there").WithHint("what can be read only once has one reader; several nodes may use its output")
		}
	}
}

// checkAppended reports a file that another node appends to while it is read: that
// would not end. A file that is written anew may be read, for it gets its name later.
func (k *reader) checkAppended(c *graph.Inference, id string, other *writer) {
	if !other.Append || other.Path.Value == "-" {
		return
	}
	into, err := c.Flow.Stat(c.Path(other.Path.Value))
	if err != nil {
		return
	}
	for _, f := range k.files {
		if from, err := c.Flow.Stat(f.path); err == nil && from.Mode().IsRegular() && os.SameFile(from, into) {
			c.List().Add(diag.Conflict, f.at, "%s appends to the file that is read here, %s: it would not end", id, called(f.path)).
				WithNote(other.Path.At, "there").WithHint("write another file")
			return
		}
	}
}

// checkSettings reports settings of csv that stand beside another format, and
// delimiters that are none.
func (k *reader) checkSettings(c *graph.Inference) bool {
	if !k.format.isCSV() {
		if k.Delimiter != "" || k.Comment != "" || len(k.Nulls) > 0 || !k.Header {
			c.List().Warn(diag.Ineffective, c.Node.At, "%s: delimiter, header, comment and nulls are for csv, not for %s", c.Node.ID, k.format)
		}
		return true
	}
	return checkDialect(c, k.format, k.Delimiter, k.Comment, k.Nulls)
}
