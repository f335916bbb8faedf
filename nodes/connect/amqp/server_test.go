package amqp_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	client "github.com/rabbitmq/amqp091-go"

	"github.com/flowrun/flowrun/internal/brokertest"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file has what tests with a real broker share.

var shared = brokertest.Shared{Brand: brokertest.RabbitMQ}

func TestMain(m *testing.M) { shared.Main(m) }

// rabbit is a broker that many tests share; none stops it.
func rabbit(t *testing.T) *brokertest.Server { return shared.Server(t) }

// own is a broker of one test.
func own(t *testing.T, o brokertest.Options) *brokertest.Server {
	return brokertest.Own(t, brokertest.RabbitMQ, o)
}

// begin runs a flow that reads on a goroutine of its own.
func begin(t *testing.T, url, settings string, k *nodetest.Seen) (stop func(), ended <-chan nodetest.Result) {
	t.Helper()
	return k.In(kit).Start(t, flowOf(url, settings), nodetest.Setup{})
}

// channel is one of a client of the test's own.
func channel(t *testing.T, s *brokertest.Server) *client.Channel {
	t.Helper()
	c, err := client.Dial(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ch, err := c.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// makeQueue makes one for a test, of a type.
func makeQueue(t *testing.T, s *brokertest.Server, name, kind string, args client.Table) *client.Channel {
	t.Helper()
	ch := channel(t, s)
	all := client.Table{"x-queue-type": kind}
	maps.Copy(all, args)
	if _, err := ch.QueueDeclare(name, true, false, false, false, all); err != nil {
		t.Fatal(err)
	}
	return ch
}

// left is what a queue has, and what nobody has acknowledged.
func left(t *testing.T, s *brokertest.Server, queue string) (bodies []string) {
	t.Helper()
	ch := channel(t, s)
	defer ch.Close()
	for {
		d, ok, err := ch.Get(queue, false)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return bodies
		}
		bodies = append(bodies, string(d.Body))
	}
}

// reading runs a flow that reads until the sink ends it, or has seen so many.
func reading(t *testing.T, s *brokertest.Server, settings string, k *nodetest.Seen, n int) nodetest.Result {
	t.Helper()
	r := k.RunUntil(t, kit, flowOf(s.URL, settings), n)
	brokertest.NoCanary(t, r.Log, r.Told())
	return r
}

func flowOf(url, settings string) string {
	return "flow: f\nnodes:\n  in: {use: amqp.read, with: {url: '" + url + "', " + settings + "}}\n  out: {use: seen, in: in}\n"
}

// writing runs a flow that publishes n items, {n: 0} and so on.
func writing(t *testing.T, s *brokertest.Server, n int, settings string) nodetest.Result {
	t.Helper()
	r := kit.Run(t, flowTo(s, n, settings), nil, nodetest.Setup{})
	brokertest.NoCanary(t, r.Log, r.Told())
	return r
}

func flowTo(s *brokertest.Server, n int, settings string) string {
	return fmt.Sprintf("flow: g\nnodes:\n  gen: {use: generate, with: {count: %d, set: {n: n}}}\n  out: {use: amqp.write, in: gen, with: {url: '%s', %s}}\n", n, s.URL, settings)
}

// A syncBuffer may be read while others write.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
