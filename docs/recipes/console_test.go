package recipes_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// This file runs the pages: the commands of their console blocks are given to a shell as
// they stand, in a copy of this folder, and must print what the page says. There ... stands
// for anything, in a line or as a line. The ports of a page may be taken on this machine, so
// free ones stand in their place.

// asked are commands that look or may be repeated: if they do not print what the page says
// they are run again, for what they look at comes when it comes.
var asked = regexp.MustCompile(`^(cat|curl|flowrun doctor|jq|ls|psql .* -c "SELECT|redis-cli .* (llen|lrange)|sqlite3|wc) `)

// looks is how often a test looks for what does not come, a moment apart: so a slow machine
// has as many as a fast one.
const looks = 3000

// A step is a command of a page and what it prints.
type step struct {
	command string
	prints  string
	line    int
}

func steps(page string) (all []step) {
	in := false
	for i, line := range strings.Split(page, "\n") {
		switch {
		case line == "```console":
			in = true
		case line == "```":
			in = false
		case in && strings.HasPrefix(line, "$ "):
			all = append(all, step{command: line[2:], line: i + 1})
		case in:
			all[len(all)-1].prints += line + "\n"
		}
	}
	return all
}

func TestPagesInAShell(t *testing.T) {
	pages, err := filepath.Glob("*.md")
	if err != nil || len(pages) < 8 {
		t.Fatal("pages are missing", err)
	}
	for _, path := range pages {
		t.Run(strings.TrimSuffix(path, ".md"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all := steps(string(text))
			if len(all) == 0 {
				t.Fatal("the page shows no commands")
			}
			for _, program := range []string{"bash", "curl", "jq", "mosquitto", "mosquitto_pub", "psql", "python3", "redis-cli", "redis-server", "sqlite3"} {
				for _, s := range all {
					if strings.Contains(s.command, program+" ") {
						need(t, program)
					}
				}
			}
			p := copied(t)
			if strings.Contains(string(text), "${env:DATABASE_URL}\"\n") { // in a flow
				p.set("DATABASE_URL", database(t))
			}
			if strings.Contains(string(text), "127.0.0.1:9092") {
				p.kafka()
			}
			sh := p.shell()
			for _, s := range all {
				for look := 1; ; look++ {
					got := sh.run(p.moved(s.command))
					if like(p.moved(s.prints)).MatchString(got) {
						break
					}
					if !asked.MatchString(s.command) || look == looks {
						t.Fatalf("%s:%d: $ %s\nprints\n%s\nwant\n%s", path, s.line, s.command, got, s.prints)
					}
					time.Sleep(50 * time.Millisecond)
				}
			}
		})
	}
}

// like is a pattern for what a page says is printed.
func like(text string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(text)
	quoted = regexp.MustCompile(`(?m)^\\\.\\\.\\\.\n`).ReplaceAllString(quoted, `(?:.*\n)*`)
	return regexp.MustCompile(`^` + strings.ReplaceAll(quoted, `\.\.\.`, `.*`) + `$`)
}

// A shell runs one command after the other.
type shell struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

// done is what the shell prints behind each command.
const done = "\x01done\n"

func (p *place) shell() *shell {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "bash", "--norc", "-s")
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), p.env...)
	in, err := cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	s := &shell{p.t, in, bufio.NewReader(out)}
	p.t.Cleanup(func() {
		io.WriteString(in, "kill -KILL $(jobs -p) 2>/dev/null\nexit\n")
		in.Close()
		cmd.Wait()
		cancel()
	})
	s.run("set -m")
	return s
}

// notice is what a shell says of its jobs, such as that one was ended.
var notice = regexp.MustCompile(`(?m)^\[\d+\][-+ ] .*\n`)

// run runs a command and gives what it prints. What one in the background prints is for
// nobody.
func (s *shell) run(command string) string {
	s.t.Helper()
	to := "2>&1"
	if strings.HasSuffix(command, "&") {
		to = ">/dev/null 2>&1"
	}
	if _, err := io.WriteString(s.in, "{ "+command+"\n} </dev/null "+to+"; printf '"+strings.ReplaceAll(done, "\n", `\n`)+"'\n"); err != nil {
		s.t.Fatal(err)
	}
	var all strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		if before, ok := strings.CutSuffix(line, done); ok {
			all.WriteString(before)
			return notice.ReplaceAllString(all.String(), "")
		}
		all.WriteString(line)
		if err != nil {
			s.t.Fatalf("the shell ended in %q: %v\n%s", command, err, all.String())
		}
	}
}
