package brokertest

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/flowrun/flowrun/internal/servertest"
)

// A Direction is one of the two in which bytes go through a Proxy.
type Direction int

// The directions.
const (
	ToServer Direction = iota
	ToClient
)

// A Proxy stands at a loopback port before a server, and does what networks do. It is closed
// after the test. Its methods may be called by several goroutines.
type Proxy struct {
	addr string

	mu       sync.Mutex
	changed  *sync.Cond // over what follows; those who wait for it look again
	listener net.Listener
	target   string
	closed   bool
	pairs    map[*pair]bool
	accepted int
	ways     [2]way
	all      sync.WaitGroup
}

// A way is what becomes of the bytes of a direction.
type way struct {
	stalled, hole bool
	rate          int           // bytes a second; 0: no limit
	delay         time.Duration // of each piece
	limited       bool
	left          int // bytes until all connections are cut, if limited
	passed        int64
}

// A pair is a connection of a client and that to the server.
type pair struct {
	client, server *net.TCPConn
	lost           [2]bool // bytes of a direction, so what would come behind them makes no sense
	gone           chan struct{}
}

// NewProxy starts a proxy before an address. "" refuses until To has one.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	p := &Proxy{addr: fmt.Sprintf("127.0.0.1:%d", servertest.FreePort(t)), target: target, pairs: map[*pair]bool{}}
	p.changed = sync.NewCond(&p.mu)
	t.Cleanup(p.Close)
	if err := p.Accept(); err != nil {
		t.Fatal(err)
	}
	return p
}

// Addr is host and port of the proxy. Server.At makes a URL of it.
func (p *Proxy) Addr() string { return p.addr }

// To has the proxy forward new connections to another address.
func (p *Proxy) To(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Accepted counts the connections so far.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Open counts the connections that are there.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pairs)
}

// Passed counts the bytes that have come through.
func (p *Proxy) Passed(d Direction) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ways[d].passed
}

// Refuse closes the port: who calls is refused. Connections stay.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
}

// Accept opens the port again.
func (p *Proxy) Accept() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil || p.closed {
		return nil
	}
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		return err
	}
	p.listener = l
	p.all.Go(func() { p.serve(l) })
	return nil
}

// Cut ends all connections at once, as a reset does: what is on its way is lost.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		p.cut(c)
	}
}

// CutAfter ends all connections when so many more bytes have gone in a direction, such as
// in the midst of a message. It happens once.
func (p *Proxy) CutAfter(d Direction, bytes int) {
	p.set(d, func(w *way) { w.limited, w.left = true, bytes })
}

// Stall holds the bytes of a direction: they are not taken, so the buffers of their sender
// fill up, and connections stay open. After Resume all of them arrive.
func (p *Proxy) Stall(d Direction) { p.set(d, func(w *way) { w.stalled = true }) }

// BlackHole takes the bytes of a direction and throws them away, while the sender sees
// nothing of it.
func (p *Proxy) BlackHole(d Direction) { p.set(d, func(w *way) { w.hole = true }) }

// Slow delays each piece of a direction, and bounds its bytes a second; 0 for none of it.
func (p *Proxy) Slow(d Direction, delay time.Duration, rate int) {
	p.set(d, func(w *way) { w.delay, w.rate = delay, rate })
}

// Resume ends Stall, BlackHole and Slow, in both directions. Connections that have lost bytes
// are cut.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for d := range p.ways {
		p.ways[d] = way{passed: p.ways[d].passed}
	}
	for c := range p.pairs {
		if c.lost[ToServer] || c.lost[ToClient] {
			p.cut(c)
		}
	}
	p.changed.Broadcast()
}

// Close ends all connections and frees the port.
func (p *Proxy) Close() {
	p.Refuse()
	p.mu.Lock()
	p.closed = true
	for c := range p.pairs {
		p.cut(c)
	}
	p.mu.Unlock()
	p.all.Wait()
}

func (p *Proxy) set(d Direction, change func(*way)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.ways[d])
	p.changed.Broadcast()
}

// cut ends a connection; p.mu is held.
func (p *Proxy) cut(c *pair) {
	delete(p.pairs, c)
	close(c.gone)
	reset(c.client)
	reset(c.server)
	p.changed.Broadcast()
}

func reset(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}

func (p *Proxy) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.accepted++
		target := p.target
		p.mu.Unlock()
		p.all.Go(func() { p.forward(c.(*net.TCPConn), target) })
	}
}

func (p *Proxy) forward(client *net.TCPConn, target string) {
	server, err := net.DialTimeout("tcp", target, 10*time.Second)
	if err != nil {
		reset(client)
		return
	}
	c := &pair{client: client, server: server.(*net.TCPConn), gone: make(chan struct{})}
	p.mu.Lock()
	p.pairs[c] = true
	if p.closed {
		p.cut(c)
	}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.copy(c, ToServer, c.client, c.server) })
	both.Go(func() { p.copy(c, ToClient, c.server, c.client) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pairs[c] { // both sides have said all, and there is nothing to cut
		delete(p.pairs, c)
		client.Close()
		server.Close()
	}
}

// copy hands bytes on until their sender has no more, or the connection is cut.
func (p *Proxy) copy(c *pair, d Direction, from, to *net.TCPConn) {
	buffer := make([]byte, 16<<10)
	for p.wait(c, d) {
		n, err := from.Read(buffer)
		for rest := buffer[:n]; len(rest) > 0; {
			taken, send, pause, cut := p.pass(c, d, len(rest))
			if taken == 0 && !cut {
				return
			}
			select {
			case <-c.gone:
				return
			case <-time.After(pause):
			}
			if _, err := to.Write(rest[:send]); err != nil {
				p.end(c)
				return
			}
			if cut {
				p.Cut()
				return
			}
			rest = rest[taken:]
		}
		if err == io.EOF {
			to.CloseWrite()
			return
		}
		if err != nil {
			p.end(c)
			return
		}
	}
}

// wait waits while a direction is stalled, and reports whether the connection is there.
func (p *Proxy) wait(c *pair, d Direction) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waits(c, d)
}

func (p *Proxy) waits(c *pair, d Direction) bool {
	for p.pairs[c] && p.ways[d].stalled {
		p.changed.Wait()
	}
	return p.pairs[c]
}

// pass says what becomes of up to n bytes that were read: so many are taken, of which some
// are sent after a pause, and then all may be cut. None is taken of a connection that is gone.
func (p *Proxy) pass(c *pair, d Direction, n int) (taken, send int, pause time.Duration, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.waits(c, d) { // a stall that began while it was read
		return 0, 0, 0, false
	}
	w := &p.ways[d]
	if w.hole || c.lost[d] {
		c.lost[d] = true
		return n, 0, 0, false
	}
	if w.rate > 0 {
		n = min(n, max(1, w.rate/50))
		pause = time.Duration(n) * time.Second / time.Duration(w.rate)
	}
	if w.limited {
		n = min(n, w.left)
		w.left -= n
		cut = w.left == 0
		w.limited = !cut
	}
	w.passed += int64(n)
	return n, n, pause + w.delay, cut
}

// end cuts one connection, if it is there.
func (p *Proxy) end(c *pair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pairs[c] {
		p.cut(c)
	}
}
