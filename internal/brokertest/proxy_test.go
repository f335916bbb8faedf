package brokertest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// echo is a server that gives back the lines that it gets, and counts the bytes.
func echo(t *testing.T) (addr string, got chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	got = make(chan string, 1000)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for r := bufio.NewReader(c); ; {
					line, err := r.ReadString('\n')
					if line != "" {
						got <- line
					}
					if err != nil {
						return
					}
					io.WriteString(c, line)
				}
			}()
		}
	}()
	return l.Addr().String(), got
}

// caller says lines to a proxy.
type caller struct {
	*testing.T
	net.Conn
	r *bufio.Reader
}

func call(t *testing.T, p *Proxy) *caller {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return &caller{t, c, bufio.NewReader(c)}
}

func (c *caller) say(line string) {
	c.Helper()
	if _, err := io.WriteString(c.Conn, line+"\n"); err != nil {
		c.Fatal(err)
	}
}

func (c *caller) hears(want string) {
	c.Helper()
	if got, err := c.r.ReadString('\n'); err != nil || got != want+"\n" {
		c.Fatalf("%q, %v, not %q", got, err, want)
	}
}

// hearsNothing has nothing to wait for, so it can only fail to see a fault, for a moment.
func (c *caller) hearsNothing() {
	c.Helper()
	c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if got, err := c.r.ReadString('\n'); err == nil {
		c.Fatalf("%q has come through", got)
	}
	c.SetReadDeadline(time.Now().Add(time.Minute))
}

func (c *caller) isCut() {
	c.Helper()
	if got, err := c.r.ReadString('\n'); !errors.Is(err, syscall.ECONNRESET) {
		c.Fatalf("%q, %v, and no reset", got, err)
	}
}

// serverAway sees a proxy whose server is away: it takes the connection and cuts it, which a
// caller may learn while it still connects.
func serverAway(t *testing.T, p *Proxy) {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err == nil {
		defer c.Close()
		_, err = c.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v, and no reset", err)
	}
}

func TestProxyForwardsAndCuts(t *testing.T) {
	addr, _ := echo(t)
	p := NewProxy(t, addr)
	one, two := call(t, p), call(t, p)
	for _, c := range []*caller{one, two} {
		c.say("hello")
		c.hears("hello")
	}
	if p.Accepted() != 2 || p.Open() != 2 || p.Passed(ToServer) != 12 || p.Passed(ToClient) != 12 {
		t.Errorf("%d accepted, %d open, %d and %d bytes", p.Accepted(), p.Open(), p.Passed(ToServer), p.Passed(ToClient))
	}
	p.Cut()
	one.isCut()
	two.isCut()
	if p.Open() != 0 {
		t.Errorf("%d open after a cut", p.Open())
	}
	again := call(t, p)
	again.say("again")
	again.hears("again")
	again.Conn.(*net.TCPConn).CloseWrite() // an end of one side goes through
	if rest, err := io.ReadAll(again.r); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v after the end", rest, err)
	}
}

func TestProxyRefuses(t *testing.T) {
	addr, _ := echo(t)
	p := NewProxy(t, addr)
	c := call(t, p)
	p.Refuse()
	if _, err := net.Dial("tcp", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v", err)
	}
	c.say("still")
	c.hears("still")
	for range 2 {
		if err := p.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	d := call(t, p)
	d.say("here")
	d.hears("here")
	p.To("")
	serverAway(t, p)
	p.Close()
	if err := p.Accept(); err != nil || p.Open() != 0 {
		t.Errorf("after Close: %v, %d open", err, p.Open())
	}
	if _, err := net.Dial("tcp", p.Addr()); err == nil {
		t.Error("the port is open after Close")
	}
}

func TestProxyStalls(t *testing.T) {
	addr, got := echo(t)
	p := NewProxy(t, addr)
	c := call(t, p)
	c.say("one")
	c.hears("one")
	<-got
	p.Stall(ToClient)
	c.say("two")
	if line := <-got; line != "two\n" {
		t.Fatalf("the server got %q", line)
	}
	c.hearsNothing()
	p.Stall(ToServer)
	c.say("three")
	c.hearsNothing()
	if len(got) > 0 {
		t.Fatalf("the server got %q", <-got)
	}
	p.Resume()
	c.hears("two")
	c.hears("three")
	p.Stall(ToClient)
	p.Cut() // those that wait too
	c.isCut()
}

func TestProxyLosesOneDirection(t *testing.T) {
	for _, d := range []Direction{ToServer, ToClient} {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			addr, got := echo(t)
			p := NewProxy(t, addr)
			c := call(t, p)
			c.say("one")
			c.hears("one")
			<-got
			p.BlackHole(d)
			c.say("two")
			if d == ToClient {
				if line := <-got; line != "two\n" {
					t.Fatalf("the server got %q", line)
				}
			}
			// More than buffers hold is taken, as nothing stalls.
			for range 200 {
				c.say(strings.Repeat("x", 100_000))
			}
			c.hearsNothing()
			if d == ToServer && len(got) > 0 {
				t.Errorf("the server got %q", <-got)
			}
			p.Resume()
			c.isCut()
			c = call(t, p)
			c.say("three")
			c.hears("three")
		})
	}
}

func TestProxyCutsInTheMidst(t *testing.T) {
	addr, got := echo(t)
	p := NewProxy(t, addr)
	c, other := call(t, p), call(t, p)
	c.say("one")
	c.hears("one")
	<-got
	p.CutAfter(ToServer, 6)
	c.say("two")
	c.hears("two")
	<-got
	c.say("three")
	c.isCut()
	other.isCut()
	if line := <-got; line != "th" {
		t.Errorf("the server got %q", line)
	}
	c = call(t, p)
	c.say("four")
	c.hears("four")
}

// TestProxyIsSlow can tell only that it is not faster.
func TestProxyIsSlow(t *testing.T) {
	addr, _ := echo(t)
	p := NewProxy(t, addr)
	c := call(t, p)
	p.Slow(ToClient, 30*time.Millisecond, 0)
	begin := time.Now()
	c.say("one")
	c.hears("one")
	if took := time.Since(begin); took < 30*time.Millisecond {
		t.Errorf("a delay of 30 ms took %v", took)
	}
	p.Resume()
	p.Slow(ToServer, 0, 10_000)
	begin = time.Now()
	c.say(strings.Repeat("x", 999))
	c.hears(strings.Repeat("x", 999))
	if took := time.Since(begin); took < 100*time.Millisecond {
		t.Errorf("1000 bytes at 10,000 a second took %v", took)
	}
}

// TestServerBehindAProxy has a server's own protocol go through.
func TestServerBehindAProxy(t *testing.T) {
	s := Start(t, Redis, Options{})
	defer s.Close()
	p := NewProxy(t, s.Addr())
	if want := "redis://flow:" + Password + "@" + p.Addr() + "/0"; s.At(p.Addr()) != want {
		t.Errorf("the URL is %s, not %s", s.At(p.Addr()), want)
	}
	c := call(t, p)
	c.say("AUTH flow " + Password + "\r")
	c.hears("+OK\r")
	s.Kill()
	if _, err := c.r.ReadByte(); err == nil {
		t.Error("the connection outlives the server")
	}
	serverAway(t, p)
	if err := s.Again(); err != nil {
		t.Fatal(err)
	}
	c = call(t, p)
	c.say("AUTH flow " + Password + "\r")
	c.hears("+OK\r")
}
