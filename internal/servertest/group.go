package servertest

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A group is a process of a server and those that it has started, which end together. They
// end with the tests too, in whatever way these end: the first process of the group is a
// shell that waits for the end of its input, which the tests hold open.
type group struct {
	leader *exec.Cmd
	hold   io.Closer
	main   *exec.Cmd
	ended  chan struct{} // closed when main has ended
}

// startGroup starts a command in a group of its own.
func startGroup(main *exec.Cmd) (*group, error) {
	g := &group{leader: exec.Command("/bin/sh", "-c", "read line; kill -9 0"), main: main, ended: make(chan struct{})}
	g.leader.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if g.hold, err = g.leader.StdinPipe(); err != nil {
		return nil, err
	}
	if err := g.leader.Start(); err != nil {
		return nil, err
	}
	if main.SysProcAttr == nil {
		main.SysProcAttr = &syscall.SysProcAttr{}
	}
	main.SysProcAttr.Setpgid, main.SysProcAttr.Pgid = true, g.leader.Process.Pid
	if err := main.Start(); err != nil {
		close(g.ended)
		g.kill()
		return nil, err
	}
	go func() { main.Wait(); close(g.ended) }()
	return g, nil
}

// kill ends the group. The number of the group stays its own until its leader is waited for.
// The sessions of PostgreSQL have groups of their own, and one that is busy goes on without
// its server: they end too, as with the machine.
func (g *group) kill() {
	id := g.leader.Process.Pid
	var others []int
	if main := g.main.Process; main != nil {
		others = children(main.Pid)
	}
	syscall.Kill(-id, syscall.SIGKILL)
	for _, other := range others {
		syscall.Kill(other, syscall.SIGKILL)
	}
	<-g.ended
	g.leader.Wait()
	// What main had started is another's child now. Ports and files are free when it is gone.
	for end := time.Now().Add(5 * time.Second); lives(id) && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
}

// lives reports whether a group has a process that runs. One that has ended and that nobody
// has collected yet still counts for kill; /proc, where it is, tells.
func lives(group int) bool {
	if err := syscall.Kill(-group, 0); errors.Is(err, syscall.ESRCH) {
		return false
	}
	known := false
	for p := range processes() {
		known = true
		if p.state != "Z" && p.group == group {
			return true
		}
	}
	return !known
}

// children are the processes that one has started, and theirs, where /proc tells.
func children(of int) (all []int) {
	parents := map[int][]int{}
	for p := range processes() {
		parents[p.parent] = append(parents[p.parent], p.id)
	}
	for next := parents[of]; len(next) > 0; next = next[1:] {
		all, next = append(all, next[0]), append(next, parents[next[0]]...)
	}
	return all
}

// A process is what /proc tells of one.
type process struct {
	id, parent, group int
	state             string
}

// processes are all of the machine, where /proc tells.
func processes() iter.Seq[process] {
	return func(yield func(process) bool) {
		stats, _ := filepath.Glob("/proc/[0-9]*/stat")
		for _, stat := range stats {
			text, err := os.ReadFile(stat)
			if err != nil {
				continue // it has ended since
			}
			// pid (name) state parent group …
			f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
			if len(f) < 3 {
				continue
			}
			p := process{state: f[0]}
			p.id, _ = strconv.Atoi(filepath.Base(filepath.Dir(stat)))
			p.parent, _ = strconv.Atoi(f[1])
			p.group, _ = strconv.Atoi(f[2])
			if !yield(p) {
				return
			}
		}
	}
}
