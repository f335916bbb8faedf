package file

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/flowrun/flowrun/nodes"
)

// A target is a file that is being written. It is written aside, in the same
// folder, and gets its name by commit. What is no regular file (a device, a pipe) is
// written to directly; so is a file that is appended to, which discard cuts back to
// what it was.
type target struct {
	path    string // its final name, links resolved; "-" for standard output
	aside   string // the name while it is written; "" if it is written directly
	claimed bool
	file    *os.File
	buf     *bufio.Writer
	packed  io.WriteCloser
	rows    int64
	ended   bool // nothing more is written, whether that went well or not
	whole   bool // it is closed, with all that belongs into it
	settled bool // it was committed or discarded
	named   bool // it stands, whole, under its name

	appends bool
	old     int64 // bytes it had before
	fresh   bool  // it was not there before
	unended bool  // its last line has no end yet
}

// Sizes of the buffer in front of a file: of the one file, and of each of many.
const (
	bufferSize = 64 << 10
	splitSize  = 16 << 10
)

// claims are the paths that this process is writing. Two nodes that write one file
// would each put theirs in the place of the other's.
var claims sync.Map

// create opens a target with a buffer of a size.
func create(path string, c compression, appending bool, size int, stdout io.Writer) (*target, error) {
	t := &target{path: path}
	var err error
	if path == "-" {
		t.packed, err = pack(stdout, c)
		return t, err
	}
	if err := t.open(appending); err != nil {
		t.discard()
		return nil, t.wrong(err)
	}
	t.buf = bufio.NewWriterSize(t.file, size)
	if t.packed, err = pack(t.buf, c); err != nil {
		t.discard()
		return nil, t.wrong(err)
	}
	t.unended = t.unended && c == plain
	return t, nil
}

func (t *target) open(appending bool) error {
	full, err := filepath.Abs(t.path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(full), 0o777); err != nil {
		return err
	}
	t.path = behindLinks(full)
	info, err := os.Stat(t.path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err != nil:
		info = nil
	case info.IsDir():
		return errors.New("it is a folder")
	case !info.Mode().IsRegular():
		t.file, err = os.OpenFile(t.path, os.O_WRONLY, 0)
		return err
	}
	if _, taken := claims.LoadOrStore(t.path, t); taken {
		return errors.New("another node is writing it")
	}
	t.claimed = true
	if appending {
		return t.openBehind(info)
	}
	return t.openAside(info)
}

// behindLinks is the file that a path leads to, which need not be there yet.
func behindLinks(path string) string {
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

// openBehind opens the file at its end. info is that of what is there, or nil.
func (t *target) openBehind(info fs.FileInfo) (err error) {
	t.appends, t.fresh = true, info == nil
	if info != nil && info.Size() > 0 {
		t.old = info.Size()
		if old, err := os.Open(t.path); err == nil {
			last := make([]byte, 1)
			if _, err := old.ReadAt(last, t.old-1); err == nil {
				t.unended = last[0] != '\n'
			}
			old.Close()
		}
	}
	t.file, err = os.OpenFile(t.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	return err
}

// openAside opens a new file in the same folder, with the permissions of the one
// whose place it will take. A file that its user may not write is not replaced.
func (t *target) openAside(info fs.FileInfo) (err error) {
	if info != nil {
		old, err := os.OpenFile(t.path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		old.Close()
	}
	dir, name := filepath.Split(t.path)
	if len(name) > longestAside {
		name = strings.ToValidUTF8(name[:longestAside], "")
	}
	aside := fmt.Sprintf("%s.%s.%08x.part", dir, name, rand.Uint32())
	if t.file, err = os.OpenFile(aside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); err != nil {
		return fmt.Errorf("no file can be made in its folder: %w", bare(err))
	}
	t.aside = aside
	if info != nil {
		return t.file.Chmod(info.Mode().Perm())
	}
	return nil
}

// longestName is what common file systems allow; the name aside is a longer one.
const (
	longestName  = 255
	longestAside = longestName - len("..00000000.part")
)

// wrong names the file as its user knows it. When the program that reads what we
// write wants no more, that is an end, and no error.
func (t *target) wrong(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EPIPE):
		return nodes.ErrDone
	case t.path == "-":
		return named("standard output", err)
	}
	return named(nodes.ShortPath(t.path), err)
}

// write adds whole rows.
func (t *target) write(text []byte, rows int) error {
	if len(text) == 0 {
		return nil
	}
	_, err := t.packed.Write(text)
	t.rows += int64(rows)
	return t.wrong(err)
}

// flush writes through what is in the buffer. What a compression holds back stays
// there until finish: to press it out would make the file larger.
func (t *target) flush() error {
	if t.ended || t.buf == nil {
		return nil
	}
	return t.wrong(t.buf.Flush())
}

// finish writes the tail and what is still in buffers, and closes the file, which
// keeps the name it has. It does so once.
func (t *target) finish(tail string) error {
	if t.ended {
		return nil
	}
	t.ended = true
	if err := t.write([]byte(tail), 0); err != nil {
		return err
	}
	err := t.packed.Close()
	if t.buf != nil && err == nil {
		err = t.buf.Flush()
	}
	if t.file != nil {
		if cerr := t.file.Close(); err == nil {
			err = cerr
		}
	}
	t.whole = err == nil
	return t.wrong(err)
}

// commit gives the file its name. One that is not whole is taken back, whatever
// became of the flow.
func (t *target) commit() error {
	if t.settled {
		return nil
	}
	if !t.whole {
		return t.wrong(t.discard())
	}
	t.settled = true
	defer t.unclaim()
	if t.aside != "" {
		if err := os.Rename(t.aside, t.path); err != nil {
			os.Remove(t.aside)
			return t.wrong(err)
		}
	}
	t.named = t.path != "-"
	return nil
}

// discard takes back what was written, unless it was committed.
func (t *target) discard() error {
	if t.settled {
		return nil
	}
	t.settled = true
	defer t.unclaim()
	if t.file != nil && !t.whole {
		t.file.Close() // again, after finish failed: that is an error of no interest
	}
	switch {
	case t.aside != "":
		return os.Remove(t.aside)
	case !t.appends || t.file == nil:
		return nil
	case t.fresh:
		return os.Remove(t.path)
	}
	return os.Truncate(t.path, t.old)
}

func (t *target) unclaim() {
	if t.claimed {
		claims.Delete(t.path)
		t.claimed = false
	}
}
