package torture

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A trail is what a process asked of the operating system, in order.
type trail []sysCall

// A step is the calls that have something in common.
type step struct {
	what  string
	calls []sysCall
}

// step collects the calls of one name, written as strace does or a beginning of it, with a path
// that matches.
func (tr trail) step(name string, match func(path string) bool) step {
	s := step{what: name}
	for _, c := range tr {
		if strings.HasPrefix(c.name, name) && c.has(match) {
			s.calls = append(s.calls, c)
		}
	}
	return s
}

func (s step) named(what string) step { s.what = what; return s }

// first and final are one call of a step.
func (s step) first() step { s.calls = s.calls[:min(1, len(s.calls))]; return s }
func (s step) final() step { s.calls = s.calls[max(0, len(s.calls)-1):]; return s }

// after keeps the calls that begin when all of another step have ended.
func (s step) after(other step) step {
	s.calls = slices.DeleteFunc(slices.Clone(s.calls), func(c sysCall) bool {
		return slices.ContainsFunc(other.calls, func(o sysCall) bool { return o.to >= c.from })
	})
	return s
}

// inOrder checks that each step is there and has ended, and well, when the next one begins.
func (tr trail) inOrder(t *testing.T, steps ...step) {
	t.Helper()
	for i, s := range steps {
		if len(s.calls) == 0 {
			t.Errorf("there is no call to %s", s.what)
			continue
		}
		for _, c := range s.calls {
			if c.name != "exit_group" && (c.ret == "?" || strings.HasPrefix(c.ret, "-1")) {
				t.Errorf("%s: %v", s.what, c)
			}
		}
		if i == 0 || len(steps[i-1].calls) == 0 {
			continue
		}
		ended := slices.MaxFunc(steps[i-1].calls, func(a, b sysCall) int { return a.to - b.to })
		if begins := slices.MinFunc(s.calls, func(a, b sysCall) int { return a.from - b.from }); ended.to >= begins.from {
			t.Errorf("%s comes before the end of %s:\n%v\n%v", s.what, steps[i-1].what, begins, ended)
		}
	}
	if t.Failed() {
		for _, c := range tr {
			if c.name != "write" && c.has(func(path string) bool { return kindOf(path) != "folder" || strings.HasSuffix(c.name, "sync") }) {
				t.Log(c)
			}
		}
	}
}

// exit is the end of the process.
func (tr trail) exit() step {
	s := step{what: "exit"}
	for _, c := range tr {
		if c.name == "exit_group" {
			s.calls = append(s.calls, c)
		}
	}
	return s
}

// Which paths a step is about.
func at(path string) func(string) bool { return func(p string) bool { return p == path } }

func kind(kind, dir string) func(string) bool {
	return func(path string) bool { return kindOf(path) == kind && filepath.Dir(path) == dir }
}

// traced does a round and gives its trail.
func (b *book) traced(f *flow, rows int, more ...string) trail {
	b.t.Helper()
	trace := filepath.Join(b.t.(*testing.T).TempDir(), "trace")
	number := b.begin(f, rows)
	name, args := strace(trace, ordered, nil, program, append(b.args(number), more...)...)
	if e := finish(b.t, command(b.t, name, args...)); e.code != 0 {
		b.t.Fatal(e)
	}
	b.sure(number)
	tr, err := readTrace(trace)
	check(b.t, err)
	return tr
}

