package mqtt_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/eclipse/paho.golang/packets"

	"github.com/flowrun/flowrun/internal/brokertest"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file has what tests with a real broker share.

var shared = brokertest.Shared{Brand: brokertest.Mosquitto, Options: brokertest.Options{Lines: []string{"autosave_on_changes false", "autosave_interval 3600"}}}

func TestMain(m *testing.M) { shared.Main(m) }

// mosquitto is a broker that many tests share; none stops it.
func mosquitto(t *testing.T) *brokertest.Server { return shared.Server(t) }

// own is a broker of one test.
func own(t *testing.T, o brokertest.Options) *brokertest.Server {
	return brokertest.Own(t, brokertest.Mosquitto, o)
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

// read gives the next packet.
func (r *raw) read() packets.Packet {
	r.t.Helper()
	p, err := packets.ReadPacket(r.c)
	if err != nil {
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

// left gives the messages that the broker keeps for a session. It sends them behind its greeting,
// and so before it answers a question.
func left(t *testing.T, s *brokertest.Server, id string) (bodies []string) {
	t.Helper()
	r := client(t, s, id, false)
	if !r.present {
		t.Fatalf("the session %s is gone", id)
	}
	r.write(&packets.Pingreq{})
	for {
		switch p := r.read().(type) {
		case *packets.Publish:
			bodies = append(bodies, string(p.Payload))
		case *packets.Pubrel: // of one that was acknowledged
		case *packets.Pingresp:
			r.c.Close() // without a farewell: nothing was acknowledged
			return bodies
		}
	}
}

// begin runs a flow that reads on a goroutine of its own.
func begin(t *testing.T, url, settings string, k *nodetest.Seen) (stop func(), ended <-chan nodetest.Result) {
	t.Helper()
	return k.In(kit).Start(t, flowOf(url, settings), nodetest.Setup{})
}

// reading runs a flow that reads until the sink ends it, or has seen so many.
func reading(t *testing.T, s *brokertest.Server, settings string, k *nodetest.Seen, n int) nodetest.Result {
	t.Helper()
	r := k.RunUntil(t, kit, flowOf(s.URL, settings), n)
	brokertest.NoCanary(t, r.Log, r.Told())
	return r
}

func flowOf(url, settings string) string {
	return "flow: f\nnodes:\n  in: {use: mqtt.read, with: {url: '" + url + "', " + settings + "}}\n  out: {use: seen, in: in}\n"
}

// writing runs a flow that publishes n items, {n: 0} and so on.
func writing(t *testing.T, s *brokertest.Server, n int, settings string) nodetest.Result {
	t.Helper()
	r := kit.Run(t, fmt.Sprintf("flow: g\nnodes:\n  gen: {use: generate, with: {count: %d, set: {n: n}}}\n  out: {use: mqtt.write, in: gen, with: {url: '%s', %s}}\n", n, s.URL, settings), nil, nodetest.Setup{})
	brokertest.NoCanary(t, r.Log, r.Told())
	return r
}
