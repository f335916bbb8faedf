package torture

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// nobody is a user who is not root.
const nobody = 65534

// A scene is a folder with the flows of this file beside it.
type scene struct {
	t    *testing.T
	home string
	dir  string
	user uint32   // who runs the command; 0: who runs the tests
	dies []string // what strace does to it; nil: nothing is traced
}

// The flows write the rows of standard input to OUT, some to OUT.two as well.
var sceneFlows = map[string]string{
	"one":     "  out: {use: file.write, in: rows, with: {path: '${OUT}', format: jsonl}}\n",
	"add":     "  out: {use: file.write, in: rows, with: {path: '${OUT}', format: jsonl, append: true}}\n",
	"two":     "  out: {use: file.write, in: rows, with: {path: '${OUT}', format: jsonl}}\n  two: {use: file.write, in: rows, with: {path: '${OUT}.two', format: jsonl}}\n",
	"add two": "  out: {use: file.write, in: rows, with: {path: '${OUT}', format: jsonl, append: true}}\n  two: {use: file.write, in: rows, with: {path: '${OUT}.two', format: jsonl}}\n",
}

func newScene(t *testing.T, dir string) *scene {
	t.Helper()
	home, err := os.MkdirTemp("", "flowrun-scene-")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(home) })
	check(t, os.Chmod(home, 0o755)) // another user passes through
	if dir == "" {
		dir = filepath.Join(home, "data")
		check(t, os.Mkdir(dir, 0o777))
		check(t, os.Chmod(dir, 0o777))
	}
	for name, nodes := range sceneFlows {
		put(t, filepath.Join(home, name+".yaml"), "flow: bad\ntypes:\n  Row: {n: int}\nnodes:\n"+
			"  rows: {use: file.read, with: {path: '-', format: jsonl, as: Row}}\n"+nodes)
	}
	return &scene{t: t, home: home, dir: dir}
}

// start runs a flow in the folder. It goes on while its input does.
func (s *scene) start(flow, out string) *held { return s.startOn(nil, flow, out) }

// startWhole runs a flow on some rows, as a file: they have an end, so they are added in one
// step however long that takes.
func (s *scene) startWhole(text []byte, flow, out string) *held {
	s.t.Helper()
	f, err := os.CreateTemp(s.home, "rows-")
	check(s.t, err)
	_, err = f.Write(text)
	check(s.t, err)
	_, err = f.Seek(0, io.SeekStart)
	check(s.t, err)
	return s.startOn(f, flow, out)
}

func (s *scene) startOn(in *os.File, flow, out string) *held {
	s.t.Helper()
	if !filepath.IsAbs(out) {
		out = filepath.Join(s.dir, out)
	}
	name, args := program, []string{"run", filepath.Join(s.home, flow+".yaml"), "-q", "-s", "OUT=" + out}
	if s.dies != nil {
		name, args = strace("/dev/null", ordered, s.dies, program, args...)
	}
	cmd := command(s.t, name, args...)
	cmd.Dir = s.dir // messages name files as seen from here
	if s.user != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: s.user, Gid: s.user}}
	}
	if in == nil {
		pipe, err := cmd.StdinPipe()
		check(s.t, err)
		in = pipe.(*os.File)
	} else {
		cmd.Stdin = in
	}
	check(s.t, cmd.Start())
	h := &held{t: s.t, cmd: cmd, in: in, over: make(chan struct{})}
	go func() { h.err = cmd.Wait(); close(h.over) }()
	return h
}

// A held run is one that waits for more input.
type held struct {
	t    *testing.T
	cmd  *exec.Cmd
	in   *os.File
	over chan struct{}
	err  error
}

// give writes rows; a run that has ended does not want them.
func (h *held) give(rows string) { h.in.WriteString(rows) }

