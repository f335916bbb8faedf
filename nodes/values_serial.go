package nodes

import (
	"context"
	"time"
)

// This file has the operators that see one Go value after the other.

// SerialValues is an operator that sees one item after the other in the order of the
// input, so that item may keep state; end is called when there are no more, and may be
// nil. An item that fails leaves nothing behind; there are no further tries, for its
// state may have changed. The first error of the emit that end is given ends the run, also
// if end does not return it; nothing more is emitted then.
func SerialValues[I, O any](env *Env, item func(ctx context.Context, x I, emit func(O)) error, end func(ctx context.Context, emit func(O) error) error) Operator {
	s := &serialOp[I, O]{expander: expander[I, O]{valuesOf[I](env), item, true}, end: end}
	s.emit = s.e.add
	return s
}

type serialOp[I, O any] struct {
	lifetime
	expander[I, O]
	e    emission[O]
	emit func(O)
	end  func(ctx context.Context, emit func(O) error) error // nil: nothing is left at the end
}

// Process implements Operator.
func (s *serialOp[I, O]) Process(ctx context.Context, in Input, out Out) error {
	return s.process(ctx, &in, out, &s.e, s.emit)
}

// End implements Ender.
func (s *serialOp[I, O]) End(ctx context.Context, e EndedEdge, out Out) error {
	if s.end == nil || !e.Last {
		return nil
	}
	return s.e.rest(ctx, out, s.end)
}

// rest sends what is left when there are no more items. It is sent as it comes: what is
// slow is not held back. No further part of it begins when the run is over.
func (e *emission[O]) rest(ctx context.Context, out Out, end func(ctx context.Context, emit func(O) error) error) error {
	e.out = out
	defer e.drop()
	sent := time.Now()
	var stop error
	emit := func(y O) error {
		if stop == nil && ctx.Err() != nil {
			stop = context.Cause(ctx)
		}
		if stop != nil {
			return stop
		}
		e.add(y)
		if e.keep() || time.Since(sent) >= idleFlush {
			stop = e.flush()
			sent = time.Now()
		}
		return stop
	}
	if err := Guard(func() error { return end(ctx, emit) }); err != nil {
		return err
	}
	if stop != nil {
		return stop
	}
	return e.flush()
}

// ConnectFuncs is an operator of two inputs that share what its functions keep. They
// are called one at a time, in the order in which the items come.
type ConnectFuncs[L, R, O any] struct {
	Left  func(ctx context.Context, x L, emit func(O)) error  // for each item of input 0
	Right func(ctx context.Context, x R, emit func(O)) error  // for each item of input 1
	End   func(ctx context.Context, emit func(O) error) error // both have ended; may be nil
}

// ConnectValues makes the operator of f. Items that fail are as those of SerialValues.
func ConnectValues[L, R, O any](env *Env, f ConnectFuncs[L, R, O]) Operator {
	return connectValues(env, f)
}

func connectValues[L, R, O any](env *Env, f ConnectFuncs[L, R, O]) *connectOp[L, R, O] {
	c := &connectOp[L, R, O]{
		left:  expander[L, O]{valuesOf[L](env), f.Left, true},
		right: expander[R, O]{valuesOf[R](env), f.Right, true},
		end:   f.End, open: 2,
	}
	c.emit = c.e.add
	return c
}

type connectOp[L, R, O any] struct {
	lifetime
	left  expander[L, O]
	right expander[R, O]
	e     emission[O]
	emit  func(O)
	end   func(ctx context.Context, emit func(O) error) error
	open  int // inputs that have not ended
}

// Process implements Operator.
func (c *connectOp[L, R, O]) Process(ctx context.Context, in Input, out Out) error {
	if in.Port == 0 {
		return c.left.process(ctx, &in, out, &c.e, c.emit)
	}
	return c.right.process(ctx, &in, out, &c.e, c.emit)
}

// End implements Ender.
func (c *connectOp[L, R, O]) End(ctx context.Context, e EndedEdge, out Out) error {
	if e.Last {
		c.open--
	}
	if c.open > 0 || c.end == nil {
		return nil
	}
	return c.e.rest(ctx, out, c.end)
}

// LimitValues is an operator that lets the first n items pass, Go values or records,
// and ends then.
func LimitValues(n int) Operator {
	left := n
	return Serially(func(_ context.Context, in Input, out Out) error {
		if in.Data.Len() < left {
			left -= in.Data.Len()
			return out.Emit(0, in.Data.Retain())
		}
		out.Filtered(in.Data.Len() - left)
		if err := out.Emit(0, in.Data.Slice(0, left)); err != nil {
			return err
		}
		left = 0
		return ErrDone
	})
}

// PassValues is an operator that gives on what comes, Go values or records.
func PassValues() Operator {
	return Serially(func(_ context.Context, in Input, out Out) error { return out.Emit(0, in.Data.Retain()) })
}
