//go:build unix

package chaos

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

	"github.com/flowrun/flowrun/internal/dbtest"
)

// This file keeps a process of the real command running: it is started again whenever it
// has ended.

// A word is what a process has logged.
type word struct {
	at   time.Time // when it was heard
	life int       // of which start
	node string
	msg  string
}

// A process is one that is started again.
type process struct {
	t    *testing.T
	flow string
	args []string
	done chan struct{}

	mu     sync.Mutex
	cmd    *exec.Cmd
	stop   bool
	lives  int
	killed int // by the test
	away   int // ended with 3 because its database was away
	words  []word
	last   []string // the last lines of its log
}

func keep(t *testing.T, dir, flow string, args ...string) *process {
	p := &process{t: t, flow: flow, args: append([]string{"run", filepath.Join(dir, flow+".yaml"), "--log", "json", "--report", filepath.Join(dir, flow+".json")}, args...), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for p.live() {
			time.Sleep(100 * time.Millisecond)
		}
	}()
	return p
}

// live runs the process once, and reports whether it is to be run again.
func (p *process) live() bool {
	p.mu.Lock()
	if p.stop {
		p.mu.Unlock()
		return false
	}
	cmd := exec.Command(program, p.args...)
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
	case p.stop && (code == 0 || code == 143):
	default:
		p.t.Errorf("%s has ended with %d:\n%s", p.flow, code, strings.Join(p.last, "\n"))
		return false
	}
	return !p.stop
}

func (p *process) listen(out io.Reader, life int) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		now := time.Now()
		if strings.Contains(lines.Text(), dbtest.Password) {
			p.t.Errorf("the password is shown: %s", lines.Text())
		}
		var said struct{ Node, Msg string }
		known := json.Unmarshal(lines.Bytes(), &said) == nil
		p.mu.Lock()
		if p.last = append(p.last, lines.Text()); len(p.last) > 60 {
			p.last = p.last[1:]
		}
		if known && (strings.HasPrefix(said.Msg, "the database is") || said.Msg == "run started") {
			p.words = append(p.words, word{now, life, said.Node, said.Msg})
		}
		p.mu.Unlock()
	}
}

// kill kills the process, if there is one at the time.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		p.killed++
		p.cmd.Process.Kill()
	}
}

// end lets the process come to its end, and waits for that.
func (p *process) end() {
	p.mu.Lock()
	p.stop = true
	if p.cmd != nil {
		p.cmd.Process.Signal(syscall.SIGTERM)
	}
	p.mu.Unlock()
	<-p.done
}

func (p *process) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("%s: %d starts, %d kills, %d times its database was away as it began", p.flow, p.lives, p.killed, p.away)
}

// tail is the end of its log.
func (p *process) tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.last, "\n")
}
