package durable

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// crashVariable makes the test binary a run that dies before one of its changes of the
// disk: its value is the number of that change and what the run does.
const crashVariable = "FLOWRUN_DURABLE_CRASH"

func TestMain(m *testing.M) {
	if at := os.Getenv(crashVariable); at != "" {
		number, what, _ := strings.Cut(at, " ")
		n, _ := strconv.Atoi(number)
		crashChild(n, what, os.Args[1])
	}
	os.Exit(m.Run())
}

// crashChild works in a folder and dies before its nth change, by a signal that cannot be
// caught. It ends with 0 when there are fewer.
func crashChild(n int, what, dir string) {
	copySize = 16 << 10
	var count atomic.Int64
	before = func(string, string) {
		if count.Add(1) == int64(n) {
			self, _ := os.FindProcess(os.Getpid())
			self.Kill()
			select {}
		}
	}
	var err error
	switch what {
	case "write":
		err = crashSet(dir)
	case "look":
		err = lookInto(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// crashRows is more than is added at once, and not a whole number of that.
const crashRows = 7_000

// crashSet writes the files that the tests look at: three that are replaced, one that is
// added to, and one that is made by adding.
func crashSet(dir string) error {
	s := NewSet(Options{})
	var files []*File
	for _, name := range []string{"a", "x/b", "c"} {
		f, err := s.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	for _, name := range []string{"log", "x/fresh"} {
		f, err := s.Append(filepath.Join(dir, name), headed)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	for _, f := range files {
		if _, err := f.Write(bytes.Repeat([]byte("new\n"), crashRows)); err != nil {
			return err
		}
	}
	if err := s.Seal(files...); err != nil {
		return err
	}
	return s.Commit()
}

// headed begins an empty file with a head.
var headed = Addition{Lead: func(_ *os.File, size int64) ([]byte, error) {
	if size == 0 {
		return []byte("head\n"), nil
	}
	return nil, nil
}}

// lookInto does what the next run does that writes there.
func lookInto(dir string) error {
	looks := NewSet(Options{})
	for _, in := range []string{dir, filepath.Join(dir, "x")} {
		if err := looks.Clear(in, func(string) bool { return true }); err != nil {
			return err
		}
	}
	return looks.Abort()
}

// crash runs a child that dies, and reports whether it did.
func crash(t *testing.T, n int, what, dir string) bool {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	child := exec.Command(self, dir)
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", crashVariable, n, what))
	out, err := child.CombinedOutput()
	if err != nil && !strings.Contains(err.Error(), "killed") {
		t.Fatalf("%s, change %d: %v %s", what, n, err, out)
	}
	return err != nil
}

// crashFolder has what was there before.
func crashFolder(t *testing.T) string {
	dir := t.TempDir()
	for _, name := range []string{"a", "x/b", "c"} {
		put(t, filepath.Join(dir, name), "old")
	}
	put(t, filepath.Join(dir, "log"), "head\nold\n")
	return dir
}

// state says whether the set of a folder is undone or whole.
func state(t *testing.T, dir string) (whole bool) {
	t.Helper()
	got := tree(t, dir)
	text := strings.Repeat("new\n", crashRows)
	undone := map[string]string{"a": "old", "x/b": "old", "c": "old", "log": "head\nold\n"}
	done := map[string]string{"a": text, "x/b": text, "c": text, "log": "head\nold\n" + text, "x/fresh": "head\n" + text}
	switch fmt.Sprint(got) {
	case fmt.Sprint(undone):
		return false
	case fmt.Sprint(done):
		return true
	}
	for name, text := range got {
		got[name] = fmt.Sprintf("%.20q… %d bytes", text, len(text))
	}
	t.Errorf("there is %v", got)
	return false
}

// A run dies before each of its changes, one after the other. The next one finds the set
// whole, or as it was, and leaves nothing else. The run after that dies too, before each
// of its changes, where there was something to complete.
func TestDiesAtEachStep(t *testing.T) {
	if testing.Short() {
		t.Skip("some hundred processes")
	}
	decided, last := false, 0
	for n := 1; ; n++ {
		dir := crashFolder(t)
		if !crash(t, n, "write", dir) {
			last = n - 1
			break
		}
		check(t, lookInto(dir))
		whole := state(t, dir)
		if decided && !whole {
			t.Errorf("change %d: a set that was decided before is undone", n)
		}
		decided = decided || whole
		if t.Failed() {
			t.Fatalf("change %d", n)
		}
	}
	if !decided || last < 20 {
		t.Fatalf("%d changes, decided: %v", last, decided)
	}
	for _, n := range []int{last / 2, last * 2 / 3, last * 3 / 4, last * 5 / 6} {
		for m := 1; ; m++ {
			dir := crashFolder(t)
			crash(t, n, "write", dir)
			died := crash(t, m, "look", dir)
			check(t, lookInto(dir))
			state(t, dir)
			if t.Failed() {
				t.Fatalf("change %d, then change %d of the next run", n, m)
			}
			if !died {
				break
			}
		}
	}
}
