package http

import (
	"context"
	"net"
	"sync"
)

// conns are the open connections of a client. They are closed with it, also one that an
// answer has left a moment ago and that is not idle yet.
type conns struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu     sync.Mutex
	open   map[*trackedConn]bool
	closed bool
}

// Dial makes a connection.
func (c *conns) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	raw, err := c.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	t := &trackedConn{Conn: raw, of: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		raw.Close()
		return nil, net.ErrClosed
	}
	if c.open == nil {
		c.open = map[*trackedConn]bool{}
	}
	c.open[t] = true
	return t, nil
}

// close closes all.
func (c *conns) close() {
	c.mu.Lock()
	c.closed = true
	open := c.open
	c.open = nil
	c.mu.Unlock()
	for t := range open {
		t.Conn.Close()
	}
}

// A trackedConn leaves the list when it is closed.
type trackedConn struct {
	net.Conn
	of *conns
}

// Close implements net.Conn.
func (t *trackedConn) Close() error {
	t.of.mu.Lock()
	delete(t.of.open, t)
	t.of.mu.Unlock()
	return t.Conn.Close()
}
