package mqtt_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/internal/brokertest"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file has what tests with a real broker share.

var (
	sharedMu sync.Mutex
	shared   *brokertest.Server
)

func TestMain(m *testing.M) {
	code := m.Run()
	if shared != nil {
		shared.Close()
	}
	os.Exit(code)
}

// mosquitto is a broker that many tests share; none stops it.
func mosquitto(t *testing.T) *brokertest.Server {
	t.Helper()
	sharedMu.Lock()
	defer sharedMu.Unlock()
	if shared == nil {
		shared = brokertest.Start(t, brokertest.Mosquitto, brokertest.Options{Lines: []string{"autosave_on_changes false", "autosave_interval 3600"}})
	}
	return shared
}

// own is a broker of one test.
func own(t *testing.T, o brokertest.Options) *brokertest.Server {
	t.Helper()
	s := brokertest.Start(t, brokertest.Mosquitto, o)
	t.Cleanup(s.Close)
	return s
}

// noCanary expects that the password is nowhere.
func noCanary(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(text, brokertest.Password) {
			t.Errorf("this tells the password:\n%s", text)
		}
	}
}

// A raw client speaks with a broker by packets alone.
type raw struct {
	t       *testing.T
	c       net.Conn
	present bool
}

// client connects to a broker. The session lasts for an hour.
func client(t *testing.T, s *brokertest.Server, id string, clean bool) *raw {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	hour, many := uint32(3600), uint16(65535)
	hello := &packets.Connect{ProtocolName: "MQTT", ProtocolVersion: 5, ClientID: id, CleanStart: clean, UsernameFlag: true, Username: "flow", PasswordFlag: true, Password: []byte(brokertest.Password),
		Properties: &packets.Properties{SessionExpiryInterval: &hour, ReceiveMaximum: &many}}
	r := &raw{t: t, c: c}
	r.write(hello)
	ack, ok := r.read().(*packets.Connack)
	if !ok || ack.ReasonCode != 0 {
		t.Fatalf("the broker answers %v", ack)
	}
	r.present = ack.SessionPresent
	return r
}

func (r *raw) write(p packets.Packet) {
	r.t.Helper()
	if _, err := p.WriteTo(r.c); err != nil {
		r.t.Fatal(err)
	}
}

// quiet is after which time a broker that sends nothing has nothing to send.
const quiet = 500 * time.Millisecond

// read gives a packet, nil if none comes.
func (r *raw) read() packets.Packet {
	r.t.Helper()
	r.c.SetReadDeadline(time.Now().Add(quiet))
	p, err := packets.ReadPacket(r.c)
	if err != nil {
		if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
			return nil
		}
		r.t.Fatal(err)
	}
	return p.Content
}

func (r *raw) subscribe(topic string, qos byte) *raw {
	r.t.Helper()
	r.write(&packets.Subscribe{PacketID: 1, Properties: &packets.Properties{}, Subscriptions: []packets.SubOptions{{Topic: topic, QoS: qos}}})
	if a, ok := r.read().(*packets.Suback); !ok || a.Reasons[0] > 2 {
		r.t.Fatalf("the broker answers %v", a)
	}
	return r
}

// publish sends a message of QoS 1 and waits until the broker has it.
func (r *raw) publish(topic, body string, retain bool) {
	r.t.Helper()
	r.write(&packets.Publish{Topic: topic, Payload: []byte(body), QoS: 1, PacketID: 7, Retain: retain, Properties: &packets.Properties{}})
	if a, ok := r.read().(*packets.Puback); !ok || a.ReasonCode >= 0x80 {
		r.t.Fatalf("the broker answers %v", a)
	}
}

func (r *raw) close() {
	r.write(&packets.Disconnect{Properties: &packets.Properties{}})
	r.c.Close()
}

// session makes a session of a client id, whose messages the broker keeps from now on.
func makeSession(t *testing.T, s *brokertest.Server, id, topic string, qos byte) {
	t.Helper()
	client(t, s, id, true).subscribe(topic, qos).close()
}

