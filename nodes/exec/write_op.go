package exec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/stream"
)

// This file is how exec.write runs.

// A writeOp is a running exec.write.
type writeOp struct {
	k       *writer
	env     *nodes.Env
	encoder *stream.Encoder
	tries   restarts
	buf     []byte

	p     *process
	count *counter // what the command confirms; nil: nothing
	over  bool     // its input has ended, or it has no more use for one

	kept []segment // written and not confirmed, in order
	size int       // their bytes
	sent uint64    // lines that were written, of all starts
	done uint64    // lines that were confirmed

	// Without confirmations.
	given int64 // rows, to the start of the command that runs
	spent int64 // rows, to those that have failed
}

// A segment is text that was written and is not confirmed.
type segment struct {
	text []byte
	end  uint64 // the number of its last line
}

var (
	_ nodes.Starter = (*writeOp)(nil)
	_ nodes.Ender   = (*writeOp)(nil)
	_ nodes.Flusher = (*writeOp)(nil)
)

// window is how many bytes wait for their confirmation at most.
const window = 8 << 20

// Open starts the command: that it is not there stops the flow before anything is read.
func (o *writeOp) Open(ctx context.Context) error { return o.start(ctx) }

func (o *writeOp) start(ctx context.Context) error {
	p, err := o.k.start(ctx, o.env, pipes{in: true, out: o.k.Confirm})
	if err != nil {
		return err
	}
	o.p = p
	if o.k.Confirm {
		o.count = newCounter(p, o.done, stream.Lines(o.encoder.Head))
	}
	return nil
}

// Process implements nodes.Operator.
func (o *writeOp) Process(ctx context.Context, in nodes.Input, _ nodes.Out) error {
	if o.over {
		return nodes.ErrDone
	}
	o.buf = o.encoder.AppendLines(o.buf[:0], in.Data.(*record.Batch))
	text := o.buf
	if o.k.Confirm {
		text = bytes.Clone(text)
		o.sent += stream.Lines(text)
		o.kept, o.size = append(o.kept, segment{text, o.sent}), o.size+len(text)
	}
	err := o.give(ctx, text)
	if err == nil && o.k.Confirm {
		o.confirmed()
		if o.size > window {
			err = o.await(ctx, func() bool { return o.size <= window/2 })
		}
	}
	if err = o.restarting(ctx, err, text); err == nil && !o.k.Confirm {
		o.given += int64(in.Data.Len())
	}
	return err
}

// unkept counts the rows of which nobody knows whether the command has done its work on
// them: it has not ended well, or has not confirmed them.
func (o *writeOp) unkept() (lost, unsure int64) {
	switch {
	case o.k.Confirm:
		return 0, int64(o.sent - min(o.sent, o.done))
	case o.over:
		return 0, o.spent
	}
	return 0, o.spent + o.given
}

// give writes to the command that runs; what stands before the first row, before that.
func (o *writeOp) give(ctx context.Context, text []byte) error {
	if o.encoder.Head != nil && !o.p.headed {
		o.p.headed = true
		if err := o.p.write(ctx, o.encoder.Head, o.k.Timeout); err != nil {
			return err
		}
	}
	return o.p.write(ctx, text, o.k.Timeout)
}

// restarting starts the command again for as long as it fails and may be, and gives it
// what is not confirmed, or without confirmations the text that it was to be given last.
func (o *writeOp) restarting(ctx context.Context, err error, text []byte) error {
	for err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		failed := o.fate(ctx, err)
		if failed == nil && o.k.Restart != restartAlways {
			o.env.Log.Info("the command has ended before its input", "command", o.k.name())
			o.over = true
			if o.k.Confirm && o.done < o.sent {
				return fmt.Errorf("%s has ended, and %d of its lines are not confirmed", o.k.name(), o.sent-o.done)
			}
			return nodes.ErrDone
		}
		if !o.k.again(failed) {
			return failed
		}
		if err = o.again(ctx, failed); err != nil {
			return err
		}
		if o.k.Confirm {
			text = o.unconfirmed()
		}
		err = o.give(ctx, text)
	}
	return nil
}

