package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func write(t *testing.T, f *File, text string) {
	t.Helper()
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tree is what a folder holds, by path.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all[strings.TrimPrefix(path, dir+string(filepath.Separator))] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func wantTree(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if got := tree(t, dir); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("there is %q, want %q", got, want)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Files that are replaced, added to and made, in several folders, get their names at
// once; nothing else is left.
func TestCommit(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	put(t, in("old"), "before")
	put(t, in("log"), "1\n")
	s := NewSet(Options{})
	a := must[*File](t)(s.Create(in("old")))
	b := must[*File](t)(s.Create(in("x/y/new")))
	c := must[*File](t)(s.Append(in("log"), Addition{}))
	d := must[*File](t)(s.Append(in("z/log"), Addition{}))
	for i, f := range []*File{a, b, c, d} {
		write(t, f, fmt.Sprint(i, "\n"))
	}
	check(t, s.Seal(a, b, c, d))
	if got := tree(t, dir); got["old"] != "before" || got["log"] != "1\n" || len(got) != 6 {
		t.Errorf("before the commit there is %q", got)
	}
	check(t, s.Commit())
	check(t, s.Commit())
	check(t, s.Abort())
	for _, f := range []*File{a, b, c, d} {
		if !f.Named() {
			t.Errorf("%s is not named", f.Path())
		}
	}
	wantTree(t, dir, map[string]string{"old": "0\n", "x/y/new": "1\n", "log": "1\n2\n", "z/log": "3\n"})
}

// An abort leaves what was there, and no folder that was made.
func TestAbort(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	put(t, in("old"), "before")
	put(t, in("log"), "1\n")
	for _, sealed := range []bool{true, false} {
		for _, end := range []func(*Set) error{(*Set).Abort, func(s *Set) error { s.Sweep(time.Second); return nil }} {
			s := NewSet(Options{})
			files := []*File{
				must[*File](t)(s.Create(in("old"))), must[*File](t)(s.Create(in("x/y/new"))),
				must[*File](t)(s.Append(in("log"), Addition{})), must[*File](t)(s.Append(in("z/log"), Addition{})),
			}
			for _, f := range files {
				write(t, f, "text\n")
			}
			if sealed {
				check(t, s.Seal(files...))
			}
			check(t, end(s))
			wantTree(t, dir, map[string]string{"old": "before", "log": "1\n"})
			if exists(in("x")) || exists(in("z")) {
				t.Error("folders are left")
			}
			if _, err := s.Create(in("another")); err == nil {
				t.Error("a set goes on after its end")
			}
			check(t, s.Abort())
		}
	}
}

// A file that was not sealed is thrown away by a commit.
func TestCommitOfHalf(t *testing.T) {
	dir := t.TempDir()
	s := NewSet(Options{})
	a := must[*File](t)(s.Create(filepath.Join(dir, "a")))
	b := must[*File](t)(s.Create(filepath.Join(dir, "b")))
	write(t, a, "a")
	write(t, b, "b")
	check(t, s.Seal(a))
	check(t, s.Commit())
	wantTree(t, dir, map[string]string{"a": "a"})
}

// Two sets cannot replace one file at the same time; two can add to it, one after the
// other.
func TestTwoSets(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	a, b := NewSet(Options{}), NewSet(Options{})
	must[*File](t)(a.Create(path))
	if _, err := b.Create(path); !errors.Is(err, ErrBusy) {
		t.Errorf("two sets create a file: %v", err)
	}
	if _, err := a.Create(path); !errors.Is(err, ErrTaken) {
		t.Errorf("a set creates a file twice: %v", err)
	}
	check(t, a.Abort())
	must[*File](t)(b.Create(path))
	check(t, b.Abort())
	wantTree(t, dir, map[string]string{})

	put(t, path, "0\n")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			s := NewSet(Options{})
			f, err := s.Append(path, Addition{})
			if err != nil {
				t.Error(err)
				return
			}
			for range 100 {
				fmt.Fprintf(f, "row of %d\n", i)
			}
			if err := errors.Join(s.Seal(f), s.Commit()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got := tree(t, dir)
	lines := strings.Split(got["f"], "\n")
	if len(got) != 1 || len(lines) != 2002 {
		t.Fatalf("%d files, %d lines", len(got), len(lines))
	}
	for at := 1; at < 2001; at += 100 {
		if one := slices.Compact(slices.Clone(lines[at : at+100])); len(one) != 1 {
			t.Errorf("rows from %d are mixed: %q", at, one)
		}
	}
}

// While one run adds to a file, another one takes its place: what is added goes to the new
// one, and nothing is lost.
func TestReplacedWhileAdding(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	put(t, path, "old\n")
	held := must[*os.File](t)(os.Open(path))
	if ok, err := tryLock(held); !ok || err != nil {
		t.Fatal(ok, err)
	}
	adds, replaces := NewSet(Options{}), NewSet(Options{})
	f := must[*File](t)(adds.Append(path, Addition{}))
	write(t, f, "added\n")
	check(t, adds.Seal(f))
	done := make(chan error)
	go func() { done <- adds.Commit() }()
	g := must[*File](t)(replaces.Create(path))
	write(t, g, "new\n")
	check(t, replaces.Seal(g))
	// As if the other run had done so: its rename comes while it has the lock.
	check(t, os.Rename(g.part, path))
	g.f.Close()
	held.Close()
	check(t, <-done)
	wantTree(t, dir, map[string]string{"f": "new\nadded\n"})
}

// A target that has become a folder refuses the whole set before anything is named.
func TestBecomesAFolder(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "log"), "old\n")
	s := NewSet(Options{})
	log := must[*File](t)(s.Append(filepath.Join(dir, "log"), Addition{}))
	first, last := must[*File](t)(s.Create(filepath.Join(dir, "a"))), must[*File](t)(s.Create(filepath.Join(dir, "z")))
	for _, f := range []*File{log, first, last} {
		write(t, f, "new\n")
	}
	check(t, os.Mkdir(filepath.Join(dir, "z"), 0o777))
	check(t, s.Seal(log, first, last))
	if err := s.Commit(); err == nil || !strings.Contains(err.Error(), "z: it is a folder") {
		t.Errorf("the commit says %v", err)
	}
	wantTree(t, dir, map[string]string{"log": "old\n"})
}

// What dead runs left of a file is cleared by the next run that writes it, whichever
// number it has.
func TestClears(t *testing.T) {
	for _, adds := range []bool{false, true} {
		dir := t.TempDir()
		long := strings.Repeat("n", 250)
		for _, name := range []string{"log", "other", long} {
			for _, number := range []int{0, 1, 7} {
				put(t, filepath.Join(dir, partName(name, number)), "left")
			}
		}
		s := NewSet(Options{})
		open := s.Create
		if adds {
			open = func(path string) (*File, error) { return s.Append(path, Addition{}) }
		}
		check(t, s.Seal(must[*File](t)(open(filepath.Join(dir, "log"))), must[*File](t)(open(filepath.Join(dir, long)))))
		check(t, s.Commit())
		wantTree(t, dir, map[string]string{"log": "", long: "", ".other.flowrun-0": "left", ".other.flowrun-1": "left", ".other.flowrun-7": "left"})
		s = NewSet(Options{})
		check(t, s.Clear(dir, func(target string) bool { return target == "other" }))
		check(t, s.Abort())
		wantTree(t, dir, map[string]string{"log": "", long: ""})
	}
}

// What is written in several parts is added each time, and goes on.
func TestPublish(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log.csv")
	head := Addition{Lead: func(_ *os.File, size int64) ([]byte, error) {
		if size == 0 {
			return []byte("n\n"), nil
		}
		return nil, nil
	}}
	s := NewSet(Options{})
	f := must[*File](t)(s.Append(path, head))
	check(t, s.Publish(f))
	wantTree(t, dir, map[string]string{"log.csv": "n\n", ".log.csv.flowrun-1": ""})
	for i := range 3 {
		write(t, f, fmt.Sprint(i, "\n"))
		check(t, s.Publish(f))
	}
	write(t, f, "lost\n")
	check(t, s.Abort())
	wantTree(t, dir, map[string]string{"log.csv": "n\n0\n1\n2\n"})
}

// A name that is as long as a name can be has a part of its own.
func TestLongNames(t *testing.T) {
	dir := t.TempDir()
	s := NewSet(Options{})
	for _, name := range []string{strings.Repeat("n", 255), strings.Repeat("n", 254) + "m", strings.Repeat("ü", 127)} {
		f := must[*File](t)(s.Create(filepath.Join(dir, name)))
		if base := filepath.Base(f.part); len(base) > LongestName {
			t.Errorf("a part has a name of %d bytes", len(base))
		}
		check(t, s.Seal(f))
	}
	check(t, s.Commit())
	if got := tree(t, dir); len(got) != 3 {
		t.Errorf("there is %q", got)
	}
	if _, err := NewSet(Options{}).Create(filepath.Join(dir, strings.Repeat("n", 256))); err == nil {
		t.Error("a name that is too long is taken")
	}
}

// Finish gives files their names at once, whatever becomes of the others, and keeps nothing of
// them.
func TestFinish(t *testing.T) {
	dir := t.TempDir()
	s := NewSet(Options{})
	for i := range 5 {
		a := must[*File](t)(s.Create(filepath.Join(dir, fmt.Sprint("a", i))))
		b := must[*File](t)(s.Append(filepath.Join(dir, "b"), Addition{}))
		for _, f := range []*File{a, b} {
			if _, err := f.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Finish(a, b); err != nil || !a.Named() || !b.Named() || len(s.files) > 0 || len(s.taken) > 0 {
			t.Fatalf("%v, %d files are left", err, len(s.files))
		}
	}
	must[*File](t)(s.Create(filepath.Join(dir, "c")))
	if err := s.Abort(); err != nil {
		t.Fatal(err)
	}
	if names := must[[]string](t)(namesIn(dir)); len(names) != 6 {
		t.Errorf("there are %q", names)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "b")); err != nil || string(text) != "xxxxx" {
		t.Errorf("%q, %v", text, err)
	}
}

// CreateNew takes the place of nothing, whether it is there or about to be.
func TestCreateNew(t *testing.T) {
	dir := t.TempDir()
	there, coming := filepath.Join(dir, "there"), filepath.Join(dir, "coming")
	put(t, there, "old")
	a, b := NewSet(Options{}), NewSet(Options{})
	f := must[*File](t)(a.CreateNew(coming))
	if _, err := b.CreateNew(coming); !errors.Is(err, ErrBusy) {
		t.Errorf("two sets make a file: %v", err)
	}
	if _, err := a.CreateNew(there); !errors.Is(err, fs.ErrExist) {
		t.Errorf("it takes the place of another one: %v", err)
	}
	check(t, a.Finish(f))
	if _, err := b.CreateNew(coming); !errors.Is(err, fs.ErrExist) {
		t.Errorf("it takes the place of one that has just come: %v", err)
	}
	check(t, a.Commit())
	check(t, b.Abort())
	wantTree(t, dir, map[string]string{"there": "old", "coming": ""})
}
