//go:build unix

package torture

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The calls that are traced: those that change files under a name, and those that make
// them safe.
const (
	killedAt = "fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,ftruncate,write"
	ordered  = killedAt + ",openat,exit_group"
)

// needStrace skips the test where no process can be traced.
func needStrace(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed (apt-get install strace): no blows at calls, no order of calls")
	}
	if e := finish(t, command(t, "strace", "-f", "-o", "/dev/null", "true")); e.code != 0 {
		first, _, _ := strings.Cut(e.err, "\n")
		t.Skipf("strace cannot trace here: %s", first)
	}
}

// strace is the command that traces a command.
func strace(trace, calls string, more []string, name string, args ...string) (string, []string) {
	all := append([]string{"-f", "-y", "-o", trace, "-e", "signal=none", "-e", "trace=" + calls}, more...)
	return "strace", append(append(all, name), args...)
}

// A sysCall is a call of the operating system, as strace tells it.
type sysCall struct {
	name  string
	args  string
	paths []string // of files that are open, and in the arguments
	ret   string   // "?": it did not return
	from  int      // the line where it began
	to    int      // the line where it had ended; that of from unless others came between
}

func (c sysCall) String() string {
	return fmt.Sprintf("%d: %s(%s) = %s", c.from, c.name, c.args, c.ret)
}

// has reports whether a path of the call matches.
func (c sysCall) has(match func(path string) bool) bool {
	for _, path := range c.paths {
		if match(path) {
			return true
		}
	}
	return false
}

var (
	lineShape    = regexp.MustCompile(`^(\d+) +(\w+)\((.*)$`)
	resumedShape = regexp.MustCompile(`^(\d+) +<\.\.\. \w+ resumed>(.*)$`)
	resultShape  = regexp.MustCompile(`\) += `)
	pathShape    = regexp.MustCompile(`\d<(/[^>]*)>|"((?:[^"\\]|\\.)*)"`)
)

const unfinished = "<unfinished ...>"

// readTrace reads what strace wrote.
func readTrace(path string) ([]sysCall, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []*sysCall
	open := map[string]*sysCall{} // by thread
	for at, line := range strings.Split(string(text), "\n") {
		if m := resumedShape.FindStringSubmatch(line); m != nil {
			if c := open[m[1]]; c != nil {
				c.to = at
				c.finish(c.args + m[2])
				delete(open, m[1])
			}
			continue
		}
		m := lineShape.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		c := &sysCall{name: m[2], from: at, to: at, ret: "?"}
		all = append(all, c)
		if args, ok := strings.CutSuffix(m[3], unfinished); ok {
			c.args = strings.TrimSpace(args)
			open[m[1]] = c
			continue
		}
		c.finish(m[3])
	}
	calls := make([]sysCall, 0, len(all))
	for _, c := range all {
		for _, m := range pathShape.FindAllStringSubmatch(c.args, -1) {
			c.paths = append(c.paths, m[1]+m[2])
		}
		calls = append(calls, *c)
	}
	return calls, nil
}

// finish takes arguments and result apart.
func (c *sysCall) finish(rest string) {
	c.args = rest
	if at := resultShape.FindAllStringIndex(rest, -1); at != nil {
		last := at[len(at)-1]
		c.args, c.ret = rest[:last[0]], rest[last[1]:]
	}
}

// kindOf says what a path of a flow is.
func kindOf(path string) string {
	name := filepath.Base(path)
	switch {
	case strings.HasSuffix(name, ".journal"):
		return "journal"
	case strings.Contains(name, ".flowrun-"):
		return "part"
	case filepath.Ext(name) == "":
		return "folder"
	}
	return "target"
}

// pointOf says where a process was when a blow at a call struck it: in which call, at
// which kind of file, and whether it had renamed something before. "": it was not struck.
func pointOf(trace string, w blow) (string, error) {
	calls, err := readTrace(trace)
	if err != nil {
		return "", err
	}
	renamed := false
	for _, c := range calls {
		switch {
		case strings.HasPrefix(c.name, "rename") && c.ret == "0":
			renamed = true
		case c.name != w.call || len(c.paths) == 0:
		case w.fails == "" && c.ret == "?", w.fails != "" && strings.Contains(c.ret, "(INJECTED)"):
			text := w.call + " " + kindOf(c.paths[0])
			if renamed && strings.HasSuffix(w.call, "sync") {
				text += ", renamed"
			}
			return text, nil
		}
	}
	return "", nil
}