// opened waits until a part is there and its run has the lock.
func (h *held) opened(part string) {
	h.t.Helper()
	for !h.ended() {
		if _, err := os.Lstat(part); err == nil && isLocked(h.t, part) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	h.t.Fatalf("the run has ended: %v", h.end())
}

func (h *held) ended() bool {
	select {
	case <-h.over:
		return true
	default:
		return false
	}
}

// end closes the input and waits for the end.
func (h *held) end() end {
	h.t.Helper()
	h.in.Close()
	<-h.over
	e, err := endOf(h.cmd, h.err)
	check(h.t, err)
	return e
}

// tree is what a folder holds: files by their content, all else by what it is.
func (s *scene) tree() map[string]string {
	s.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == s.dir {
			return err
		}
		name := strings.TrimPrefix(path, s.dir+"/")
		switch {
		case d.IsDir():
			all[name] = "folder"
		case d.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			all[name] = "-> " + to
			return err
		case d.Type().IsRegular():
			all[name] = get(s.t, path)
		default:
			all[name] = d.Type().String()
		}
		return nil
	})
	check(s.t, err)
	delete(all, "lost+found")
	return all
}

// lay makes what a tree tells, folders first.
func (s *scene) lay(tree map[string]string) {
	s.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		path := filepath.Join(s.dir, name)
		to, link := strings.CutPrefix(tree[name], "-> ")
		switch {
		case link:
			check(s.t, os.Symlink(to, path))
		case tree[name] == "folder":
			check(s.t, os.Mkdir(path, 0o777))
		case tree[name] == "p---------":
			check(s.t, unix.Mkfifo(path, 0o600))
		default:
			put(s.t, path, tree[name])
		}
	}
}

func (s *scene) mode(name string, mode fs.FileMode) {
	s.t.Helper()
	check(s.t, os.Chmod(filepath.Join(s.dir, name), mode))
}

// needRoot skips the test for users who cannot do as others.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("it wants root: to run as another user")
	}
}

// rows are those that the flows of a scene get, and write.
const rows = "{\"n\":1}\n{\"n\":2}\n"

// A pipe gets the rows, and stays a pipe.
func TestPipeAsTarget(t *testing.T) {
	for _, flow := range []string{"one", "add"} {
		s := newScene(t, "")
		path := filepath.Join(s.dir, "out.jsonl")
		check(t, unix.Mkfifo(path, 0o600))
		read := make(chan string, 1)
		go func() {
			text, err := os.ReadFile(path)
			read <- fmt.Sprint(string(text), err)
		}()
		h := s.start(flow, "out.jsonl")
		h.give(rows)
		if e := h.end(); e.code != 0 {
			t.Error(e)
		}
		if got := <-read; got != rows+"<nil>" {
			t.Errorf("the reader got %q", got)
		}
		if got := s.tree(); got["out.jsonl"] != "p---------" || len(got) != 1 {
			t.Errorf("there is %q", got)
		}
	}
}

// Of two runs that replace one file the second one fails at once, and the first one does
// not notice. Two that add to it both do.
func TestTwoRunsOneTarget(t *testing.T) {
	for _, c := range []struct {
		first, second string
		code          int
		want          string
	}{
		{"one", "one", 1, rows},
		{"two", "one", 1, rows},
		{"add", "add", 0, "{\"n\":7}\n" + rows},
		{"one", "add", 0, rows},
		{"add", "one", 0, "{\"n\":7}\n" + rows},
	} {
		s := newScene(t, "")
		first := s.start(c.first, "out.jsonl")
		number := 0
		if c.first == "add" {
			number = 1
		}
		first.opened(filepath.Join(s.dir, fmt.Sprintf(".out.jsonl.flowrun-%d", number)))
		first.give(rows)
		second := s.start(c.second, "out.jsonl")
		second.give("{\"n\":7}\n")
		e := second.end()
		if e.code != c.code || c.code == 1 && !strings.Contains(e.err, "out.jsonl: another run is writing it") {
			t.Errorf("%s beside %s: %v", c.second, c.first, e)
		}
		if e := first.end(); e.code != 0 {
			t.Errorf("%s beside %s: the first one: %v", c.second, c.first, e)
		}
		want := map[string]string{"out.jsonl": c.want}
		if c.first == "two" {
			want["out.jsonl.two"] = rows
		}
		if got := s.tree(); !maps.Equal(got, want) {
			t.Errorf("%s beside %s: there is %q, want %q", c.second, c.first, got, want)
		}
	}
}

