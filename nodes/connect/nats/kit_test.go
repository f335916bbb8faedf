package nats

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats-server/v2/server/ats"
	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

var kit = nodetest.New(std.Nodes, Nodes)

func TestKinds(t *testing.T) {
	ats.Register() // the clock of the server, which is outside of the bubbles of the tests
	defer ats.Unregister()
	kit.Peers("nats.read", served(t, `{"id": 1, "item": "cup"}`, `{"id": 2, "item": "lamp"}`)).
		Peers("nats.write", served(t)).Conform(t, Nodes...)
}

// served is a server with a stream ORDERS that has some messages, and stops the flow a second
// later; one without messages has no stream, and stops nothing.
func served(t *testing.T, orders ...string) nodetest.World {
	return (&memory{t: t, orders: orders, stops: true}).play
}

// A memory is a server on the network of the flow, in memory: in a bubble its time is virtual.
type memory struct {
	t      *testing.T
	orders []string
	stops  bool

	mu     sync.Mutex
	nc     *client.Conn // a client of the test's own
	made   int          // connections so far
	silent int          // of the first so many nothing goes through, and nobody is told
}

// silence lets nothing more through on the connections that there are.
func (m *memory) silence() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.silent = m.made
}

func (m *memory) play(ctx context.Context, n *nodetest.Network, stop func()) {
	srv, err := server.NewServer(&server.Options{ServerName: "test", DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: m.t.TempDir()})
	if err != nil {
		failed(ctx, m.t, err)
		return
	}
	srv.Start()
	defer srv.WaitForShutdown()
	defer srv.Shutdown()
	if len(m.orders) > 0 {
		nc, err := client.Connect("", client.InProcessServer(srv), client.NoReconnect())
		if err != nil {
			failed(ctx, m.t, err)
			return
		}
		defer nc.Close()
		m.nc = nc
		js, _ := jetstream.New(nc)
		if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}}); err != nil {
			failed(ctx, m.t, err)
			return
		}
		for _, o := range m.orders {
			if _, err := js.Publish(ctx, "orders.new", []byte(o)); err != nil {
				failed(ctx, m.t, err)
				return
			}
		}
	}
	l, err := n.Listen(ctx, "tcp", "127.0.0.1:4222")
	if err != nil {
		return
	}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	if m.stops && len(m.orders) > 0 {
		go func() {
			nodes.Sleep(ctx, time.Second)
			stop()
		}()
	}
	var wait sync.WaitGroup
	defer wait.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		inner, err := srv.InProcessConn()
		if err != nil {
			c.Close()
			return
		}
		m.mu.Lock()
		m.made++
		passing := passing{m, m.made}
		m.mu.Unlock()
		for _, pair := range [][2]io.ReadWriteCloser{{c, inner}, {inner, c}} {
			wait.Go(func() {
				io.Copy(passing.to(pair[0]), pair[1])
				pair[0].Close()
				pair[1].Close()
			})
		}
		defer c.Close()
	}
}

// A passing is a connection of a memory, by its number.
type passing struct {
	m      *memory
	number int
}

// to writes what comes through to one end.
func (p passing) to(end io.Writer) io.Writer {
	return writerFunc(func(text []byte) (int, error) {
		p.m.mu.Lock()
		still := p.number <= p.m.silent
		p.m.mu.Unlock()
		if still {
			return len(text), nil
		}
		return end.Write(text)
	})
}

type writerFunc func(text []byte) (int, error)

func (f writerFunc) Write(text []byte) (int, error) { return f(text) }

// failed fails the test, unless the run has ended meanwhile.
func failed(ctx context.Context, t *testing.T, err error) {
	if ctx.Err() == nil {
		t.Error(err)
	}
}

// An order is an item of tests.
type order struct {
	ID   int    `flow:"id"`
	Seq  int    `flow:"seq"`
	Text string `flow:"text"`
}

// A till keeps what comes to it, and may end the run.
type till struct {
	mu   sync.Mutex
	came []order
	each func(n int, o order) error // called with the number of each so far
}

// An into is the kind that writes into a till, which all its copies share.
type into struct{ till *till }

// Write implements nodes.Sink of orders.
func (i *into) Write(ctx context.Context, os []order) error { return i.till.write(ctx, os) }

func (k *till) write(_ context.Context, os []order) error {
	for _, o := range os {
		k.mu.Lock()
		k.came = append(k.came, o)
		n := len(k.came)
		k.mu.Unlock()
		if k.each != nil {
			if err := k.each(n, o); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *till) ids() (all []int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, o := range k.came {
		all = append(all, o.ID)
	}
	return all
}

var errEnough = errors.New("that was enough")

// read runs a flow that reads orders into a till, until that ends it or stop is called.
func read(t testing.TB, with string, k *till, setup nodetest.Setup) nodetest.Result {
	t.Helper()
	kit := kit.With([]nodes.Decl{nodes.Write("till", "Keeps.", &into{k}, nodes.Doc("Keeps."))})
	return kit.Run(t, `flow: reads
nodes:
  in:  {use: nats.read, on_error: dead, with: {as: "{id: int, text: string}", meta: {seq: seq}, `+with+`}}
  out: {use: till, in: in}
  bad: {use: file.write, in: in.errors, with: {path: bad.jsonl, append: true}}
`, nil, setup)
}

// A feeder gives orders with the numbers from 0 on.
type feeder struct {
	n    int
	text func(i int) string
	at   func(i int)
}

// Read implements nodes.Source of orders.
func (f *feeder) Read(ctx context.Context, emit func(order) error) error {
	for i := range f.n {
		if f.at != nil {
			f.at(i)
		}
		text := fmt.Sprint("text ", i)
		if f.text != nil {
			text = f.text(i)
		}
		if err := emit(order{ID: i, Text: text}); err != nil {
			return err
		}
	}
	return nil
}

// write runs a flow that writes orders.
func write(t testing.TB, with string, f *feeder, setup nodetest.Setup) nodetest.Result {
	t.Helper()
	kit := kit.With([]nodes.Decl{nodes.Read("feed", "Feeds.", f, nodes.Doc("Feeds."))})
	r := kit.Run(t, `flow: writes
nodes:
  in:  {use: feed}
  out: {use: nats.write, in: in, on_error: dead, with: {`+with+`}}
  bad: {use: file.write, in: out.errors, with: {path: bad.jsonl}}
`, nil, setup)
	return r
}

// lines counts the lines of a file.
func lines(text string) int { return strings.Count(text, "\n") }

// count makes texts of orders.
func count(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf(`{"id": %d, "text": "text %d"}`, i, i))
	}
	return all
}
