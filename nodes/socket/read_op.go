package socket

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/stream"
)

// This file is how socket.read runs.

// queued is how many chunks wait for the flow: behind them the peers wait.
const queued = 16

// A readOp is a running socket.read. Each connection is read on a goroutine of its own; the
// engine takes from the queue what has come.
type readOp struct {
	k       *reader
	reading *stream.Reading
	env     *nodes.Env
	scanner *stream.Scanner

	queue  *nodes.Handover[part] // whom to tell that rows have arrived; nil: nobody
	cancel context.CancelFunc
	all    sync.WaitGroup // goroutines
	lost   losses         // of datagrams

	mu    sync.Mutex
	conns map[net.Conn]bool
	given uint64    // chunks that the engine has
	open  []unacked // those that have not arrived, in order
}

// An unacked is a chunk that the engine has, and that has not arrived.
type unacked struct {
	number uint64
	to     *stream.Confirmer
	rows   uint64 // of the connection, up to its end
}

// A part is what a connection gives the engine.
type part = stream.Part[*stream.Confirmer]

var (
	_ nodes.Puller  = (*readOp)(nil)
	_ nodes.Starter = (*readOp)(nil)
	_ nodes.Endless = (*endlessOp)(nil)
	_ nodes.Drainer = (*endlessOp)(nil)

	_ nodes.Acknowledger = (*confirmedOp)(nil)
	_ nodes.Acknowledger = (*confirmedEndlessOp)(nil)
)

// A confirmedOp tells the peers how far their rows have arrived.
type confirmedOp struct{ *readOp }

// Taken implements nodes.Acknowledger.
func (o *confirmedOp) Taken(after nodes.Position) error { return o.taken(after) }

// A confirmedEndlessOp does so too.
type confirmedEndlessOp struct{ endlessOp }

// Taken implements nodes.Acknowledger.
func (o *confirmedEndlessOp) Taken(after nodes.Position) error { return o.taken(after) }

// An endlessOp has no end but the stop: what has come before goes through.
type endlessOp struct{ *readOp }

// Endless implements nodes.Endless.
func (o *endlessOp) Endless() bool { return true }

// Drain implements nodes.Drainer.
func (o *endlessOp) Drain(context.Context) (any, nodes.Position, error) {
	return o.take(o.queue.Drain())
}

// Open begins to listen; an address that is taken stops the flow before anything is read.
func (o *readOp) Open(ctx context.Context) error {
	var run func(ctx context.Context)
	switch {
	case o.k.listens && o.k.network == "udp":
		c, err := o.openPackets(ctx)
		if err != nil {
			return err
		}
		run = func(ctx context.Context) { o.packets(ctx, c) }
	case o.k.listens:
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
		run = func(ctx context.Context) { o.accept(ctx, l, config) }
	default:
		run = o.connect
	}
	o.conns = map[net.Conn]bool{}
	ctx, o.cancel = context.WithCancel(context.WithoutCancel(ctx))
	o.all.Go(func() { run(ctx) })
	return nil
}

// accept takes connections until ctx ends.
func (o *readOp) accept(ctx context.Context, l net.Listener, config *tls.Config) {
	defer context.AfterFunc(ctx, func() { l.Close() })()
	defer l.Close()
	for wait := time.Duration(0); ctx.Err() == nil; {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			o.env.Log.Warn("a connection could not be taken", "address", o.k.name(), "error", err.Error())
			if nodes.Sleep(ctx, wait) != nil {
				return
			}
			continue
		}
		wait = 0
		if !o.add(c) {
			o.env.Log.Warn("a connection was closed: there are as many as `connections` allows", "address", o.k.name(), "from", c.RemoteAddr().String())
			c.Close()
			continue
		}
		o.all.Go(func() {
			defer o.remove(c)
			if config != nil {
				safe, err := secured(ctx, c, tls.Server(c, config))
				if err != nil {
					o.env.Log.Warn("a connection was closed", "from", c.RemoteAddr().String(), "error", err.Error())
					return
				}
				o.read(ctx, safe, c.RemoteAddr().String())
				return
			}
			o.read(ctx, c, c.RemoteAddr().String())
		})
	}
}

