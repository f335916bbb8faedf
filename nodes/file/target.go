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
	"syscall"

	"github.com/flowrun/flowrun/nodes"
)

// A target is a file that is being written. It is written aside, in the same
// folder, and gets its name by settle. What is no regular file (a device, a pipe) is
// written to directly; so is a file that is appended to, which settle(false) cuts
// back to what it was.
type target struct {
	path    string // its final name, links resolved; "-" for standard output
	aside   string // the name while it is written; "" if it is written directly
	file    *os.File
	buf     *bufio.Writer
	packed  io.WriteCloser
	rows    int64
	restore int64 // the length to cut back to; -1: none
	closed  bool
}

const bufferSize = 256 << 10

// create opens a target.
func create(path string, c compression, appending bool, stdout io.Writer) (*target, error) {
	t := &target{path: path, restore: -1}
	if path == "-" {
		packed, err := pack(stdout, c)
		t.packed = packed
		return t, err
	}
	if err := t.open(appending); err != nil {
		return nil, t.wrong(err)
	}
	t.buf = bufio.NewWriterSize(t.file, bufferSize)
	packed, err := pack(t.buf, c)
	t.packed = packed
	return t, err
}

func (t *target) open(appending bool) error {
	if err := os.MkdirAll(filepath.Dir(t.path), 0o777); err != nil {
		return err
	}
	if full, err := filepath.EvalSymlinks(t.path); err == nil {
		t.path = full
	}
	info, err := os.Stat(t.path)
	var flags int
	switch {
	case err == nil && info.IsDir():
		return errors.New("it is a folder")
	case err == nil && !info.Mode().IsRegular():
		flags = os.O_WRONLY
	case appending:
		flags = os.O_WRONLY | os.O_APPEND | os.O_CREATE
		t.restore = 0
		if err == nil {
			t.restore = info.Size()
		}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	default:
		dir, name := filepath.Split(t.path)
		t.aside = fmt.Sprintf("%s.%s.%08x.part", dir, name, rand.Uint32())
		flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	}
	name := t.path
	if t.aside != "" {
		name = t.aside
	}
	t.file, err = os.OpenFile(name, flags, 0o666)
	return err
}

// wrong names the file as its user knows it.
func (t *target) wrong(err error) error {
	if err == nil {
		return nil
	}
	if t.path == "-" {
		if errors.Is(err, syscall.EPIPE) {
			return nodes.ErrDone // the program behind us wants no more
		}
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

// finish writes what is still in buffers and closes the file, which keeps the name
// it has.
func (t *target) finish() error {
	if t.closed {
		return nil
	}
	t.closed = true
	err := t.packed.Close()
	if t.buf != nil {
		err = errors.Join(err, t.buf.Flush())
	}
	if t.file != nil {
		err = errors.Join(err, t.file.Close())
	}
	return t.wrong(err)
}

// settle gives the file its name, or takes back what was written.
func (t *target) settle(ok bool) error {
	if !t.closed { // the node did not come to its end
		t.closed = true
		if t.file != nil {
			t.file.Close()
		}
	}
	switch {
	case t.aside != "" && ok:
		return t.wrong(os.Rename(t.aside, t.path))
	case t.aside != "":
		return t.wrong(os.Remove(t.aside))
	case t.restore == 0 && !ok:
		return t.wrong(os.Remove(t.path))
	case t.restore > 0 && !ok:
		return t.wrong(os.Truncate(t.path, t.restore))
	}
	return nil
}
