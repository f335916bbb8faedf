package sql

import (
	"context"

	"github.com/flowrun/flowrun/nodes"
)

// This file sends rows of several batches together, and lets the next ones gather
// meanwhile: else the flow would wait for the database, and then the database for the flow.

// A manyWriter is a session that writes several batches in one go.
type manyWriter interface {
	writeMany(ctx context.Context, p *plan, parts []part) error
}

// together writes several batches, in one go where the session can.
func (o *writeOp) together(ctx context.Context, parts []part) error {
	if s, ok := o.s.(manyWriter); ok {
		return s.writeMany(ctx, o.plan, parts)
	}
	for _, p := range parts {
		if err := o.s.write(ctx, o.plan, p.batch, p.rows); err != nil {
			return err
		}
	}
	return nil
}

// A flight is rows that are being sent by a goroutine, which has the session until it has
// landed.
type flight struct {
	parts  []part
	cancel context.CancelFunc
	landed chan struct{}
	err    error // when it has landed
}

// ahead begins to send what waits, and does not wait until it is written.
func (o *writeOp) ahead(ctx context.Context) error {
	if o.flight != nil {
		if err := o.land(ctx); err != nil {
			if end := o.trouble(ctx, err); end != nil {
				return end
			}
			return o.send(ctx)
		}
		o.tries.Back()
	}
	if o.wary > 0 || o.env.Node.Engine.Timeout > 0 {
		return o.send(ctx)
	}
	if err := o.once(ctx, func(context.Context) error { return nil }); err != nil { // begins the transaction
		if end := o.trouble(ctx, err); end != nil {
			return end
		}
		return o.send(ctx)
	}
	s, ok := o.s.(manyWriter)
	if !ok {
		return o.send(ctx)
	}
	f := &flight{parts: o.wait, landed: make(chan struct{})}
	o.wait = nil
	own, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it goes on when this call has ended
	f.cancel = cancel
	o.flight = f
	go func() {
		defer close(f.landed)
		f.err = nodes.Guard(func() error { return s.writeMany(own, o.plan, f.parts) })
	}()
	return nil
}

// land waits until the rows that are being sent are written. If they are not, they wait
// again.
func (o *writeOp) land(ctx context.Context) error {
	f := o.flight
	select {
	case <-f.landed:
	case <-ctx.Done():
		f.cancel()
		<-f.landed
	}
	f.cancel()
	o.flight = nil
	if f.err != nil {
		o.wait = append(f.parts, o.wait...)
		return f.err
	}
	o.held = append(o.held, f.parts...)
	return nil
}

// trouble looks at an error of several batches. If it does not end the node, they are to be
// sent again: batch by batch where one of their rows may be bad.
func (o *writeOp) trouble(ctx context.Context, err error) (end error) {
	if ctx.Err() == nil && o.s != nil && (o.s.fault(err) == faultRow || o.s.fault(err) == faultStatement) {
		o.wary = waryFor
		o.rollback(ctx)
		return nil
	}
	give, end := o.again(ctx, err)
	if give != nil {
		o.wary = waryFor
	}
	return end
}
