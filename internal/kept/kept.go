//go:build unix

// Package kept keeps a process of the real command running in tests: it is started again
// whenever it has ended, and may be killed at any time.
package kept

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Options say what runs.
type Options struct {
	Program string // the command
	Dir     string // has FLOW.yaml, and gets FLOW.json, the report of a run that came to its end
	Flow    string
	Args    []string              // more of them
	Secret  string                // that the log must not have
	Hear    func(msg string) bool // which messages of the log are kept as words; nil: none
	Env     []string              // in place of that of this process
	Once    bool                  // it is not started again when it has ended well
}

// A Word is what a process has logged.
type Word struct {
	At   time.Time // when it was heard
	Life int       // of which start
	Node string
	Msg  string
}

// A Process is one that is started again. It may end by a kill, or with 3 because its peer was
// away as it began; any other end fails the test.
type Process struct {
	t    testing.TB
	o    Options
	done chan struct{}

	mu     sync.Mutex
	cmd    *exec.Cmd
	stop   bool
	lives  int
	killed int // by the test
	away   int // ended with 3 because its peer was away
	words  []Word
	last   []string // the last lines of its log
}

// Run starts a process.
func Run(t testing.TB, o Options) *Process {
	o.Args = append([]string{"run", filepath.Join(o.Dir, o.Flow+".yaml"), "--log", "json", "--report", filepath.Join(o.Dir, o.Flow+".json")}, o.Args...)
	p := &Process{t: t, o: o, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for p.live() {
			time.Sleep(100 * time.Millisecond)
		}
	}()
	return p
}

// live runs the process once, and reports whether it is to be run again.
func (p *Process) live() bool {
	p.mu.Lock()
	if p.stop {
		p.mu.Unlock()
		return false
	}
	cmd := exec.Command(p.o.Program, p.o.Args...)
	cmd.Env = p.o.Env
	out, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.mu.Unlock()
		p.t.Error(err)
		return false
	}
	p.cmd = cmd
	p.lives++
	life := p.lives
	p.mu.Unlock()
	p.listen(out, life)
	cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd = nil
	ws, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch code := cmd.ProcessState.ExitCode(); {
	case ws.Signaled() && ws.Signal() == syscall.SIGKILL:
	case code == 3:
		p.away++
	case code == 0 && p.o.Once:
		return false
	case p.stop && (code == 0 || code == 143):
	default:
		p.t.Errorf("%s has ended with %d:\n%s", p.o.Flow, code, strings.Join(p.last, "\n"))
		return false
	}
	return !p.stop
}

func (p *Process) listen(out io.Reader, life int) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		now := time.Now()
		if p.o.Secret != "" && strings.Contains(lines.Text(), p.o.Secret) {
			p.t.Errorf("the secret is shown: %s", lines.Text())
		}
		var said struct{ Node, Msg string }
		known := json.Unmarshal(lines.Bytes(), &said) == nil
		p.mu.Lock()
		if p.last = append(p.last, lines.Text()); len(p.last) > 60 {
			p.last = p.last[1:]
		}
		if known && p.o.Hear != nil && p.o.Hear(said.Msg) {
			p.words = append(p.words, Word{now, life, said.Node, said.Msg})
		}
		p.mu.Unlock()
	}
}

// Kill kills the process, if there is one at the time, and reports whether there was.
func (p *Process) Kill() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return false
	}
	p.killed++
	p.cmd.Process.Kill()
	return true
}

// Crash kills the process for good, and waits for its end.
func (p *Process) Crash() {
	p.mu.Lock()
	p.stop = true
	if p.cmd != nil {
		p.killed++
		p.cmd.Process.Kill()
	}
	p.mu.Unlock()
	<-p.done
}

// End lets the process come to its end, and waits for that.
func (p *Process) End() {
	p.mu.Lock()
	p.stop = true
	if p.cmd != nil {
		p.cmd.Process.Signal(syscall.SIGTERM)
	}
	p.mu.Unlock()
	<-p.done
}

// Ended is closed when the process is not started again.
func (p *Process) Ended() <-chan struct{} { return p.done }

// Words gives what was heard so far.
func (p *Process) Words() []Word {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Word(nil), p.words...)
}

// Killed is how often the process was killed.
func (p *Process) Killed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed
}

// String says how often the process was started and how it ended.
func (p *Process) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("%s: %d starts, %d kills, %d times its peer was away as it began", p.o.Flow, p.lives, p.killed, p.away)
}

// Tail is the end of its log.
func (p *Process) Tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.last, "\n")
}
