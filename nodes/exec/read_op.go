package exec

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/stream"
)

// This file is how exec.read runs.

// queued is how many chunks of a command wait for the flow: behind them the command waits.
const queued = 4

// A readOp is a running exec.read. A goroutine of its own starts the command, reads it and
// starts it again; the engine takes from the queue what it has read.
type readOp struct {
	k       *reader
	env     *nodes.Env
	scanner *stream.Scanner
	endless bool

	queue  *nodes.Handover[part] // from which start of the command
	cancel context.CancelFunc
	done   chan struct{} // the goroutine has ended

	mu   sync.Mutex
	acks *confirmation // of the start that runs; nil: it is not told
}

// A part is what the goroutine gives the engine.
type part = stream.Part[uint64]

var (
	_ nodes.Puller       = (*readOp)(nil)
	_ nodes.Starter      = (*readOp)(nil)
	_ nodes.Endless      = (*readOp)(nil)
	_ nodes.Drainer      = (*endlessOp)(nil)
	_ nodes.Acknowledger = (*confirmedOp)(nil)
)

// An endlessOp has no end but the stop: what was read before goes through.
type endlessOp struct{ *readOp }

// Drain implements nodes.Drainer.
func (o *endlessOp) Drain(context.Context) (any, nodes.Position, error) { return o.drain() }

// A confirmedOp tells the command how far its lines were taken.
type confirmedOp struct{ *readOp }

// Taken implements nodes.Acknowledger.
func (o *confirmedOp) Taken(after nodes.Position) error { return o.taken(after) }

// A confirmedEndlessOp does both.
type confirmedEndlessOp struct{ confirmedOp }

// Drain implements nodes.Drainer.
func (o *confirmedEndlessOp) Drain(context.Context) (any, nodes.Position, error) { return o.drain() }

// Endless implements nodes.Endless.
func (o *readOp) Endless() bool { return o.endless }

// Open starts the command: that it is not there stops the flow before anything is read.
func (o *readOp) Open(ctx context.Context) error {
	p, err := o.start(ctx, 1)
	if err != nil {
		return err
	}
	ctx, o.cancel = context.WithCancel(context.WithoutCancel(ctx))
	o.done = make(chan struct{})
	go func() {
		defer close(o.done)
		o.run(ctx, p)
	}()
	return nil
}

func (o *readOp) start(ctx context.Context, n uint64) (*process, error) {
	p, err := o.k.start(ctx, o.env, pipes{in: o.k.Confirm, out: true})
	if err != nil {
		return nil, err
	}
	if o.k.Confirm {
		o.mu.Lock()
		o.acks = newConfirmation(p, n)
		o.mu.Unlock()
	}
	return p, nil
}

// run reads the command, and starts it again as the settings say.
func (o *readOp) run(ctx context.Context, p *process) {
	tries := restarts{k: &o.k.command}
	for start := uint64(1); ; start++ {
		failed := o.read(ctx, p, start)
		if failed != nil {
			p.end()
		}
		<-p.ended
		p.shut()
		if failed == nil {
			failed = p.err
		}
		if ctx.Err() != nil {
			return
		}
		if !o.k.again(failed) {
			o.queue.End(ctx, endOf(failed))
			return
		}
		wait, err := tries.next(p.began)
		if err == nil {
			o.env.Log.Warn("the command is started again", "command", o.k.name(), "in", wait.String())
			if nodes.Sleep(ctx, wait) != nil {
				return
			}
			p, err = o.start(ctx, start+1)
		}
		if err != nil {
			o.queue.End(ctx, errors.Join(failed, err))
			return
		}
	}
}

func endOf(failed error) error {
	if failed == nil {
		return io.EOF
	}
	return failed
}

// read reads what one start of the command prints, until it ends it or ctx ends.
func (o *readOp) read(ctx context.Context, p *process, start uint64) error {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		if o.k.Confirm {
			o.acks.close(o.k.Grace)
		}
		p.end()
	})
	defer func() {
		if !stop() {
			<-ended
		}
	}()
	r := o.k.NewReader(p, stream.Options{Stream: o.k.name(), Type: o.k.out})
	var lines uint64
	for {
		c, err := r.Next()
		if err == io.EOF || err != nil && ctx.Err() != nil {
			if o.k.Confirm && ctx.Err() == nil {
				o.acks.Finish(lines)
			}
			select {
			case <-p.ended:
			case <-ctx.Done():
			}
			return nil
		}
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) { // something outside of its group holds its output open
				return nil
			}
			return fmt.Errorf("%s: %w", o.k.name(), err)
		}
		lines = c.Line + c.Lines - 1
		if !o.queue.Send(ctx, part{Chunk: c, From: start}) {
			return nil
		}
	}
}

// Next implements nodes.Puller.
func (o *readOp) Next(ctx context.Context) (any, nodes.Position, error) {
	return o.take(o.queue.Next(ctx))
}

// drain gives what was read and not given.
func (o *readOp) drain() (any, nodes.Position, error) { return o.take(o.queue.Drain()) }

func (o *readOp) take(x part, err error) (any, nodes.Position, error) {
	if err != nil {
		return nil, nil, err
	}
	if !o.k.Confirm {
		return x.Chunk, nil, nil
	}
	p := binary.BigEndian.AppendUint64(nil, x.From)
	return x.Chunk, binary.BigEndian.AppendUint64(p, x.Chunk.Line+x.Chunk.Lines-1), nil
}

// Process implements nodes.Operator.
func (o *readOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	return o.scanner.Scan(in.Made.(*stream.Chunk), out)
}

// taken tells the command how many of its lines have arrived.
func (o *readOp) taken(after nodes.Position) error {
	if len(after) != 16 {
		return errors.New("this is no position of exec.read")
	}
	start, lines := binary.BigEndian.Uint64(after), binary.BigEndian.Uint64(after[8:])
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.acks != nil {
		o.acks.upTo(start, lines)
	}
	return nil
}

// Close implements io.Closer.
func (o *readOp) Close() error {
	if o.cancel == nil {
		return nil
	}
	o.cancel()
	<-o.done
	o.queue.Close()
	return nil
}
