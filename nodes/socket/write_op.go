package socket

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// This file is how socket.write runs.

// A writeOp is a running socket.write.
type writeOp struct {
	k    *writer
	env  *nodes.Env
	row  func(dst []byte, b *record.Batch, row int) []byte
	head []byte // before the first row of a connection

	text, one []byte
	ends      []int

	conn net.Conn // of connect; nil: there is none
	delivery

	// of listen
	cancel context.CancelFunc
	all    sync.WaitGroup
	come   chan struct{} // somebody has connected
	mu     sync.Mutex
	conns  map[net.Conn]bool // false: nothing was sent yet
}

var (
	_ nodes.Starter = (*writeOp)(nil)
	_ nodes.Closer  = (*writeOp)(nil)
	_ nodes.Flusher = (*writeOp)(nil)
)

// Open begins to listen. A connection to a peer is made when there is something to send.
func (o *writeOp) Open(ctx context.Context) error {
	if !o.k.listens {
		return nil
	}
	var config *tls.Config
	if o.k.TLS != nil {
		var err error
		if config, err = o.k.TLS.Server(o.env); err != nil {
			return err
		}
	}
	l, err := o.k.listen(ctx, o.env)
	if err != nil {
		return err
	}
	o.come, o.conns = make(chan struct{}, 1), map[net.Conn]bool{}
	ctx, o.cancel = context.WithCancel(context.WithoutCancel(ctx))
	o.all.Go(func() { o.accept(ctx, l, config) })
	return nil
}

// accept takes connections until ctx ends.
func (o *writeOp) accept(ctx context.Context, l net.Listener, config *tls.Config) {
	defer context.AfterFunc(ctx, func() { l.Close() })()
	defer l.Close()
	for ctx.Err() == nil {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || nodes.Sleep(ctx, 100*time.Millisecond) != nil {
				return
			}
			continue
		}
		o.all.Go(func() {
			bare := c
			if config != nil {
				if c, err = secured(ctx, bare, tls.Server(bare, config)); err != nil {
					o.env.Log.Warn("a connection was closed", "from", bare.RemoteAddr().String(), "error", err.Error())
					return
				}
			}
			o.mu.Lock()
			defer o.mu.Unlock()
			if len(o.conns) >= o.k.Connections || ctx.Err() != nil {
				c.Close()
				return
			}
			o.conns[c] = false
			select {
			case o.come <- struct{}{}:
			default:
			}
		})
	}
}

// Process implements nodes.Operator.
func (o *writeOp) Process(ctx context.Context, in nodes.Input, _ nodes.Out) error {
	text, ends := o.encode(in.Data.(*record.Batch))
	if len(text) == 0 {
		return nil
	}
	switch {
	case o.k.listens:
		return o.sendAll(ctx, text)
	case o.k.Confirm:
		return o.sendConfirmed(ctx, text, len(ends))
	}
	return o.sendPeer(ctx, text, ends)
}

// sendPeer sends to the one peer, and again from the beginning of the batch if the
// connection ends meanwhile: nobody knows what has arrived of it.
func (o *writeOp) sendPeer(ctx context.Context, text []byte, ends []int) error {
	for began := time.Now(); ; {
		fresh := o.conn == nil
		if fresh {
			c, err := o.dial(ctx, began)
			if err != nil {
				return err
			}
			o.conn = c
		}
		err := o.send(ctx, o.conn, text, ends, fresh)
		if err == nil {
			return nil
		}
		o.conn.Close()
		o.conn = nil
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if o.k.GiveUp > 0 && time.Since(began) >= o.k.GiveUp {
			return fmt.Errorf("%s: %w", o.k.name(), err)
		}
		o.env.Log.Warn("the connection has ended; what was being sent is sent again", "peer", o.k.name(), "error", err.Error())
		if err := o.pause(ctx); err != nil {
			return err
		}
	}
}

// dial makes a connection, for as long as give_up leaves since it began to be wanted.
func (o *writeOp) dial(ctx context.Context, began time.Time) (net.Conn, error) {
	limit := o.k.GiveUp
	if limit > 0 {
		limit = max(limit-time.Since(began), time.Nanosecond)
	}
	return o.k.dialing(ctx, o.env, limit)
}

// pause waits before a connection that has ended is made again.
func (o *writeOp) pause(ctx context.Context) error { return nodes.Sleep(ctx, o.k.ReconnectWait) }

// send writes to a connection; of udp each row is a datagram.
func (o *writeOp) send(ctx context.Context, c net.Conn, text []byte, ends []int, fresh bool) error {
	defer context.AfterFunc(ctx, func() { c.SetWriteDeadline(time.Unix(1, 0)) })()
	c.SetWriteDeadline(time.Now().Add(o.k.Timeout))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if o.k.network == "udp" {
		from := 0
		for _, end := range ends {
			if _, err := c.Write(text[from:end]); err != nil {
				return err
			}
			from = end
		}
		return nil
	}
	if fresh && o.head != nil {
		if _, err := c.Write(o.head); err != nil {
			return err
		}
	}
	_, err := c.Write(text)
	return err
}

// sendAll sends to all who have connected, at once, and waits for somebody if there is
// nobody. Who does not read in time is left out from then on.
func (o *writeOp) sendAll(ctx context.Context, text []byte) error {
	for {
		o.mu.Lock()
		to := map[net.Conn]bool{}
		for c, begun := range o.conns {
			to[c], o.conns[c] = begun, true
		}
		o.mu.Unlock()
		var sent sync.WaitGroup
		var mu sync.Mutex
		arrived := 0
		for c, begun := range to {
			sent.Go(func() {
				err := o.send(ctx, c, text, nil, !begun)
				if err == nil {
					mu.Lock()
					arrived++
					mu.Unlock()
					return
				}
				if ctx.Err() == nil {
					o.env.Log.Warn("a connection was closed", "from", c.RemoteAddr().String(), "error", err.Error())
				}
				c.Close()
				o.mu.Lock()
				delete(o.conns, c)
				o.mu.Unlock()
			})
		}
		sent.Wait()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if arrived > 0 {
			return nil
		}
		select {
		case <-o.come:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Flush implements nodes.Flusher. Without confirmations what was sent is with the system
// already.
func (o *writeOp) Flush(ctx context.Context) error {
	if o.done >= o.sent {
		return nil
	}
	return o.deliver(ctx, nil, func() bool { return o.done >= o.sent })
}

// Close implements io.Closer.
func (o *writeOp) Close() error {
	if o.conn != nil {
		o.conn.Close()
		o.conn = nil
	}
	if o.answers != nil {
		<-o.answers.ended
		o.answers = nil
	}
	if o.cancel == nil {
		return nil
	}
	o.cancel()
	o.all.Wait()
	for c := range o.conns {
		c.Close()
	}
	return nil
}
