package trial

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/scheduler"
)

// This file runs a trial in a child process, within limits.

// A Registry has the kinds of a trial and their operators. A *nodes.Registry is one.
type Registry interface {
	graph.Catalog
	scheduler.Operators
}

// A Job is a trial of a text that somebody wrote: it sees the files below a folder,
// no variable of the environment, and nothing else.
type Job struct {
	Dir    string `json:"dir"`  // the folder
	Name   string `json:"name"` // of the text, as a path in the folder
	Text   string `json:"text"`
	Limits Limits `json:"limits"`
}

// Run does the job in this process, where nothing bounds its memory but what its
// ports carry.
func (j Job) Run(ctx context.Context, registry Registry) Result {
	failed := func(err error) Result { return Result{Outcome: "failed", Error: err.Error(), Nodes: []Node{}} }
	root, err := os.OpenRoot(j.Dir)
	if err != nil {
		return failed(err)
	}
	defer root.Close()
	// Standard input is known, and empty: what reads it says so.
	flow, list := graph.Load(diag.NewSource(j.Name, []byte(j.Text)), registry, graph.Options{Root: root, Stdin: bufio.NewReader(strings.NewReader(""))})
	for _, d := range list {
		if d.Severity == diag.Error {
			return failed(d)
		}
	}
	return Run(ctx, flow, registry, j.Limits)
}

// A Child does jobs in a process of their own, which ends with the job: a flow that
// wants all memory, or does not stop when it should, ends there and nowhere else. The
// process gets none of the environment but what it needs to start.
type Child struct {
	Command []string // runs Work
}

// grace is the time beyond its limit that a child has to start and to answer.
const grace = 2 * time.Second

// memoryCode is how a child ends that needs too much memory.
const memoryCode = 77

// maxResult bounds what is read from a child, in bytes.
const maxResult = 8 * maxShown

// kept are the variables that a program needs to start: where it may put what it
// compiles, and where the system is.
var kept = []string{"HOME", "PATH", "TMPDIR", "XDG_CACHE_HOME", "SYSTEMROOT", "LOCALAPPDATA", "TEMP", "GOCOVERDIR"}

// Run does a job.
func (c Child) Run(ctx context.Context, j Job) Result {
	question, err := json.Marshal(j)
	if err != nil {
		return Result{Outcome: "failed", Error: err.Error(), Nodes: []Node{}}
	}
	limits := j.Limits.orDefaults()
	ctx, cancel := context.WithTimeoutCause(ctx, limits.Time+grace, errTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.Command[0], c.Command[1:]...)
	cmd.Env = []string{} // nil would be all of it
	for _, name := range kept {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Stdin = bytes.NewReader(question)
	answer := &boundedBuffer{left: maxResult}
	cmd.Stdout = answer
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	var r Result
	switch exit := (*exec.ExitError)(nil); {
	case context.Cause(ctx) == errTime:
		return Result{Outcome: "late", Error: fmt.Sprintf("a trial has %s, and this one did not end when it was told to", limits.Time), Nodes: []Node{}}
	case errors.As(err, &exit) && exit.ExitCode() == memoryCode:
		return Result{Outcome: "failed", Error: fmt.Sprintf("the flow needs more than %d MB of memory, which is where a trial ends", limits.Memory>>20), Nodes: []Node{}}
	case err == nil:
		err = json.Unmarshal(answer.text.Bytes(), &r)
	}
	if err != nil {
		return Result{Outcome: "failed", Error: "the process of the trial ended: " + err.Error(), Nodes: []Node{}}
	}
	return r
}

// boundedBuffer keeps so many bytes and refuses more.
type boundedBuffer struct {
	text bytes.Buffer
	left int
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("its answer is too long")
	}
	return b.text.Write(p)
}

// Work is what a Child runs: one job from in, its result to out. It ends the process
// if the job needs more memory than its limit.
func Work(in io.Reader, out io.Writer, registry Registry) error {
	var j Job
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return err
	}
	limits := j.Limits.orDefaults()
	debug.SetMemoryLimit(limits.Memory / 4 * 3) // beyond that, garbage goes first
	over := make(chan struct{})
	defer close(over)
	go watchMemory(uint64(limits.Memory), over)
	return json.NewEncoder(out).Encode(j.Run(context.Background(), registry))
}

// watchMemory ends the process when it has more memory than most.
func watchMemory(most uint64, over <-chan struct{}) {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-over:
			return
		case <-look.C:
		}
		metrics.Read(sample)
		if sample[0].Value.Uint64()-sample[1].Value.Uint64() > most {
			os.Exit(memoryCode)
		}
	}
}
