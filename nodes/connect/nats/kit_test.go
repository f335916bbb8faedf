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

// served is a server on the network of the flow, in memory, with a stream ORDERS.
func served(t *testing.T, orders ...string) nodetest.World {
	return func(ctx context.Context, n *nodetest.Network, stop func()) {
		srv, err := server.NewServer(&server.Options{ServerName: "test", DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir()})
		if err != nil {
			failed(ctx, t, err)
			return
		}
		srv.Start()
		defer srv.WaitForShutdown()
		defer srv.Shutdown()
		if len(orders) > 0 {
			nc, err := client.Connect("", client.InProcessServer(srv), client.NoReconnect())
			if err != nil {
				failed(ctx, t, err)
				return
			}
			defer nc.Close()
			js, _ := jetstream.New(nc)
			if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}}); err != nil {
				failed(ctx, t, err)
				return
			}
			for _, o := range orders {
				if _, err := js.Publish(ctx, "orders.new", []byte(o)); err != nil {
					failed(ctx, t, err)
					return
				}
			}
		}
		l, err := n.Listen(ctx, "tcp", "127.0.0.1:4222")
		if err != nil {
			return
		}
		defer context.AfterFunc(ctx, func() { l.Close() })()
		if len(orders) > 0 {
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
			for _, pair := range [][2]io.ReadWriteCloser{{c, inner}, {inner, c}} {
				wait.Go(func() {
					io.Copy(pair[0], pair[1])
					pair[0].Close()
					pair[1].Close()
				})
			}
			defer c.Close()
		}
	}
}

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
