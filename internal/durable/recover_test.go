package durable

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// leave makes what a run leaves that died just after it had decided to add text to a
// file, of which the target has had bytes already.
func leave(t *testing.T, target, text string, had int) (journal string) {
	t.Helper()
	dir, name := filepath.Split(target)
	part := filepath.Join(dir, partName(name, 1))
	put(t, part, text)
	info := must[os.FileInfo](t)(os.Stat(part))
	st := journalStep{Part: filepath.Base(part), Target: name, Inode: inode(info), Size: info.Size(), Adds: true}
	if old, err := os.Stat(target); err == nil {
		st.Old, st.Behind = old.Size(), inode(old)
	}
	f := must[*os.File](t)(os.OpenFile(target, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644))
	f.WriteString(text[:had])
	f.Close()
	journal = filepath.Join(dir, journalPrefix+"00"+journalSuffix)
	raw := must[[]byte](t)(json.Marshal(journalText{Steps: []journalStep{st}, Whole: true}))
	check(t, os.WriteFile(journal, raw, 0o600))
	return journal
}

// What a dead run has left is completed, whatever has become of its target since.
func TestCompletes(t *testing.T) {
	text := "row 1\nrow 2\n" + strings.Repeat("-", 500) + "\nrow 3\n"
	for name, c := range map[string]struct {
		before string
		had    int
		since  func(t *testing.T, target string)
		want   string
		refuse string
	}{
		"nothing was added": {before: "old\n", want: "old\n" + text},
		"half a row was":    {before: "old\n", had: 8, want: "old\n" + text},
		"all was":           {before: "old\n", had: len(text), want: "old\n" + text},
		"it was not there":  {had: 3, want: text},
		"others have added behind all": {before: "old\n", had: len(text), since: func(t *testing.T, target string) {
			add(t, target, "another\n")
		}, want: "old\n" + text + "another\n"},
		"others have added before": {before: "old\n", since: func(t *testing.T, target string) {
			add(t, target, "another\n")
		}, want: "old\nanother\n" + text},
		"others have added behind half a row": {before: "old\n", had: 508, since: func(t *testing.T, target string) {
			add(t, target, "another\n")
		}, want: "old\n" + text[:508] + "another\n", refuse: "cut off at byte 512"},
		"others have added a row that begins alike": {before: "old\n", since: func(t *testing.T, target string) {
			add(t, target, "row of others\n")
		}, want: "old\nrow of others\n" + text},
		"it was emptied": {before: "old\n", had: 8, since: func(t *testing.T, target string) {
			check(t, os.Truncate(target, 0))
		}, want: text},
		"it was moved away": {before: "old\n", since: func(t *testing.T, target string) {
			check(t, os.Rename(target, target+".1"))
			put(t, target, "new log\n")
			check(t, os.Remove(target+".1"))
		}, want: "new log\n" + text},
		"the part is gone": {before: "old\n", had: len(text), since: func(t *testing.T, target string) {
			check(t, os.Remove(filepath.Join(filepath.Dir(target), partName(filepath.Base(target), 1))))
		}, want: "old\n" + text},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			target := filepath.Join(dir, "log")
			if c.before != "" {
				put(t, target, c.before)
			}
			journal := leave(t, target, text, c.had)
			if c.since != nil {
				c.since(t, target)
			}
			s := NewSet(Options{})
			_, err := s.Create(filepath.Join(dir, "another"))
			check(t, s.Abort())
			got := tree(t, dir)
			if c.refuse != "" {
				if err == nil || !strings.Contains(err.Error(), c.refuse) || !strings.Contains(err.Error(), journal) || got["log"] != c.want || len(got) != 3 {
					t.Errorf("%v, and there is %q", err, got)
				}
				return
			}
			if err != nil || len(got) != 1 || got["log"] != c.want {
				t.Errorf("%v, and there is %q", err, got)
			}
		})
	}
}

func add(t *testing.T, path, text string) {
	t.Helper()
	f := must[*os.File](t)(os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0))
	f.WriteString(text)
	f.Close()
}

// While another run has a journal in its hands that tells of the target, nothing is added:
// it may be about to complete what is torn.
func TestWaitsForWhoCompletes(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "log")
	put(t, target, "old\n")
	s := NewSet(Options{})
	f := must[*File](t)(s.Append(target, Addition{}))
	check(t, os.Rename(f.part, filepath.Join(dir, partName("log", 2)))) // the other run was first
	f.part = filepath.Join(dir, partName("log", 2))
	write(t, f, "row\n")
	check(t, s.Seal(f))
	text := strings.Repeat("-", 507) + "\n" + "dead\n"
	journal := must[*os.File](t)(os.Open(leave(t, target, text, 508)))
	if ok, err := tryLock(journal); !ok || err != nil {
		t.Fatal(ok, err)
	}
	done := make(chan error)
	go func() { done <- s.Commit() }()
	time.Sleep(20 * time.Millisecond) // for it to do the wrong thing
	journal.Close()
	check(t, <-done)
	wantTree(t, dir, map[string]string{"log": "old\n" + text + "row\n"})
}

