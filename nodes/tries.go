package nodes

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"runtime/debug"
	"time"
)

// This file runs the function of an item again where it failed, and turns panics into
// errors.

// A PanicError is a panic in the code of a kind, as the error of the item it
// happened on. It unwraps to what was panicked with, if that is an error.
type PanicError struct {
	Value any
	Stack []byte
}

func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Recovered turns the result of recover into an error, nil for nil.
func Recovered(v any) error {
	if v == nil {
		return nil
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// A permanentError is one that no further try can mend.
type permanentError struct{ error }

func (p permanentError) Unwrap() error { return p.error }

// Permanent marks an error as one that trying again cannot mend, such as a request
// that was refused as malformed: the retry policy of the node does not apply to it.
// Its text stays, errors.Is and errors.As find what it wraps. nil stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

// retryable reports whether another try makes sense: not after a panic, whose code is
// wrong, nor after what says so itself.
func retryable(err error) bool {
	if errors.Is(err, ErrDone) {
		return false
	}
	if _, permanent := errors.AsType[permanentError](err); permanent {
		return false
	}
	_, panicked := errors.AsType[*PanicError](err)
	return !panicked
}

// A Postponer is an error that says how long to wait before the next try at least, such as
// that of a server which is busy and tells until when.
type Postponer interface{ RetryAfter() time.Duration }

// askedFor is how long an error asks to wait before the next try.
func askedFor(err error) time.Duration {
	if p, ok := errors.AsType[interface {
		error
		Postponer
	}](err); ok {
		return p.RetryAfter()
	}
	return 0
}

// Tries runs one item of a node under its timeout and its retry policy and
// catches panics. It returns the number of tries and the last error. An error that is a
// Postponer makes the wait before the next try longer.
func (e *Env) Tries(ctx context.Context, try func(context.Context) error) (int, error) {
	retry := &e.Node.Engine.Retry
	wait, start := retry.InitialInterval, time.Time{}
	for n := 1; ; n++ {
		if n == 1 && retry.Attempts > 1 && retry.MaxElapsed > 0 {
			start = time.Now()
		}
		err := e.once(ctx, try)
		if err == nil || n >= max(retry.Attempts, 1) || ctx.Err() != nil || !retryable(err) {
			return n, err
		}
		pause := max(min(e.jittered(wait), max(retry.MaxInterval, wait)), askedFor(err))
		if retry.MaxElapsed > 0 && time.Since(start)+pause > retry.MaxElapsed {
			return n, err
		}
		if e.Retries != nil {
			e.Retries.Add(1)
		}
		if Sleep(ctx, pause) != nil {
			return n, err
		}
		wait = min(time.Duration(float64(wait)*retry.Multiplier), retry.MaxInterval)
	}
}

// jittered spreads a wait by the share that the policy says, so that what failed
// together is not tried together again. The chance is that of the run's seed and of
// how many waits came before: the same in every run that waits alike.
func (e *Env) jittered(wait time.Duration) time.Duration {
	share := e.Node.Engine.Retry.Jitter
	if share == 0 || wait == 0 {
		return wait
	}
	h := fnv.New64a()
	io.WriteString(h, e.Node.ID)
	chance := Chance(e.Seed^h.Sum64(), e.tried.Add(1)-1)
	return time.Duration(float64(wait) * (1 + share*(2*chance-1)))
}

// once is one try.
func (e *Env) once(ctx context.Context, try func(context.Context) error) (err error) {
	limit := e.Node.Engine.Timeout
	if limit == 0 {
		defer catch(&err)
		return try(ctx)
	}
	c := newLimitContext(ctx, limit)
	defer func() {
		if p := Recovered(recover()); p != nil {
			err = p
		}
		if c.end(err != nil) {
			err = &timeoutError{limit, err}
		}
	}()
	return try(c)
}

// catch turns a panic into the error of the item that it happened on. It must be
// deferred itself.
func catch(err *error) {
	if p := Recovered(recover()); p != nil {
		*err = p
	}
}

// Guard runs f and turns a panic into its error.
func Guard(f func() error) (err error) {
	defer catch(&err)
	return f()
}

// Plain reports whether items need no tries of their own: no timeout, no retry.
func (e *Env) Plain() bool {
	return e.Node.Engine.Timeout == 0 && e.Node.Engine.Retry.Attempts <= 1
}