// A run dies in the middle of what it adds, while another one that adds to the same file
// has looked into the folder long ago. The other one sees it in time.
func TestDiesBesideAnother(t *testing.T) {
	needStrace(t)
	for _, c := range []struct {
		call string
		to   string
		nth  int
	}{
		{"fsync", ".", 1}, // the journal is there, and not safe yet
		{"write", "out.jsonl", 1},
		{"write", "out.jsonl", 2},
		{"fsync", "out.jsonl", 1},
		{"unlinkat", "", 1}, // of the journal
	} {
		for _, flow := range []string{"add", "add two"} {
			t.Run(fmt.Sprintf("%s %d %s/%s", c.call, c.nth, c.to, flow), func(t *testing.T) {
				t.Parallel()
				struck(t, func() bool {
					s := newScene(t, "")
					put(t, filepath.Join(s.dir, "out.jsonl"), "{\"n\":0}\n")
					other := s.start("add", "out.jsonl")
					other.opened(filepath.Join(s.dir, ".out.jsonl.flowrun-1"))
					s.dies = []string{"-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", c.call, c.nth)}
					if c.to != "" {
						s.dies = append(s.dies, "-P", filepath.Join(s.dir, c.to))
					}
					dead := s.startWhole([]byte(many), flow, "out.jsonl")
					died := dead.end().killed
					other.give(rows) // and not before: what comes from a pipe is added every second
					if e := other.end(); e.code != 0 {
						t.Errorf("the other one: %v", e)
					}
					want := map[string]string{"out.jsonl": "{\"n\":0}\n" + many + rows}
					if flow == "add two" {
						want["out.jsonl.two"] = many
					}
					if got := s.tree(); !maps.Equal(got, want) {
						text := got["out.jsonl"]
						t.Errorf("there is\n%s%.60q … %.60q", listing(s.dir), text, text[max(0, len(text)-60):])
					}
					return died
				})
			})
		}
	}
}

// struck tries until a blow has struck. One at the second call of a thread does not where
// the runtime goes on with another thread.
func struck(t *testing.T, try func() bool) {
	t.Helper()
	const most = 20
	for range most {
		if try() || t.Failed() {
			return
		}
	}
	t.Errorf("no run died in %d", most)
}

// many are rows that are added in some writes.
var many = strings.Repeat("{\"n\":1234567890}\n", 130_000)

// A run died in the middle of what it added. While one run is about to complete that,
// another one, which has looked into the folder long ago, adds its rows: it has to wait.
func TestAddsWhileAnotherCompletes(t *testing.T) {
	needStrace(t)
	struck(t, func() bool {
		s := newScene(t, "")
		log := filepath.Join(s.dir, "out.jsonl")
		put(t, log, "{\"n\":0}\n")
		other := s.start("add", "out.jsonl")
		other.opened(filepath.Join(s.dir, ".out.jsonl.flowrun-1"))

		s.dies = []string{"-e", "inject=write:signal=SIGKILL:when=2", "-P", log}
		dead := s.startWhole([]byte(many), "add", "out.jsonl")
		if !dead.end().killed {
			other.end()
			return false
		}
		journals, err := filepath.Glob(filepath.Join(s.dir, ".flowrun-*.journal"))
		check(t, err)
		if len(journals) != 1 {
			t.Fatalf("there is no journal:\n%s", listing(s.dir))
		}

		// It opens the log once to see whether it may, and then to complete it: that takes long.
		s.dies = []string{"-e", "inject=openat:delay_enter=1000000:when=2", "-P", log}
		completes := s.start("add", "out.jsonl")
		completes.give("{\"n\":3}\n")
		completes.in.Close()
		for !isLocked(t, journals[0]) && !completes.ended() {
			time.Sleep(time.Millisecond)
		}
		other.give(rows)
		if e := other.end(); e.code != 0 {
			t.Errorf("the one that adds: %v", e)
		}
		if e := completes.end(); e.code != 0 {
			t.Errorf("the one that completes: %v", e)
		}
		got, begun := s.tree(), "{\"n\":0}\n"+many
		if text := got["out.jsonl"]; len(got) != 1 || text != begun+rows+"{\"n\":3}\n" && text != begun+"{\"n\":3}\n"+rows {
			t.Errorf("there is\n%s%.60q … %.60q", listing(s.dir), text, text[max(0, len(text)-60):])
		}
		return true
	})
}