// A rename that fails after the set was decided is left to the next run.
func TestFailsHalfway(t *testing.T) {
	defer func(old func(string, string)) { before = old }(before)
	dir := t.TempDir()
	put(t, filepath.Join(dir, "b"), "old")
	s := NewSet(Options{})
	a, b := must[*File](t)(s.Create(filepath.Join(dir, "a"))), must[*File](t)(s.Create(filepath.Join(dir, "b")))
	write(t, a, "new")
	write(t, b, "new")
	check(t, s.Seal(a, b))
	before = func(change, path string) {
		if change == "rename" && path == b.part { // a folder cannot be replaced
			check(t, os.Remove(b.target))
			check(t, os.Mkdir(b.target, 0o777))
		}
	}
	if err := s.Commit(); err == nil {
		t.Error("it says that all went well")
	}
	before = func(string, string) {}
	check(t, os.Remove(b.target))
	s = NewSet(Options{})
	must[*File](t)(s.Create(filepath.Join(dir, "c")))
	check(t, s.Abort())
	wantTree(t, dir, map[string]string{"a": "new", "b": "new"})
}

// What could not be added is taken back, but nothing of what others have added meanwhile.
func TestTakesBack(t *testing.T) {
	defer func(old func(string, string), size int) { before, copySize = old, size }(before, copySize)
	copySize = 4
	for _, others := range []bool{false, true} {
		dir := t.TempDir()
		target := filepath.Join(dir, "log")
		put(t, target, "old\n")
		s := NewSet(Options{})
		f := must[*File](t)(s.Append(target, Addition{}))
		write(t, f, "row 1\nrow 2\n")
		check(t, s.Seal(f))
		count := 0
		before = func(change, path string) {
			if change != "add" {
				return
			}
			if count++; count == 2 {
				if others {
					add(t, target, "another\n")
				}
				for _, f := range s.files { // so that the write fails
					os.Truncate(f.part, 5)
				}
			}
		}
		if err := s.Commit(); err == nil {
			t.Error("a commit of half a part goes well")
		}
		before = func(string, string) {}
		got := tree(t, dir)["log"]
		if !others && got != "old\n" || others && !(strings.HasPrefix(got, "old\n") && strings.Contains(got, "another\n")) {
			t.Errorf("others: %v, there is %q", others, got)
		}
	}
}

// A run that adds to a file completes first what one left that died since it began.
func TestCompletesBeforeItAdds(t *testing.T) {
	target := filepath.Join(t.TempDir(), "log")
	put(t, target, "old\n")
	s := NewSet(Options{})
	f := must[*File](t)(s.Append(filepath.Join(filepath.Dir(target), "log"), Addition{}))
	check(t, os.Rename(f.part, filepath.Join(filepath.Dir(target), partName("log", 2)))) // the other run was first
	f.part = filepath.Join(filepath.Dir(target), partName("log", 2))
	leave(t, target, "dead 1\ndead 2\n", 9)
	write(t, f, "row\n")
	check(t, s.Seal(f))
	check(t, s.Commit())
	wantTree(t, filepath.Dir(target), map[string]string{"log": "old\ndead 1\ndead 2\nrow\n"})
}

// Nobody follows a journal that others could have written, nor one that was not finished,
// nor a link in the place of a part.
func TestDistrusts(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	put(t, victim, "precious\n")
	in := filepath.Join(dir, "in")
	target := filepath.Join(in, "log")
	put(t, target, "old\n")

	journal := leave(t, target, "evil\n", 0)
	check(t, os.Chmod(journal, 0o666))
	s := NewSet(Options{})
	must[*File](t)(s.Create(filepath.Join(in, "a")))
	check(t, s.Abort())
	if got := tree(t, in); got["log"] != "old\n" || len(got) != 3 {
		t.Errorf("a journal that all can write is followed: %q", got)
	}

	check(t, os.Chmod(journal, 0o600))
	raw := must[[]byte](t)(os.ReadFile(journal))
	check(t, os.WriteFile(journal, raw[:len(raw)-10], 0o600))
	s = NewSet(Options{})
	must[*File](t)(s.Append(target, Addition{}))
	check(t, s.Abort())
	wantTree(t, in, map[string]string{"log": "old\n"})

	part := filepath.Join(in, partName("b", 0))
	check(t, os.Symlink(victim, part))
	s = NewSet(Options{})
	if _, err := s.Create(filepath.Join(in, "b")); err == nil || !strings.Contains(err.Error(), part+" is in the way") {
		t.Errorf("a link in the place of a part: %v", err)
	}
	check(t, s.Abort())
	if got := tree(t, dir)["victim"]; got != "precious\n" {
		t.Errorf("the victim is %q", got)
	}
}
