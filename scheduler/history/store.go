package history

import (
	"bufio"
	"compress/gzip"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/internal/durable"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file keeps the records of runs in a folder.

// MaxRecords is how many records a store has at most.
const MaxRecords = 50

// Bounds of a record as it is read.
const (
	maxHead   = 64 << 10
	maxRecord = 64 << 20
	maxItem   = 300 // characters of an item that failed
	maxError  = 500 // of an error in a list
)

// A Head is a run as a list shows it.
type Head struct {
	ID      string        `json:"id"`
	Flow    string        `json:"flow"`
	File    string        `json:"file,omitempty"` // as the user named it
	Started time.Time     `json:"started"`
	Took    time.Duration `json:"took_ns"`
	Outcome string        `json:"outcome"` // done, stopped, failed
	Error   string        `json:"error,omitempty"`
	Items   int64         `json:"items"`  // that sources gave
	Errors  int64         `json:"errors"` // items that failed for good
	Nodes   int           `json:"nodes"`
}

// A Run is a record.
type Run struct {
	Head
	Report   metrics.Report                   `json:"report"`
	Failures map[string][]scheduler.ItemError `json:"recent_errors,omitempty"` // by node
	Timeline Timeline                         `json:"timeline"`
}

// Of makes the record of a run that is over. File is the flow as the user named it;
// failures are the last items that failed, by node.
func Of(file string, report metrics.Report, failures map[string][]scheduler.ItemError, line Timeline) *Run {
	r := &Run{Head: Head{File: file}, Report: report, Failures: failures, Timeline: line}
	r.summarize()
	return r
}

// summarize fills in what follows from the report.
func (r *Run) summarize() {
	p := &r.Report
	r.Flow, r.Started, r.Took, r.Outcome, r.Nodes = p.Flow, p.Started, p.Took, p.Outcome, len(p.Nodes)
	first, _, _ := strings.Cut(p.Error, "\n")
	r.Error = cut(first, maxError)
	r.Items, r.Errors = 0, 0
	for i := range p.Nodes {
		if p.Nodes[i].Source {
			r.Items += p.Nodes[i].Out
		}
		r.Errors += p.Nodes[i].Errors()
	}
	for _, all := range r.Failures {
		for i := range all {
			all[i].Item = cut(all[i].Item, maxItem)
		}
	}
}

// cut shortens a text to so many characters.
func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// folder is where the records of the flows of a folder are.
const folder = ".flowrun/runs"

// Beside is the folder of the records of a flow; of a flow that has no file, in the
// working folder.
func Beside(path string) string {
	if path == "" || path == "-" {
		path = "."
	} else {
		path = filepath.Dir(path)
	}
	return filepath.Join(path, filepath.FromSlash(folder))
}

// A Store is a folder of records. It is made when the first record is saved. Many
// goroutines and processes may use it.
type Store struct{ dir string }

// Open names the folder; nothing is made or read.
func Open(dir string) *Store { return &Store{dir} }

// An id begins with the time of the start, so that names are in order of time.
var wellFormed = regexp.MustCompile(`^[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$`)

// IsID reports whether a text could be the id of a record.
func IsID(text string) bool { return wellFormed.MatchString(text) }

const (
	extension = ".json.gz"
	aside     = ".new" // of a file that is being written
)

// Save keeps a run under a new id, and lets the oldest go.
func (s *Store) Save(run *Run) (id string, err error) {
	var random [3]byte
	rand.Read(random[:]) // it never fails
	run.ID = run.Started.UTC().Format("20060102-150405-") + hex.EncodeToString(random[:])
	root, err := s.make()
	if err != nil {
		return "", err
	}
	defer root.Close()
	name := run.ID + extension
	if err := writeAside(root, name+aside, run); err != nil {
		root.Remove(name + aside)
		return "", err
	}
	if err := errors.Join(root.Rename(name+aside, name), durable.SyncDir(s.dir)); err != nil {
		return "", err
	}
	s.prune(root)
	return run.ID, nil
}

// make makes the folder, out of sight of git.
func (s *Store) make() (*os.Root, error) {
	_, err := os.Stat(s.dir)
	fresh := errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	if parent := filepath.Dir(s.dir); filepath.Base(parent) == ".flowrun" {
		f, err := os.OpenFile(filepath.Join(parent, ".gitignore"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			_, err = f.WriteString("*\n")
			err = errors.Join(err, f.Close())
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	for dir := filepath.Dir(s.dir); fresh; dir = filepath.Dir(dir) { // without its folder a record is lost
		if err := durable.SyncDir(dir); err != nil {
			return nil, err
		}
		fresh = filepath.Base(dir) == ".flowrun"
	}
	return os.OpenRoot(s.dir)
}

// writeAside writes two lines of JSON, packed: the head, so that a list need not
// read more, and the whole.
func writeAside(root *os.Root, name string, run *Run) (err error) {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z := gzip.NewWriter(f)
	encoder := json.NewEncoder(z)
	return errors.Join(encoder.Encode(&run.Head), encoder.Encode(run), z.Close(), f.Sync())
}

// names lists the files of records, the newest first.
func names(root *os.Root) ([]string, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), extension); ok && IsID(id) {
			all = append(all, e.Name())
		}
	}
	slices.Reverse(all)
	return all, nil
}

// prune removes the oldest records, and what processes left that died while they
// wrote. What another process has removed before is gone as well.
func (s *Store) prune(root *os.Root) {
	if all, err := names(root); err == nil && len(all) > MaxRecords {
		for _, name := range all[MaxRecords:] {
			root.Remove(name)
		}
	}
	left, err := fs.Glob(root.FS(), "*"+extension+aside)
	for _, name := range left {
		if info, serr := root.Stat(name); err == nil && serr == nil && time.Since(info.ModTime()) > time.Hour {
			root.Remove(name)
		}
	}
}

// List gives the heads of all records, the newest first, and a sentence on each file
// that cannot be read. A store that was never made is empty.
func (s *Store) List() (heads []Head, notes []string) {
	root, err := os.OpenRoot(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, []string{err.Error()}
	}
	defer root.Close()
	all, err := names(root)
	if err != nil {
		return nil, []string{err.Error()}
	}
	for _, name := range all {
		var head Head
		err := readRecord(root, name, maxHead, func(d *json.Decoder) error { return d.Decode(&head) })
		if id := strings.TrimSuffix(name, extension); err == nil && head.ID != id {
			err = errors.New("it holds another run")
		}
		if err != nil {
			notes = append(notes, fmt.Sprintf("%s cannot be read: %v", name, err))
			continue
		}
		heads = append(heads, head)
	}
	// Names tell the second, the heads more.
	slices.SortStableFunc(heads, func(a, b Head) int { return b.Started.Compare(a.Started) })
	return heads, notes
}

// Load reads a record. The error is fs.ErrNotExist if there is none.
func (s *Store) Load(id string) (*Run, error) {
	if !IsID(id) {
		return nil, fs.ErrNotExist
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var run Run
	err = readRecord(root, id+extension, maxRecord, func(d *json.Decoder) error {
		var head Head
		return errors.Join(d.Decode(&head), d.Decode(&run))
	})
	switch {
	case err != nil:
		return nil, err
	case run.ID != id || !run.Timeline.whole(&run.Report):
		return nil, fmt.Errorf("%s%s does not hold a whole run", id, extension)
	}
	return &run, nil
}

// readRecord reads from a record, at most so many bytes of its text.
func readRecord(root *os.Root, name string, most int64, read func(*json.Decoder) error) error {
	if info, err := root.Lstat(name); err != nil {
		return err
	} else if !info.Mode().IsRegular() { // to open a pipe would wait for ever
		return errors.New("it is no file")
	}
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return err
	}
	return read(json.NewDecoder(io.LimitReader(z, most)))
}
