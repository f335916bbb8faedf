package nodetest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// This file has the peers of flows in tests: a network in memory, and who is on it.

// A World plays the peers of a flow: servers that it calls, clients that call it. It begins
// on a goroutine of its own with each run, and ends when ctx does, soon after the run has;
// stop stops the flow. All of it works in a bubble of testing/synctest.
type World func(ctx context.Context, n *Network, stop func())

// headStart is how long a world runs before the flow does: in a bubble, until whoever is on it
// waits, so that a server listens already.
const headStart = time.Millisecond

// begin plays a world until end is called, which waits for it.
func (w World) begin(ctx context.Context, n *Network, stop func()) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w(ctx, n, stop)
	}()
	time.Sleep(headStart)
	return func() {
		cancel()
		<-ended
	}
}

// A Network connects what listens and what dials in one test, by addresses such as
// api.example:80, which are names and nothing else. Its connections have no buffer: a write
// waits until it is read.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*listener
}

var _ nodes.Network = (*Network)(nil)

// NewNetwork gives a network on which nobody is.
func NewNetwork() *Network { return &Network{listeners: map[string]*listener{}} }

// address is a place on a Network.
type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

// A conn is a pipe with addresses.
type conn struct {
	net.Conn
	local, remote address
}

func (c conn) LocalAddr() net.Addr  { return c.local }
func (c conn) RemoteAddr() net.Addr { return c.remote }

type listener struct {
	n      *Network
	at     address
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.n.mu.Lock()
		delete(l.n.listeners, string(l.at))
		l.n.mu.Unlock()
	})
	return nil
}

func (l *listener) Addr() net.Addr { return l.at }

// Listen implements nodes.Network.
func (n *Network) Listen(_ context.Context, network, at string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[at] != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: address(at), Err: syscall.EADDRINUSE}
	}
	l := &listener{n: n, at: address(at), conns: make(chan net.Conn), closed: make(chan struct{})}
	n.listeners[at] = l
	return l, nil
}

// listener is who listens at an address, nil if nobody does.
func (n *Network) listener(at string) *listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.listeners[at]
}

// DialContext implements nodes.Network. Nobody at the address is a refused connection.
func (n *Network) DialContext(ctx context.Context, network, at string) (net.Conn, error) {
	l := n.listener(at)
	refused := &net.OpError{Op: "dial", Net: network, Addr: address(at), Err: syscall.ECONNREFUSED}
	if l == nil {
		return nil, refused
	}
	here, there := net.Pipe()
	select {
	case l.conns <- conn{there, l.at, "client"}:
		return conn{here, "client", l.at}, nil
	case <-l.closed:
		return nil, refused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ListenPacket implements nodes.Network: there are no packets.
func (n *Network) ListenPacket(_ context.Context, network, at string) (net.PacketConn, error) {
	return nil, fmt.Errorf("a test has no network of packets: %s %s", network, at)
}

// Await waits until somebody listens at an address; false: ctx has ended before.
func (n *Network) Await(ctx context.Context, at string) bool {
	for {
		if n.listener(at) != nil {
			return true
		}
		if nodes.Sleep(ctx, time.Millisecond) != nil {
			return false
		}
	}
}

// Serve answers requests by HTTP at an address until ctx ends.
func (n *Network) Serve(ctx context.Context, at string, handler http.Handler) {
	l, err := n.Listen(ctx, "tcp", at)
	if err != nil {
		panic(err)
	}
	s := &http.Server{Handler: handler, BaseContext: func(net.Listener) context.Context { return ctx }}
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.Serve(l)
	}()
	<-ctx.Done()
	s.Close()
	<-served
}

// Client is one that sends requests by HTTP to addresses on the network. Close its idle
// connections when nothing more is sent.
func (n *Network) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: n.DialContext}}
}
