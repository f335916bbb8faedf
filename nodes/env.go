package nodes

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/types"
)

// Env is all that a kind may ask of the world around it. The engine makes one for
// each node of a run.
type Env struct {
	Node    *graph.Node
	Flow    *graph.Flow
	Workers int // goroutines that will work on the node
	Stdin   io.Reader
	Stdout  io.Writer
	Log     *slog.Logger
	Seed    uint64
	Retries *atomic.Int64 // counts tries after the first; may be nil

	// Stopping gives a channel that is closed once the flow was told to stop: whoever
	// holds items back for a time sends them then. It may be called from the first
	// stage on; nil where nothing can be stopped.
	Stopping func() <-chan struct{}

	// Progress is set, by the method Program of a source that knows how far it is:
	// it gives bytes done and bytes in all (0: unknown) and is called at any time
	// from any goroutine.
	Progress func() (done, total int64)
	// Wrote is set, by the method Program of a sink that writes files: the paths,
	// for the report. It is called after Settle.
	Wrote func() []string
}

// Path resolves a path of the settings: relative to the folder of the flow.
func (e *Env) Path(p string) string { return e.Flow.Path(p) }

// In gives the type of what arrives at an input.
func (e *Env) In(port string) *types.Type { return e.Node.Input(port).Arriving() }

// Out gives the type of what an output carries.
func (e *Env) Out(port string) *types.Type { return e.Node.Output(port).Carries }

// Needed gives, for each field of an output, whether a later node reads it.
func (e *Env) Needed(port string) []bool {
	o := e.Node.Output(port)
	return o.Needed.Mask(o.Carries)
}

// PortIndex is the place of an output for Emit; -1 if there is none.
func (e *Env) PortIndex(port string) int {
	for i, o := range e.Node.Out {
		if o.Name == port {
			return i
		}
	}
	return -1
}

// Rand gives chance that is the same in every run: seeded by the run, the flow
// and the node. One goroutine at a time may use a source; name tells several
// sources of one node apart.
func (e *Env) Rand(name string) *rand.Rand {
	h := fnv.New64a()
	io.WriteString(h, e.Flow.Name+"/"+e.Node.ID+"/"+name)
	return rand.New(rand.NewPCG(e.Seed, h.Sum64()))
}

// ShortPath gives a path as the report shows it: relative to the folder the user
// is in, if it lies below.
func ShortPath(p string) string {
	wd, err := filepath.Abs(".")
	if err != nil {
		return p
	}
	abs, err := filepath.Abs(p)
	if err != nil {
		return p
	}
	if rel, err := filepath.Rel(wd, abs); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return p
}

// A PanicError is a panic in the code of a kind, as the error of the item it
// happened on.
type PanicError struct {
	Value any
	Stack []byte
}

func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Recovered turns the result of recover into an error, nil for nil.
func Recovered(v any) error {
	if v == nil {
		return nil
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// Tries runs one item of a node under its timeout and its retry policy and
// catches panics. It returns the number of tries and the last error.
func (e *Env) Tries(ctx context.Context, try func(context.Context) error) (int, error) {
	engine := &e.Node.Engine
	wait, start := min(engine.Retry.InitialInterval, engine.Retry.MaxInterval), time.Now()
	for n := 1; ; n++ {
		err := e.once(ctx, try)
		if err == nil || errors.Is(err, ErrDone) || n >= max(engine.Retry.Attempts, 1) || ctx.Err() != nil {
			return n, err
		}
		if engine.Retry.MaxElapsed > 0 && time.Since(start)+wait > engine.Retry.MaxElapsed {
			return n, err
		}
		if e.Retries != nil {
			e.Retries.Add(1)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return n, err
		}
		wait = min(time.Duration(float64(wait)*engine.Retry.Multiplier), engine.Retry.MaxInterval)
	}
}

func (e *Env) once(ctx context.Context, try func(context.Context) error) (err error) {
	limit := e.Node.Engine.Timeout
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
		defer cancel()
	}
	defer func() {
		if p := Recovered(recover()); p != nil {
			err = p
		} else if err != nil && limit > 0 && ctx.Err() == context.DeadlineExceeded {
			err = context.Cause(ctx)
		}
	}()
	return try(ctx)
}

// Plain reports whether items need no tries of their own: no timeout, no retry.
func (e *Env) Plain() bool {
	return e.Node.Engine.Timeout == 0 && e.Node.Engine.Retry.Attempts <= 1
}