// What a run writes is safe on the disk, step by step, before the process ends.
func TestOrder(t *testing.T) {
	needStrace(t)
	const rows = 20_000 // some writes to what is added to
	b := newBook(t, t.TempDir())
	b.fact = "traced"
	home, two, all := b.dir, filepath.Join(b.dir, "two"), filepath.Join(b.dir, "all")

	t.Run("one file", func(t *testing.T) {
		tr := b.traced(oneFlow, rows)
		tr.inOrder(t,
			tr.step("fsync", at(filepath.Join(home, ".big.jsonl.flowrun-0"))).named("sync of the part"),
			tr.step("rename", at(filepath.Join(home, "big.jsonl"))).named("rename"),
			tr.step("fsync", at(home)).first().named("sync of the folder"),
			tr.step("fsync", at(filepath.Join(home, ".run.json.flowrun-0"))).named("sync of the report"),
			tr.step("rename", at(filepath.Join(home, "run.json"))).named("rename of the report"),
			tr.step("fsync", at(home)).final().named("sync of the folder"),
			tr.exit())
		if s := tr.step("openat", kind("journal", home)); len(s.calls) > 0 {
			t.Errorf("one rename needs no journal: %v", s.calls)
		}
	})

	t.Run("a file in a new folder", func(t *testing.T) {
		tr := b.traced(freshFlow, rows)
		day := filepath.Join(home, fmt.Sprintf("day-%d", len(b.rounds)-1))
		tr.inOrder(t,
			tr.step("fsync", at(home)).named("sync of the folder around the new one"),
			tr.step("rename", kind("part", day)).named("rename"),
			tr.step("fsync", at(day)).named("sync of the folder"),
			tr.exit())
	})

	t.Run("a set", func(t *testing.T) {
		b.good(setFlow, rows) // the folders are there
		tr := b.traced(setFlow, rows)
		parts := tr.step("fsync", func(path string) bool { return kindOf(path) == "part" }).named("sync of the parts")
		if n := len(parts.calls); n != len(setFlow.files) {
			t.Errorf("%d of %d parts are synced", n, len(setFlow.files))
		}
		renames := tr.step("rename", func(path string) bool { return kindOf(path) == "part" }).named("rename")
		if n := len(renames.calls); n != len(setFlow.files) {
			t.Errorf("%d of %d parts are renamed", n, len(setFlow.files))
		}
		pointer := tr.step("fsync", kind("journal", two)).named("sync of the pointer")
		journal := tr.step("fsync", kind("journal", home)).named("sync of the journal")
		gone := tr.step("unlinkat", kind("journal", home)).named("removal of the journal")
		for _, dir := range []string{home, two} {
			sync := tr.step("fsync", at(dir)).named("sync of " + filepath.Base(dir))
			tr.inOrder(t, renames, sync.after(renames).first(), gone)
		}
		tr.inOrder(t, parts,
			pointer, tr.step("fsync", at(two)).first().named("sync of the pointer's folder"),
			journal, tr.step("fsync", at(home)).first().named("sync of the journal's folder"),
			renames, gone, tr.step("fsync", at(home)).after(gone).named("sync of the removal"), tr.exit())
	})

	added := func(t *testing.T, tr trail, more ...step) {
		t.Helper()
		target := filepath.Join(home, logName)
		folder := tr.step("fsync", at(home)).named("sync of the folder")
		writes := tr.step("write", at(target)).named("write to the target")
		synced := tr.step("fsync", at(target)).named("sync of the target")
		gone := tr.step("unlinkat", kind("journal", home)).named("removal of the journal")
		if len(writes.calls) < 2 {
			t.Errorf("it is added in %d writes: give it more rows", len(writes.calls))
		}
		steps := append([]step{
			tr.step("fsync", kind("part", home)).named("sync of the part"),
			tr.step("fsync", kind("journal", home)).named("sync of the journal"),
			folder.first(),
		}, more...)
		tr.inOrder(t, append(steps, writes, synced,
			gone, folder.after(gone), tr.step("unlinkat", kind("part", home)).named("removal of the part"), tr.exit())...)
		tr.inOrder(t, synced, folder.after(synced).first(), gone) // a target that is new has a name then
	}
	t.Run("a new file that is added to", func(t *testing.T) {
		tr := b.traced(otherFlow, rows)
		made := tr.step("openat", at(filepath.Join(home, logName))).named("making of the target")
		made.calls = slices.DeleteFunc(made.calls, func(c sysCall) bool { return !strings.Contains(c.args, "O_CREAT") })
		added(t, tr, made)
	})
	t.Run("a file that is added to", func(t *testing.T) { added(t, b.traced(otherFlow, rows)) })

	t.Run("one added to and one replaced", func(t *testing.T) {
		b.good(addFlow, rows)
		tr := b.traced(addFlow, rows)
		renames := tr.step("rename", kind("part", all)).named("rename")
		gone := tr.step("unlinkat", kind("journal", all)).named("removal of the journal")
		tr.inOrder(t,
			tr.step("fsync", func(path string) bool { return kindOf(path) == "part" }).named("sync of the parts"),
			tr.step("fsync", kind("journal", home)).named("sync of the pointer"),
			tr.step("fsync", at(home)).first().named("sync of the pointer's folder"),
			tr.step("fsync", kind("journal", all)).named("sync of the journal"),
			tr.step("fsync", at(all)).first().named("sync of the journal's folder"),
			tr.step("write", at(filepath.Join(home, logName))).named("write to the target"),
			tr.step("fsync", at(filepath.Join(home, logName))).named("sync of the target"),
			renames, tr.step("fsync", at(all)).after(renames).first().named("sync of the folder"),
			gone, tr.exit())
	})

	t.Run("the record of the run", func(t *testing.T) {
		tr := b.traced(oneFlow, 3, "--keep")
		records := filepath.Join(b.home, ".flowrun", "runs")
		record := func(path string) bool { return strings.HasSuffix(path, ".json.gz.new") }
		tr.inOrder(t,
			tr.step("fsync", record).named("sync of the record"),
			tr.step("rename", record).named("rename of the record"),
			tr.step("fsync", at(records)).named("sync of the folder of records"),
			tr.exit())
		for _, dir := range []string{b.home, filepath.Dir(records)} {
			tr.inOrder(t, tr.step("fsync", at(dir)).named("sync of "+dir+", where a folder is new"), tr.exit())
		}
	})

	t.Run("no sync", func(t *testing.T) {
		for _, f := range []*flow{setFlow, addFlow, oneFlow, freshFlow} {
			tr := b.traced(f, rows, "--no-sync", "--report", "none")
			for _, c := range tr {
				if strings.HasSuffix(c.name, "sync") {
					t.Errorf("%s: %v", f.name, c)
				}
			}
			if s := tr.step("rename", func(path string) bool { return kindOf(path) == "part" }); len(s.calls) == 0 {
				t.Errorf("%s: nothing is renamed", f.name)
			}
		}
	})
	b.audit(".", "two", "all")
}
