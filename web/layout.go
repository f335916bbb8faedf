package web

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph/render"
)

// A Layouter lays scenes out in a child process, which runs [LayoutWorker]: Graphviz
// leaks, can hang and, once it has trapped, fails for the rest of a process's life.
// The child lives on between calls, is replaced after some hundred layouts or when
// it has grown, and is killed when it does not answer in time. Results are cached.
// Whatever goes wrong with the child, the built-in layout steps in, so Layout fails
// only for scenes that cannot be drawn at all.
//
// Its methods may be called from many goroutines; one layout runs at a time.
type Layouter struct {
	command []string
	most    int // layouts of one child
	// bound ends the context of a layout when the child has had its time.
	bound func(context.Context) (context.Context, context.CancelFunc)

	mu    sync.Mutex // of the child: held during a layout
	child *child
	spent int // layouts of this child

	cacheMu sync.Mutex
	cache   *weightedLRU[[sha256.Size]byte, []byte] // answers by the hash of what was asked; guarded by cacheMu
}

const (
	layoutDeadline = 10 * time.Second
	layoutsOfChild = 200
	childMemory    = 256 << 20 // bytes, above which a child is replaced
	cachedLayouts  = 64
	cachedBytes    = 64 << 20 // of all that are cached: one of a large flow has some megabytes
	maxFrame       = 64 << 20 // bytes of a scene on the wire
)

// NewLayouter makes a layouter whose child is started with a command, such as the
// path of this program and the name of its hidden verb. No child is started yet.
func NewLayouter(command ...string) *Layouter {
	inTime := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, layoutDeadline)
	}
	cache := newWeightedLRU[[sha256.Size]byte](cachedLayouts, cachedBytes, func(answer []byte) int { return len(answer) }, nil)
	return &Layouter{command: command, most: layoutsOfChild, bound: inTime, cache: cache}
}

// Layout gives a scene its positions, as [render.Layout] does.
func (l *Layouter) Layout(ctx context.Context, s *render.Scene) error {
	question, err := json.Marshal(s)
	if err != nil {
		return err
	}
	key := sha256.Sum256(question)
	l.cacheMu.Lock()
	answer, ok := l.cache.Get(key)
	l.cacheMu.Unlock()
	if !ok {
		if answer, err = l.ask(ctx, question); err != nil {
			return render.LayoutBuiltin(s)
		}
	}
	var placed render.Scene
	if err := json.Unmarshal(answer, &placed); err != nil || len(placed.Cards) != len(s.Cards) || len(placed.Wires) != len(s.Wires) {
		return render.LayoutBuiltin(s)
	}
	if !ok {
		l.cacheMu.Lock()
		l.cache.Add(key, answer)
		l.cacheMu.Unlock()
	}
	*s = placed
	return nil
}

// Close ends the child. A later Layout would start a new one.
func (l *Layouter) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop()
}

// ask has the child lay a scene out.
func (l *Layouter) ask(ctx context.Context, question []byte) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err // while waiting for the turn
	}
	if l.child == nil {
		c, err := startChild(l.command)
		if err != nil {
			return nil, err
		}
		l.child, l.spent = c, 0
	}
	c := l.child
	ctx, cancel := l.bound(ctx)
	defer cancel()
	unwatch := context.AfterFunc(ctx, c.kill)
	answer, memory, err := c.ask(question)
	inTime := unwatch()
	if l.spent++; err != nil || !inTime || l.spent >= l.most || memory > childMemory {
		l.drop()
	}
	return answer, err
}

func (l *Layouter) drop() {
	if l.child != nil {
		l.child.end()
		l.child = nil
	}
}

// A child is a process that lays out what it is sent.
type child struct {
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

func startChild(command []string) (*child, error) {
	if len(command) == 0 {
		return nil, fmt.Errorf("no command for layouts")
	}
	process := exec.Command(command[0], command[1:]...)
	in, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	return &child{process, in, bufio.NewReader(out)}, nil
}

// ask sends a scene and waits for it to come back with positions. Memory is what
// the child uses, in bytes.
func (c *child) ask(question []byte) (answer []byte, memory int64, err error) {
	if err := writeFrame(c.in, question); err != nil {
		return nil, 0, err
	}
	answer, err = readFrame(c.out)
	if err != nil {
		return nil, 0, err
	}
	var reply layoutReply
	if err := json.Unmarshal(answer, &reply); err != nil {
		return nil, 0, err
	}
	if reply.Error != "" {
		return nil, reply.Memory, fmt.Errorf("%s", reply.Error)
	}
	return reply.Scene, reply.Memory, nil
}

func (c *child) kill() { c.process.Process.Kill() }

// end waits for a child that has no more to do; closing its input ends it.
func (c *child) end() {
	c.in.Close()
	c.kill()
	c.process.Wait()
}
