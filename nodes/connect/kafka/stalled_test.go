package kafka

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/flowrun/flowrun/internal/brokertest"
)

// This file has brokers that do not answer, or do not take what is sent.

// A known listener is reached at another address than its own.
type knownListener struct {
	net.Listener
	at *net.TCPAddr
}

func (l knownListener) Addr() net.Addr { return l.at }

// newProxied is a cluster that its clients reach by a proxy.
func newProxied(t *testing.T) (*cluster, *brokertest.Proxy) {
	t.Helper()
	if at := os.Getenv("FLOWRUN_KAFKA"); strings.Contains(at, ":") {
		t.Skip("this needs a broker of its own")
	}
	p := brokertest.NewProxy(t, "")
	at, err := net.ResolveTCPAddr("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, at: p.Addr(), prefix: "stalled-"}
	if realAt(t) != "" {
		s := brokertest.Start(t, brokertest.Kafka, brokertest.Options{Advertise: p.Addr()})
		t.Cleanup(func() { s.Close() })
		p.To(s.Addr())
	} else {
		c.begin(kfake.ListenFn(func(network, address string) (net.Listener, error) {
			l, err := net.Listen(network, address)
			if err != nil {
				return nil, err
			}
			p.To(l.Addr().String())
			return knownListener{l, at}, nil
		}))
		t.Cleanup(func() { c.fake.Close() })
	}
	c.client = c.connect()
	return c, p
}

// Connections that stay open, and by which nothing comes, are noticed and told; when they go on,
// so do the nodes, and nothing is lost.
func TestStalled(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes longer than a session is patient")
	}
	c, proxy := newProxied(t)
	const n = 1000
	from, to := c.topic("from", 1, nil), c.topic("to", 1, nil)
	c.fill(from, 1, 0, n)
	p := c.start(kit, `flow: `+c.prefix+`read
nodes:
  in: {use: kafka.read, with: {brokers: BROKERS, topics: `+from+`, as: '{n: int, pad: string}'}}
  out: {use: kafka.write, in: in, with: {brokers: BROKERS, topic: `+to+`}}
`)
	eventually(t, "all is acknowledged", func() bool { return c.committed(c.group(), from)[0] == n })
	proxy.Stall(brokertest.ToClient)
	eventually(t, "the reader tells", func() bool { return p.log.has(`"msg":"Kafka is away, and is tried again","node":"in"`) })
	proxy.Resume()
	c.fill(from, 1, n, 2*n)
	eventually(t, "what came later is acknowledged", func() bool { return c.committed(c.group(), from)[0] == 2*n })
	p.finish(t)
	if !p.log.has(`"msg":"Kafka is back","node":"in"`) {
		t.Errorf("it does not tell that it goes on\n%s", p.result.Log)
	}
	seen := map[string]bool{}
	for _, r := range c.all(to, 2*n) {
		seen[string(r.Value)] = true
	}
	if len(seen) != 2*n {
		t.Errorf("%d of %d messages have arrived", len(seen), 2*n)
	}
}

// As long as too few brokers are in sync a writer keeps trying: nothing is lost, nothing is bad, and
// nothing is acknowledged before. A real broker that is alone never wants more than itself.
func TestTooFewInSync(t *testing.T) {
	c := onlyFake(t)
	const n = 2000
	from, to := c.topic("from", 1, nil), c.topic("to", 1, nil)
	few := c.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: to, Err: kerr.NotEnoughReplicas, Count: -1})
	c.fill(from, 1, 0, n)
	p := c.start(kit, `flow: `+c.prefix+`read
nodes:
  in: {use: kafka.read, with: {brokers: BROKERS, topics: `+from+`, as: '{n: int, pad: string}'}}
  out: {use: kafka.write, in: in, with: {brokers: BROKERS, topic: `+to+`}}
`)
	eventually(t, "messages are refused", func() bool { return few.Hits() > 1 })
	if at := c.committed(c.group(), from)[0]; at > 0 {
		t.Errorf("%d messages are acknowledged, and nobody has them", at)
	}
	few.Remove()
	eventually(t, "all is acknowledged", func() bool { return c.committed(c.group(), from)[0] == n })
	p.finish(t)
	for i, r := range c.all(to, n) {
		if want := fmt.Sprintf(`{"n":%d,`, i); !strings.HasPrefix(string(r.Value), want) {
			t.Fatalf("message %d is %s", i, r.Value)
		}
	}
}
