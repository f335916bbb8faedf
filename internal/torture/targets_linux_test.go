package torture

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A disaster is what can be wrong with a target.
type disaster struct {
	name      string
	flows     string // by comma
	out       string // "": out.jsonl
	user      uint32
	before    map[string]string // what is there: as tree gives it
	prepare   func(s *scene)    // what cannot be said so
	meanwhile func(s *scene)    // happens while the run has its files open
	code      int
	says      string            // in the message; by |, one of them
	after     map[string]string // nil: as before
}

// Names that are as long as names can be, and too long.
var (
	longest = strings.Repeat("n", 255)
	tooLong = longest + "n"
)

var disasters = []disaster{
	{name: "a folder", flows: "one,add,two", before: map[string]string{"out.jsonl": "folder"}, code: 2, says: "out.jsonl is a folder [E403]"},
	{name: "a file in the way of the folder", flows: "one,add", out: "x/out.jsonl", before: map[string]string{"x": "old"}, code: 2, says: "/x is a file, not a folder [E403]"},
	{name: "a link", flows: "one", before: map[string]string{"out.jsonl": "-> far/real", "far": "folder", "far/real": "old"},
		after: map[string]string{"out.jsonl": "-> far/real", "far": "folder", "far/real": rows}},
	{name: "a link to add to", flows: "add", before: map[string]string{"out.jsonl": "-> far/real", "far": "folder", "far/real": "{\"n\":0}\n"},
		after: map[string]string{"out.jsonl": "-> far/real", "far": "folder", "far/real": "{\"n\":0}\n" + rows}},
	{name: "a link to nothing", flows: "one,add", before: map[string]string{"out.jsonl": "-> far/new", "far": "folder"},
		after: map[string]string{"out.jsonl": "-> far/new", "far": "folder", "far/new": rows}},
	{name: "a link to itself", flows: "one,add", before: map[string]string{"out.jsonl": "-> out.jsonl"}, code: 1, says: "out.jsonl: too many levels of symbolic links"},
	{name: "the longest name", flows: "one,add", out: longest, after: map[string]string{longest: rows}},
	{name: "too long a name", flows: "one,add", out: tooLong, code: 1, says: tooLong + ": file name too long"},
	{name: "/dev/full", flows: "one,add", out: "/dev/full", code: 1, says: "/dev/full: no space left on device"},
	{name: "/dev/null", flows: "one,add", out: "/dev/null"},

	// What was left, or pretends to be.
	{name: "left by another flow", flows: "one", before: map[string]string{".out.jsonl.flowrun-0": "half a", "out.jsonl": "old"}, after: map[string]string{"out.jsonl": rows}},
	{name: "left by others that added", flows: "add", before: map[string]string{".out.jsonl.flowrun-1": "half a", ".out.jsonl.flowrun-7": "half a"},
		after: map[string]string{"out.jsonl": rows}},
	{name: "left in the future", flows: "one", before: map[string]string{".out.jsonl.flowrun-0": "half a"},
		prepare: func(s *scene) {
			future := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
			check(s.t, os.Chtimes(filepath.Join(s.dir, ".out.jsonl.flowrun-0"), future, future))
		}, after: map[string]string{"out.jsonl": rows}},
	{name: "a link as the part", flows: "one", before: map[string]string{".out.jsonl.flowrun-0": "-> precious", "precious": "old"}, code: 1, says: ".out.jsonl.flowrun-0 is in the way: remove it"},
	{name: "a link as the part to add", flows: "add", before: map[string]string{".out.jsonl.flowrun-1": "-> precious", "precious": "old"}, code: 1, says: ".out.jsonl.flowrun-1 is in the way: remove it"},
	{name: "a link to nothing as the part", flows: "one", before: map[string]string{".out.jsonl.flowrun-0": "-> precious"}, code: 1, says: ".out.jsonl.flowrun-0 is in the way: remove it"},
	{name: "a folder as the part", flows: "one", before: map[string]string{".out.jsonl.flowrun-0": "folder", "out.jsonl": "old"}, code: 1, says: ".out.jsonl.flowrun-0 is in the way: remove it"},
	{name: "a pipe as the part", flows: "one", before: map[string]string{".out.jsonl.flowrun-0": "p---------"}, code: 1, says: ".out.jsonl.flowrun-0 is in the way: remove it"},
	{name: "a journal that was cut off", flows: "one,add,two", before: map[string]string{".flowrun-0123456789abcdef.journal": `{"steps":[{"part":"`},
		prepare: func(s *scene) { s.mode(".flowrun-0123456789abcdef.journal", 0o600) }},
	{name: "a journal of an empty file", flows: "one,add", before: map[string]string{".flowrun-0123456789abcdef.journal": ""},
		prepare: func(s *scene) { s.mode(".flowrun-0123456789abcdef.journal", 0o600) }},
	{name: "things named like a journal", flows: "one,two", before: map[string]string{
		".flowrun-1.journal": "-> out.jsonl", ".flowrun-2.journal": "folder", ".flowrun-3.journal": "p---------", ".flowrun-4.journal": "-> nowhere"},
		after: map[string]string{"out.jsonl": rows, "out.jsonl.two": rows,
			".flowrun-1.journal": "-> out.jsonl", ".flowrun-2.journal": "folder", ".flowrun-3.journal": "p---------", ".flowrun-4.journal": "-> nowhere"}},
	{name: "a journal that others can write", flows: "one,two", before: map[string]string{"evil": "evil", "precious": "old"},
		prepare: func(s *scene) { s.journal(0o666, 0) }},
	{name: "a journal of another user", flows: "one,two", before: map[string]string{"evil": "evil", "precious": "old"},
		prepare: func(s *scene) { needRoot(s.t); s.journal(0o600, nobody) }},

	// What happens meanwhile.
	{name: "the folder is removed", flows: "one,add,two,add two", out: "x/out.jsonl", before: map[string]string{"x": "folder", "x/out.jsonl": "old\n"},
		meanwhile: func(s *scene) { check(s.t, os.RemoveAll(filepath.Join(s.dir, "x"))) },
		code:      1, says: "x/out.jsonl: what was written is gone: somebody has removed it, or its folder", after: map[string]string{}},
	{name: "another folder comes in its place", flows: "one,add", out: "x/out.jsonl", before: map[string]string{"x": "folder", "x/out.jsonl": "old\n"},
		meanwhile: func(s *scene) {
			check(s.t, os.RemoveAll(filepath.Join(s.dir, "x")))
			put(s.t, filepath.Join(s.dir, "x/out.jsonl"), "another\n")
		},
		code: 1, says: "x/out.jsonl: what was written is gone: somebody has removed it, or its folder", after: map[string]string{"x": "folder", "x/out.jsonl": "another\n"}},
	{name: "it becomes a folder", flows: "one,add,two,add two",
		meanwhile: func(s *scene) { check(s.t, os.Mkdir(filepath.Join(s.dir, "out.jsonl"), 0o755)) },
		code:      1, says: "out.jsonl: it is a folder|out.jsonl: is a directory", after: map[string]string{"out.jsonl": "folder"}},
	{name: "the other one becomes a folder", flows: "two,add two", before: map[string]string{"out.jsonl": "old\n"},
		meanwhile: func(s *scene) { check(s.t, os.Mkdir(filepath.Join(s.dir, "out.jsonl.two"), 0o755)) },
		code:      1, says: "out.jsonl.two: it is a folder", after: map[string]string{"out.jsonl": "old\n", "out.jsonl.two": "folder"}},
	{name: "it is removed", flows: "one,add", before: map[string]string{"out.jsonl": "old\n"},
		meanwhile: func(s *scene) { check(s.t, os.Remove(filepath.Join(s.dir, "out.jsonl"))) }, after: map[string]string{"out.jsonl": rows}},
	{name: "it grows", flows: "add", before: map[string]string{"out.jsonl": "{\"n\":0}\n"},
		meanwhile: func(s *scene) { put(s.t, filepath.Join(s.dir, "out.jsonl"), "{\"n\":0}\n{\"n\":8}\n") },
		after:     map[string]string{"out.jsonl": "{\"n\":0}\n{\"n\":8}\n" + rows}},

	// Users.
	{name: "a folder that is closed", flows: "one,add", user: nobody, before: map[string]string{"out.jsonl": "old"},
		prepare: func(s *scene) { s.mode("out.jsonl", 0o666); s.mode(".", 0o555) }, code: 2, says: "permission denied [E403]"},
	{name: "a folder to be made in one that is closed", flows: "one,add", out: "x/out.jsonl", user: nobody,
		prepare: func(s *scene) { s.mode(".", 0o555) }, code: 2, says: "permission denied [E403]"},
	{name: "a file that is closed", flows: "one,add", user: nobody, before: map[string]string{"out.jsonl": "old"},
		prepare: func(s *scene) { s.mode("out.jsonl", 0o644) }, code: 2, says: "out.jsonl cannot be written: permission denied [E403]"},
	{name: "left by another user", flows: "one", user: nobody, before: map[string]string{".out.jsonl.flowrun-0": "half a", "out.jsonl": "old"},
		prepare: func(s *scene) { s.mode("out.jsonl", 0o666); s.mode(".out.jsonl.flowrun-0", 0o600) }, code: 1,
		says: ".out.jsonl.flowrun-0, which is of another user (0), is in the way: if no run of that user writes the file, remove it"},
	{name: "left by another user where all may remove", flows: "one", user: nobody, before: map[string]string{".out.jsonl.flowrun-0": "half a"},
		prepare: func(s *scene) { s.mode(".out.jsonl.flowrun-0", 0o666) }, after: map[string]string{"out.jsonl": rows}},
	{name: "left by another user in a sticky folder", flows: "one", user: nobody, before: map[string]string{".out.jsonl.flowrun-0": "half a"},
		prepare: func(s *scene) {
			s.mode(".out.jsonl.flowrun-0", 0o666)
			check(s.t, os.Chmod(s.dir, 0o777|fs.ModeSticky))
		}, code: 1,
		says: ".out.jsonl.flowrun-0, which is of another user (0), is in the way"},
	{name: "left by a user, found by root", flows: "one", before: map[string]string{".out.jsonl.flowrun-0": "half a"},
		prepare: func(s *scene) {
			needRoot(s.t)
			check(s.t, os.Chmod(s.dir, 0o777|fs.ModeSticky))
			check(s.t, os.Chown(filepath.Join(s.dir, ".out.jsonl.flowrun-0"), nobody, nobody))
		}, after: map[string]string{"out.jsonl": rows}},
}