// left gives how many messages the broker keeps for a session.
func left(t *testing.T, s *brokertest.Server, id string) (bodies []string) {
	t.Helper()
	r := client(t, s, id, false)
	if !r.present {
		t.Fatalf("the session %s is gone", id)
	}
	for {
		switch p := r.read().(type) {
		case *packets.Publish:
			bodies = append(bodies, string(p.Payload))
		case *packets.Pubrel: // of one that was acknowledged
		default:
			r.c.Close() // without a farewell: nothing was acknowledged
			return bodies
		}
	}
}

// A seen is a sink that keeps lines of JSON at once.
type seen struct {
	mu    sync.Mutex
	lines []string
	on    func(n int) error // is told how many there are; nil: nobody is
}

// seenKind is its kind, and the operator.
type seenKind struct {
	*seen
	enc *jsonl.Encoder
}

func (k *seenKind) Infer(c *graph.Inference) { c.Record("in") }

func (k *seenKind) Operator(env *nodes.Env) (nodes.Operator, error) {
	return &seenKind{k.seen, jsonl.NewEncoder(env.In("in"))}, nil
}

func (k *seenKind) Process(_ context.Context, in nodes.Input, _ nodes.Out) error {
	b := in.Data.(*record.Batch)
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range b.Len() {
		k.lines = append(k.lines, string(k.enc.AppendRow(nil, b, b.Row(i))))
		if k.on != nil {
			if err := k.on(len(k.lines)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *seen) all() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.lines)
}

func (k *seen) kit() nodetest.Kit {
	return kit.With([]nodes.Decl{nodes.Kind("seen", "Keeps.", &seenKind{seen: k}, nodesIn, nodesOne)})
}

var nodesIn, nodesOne = nodes.InPort(graph.Port{Name: "in"}), nodes.Workers(graph.Single)

// hintOf is what an error says is to be done.
func hintOf(err error) (string, bool) {
	var h interface {
		error
		Hint() diag.Hint
	}
	if !errors.As(err, &h) {
		return "", false
	}
	return h.Hint().Text, true
}

// reading runs a flow that reads until the sink says stop, or has seen so many.
func reading(t *testing.T, s *brokertest.Server, settings string, k *seen, n int) nodetest.Result {
	t.Helper()
	var stop func()
	had := k.on
	k.on = func(got int) error {
		if had != nil {
			if err := had(got); err != nil {
				return err
			}
		}
		if got == n {
			stop()
		}
		return nil
	}
	r := k.kit().Run(t, flowOf(s.URL, settings), nil, nodetest.Setup{Begun: func(f func()) { stop = f }})
	noCanary(t, r.Log, r.Told())
	return r
}

func flowOf(url, settings string) string {
	return "flow: f\nnodes:\n  in: {use: mqtt.read, with: {url: '" + url + "', " + settings + "}}\n  out: {use: seen, in: in}\n"
}

// writing runs a flow that publishes n items, {n: 0} and so on.
func writing(t *testing.T, s *brokertest.Server, n int, settings string) nodetest.Result {
	t.Helper()
	r := kit.Run(t, fmt.Sprintf("flow: g\nnodes:\n  gen: {use: generate, with: {count: %d, set: {n: n}}}\n  out: {use: mqtt.write, in: gen, with: {url: '%s', %s}}\n", n, s.URL, settings), nil, nodetest.Setup{})
	noCanary(t, r.Log, r.Told())
	return r
}

// numbers makes {"n":0} up to n of lines.
func numbers(from, n int) (lines []string) {
	for i := from; i < n; i++ {
		lines = append(lines, fmt.Sprintf(`{"n":%d}`, i))
	}
	return lines
}

// lost gives which of n lines are missing, and how many came more than once.
func lost(lines []string, n int) (missing []string, twice int) {
	count := map[string]int{}
	for _, l := range lines {
		count[l]++
	}
	for _, want := range numbers(0, n) {
		if count[want] == 0 {
			missing = append(missing, want)
		}
		twice += max(0, count[want]-1)
	}
	return missing, twice
}