// isLocked reports whether a process holds the lock of a file.
func isLocked(t *testing.T, path string) bool {
	t.Helper()
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return true // it was, and is gone
	}
	return strings.Contains(get(t, "/proc/locks"), fmt.Sprintf(":%d ", st.Ino))
}

// Where the disk is full, old content stays and nothing else does; when there is room
// again, so do runs.
func TestFullDisk(t *testing.T) {
	const size = 24 // MB
	disks := map[string]func(t *testing.T) string{
		"ext4":  func(t *testing.T) string { return newDisk(t, size).mnt },
		"tmpfs": func(t *testing.T) string { return newTmpfs(t, size) },
	}
	old := bytes.Repeat([]byte("{\"n\":0}\n"), 100_000)
	line := bytes.Repeat([]byte("{\"n\":1234567890}\n"), 1000)
	for name, disk := range disks {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, disk(t))
			for _, c := range []struct {
				flow string
				mb   int // of rows
				two  bool
			}{
				{"one", 40, false}, {"add", 40, false}, {"two", 14, false},
				{"add", 14, false}, // there is room for the part, and none for it once more
				{"add two", 8, false},
			} {
				what := fmt.Sprintf("%s, %d MB", c.flow, c.mb)
				put(t, filepath.Join(s.dir, "out.jsonl"), string(old))
				put(t, filepath.Join(s.dir, "out.jsonl.two"), "old")
				h := s.startWhole(bytes.Repeat(line, c.mb<<20/len(line)), c.flow, "out.jsonl")
				e := h.end()
				if e.code != 1 || !strings.Contains(e.err, "out.jsonl") || !strings.Contains(e.err, ": no space left on device") {
					t.Errorf("%s: %v", what, e)
				}
				got := s.tree()
				if got["out.jsonl"] != string(old) || got["out.jsonl.two"] != "old" || len(got) != 2 {
					t.Errorf("%s: there is\n%s", what, listing(s.dir))
				}
				h = s.start(c.flow, "out.jsonl")
				h.give(rows)
				if e := h.end(); e.code != 0 || !strings.HasSuffix(get(t, filepath.Join(s.dir, "out.jsonl")), rows) {
					t.Errorf("%s, then with room: %v", what, e)
				}
			}
		})
	}
}

// newTmpfs mounts a file system of so many MB of memory.
func newTmpfs(t *testing.T, size int) string {
	t.Helper()
	needDisk(t)
	dir, err := os.MkdirTemp("", "flowrun-tmpfs-")
	check(t, err)
	d := &disk{t: t, mnt: filepath.Join(dir, "mnt")}
	t.Cleanup(func() { d.remove(dir) })
	check(t, os.Mkdir(d.mnt, 0o755))
	if err := d.tool("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", size), "tmpfs", d.mnt); err != nil {
		t.Skipf("no disk of our own: %v", err)
	}
	return d.mnt
}

// A disk that cannot be written at all, from the start or since the run began.
func TestReadOnlyDisk(t *testing.T) {
	d := newDisk(t, 24)
	s := newScene(t, d.mnt)
	before := map[string]string{"out.jsonl": "old\n", "out.jsonl.two": "old\n"}
	s.lay(before)
	check(t, d.tool("mount", "-o", "remount,ro", d.mnt))
	for flow := range sceneFlows {
		for _, out := range []string{"out.jsonl", "new.jsonl", "x/new.jsonl"} {
			h := s.start(flow, out)
			h.give(rows)
			if e := h.end(); e.code != 1 || !strings.Contains(e.err, out) || !strings.Contains(e.err, "read-only file system") {
				t.Errorf("%s to %s: %v", flow, out, e)
			}
		}
	}
	if got := s.tree(); !maps.Equal(got, before) {
		t.Errorf("there is %q", got)
	}
}