// journal writes one that says that evil takes the place of precious.
func (s *scene) journal(mode fs.FileMode, uid int) {
	s.t.Helper()
	var st unix.Stat_t
	check(s.t, unix.Stat(filepath.Join(s.dir, "evil"), &st))
	path := filepath.Join(s.dir, ".flowrun-0123456789abcdef.journal")
	put(s.t, path, fmt.Sprintf(`{"steps":[{"part":"evil","target":"precious","inode":%d,"size":%d}],"whole":true}`+"\n", st.Ino, st.Size))
	check(s.t, os.Chmod(path, mode))
	if uid != 0 {
		check(s.t, os.Chown(path, uid, uid))
	}
}

// Whatever is wrong with a target: the error names it, the code is 1, and what was there
// is there.
func TestBadTargets(t *testing.T) {
	for _, d := range disasters {
		for flow := range strings.SplitSeq(d.flows, ",") {
			t.Run(d.name+"/"+flow, func(t *testing.T) {
				t.Parallel()
				d.strike(t, flow)
			})
		}
	}
}

func (d *disaster) strike(t *testing.T, flow string) {
	s := newScene(t, "")
	if d.user != 0 {
		needRoot(t)
		s.user = d.user
	}
	s.lay(d.before)
	if d.prepare != nil {
		d.prepare(s)
	}
	before := s.tree()
	out := cmp.Or(d.out, "out.jsonl")
	h := s.start(flow, out)
	if d.meanwhile != nil {
		number := 0
		if strings.HasPrefix(flow, "add") {
			number = 1
		}
		h.opened(filepath.Join(s.dir, filepath.Dir(out), fmt.Sprintf(".%s.flowrun-%d", filepath.Base(out), number)))
		if strings.Contains(flow, "two") {
			h.opened(filepath.Join(s.dir, filepath.Dir(out), fmt.Sprintf(".%s.two.flowrun-0", filepath.Base(out))))
		}
		d.meanwhile(s)
	}
	h.give(rows)
	e := h.end()
	says := slices.ContainsFunc(strings.Split(d.says, "|"), func(text string) bool { return strings.Contains(e.err, text) })
	if e.code != d.code || !says || d.code == 0 && e.err != "" {
		t.Errorf("want exit %d, and that it says %q, got %v", d.code, d.says, e)
	}
	want := d.after
	switch {
	case want != nil && d.code == 0 && !strings.Contains(flow, "two"):
		want = maps.Clone(want)
		delete(want, "out.jsonl.two")
	case want == nil && d.code == 0 && !strings.HasPrefix(out, "/"):
		want = maps.Clone(before)
		want[out] = rows
		if strings.Contains(flow, "two") {
			want[out+".two"] = rows
		}
		if strings.Contains(d.name, "a journal that was") || strings.Contains(d.name, "journal of an empty") {
			delete(want, ".flowrun-0123456789abcdef.journal")
		}
	case want == nil:
		want = before
	}
	if got := s.tree(); !maps.Equal(got, want) {
		t.Errorf("there is %q\nwant %q", got, want)
	}
}
