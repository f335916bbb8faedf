package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/internal/durable"
	"github.com/flowrun/flowrun/nodes"
)

// This file ends files that are written, and begins others, by size and by time.

// rotate is the setting.
type rotate struct {
	Bytes config.Size   `yaml:"bytes" min:"1" doc:"How large a file gets: it ends with the batch that makes it as large."`
	Every time.Duration `yaml:"every" min:"1ms" doc:"How long rows are written to a file, from the first one."`
}

func (r *rotate) on() bool { return r != nil && (r.Bytes > 0 || r.Every > 0) }

// A countWriter counts what is written to a file.
type countWriter struct {
	w io.Writer
	n int64
}

func (c *countWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// counted gives what the text of a target is written to.
func (o *writeOp) counted(t *target) io.Writer {
	var to io.Writer = t.file
	if t.object != nil {
		to = t.object
	}
	if !o.limits.on() {
		return to
	}
	t.count = &countWriter{w: to}
	if info, err := os.Stat(t.path); o.k.Append && err == nil {
		t.count.n = info.Size()
	}
	return t.count
}

// size is how large a file is, with what is still in the buffer.
func (t *target) size() int64 {
	if t.count == nil {
		return 0
	}
	return t.count.n + int64(t.buf.Buffered())
}

// numbered puts a number in front of the extensions of a path.
func numbered(path, number string) string {
	dir, base := filepath.Split(path)
	name, ext := splitExt(base)
	if nodes.Scheme(path) != "" {
		return dir + name + "-" + number + ext
	}
	return filepath.Join(dir, name+"-"+number+ext)
}

// splitExt takes the extensions off a name: that of the format, and that of the compression.
func splitExt(base string) (name, ext string) {
	ext = filepath.Ext(base)
	switch ext {
	case ".gz", ".gzip", ".zst", ".zstd":
		ext = filepath.Ext(strings.TrimSuffix(base, ext)) + ext
	}
	return strings.TrimSuffix(base, ext), ext
}

// createNext opens the file that comes next of those of a path. A number that another run
// has taken meanwhile is passed over.
func (o *writeOp) createNext(path string, size int) (*target, error) {
	n, err := o.next(path)
	for ; err == nil; n++ {
		t, err := o.create(numbered(path, fmt.Sprintf("%06d", n)), size)
		if !errors.Is(err, fs.ErrExist) && !errors.Is(err, durable.ErrBusy) {
			return t, err
		}
	}
	return nil, err
}

// next gives the number of the file that comes next of those of a path: one that none has or,
// if files are added to, that of the last one as long as it is not complete.
func (o *writeOp) next(path string) (uint64, error) {
	if o.store != nil {
		return o.nextObject(path)
	}
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	name, ext := splitExt(base)
	entries, err := os.ReadDir(dir)
	if err != nil && !isGone(err) {
		return 0, named(nodes.ShortPath(dir), err)
	}
	last := uint64(0)
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), name+"-")
		if !ok || !strings.HasSuffix(digits, ext) {
			continue
		}
		if n, err := strconv.ParseUint(strings.TrimSuffix(digits, ext), 10, 63); err == nil {
			last = max(last, n)
		}
	}
	if o.k.Append && last > 0 && o.limits.Bytes > 0 && diskSize(numbered(path, fmt.Sprintf("%06d", last))) < int64(o.limits.Bytes) {
		return last, nil
	}
	return last + 1, nil
}

// diskSize is the size of a file as it lies on the disk.
func diskSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// begin notes when a file will have had its time.
func (o *writeOp) begin(t *target) {
	if o.limits.Every == 0 {
		return
	}
	t.until = time.Now().Add(o.limits.Every)
	if o.turn.IsZero() || t.until.Before(o.turn) {
		o.turn = t.until
	}
}

// rotate ends the files that have had their time.
func (o *writeOp) rotate(now time.Time) error {
	o.turn = time.Time{}
	for value, t := range o.targets {
		switch {
		case t.until.IsZero():
		case !now.Before(t.until):
			if err := o.end(value, t); err != nil {
				return err
			}
		case o.turn.IsZero() || t.until.Before(o.turn):
			o.turn = t.until
		}
	}
	return nil
}

// makeRoom completes the file that was begun first.
func (o *writeOp) makeRoom() error {
	for value, t := range o.targets {
		if t == o.order[0] {
			return o.end(value, t)
		}
	}
	return nil
}

// maxEnded is how many files that were rotated the report tells of.
const maxEnded = 1000

// end completes a file of many: it gets its name at once, and stays whatever becomes of the
// flow. The next row begins another one.
func (o *writeOp) end(value string, t *target) error {
	o.pending -= t.waiting()
	if err := t.finish(o.tail(t)); err != nil {
		return err
	}
	if t.file != nil {
		if err := o.set.Finish(t.file); err != nil {
			return wrongFile(err)
		}
	}
	if t.object != nil {
		if err := t.object.commit(); err != nil {
			return t.wrong(err)
		}
	}
	delete(o.targets, value)
	for i, other := range o.order {
		if other == t {
			o.order = append(o.order[:i], o.order[i+1:]...)
			break
		}
	}
	o.ended = append(o.ended, nodes.Output{Path: shortPath(t.path), Written: t.named()})
	if len(o.ended) > maxEnded {
		o.ended = o.ended[len(o.ended)-maxEnded:]
	}
	return nil
}