// fate ends the command that runs after an error and says whether it has failed: one that
// has closed its input and ends by itself has not.
func (o *writeOp) fate(ctx context.Context, err error) error {
	if err == io.ErrClosedPipe {
		select {
		case <-o.p.ended:
		case <-after(o.k.Timeout):
			err = errStuck
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	o.p.end()
	if o.count != nil {
		<-o.count.ended
		o.confirmed()
	}
	if err == io.ErrClosedPipe {
		return o.p.err
	}
	return fmt.Errorf("%s: %w", o.k.name(), err)
}

// after is time.After, never for 0.
func after(d time.Duration) <-chan time.Time {
	if d == 0 {
		return nil
	}
	return time.After(d)
}

// again starts the command again, after a while.
func (o *writeOp) again(ctx context.Context, failed error) error {
	wait, err := o.tries.next(o.p.began)
	if err != nil {
		return errors.Join(failed, err)
	}
	o.env.Log.Warn("the command is started again", "command", o.k.name(), "in", wait.String())
	o.spent, o.given = o.spent+o.given, 0
	if err := nodes.Sleep(ctx, wait); err != nil {
		return err
	}
	return o.start(ctx)
}

// confirmed forgets what the command has confirmed.
func (o *writeOp) confirmed() {
	o.done = min(max(o.done, o.count.lines()), o.sent)
	n := 0
	for n < len(o.kept) && o.kept[n].end <= o.done {
		o.size -= len(o.kept[n].text)
		n++
	}
	o.kept = append(o.kept[:0:0], o.kept[n:]...)
}

// unconfirmed is the text of all lines that are not confirmed.
func (o *writeOp) unconfirmed() []byte {
	var text []byte
	for _, s := range o.kept {
		text = append(text, s.text...)
	}
	for skip := stream.Lines(text) - (o.sent - o.done); skip > 0; skip-- {
		text = text[bytes.IndexByte(text, '\n')+1:]
	}
	return text
}

// await waits for confirmations until enough says so.
func (o *writeOp) await(ctx context.Context, enough func() bool) error {
	for {
		o.confirmed()
		if enough() {
			return nil
		}
		select {
		case <-o.count.more:
		case <-o.count.ended:
			if o.confirmed(); enough() {
				return nil
			}
			if err := o.count.failed(); err != nil {
				return err
			}
			return io.ErrClosedPipe
		case <-after(o.k.Timeout):
			return errStuck
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Flush implements nodes.Flusher. Without confirmations all is in the pipe already.
func (o *writeOp) Flush(ctx context.Context) error {
	if !o.k.Confirm || o.over {
		return nil
	}
	for {
		err := o.await(ctx, func() bool { return o.done >= o.sent })
		if err == nil {
			return nil
		}
		switch err := o.restarting(ctx, err, nil); {
		case errors.Is(err, nodes.ErrDone):
			return nil
		case err != nil:
			return err
		}
	}
}

// End ends the input of the command and waits for its own end: only then is it sure that it
// could do its work.
func (o *writeOp) End(ctx context.Context, e nodes.EndedEdge, _ nodes.Out) error {
	if !e.Last || o.over {
		return nil
	}
	var err error
	for {
		if err == nil && o.encoder.Head != nil && !o.p.headed { // there were no rows
			err = o.give(ctx, nil)
		}
		if err == nil {
			if err = o.finish(ctx); err == nil {
				o.over = true
				return nil
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		o.p.end()
		if !o.k.again(err) || !o.k.Confirm { // without confirmations nobody knows what is to be given again
			return err
		}
		if o.count != nil {
			<-o.count.ended
			o.confirmed()
		}
		if err := o.again(ctx, err); err != nil {
			return err
		}
		err = o.give(ctx, o.unconfirmed())
	}
}

// finish ends the input of the command that runs, and waits for it.
func (o *writeOp) finish(ctx context.Context) error {
	o.p.stdin.Close()
	select {
	case <-o.p.ended:
	case <-after(o.k.Timeout):
		return fmt.Errorf("%s has not ended %s after its input has; raise timeout if it needs longer", o.k.name(), o.k.Timeout)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if o.p.err != nil || !o.k.Confirm {
		return o.p.err
	}
	<-o.count.ended
	if err := o.count.failed(); err != nil {
		return err
	}
	if o.confirmed(); o.done < o.sent {
		return fmt.Errorf("%s has ended, and %d of its lines are not confirmed", o.k.name(), o.sent-o.done)
	}
	return nil
}

// Close implements io.Closer.
func (o *writeOp) Close() error {
	if o.p == nil {
		return nil
	}
	o.p.end()
	if o.count != nil {
		<-o.count.ended
	}
	return nil
}