// add counts a connection; false: there are enough.
func (o *readOp) add(c net.Conn) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.conns) >= o.k.Connections {
		return false
	}
	o.conns[c] = true
	return true
}

func (o *readOp) remove(c net.Conn) {
	c.Close()
	o.mu.Lock()
	delete(o.conns, c)
	o.mu.Unlock()
}

// connect keeps a connection to the peer until ctx ends, or the peer ends the only one.
func (o *readOp) connect(ctx context.Context) {
	for {
		began := time.Now()
		c, err := o.k.dialing(ctx, o.env, 0)
		if err != nil {
			o.queue.End(ctx, err)
			return
		}
		err = o.read(ctx, c, o.k.name())
		c.Close()
		if ctx.Err() != nil {
			return
		}
		if !o.k.Reconnect {
			if err == nil {
				err = io.EOF
			}
			o.queue.End(ctx, err)
			return
		}
		o.env.Log.Warn("the connection has ended", "peer", o.k.name())
		if time.Since(began) < o.k.ReconnectWait && nodes.Sleep(ctx, o.k.ReconnectWait) != nil {
			return
		}
	}
}

// idleConn closes a connection that sends nothing.
type idleConn struct {
	net.Conn
	limit time.Duration
}

func (c idleConn) Read(p []byte) (int, error) {
	c.SetReadDeadline(time.Now().Add(c.limit))
	return c.Conn.Read(p)
}

// read reads a connection to its end. The error is why it was not read to its end.
func (o *readOp) read(ctx context.Context, c net.Conn, name string) error {
	gone := make(chan struct{})
	defer close(gone)
	var to *stream.Confirmer
	if o.k.Confirm {
		to = stream.NewConfirmer(c, gone)
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		if to != nil { // what has arrived is still told
			c.SetWriteDeadline(time.Now().Add(time.Second))
			to.Finish(0)
			<-to.Done()
		}
		c.Close()
	})
	defer func() {
		if !stop() {
			<-closed
		}
	}()
	var rows uint64
	var src io.Reader = c
	if o.k.IdleTimeout > 0 {
		src = idleConn{c, o.k.IdleTimeout}
	}
	r := o.reading.NewReader(src, stream.Options{Stream: name, Frame: o.k.frame(), Type: o.k.out})
	for {
		chunk, err := r.Next()
		switch {
		case err == io.EOF && to != nil:
			to.Finish(rows)
			select {
			case <-to.Done():
			case <-ctx.Done():
			}
			return nil
		case err == io.EOF || err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			o.env.Log.Warn("a connection was closed", "from", name, "error", err.Error())
			return err
		}
		rows = chunk.Line + chunk.Lines - 1
		if !o.queue.Send(ctx, part{Chunk: chunk, From: to}) {
			return nil
		}
	}
}

// Next implements nodes.Puller.
func (o *readOp) Next(ctx context.Context) (any, nodes.Position, error) {
	return o.take(o.queue.Next(ctx))
}

func (o *readOp) take(x part, err error) (any, nodes.Position, error) {
	if err != nil {
		return nil, nil, err
	}
	if !o.k.Confirm {
		return x.Chunk, nil, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.given++
	o.open = append(o.open, unacked{o.given, x.From, x.Chunk.Line + x.Chunk.Lines - 1})
	return x.Chunk, binary.BigEndian.AppendUint64(nil, o.given), nil
}

// taken tells the peers how many of their rows have arrived.
func (o *readOp) taken(after nodes.Position) error {
	if len(after) != 8 {
		return errors.New("this is no position of socket.read")
	}
	upTo := binary.BigEndian.Uint64(after)
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for n < len(o.open) && o.open[n].number <= upTo {
		o.open[n].to.UpTo(o.open[n].rows)
		n++
	}
	o.open = append([]unacked(nil), o.open[n:]...)
	return nil
}

// Process implements nodes.Operator.
func (o *readOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	return o.scanner.Scan(in.Made.(*stream.Chunk), out)
}

// Close implements io.Closer.
func (o *readOp) Close() error {
	if o.cancel == nil {
		return nil
	}
	o.cancel()
	o.all.Wait()
	o.queue.Close()
	return nil
}
