package exec

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// This file has a command that runs: its pipes, and its end.

// A process is a command that was started.
type process struct {
	k     *command
	env   *nodes.Env
	cmd   *exec.Cmd
	began time.Time
	stdin *os.File // nil: it has none
	out   *os.File // its standard output; nil: that goes to the log

	headed bool // what stands before the first row was written

	ended  chan struct{} // it has ended, and all of its group
	err    error         // how, once ended
	reaped chan struct{} // its first process has ended
	logs   sync.WaitGroup
	last   lastLines
	once   sync.Once
}

// A pipes says which ends of a command are pipes of the flow.
type pipes struct{ in, out bool }

// start starts a command.
func (k *command) start(ctx context.Context, env *nodes.Env, with pipes) (*process, error) {
	c, err := k.make(ctx, env)
	if err != nil {
		return nil, err
	}
	p := &process{k: k, env: env, cmd: c, began: time.Now(), ended: make(chan struct{}), reaped: make(chan struct{})}
	var theirs, ours []*os.File
	shut := func(files []*os.File) {
		for _, f := range files {
			f.Close()
		}
	}
	pipe := func() (r, w *os.File) {
		if err == nil {
			r, w, err = os.Pipe()
		}
		return r, w
	}
	if with.in {
		r, w := pipe()
		c.Stdin, p.stdin = r, w
		theirs, ours = append(theirs, r), append(ours, w)
	}
	outR, outW := pipe()
	errR, errW := pipe()
	theirs, ours = append(theirs, outW, errW), append(ours, outR, errR)
	c.Stdout, c.Stderr = outW, errW
	if err == nil {
		err = c.Start()
	}
	shut(theirs)
	if err != nil {
		shut(ours)
		return nil, startError(k, err)
	}
	env.Log.Info("the command has started", "command", k.name(), "pid", c.Process.Pid)
	p.log(errR, "stderr")
	if with.out {
		p.out = outR
	} else {
		p.log(outR, "stdout")
	}
	go p.wait(errR, outR)
	return p, nil
}

// startError leaves out of an error what stands in the arguments of the command.
func startError(k *command, err error) error {
	if e, ok := errors.AsType[*exec.Error](err); ok {
		err = e.Err
	} else if e, ok := errors.AsType[*os.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("%s cannot be started: %w", k.name(), err)
}

// wait sees the command to its end: its first process, then what that has left behind.
// What a process outside of the group still holds open is not read for longer than grace.
func (p *process) wait(pipes ...*os.File) {
	err := p.cmd.Wait()
	close(p.reaped)
	p.endGroup()
	for _, f := range pipes {
		f.SetReadDeadline(p.tailTime())
	}
	p.logs.Wait()
	p.err = p.failure(err)
	level := p.env.Log.Info
	if p.err != nil {
		level = p.env.Log.Warn
	}
	level("the command has ended", "command", p.k.name(), "status", p.cmd.ProcessState.String())
	close(p.ended)
}

// tailTime is until when the output of a command that has ended may stay open and silent.
func (p *process) tailTime() time.Time { return time.Now().Add(max(p.k.Grace, 50*time.Millisecond)) }

// Read reads the standard output. What stands in the pipe when the command has ended is read
// however late the flow comes for it: the deadline is for a pipe that is silent.
func (p *process) Read(b []byte) (int, error) {
	n, err := p.out.Read(b)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		p.out.SetReadDeadline(p.tailTime())
		n, err = p.out.Read(b)
	}
	return n, err
}

// failure says how a command has failed, with the last that it said; nil: it has not.
func (p *process) failure(err error) error {
	if err == nil {
		return nil
	}
	told := err.Error()
	if line := p.last.line(); line != "" {
		told += ": " + line
	}
	return fmt.Errorf("%s: %s", p.k.name(), told)
}

// groupPoll is how often it is looked whether all of a group has ended.
const groupPoll = 10 * time.Millisecond

