package nats

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// This file has the servers of tests, which listen on loopback in the test process, and a
// proxy that cuts connections.

// A testServer can be killed and started again at its address.
type testServer struct {
	t    testing.TB
	opts server.Options
	dir  string

	mu  sync.Mutex
	srv *server.Server
}

// startServer starts a server with JetStream, in which a test may change some options.
func startServer(t testing.TB, change func(o *server.Options)) *testServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	s := &testServer{t: t, dir: t.TempDir()}
	s.opts = server.Options{ServerName: "test", Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true, JetStream: true, StoreDir: s.dir}
	if change != nil {
		change(&s.opts)
	}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *testServer) start() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	opts := s.opts
	srv, err := server.NewServer(&opts)
	if err != nil {
		s.t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(20 * time.Second) {
		s.t.Fatal("the server does not start")
	}
	s.srv = srv
}

func (s *testServer) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.srv != nil {
		s.srv.Shutdown()
		s.srv.WaitForShutdown()
		s.srv = nil
	}
}

func (s *testServer) restart() {
	s.stop()
	s.start()
}

func (s *testServer) address() string { return fmt.Sprintf("127.0.0.1:%d", s.opts.Port) }
func (s *testServer) url() string     { return "nats://" + s.address() }

// stream is a client that is no part of flowrun, with a stream.
func (s *testServer) stream(name, subjects string, change func(c *jetstream.StreamConfig)) (*client.Conn, jetstream.Stream) {
	s.t.Helper()
	nc, js := s.client()
	c := jetstream.StreamConfig{Name: name, Subjects: []string{subjects}, Discard: jetstream.DiscardNew}
	if change != nil {
		change(&c)
	}
	st, err := js.CreateOrUpdateStream(s.t.Context(), c)
	if err != nil {
		s.t.Fatal(err)
	}
	return nc, st
}

func (s *testServer) client() (*client.Conn, jetstream.JetStream) {
	s.t.Helper()
	nc, err := client.Connect(s.url(), client.MaxReconnects(-1), client.ReconnectWait(20*time.Millisecond))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		s.t.Fatal(err)
	}
	return nc, js
}

// bodies gives all that a stream has.
func bodies(t testing.TB, st jetstream.Stream) (all []string) {
	t.Helper()
	info, err := st.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := st.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for uint64(len(all)) < info.State.Msgs {
		batch, err := c.Fetch(min(1000, int(info.State.Msgs)-len(all)), jetstream.FetchMaxWait(2*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for m := range batch.Messages() {
			all = append(all, string(m.Data()))
			n++
		}
		if n == 0 {
			t.Fatalf("%d messages of %d have come: %v", len(all), info.State.Msgs, batch.Error())
		}
	}
	return all
}

// A proxy is in front of a server, and cuts connections.
type proxy struct {
	l  net.Listener
	to string

	mu    sync.Mutex
	shut  bool
	conns []net.Conn
	wait  sync.WaitGroup
}

func startProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l, to: to}
	p.wait.Add(1)
	go func() {
		defer p.wait.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.serve(c)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		p.cut(true)
		p.wait.Wait()
	})
	return p
}

func (p *proxy) url() string { return "nats://" + p.l.Addr().String() }

func (p *proxy) serve(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, err := net.Dial("tcp", p.to)
	if err != nil || p.shut {
		c.Close()
		if err == nil {
			s.Close()
		}
		return
	}
	p.conns = append(p.conns, c, s)
	p.wait.Add(2)
	pass := func(to, from net.Conn) {
		defer p.wait.Done()
		io.Copy(to, from)
		to.Close()
		from.Close()
	}
	go pass(s, c)
	go pass(c, s)
}

// cut ends all connections; with shut no others are made.
func (p *proxy) cut(shut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = shut
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// publish publishes to a stream.
func publish(t testing.TB, nc *client.Conn, subject string, bodies ...string) {
	t.Helper()
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(len(bodies)))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bodies {
		if _, err := js.PublishAsync(subject, []byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(30 * time.Second):
		t.Fatal("the server does not confirm")
	}
}
