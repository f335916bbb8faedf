package durable

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A journal says what a set becomes. Its file is locked by the run that commits the set.
type journal struct {
	path     string
	pointers []string // in the other folders of the set
	f        *os.File
	others   []*os.File // the pointers, open and locked
}

// journalPrefix begins the name of every journal and every pointer.
const (
	journalPrefix = ".flowrun-"
	journalSuffix = ".journal"
	maxJournal    = 64 << 20
)

// journalText is what stands in the file of a journal. All paths are relative to its
// folder, so that the whole can be moved.
type journalText struct {
	See      string        `json:"see,omitempty"` // of a pointer: the journal
	Pointers []string      `json:"pointers,omitempty"`
	Steps    []journalStep `json:"steps,omitempty"`
	Whole    bool          `json:"whole"` // the last field: the text was not cut off
}

type journalStep struct {
	Part   string `json:"part"`
	Target string `json:"target"`
	Inode  uint64 `json:"inode"` // of the part
	Size   int64  `json:"size"`  // of the part
	Adds   bool   `json:"adds,omitempty"`
	Old    int64  `json:"old,omitempty"`    // size of the target
	Behind uint64 `json:"behind,omitempty"` // inode of the target
	Lead   []byte `json:"lead,omitempty"`
}

// decide writes the journal of some steps: from then on they are to be done. Pointers come
// first, so that no folder of a decided set is without one.
func (s *Set) decide(steps []*step) (*journal, error) {
	var id [8]byte
	rand.Read(id[:]) // it never fails
	name := journalPrefix + hex.EncodeToString(id[:]) + journalSuffix
	home := filepath.Dir(steps[0].target)
	j := &journal{path: filepath.Join(home, name)}
	text := journalText{Whole: true}
	dirs := map[string]bool{home: true}
	for _, st := range steps {
		dir := filepath.Dir(st.target)
		if !dirs[dir] {
			dirs[dir] = true
			pointer := filepath.Join(dir, name)
			j.pointers = append(j.pointers, pointer)
			text.Pointers = append(text.Pointers, relative(home, pointer))
		}
		text.Steps = append(text.Steps, journalStep{
			Part: relative(home, st.part), Target: relative(home, st.target), Inode: st.inode, Size: st.size,
			Adds: st.adds, Old: st.old, Behind: st.behind, Lead: st.lead,
		})
	}
	for _, pointer := range j.pointers {
		f, err := s.writeJournal(pointer, journalText{See: relative(filepath.Dir(pointer), j.path), Whole: true})
		if err != nil {
			return nil, errors.Join(err, s.conclude(j))
		}
		j.others = append(j.others, f)
	}
	var err error
	if j.f, err = s.writeJournal(j.path, text); err != nil {
		return nil, errors.Join(err, s.conclude(j))
	}
	return j, nil
}

func relative(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil {
		return rel
	}
	return path
}

// absolute is the opposite of relative.
func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// writeJournal writes a file that is complete, safe and locked when it returns.
func (s *Set) writeJournal(path string, text journalText) (*os.File, error) {
	f, err := s.startJournal(path)
	if err != nil {
		return nil, fmt.Errorf("the files of the run cannot get their names together: %w", err)
	}
	line, err := json.Marshal(text)
	if err == nil {
		_, err = f.Write(append(line, '\n'))
	}
	if err == nil {
		err = s.sync(f)
	}
	if err == nil {
		err = s.syncDirs(map[string]bool{filepath.Dir(path): true})
	}
	if err != nil {
		remove(path)
		f.Close()
		return nil, fmt.Errorf("the files of the run cannot get their names together: %w", err)
	}
	return f, nil
}

// startJournal makes and locks a file. Somebody else may have taken it for that of a dead
// run before it was locked, and have removed it.
func (s *Set) startJournal(path string) (*os.File, error) {
	for {
		f, err := createNew(path, noFollow, 0o600)
		if errors.Is(err, fs.ErrExist) { // made below, and not removed
			f, err = os.OpenFile(path, os.O_RDWR|noFollow, 0)
		}
		if errors.Is(err, fs.ErrNotExist) && exists(filepath.Dir(path)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		locked, err := tryLock(f)
		if err == nil && locked && same(f, path) {
			return f, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
		time.Sleep(time.Millisecond)
	}
}

// conclude removes a journal, itself first: then nothing is to be done any more. That it is
// gone is safe when it returns, so that nobody does the steps again.
func (s *Set) conclude(j *journal) error {
	err := remove(j.path)
	dirs := map[string]bool{filepath.Dir(j.path): true}
	if err == nil {
		for _, pointer := range j.pointers {
			err = errors.Join(err, remove(pointer))
		}
	}
	for _, f := range append(j.others, j.f) {
		if f != nil {
			f.Close()
		}
	}
	return errors.Join(err, s.syncDirs(dirs))
}

// leave leaves a journal to the next run.
func (j *journal) leave() {
	for _, f := range append(j.others, j.f) {
		f.Close()
	}
}

// readJournal reads a journal or a pointer that is to be trusted; nil: it is none.
func readJournal(f *os.File) *journalText {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || !ours(info) {
		return nil
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxJournal))
	if err != nil {
		return nil
	}
	text := &journalText{}
	if json.Unmarshal(bytes.TrimSpace(raw), text) != nil || !text.Whole {
		return &journalText{} // of a run that died before it had decided
	}
	return text
}

// journalsIn gives the paths of the journals and pointers in a folder.
func journalsIn(dir string) ([]string, error) {
	names, err := namesIn(dir)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, name := range names {
		if strings.HasPrefix(name, journalPrefix) && strings.HasSuffix(name, journalSuffix) {
			all = append(all, filepath.Join(dir, name))
		}
	}
	return all, nil
}

// openJournal opens and locks one, nil if it is gone, is not ours, or belongs to a run
// that lives.
func openJournal(path string) (f *os.File, text *journalText, err error) {
	f, err = os.OpenFile(path, os.O_RDWR|noFollow, 0)
	if err != nil {
		return nil, nil, nil // gone, or of somebody else
	}
	locked, err := tryLock(f)
	if err == nil && locked && same(f, path) {
		if text = readJournal(f); text != nil {
			return f, text, nil
		}
	}
	f.Close()
	return nil, nil, err
}

// mentioned reports whether a journal in the folder of a part tells of it.
func mentioned(part string) (bool, error) {
	all, err := journalsIn(filepath.Dir(part))
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(all, func(path string) bool {
		return tells(path, func(other, _ string) bool { return other == part })
	}), nil
}

// tells reports whether a journal, which somebody may have locked, has a step of which
// match is true.
func tells(path string, match func(part, target string) bool) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return false
	}
	text := readJournal(f)
	f.Close()
	if text == nil {
		return false
	}
	dir := filepath.Dir(path)
	if text.See != "" {
		home := absolute(dir, text.See)
		return filepath.Dir(home) != dir && tells(home, match)
	}
	return slices.ContainsFunc(text.Steps, func(st journalStep) bool {
		return match(absolute(dir, st.Part), absolute(dir, st.Target))
	})
}

// exists reports whether a path leads to something.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