// endGroup asks all that is left of the group to end, and kills it if it does not. The
// number of a group is not given to another while a process of it is left.
func (p *process) endGroup() {
	pid := p.cmd.Process.Pid
	if !askGroup(pid) {
		return
	}
	for end := time.Now().Add(p.k.Grace); hasGroup(pid); time.Sleep(groupPoll) {
		if !time.Now().Before(end) {
			killGroup(pid)
			return
		}
	}
}

// end ends a command that is not wanted any more, and waits for it.
func (p *process) end() {
	p.once.Do(func() {
		select {
		case <-p.reaped: // wait sees to the rest
		default:
			p.endGroup()
		}
	})
	<-p.ended
	p.shut()
}

// shut closes the pipes of the flow.
func (p *process) shut() {
	if p.stdin != nil {
		p.stdin.Close()
	}
	if p.out != nil {
		p.out.Close()
	}
}

// What is logged of a command at most: longer lines are cut, and of more lines in a while
// there is only a count.
const (
	maxLine   = 1 << 10
	maxLines  = 100
	linesTime = 10 * time.Second
)

// log logs the lines of a pipe until it ends.
func (p *process) log(f *os.File, name string) {
	p.logs.Add(1)
	go func() {
		defer p.logs.Done()
		defer f.Close()
		var begun time.Time
		lines, more := 0, 0
		tell := func() {
			if more > 0 {
				p.env.Log.Warn("the command has said more than is logged", "command", p.k.name(), "lines", more)
			}
			lines, more = 0, 0
		}
		defer tell()
		for r := bufio.NewReaderSize(f, 4<<10); ; {
			line, err := cutLine(r)
			if line = p.masked(line); line != "" {
				p.last.add(line)
				if time.Since(begun) >= linesTime {
					tell()
					begun = time.Now()
				}
				if lines++; lines <= maxLines {
					p.env.Log.Info(line, "command", p.k.name(), "from", name)
				} else {
					more++
				}
			}
			if err != nil {
				return
			}
		}
	}()
}

// cutLine reads a line, and of a long one the beginning.
func cutLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if room := maxLine - len(line); room > 0 {
			line = append(line, part[:min(len(part), room)]...)
		}
		if err != bufio.ErrBufferFull {
			return strings.ToValidUTF8(strings.TrimSpace(string(line)), "\uFFFD"), err
		}
	}
}

// masked hides the secrets that the command was given, should it say them.
func (p *process) masked(line string) string {
	for _, v := range p.k.Env {
		if secret := v.Value.Reveal(); len(secret) > 3 {
			line = strings.ReplaceAll(line, secret, v.Value.String())
		}
	}
	return line
}

// lastLines keeps the last line that a command said, for the message of its failure.
type lastLines struct {
	mu   sync.Mutex
	text string
}

func (l *lastLines) add(line string) {
	l.mu.Lock()
	l.text = line
	l.mu.Unlock()
}

func (l *lastLines) line() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.ToValidUTF8(l.text[:min(len(l.text), 300)], "")
}

// write writes to the command until ctx ends or, with a limit, the command has taken
// nothing for that long.
func (p *process) write(ctx context.Context, text []byte, limit time.Duration) error {
	stop := context.AfterFunc(ctx, func() { p.stdin.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	for len(text) > 0 {
		if limit > 0 && ctx.Err() == nil {
			p.stdin.SetWriteDeadline(time.Now().Add(limit))
			if ctx.Err() != nil { // it ended in between
				p.stdin.SetWriteDeadline(time.Unix(1, 0))
			}
		}
		n, err := p.stdin.Write(text[:min(len(text), 64<<10)])
		text = text[n:]
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errStuck
		case err != nil:
			return io.ErrClosedPipe
		}
	}
	return nil
}

// errStuck is that of a command which does nothing for too long.
var errStuck = errors.New("it has taken nothing for too long")
